import { useCallback, useSyncExternalStore } from 'react';
import type { Message } from '../api/types';
import type { Thread } from './thread';

/** The ids of the branch that is shown. */
export function usePath(thread: Thread): readonly string[] {
  return useSyncExternalStore(
    useCallback((listener) => thread.subscribe(listener), [thread]),
    () => thread.path,
  );
}

/** One message, as it is now. */
export function useMessage(thread: Thread, id: string): Message | undefined {
  return useSyncExternalStore(
    useCallback((listener) => thread.subscribe(listener, id), [thread, id]),
    () => thread.message(id),
  );
}

/** Whether any answer of the chat is being written. */
export function useIsRunning(thread: Thread): boolean {
  return useSyncExternalStore(
    useCallback((listener) => thread.subscribeStates(listener), [thread]),
    () => thread.running().length > 0,
  );
}
