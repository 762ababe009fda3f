import { KeptConversation } from './conversation';

const MOST = 8; // conversations that stay at hand

const open = new Map<string, KeptConversation>();

/** The conversation of this id; the same one as long as it is at hand, with the answers that are under way. */
export function openConversation(id: string): KeptConversation {
  const conversation = open.get(id) ?? new KeptConversation(id);
  open.delete(id);
  open.set(id, conversation);
  for (const [oldest, old] of open) {
    if (open.size <= MOST) break;
    if (old.thread.running().length) continue;
    old.leave();
    open.delete(oldest);
  }
  return conversation;
}

export function forgetConversation(id: string): void {
  open.get(id)?.leave();
  open.delete(id);
}
