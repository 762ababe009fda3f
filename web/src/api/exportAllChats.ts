import { chats } from './chats';
import type { WholeChat } from './types';

/** Everything that one ever said here, page by page. */
export async function exportAllChats(): Promise<{ chats: WholeChat[] }> {
  const all: WholeChat[] = [];
  for (const archived of [false, true]) {
    let token: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof chats.list>> = await chats.list({ archived, page_token: token });
      for (const chat of page.data) all.push(await chats.show(chat.id));
      token = page.next_page_token;
    } while (token);
  }
  return { chats: all };
}
