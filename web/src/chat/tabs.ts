import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

const channel = new BroadcastChannel('galerne.chats');

/** Tell the other tabs that something was said in a chat, or that a chat changed. */
export function tellTabs(chat: string): void {
  channel.postMessage(chat);
}

/** Take over what other tabs did: to the list, and to the chat that is shown. */
export function useTabs(shown: string | null): void {
  const queries = useQueryClient();
  useEffect(() => {
    const onMessage = ({ data }: MessageEvent<string>) => {
      void queries.invalidateQueries({ queryKey: ['chats', 'list'] });
      if (data === shown) void queries.invalidateQueries({ queryKey: ['chats', 'one', shown] });
    };
    channel.addEventListener('message', onMessage);
    return () => channel.removeEventListener('message', onMessage);
  }, [queries, shown]);
}
