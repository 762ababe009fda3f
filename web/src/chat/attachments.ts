import { useEffect, useRef, useState } from 'react';
import { type Place, attachments as server } from '../api/chats';
import type { Attachment } from '../api/types';

/** A file that will go along with the question. */
export interface Item {
  key: number;
  name: string;
  attachment: Attachment | null; // null while the server reads it
  failure: string | null;
}

export interface Attachments {
  items: readonly Item[];
  busy: boolean; // something is being read, or was refused
  add: (files: Iterable<File>) => void;
  remove: (key: number) => void;
  take: () => readonly Item[]; // for a question that is asked now
  putBack: (items: readonly Item[]) => void; // it was refused
}

export const idsOf = (items: readonly Item[]) => items.flatMap((item) => item.attachment?.id ?? []);

/** The files of a draft: uploaded at once, counted again when the model changes. */
export function useAttachments(place: Place): Attachments {
  const [items, setItems] = useState<readonly Item[]>([]);
  const next = useRef(0);
  const change = (key: number, changes: Partial<Item>) =>
    setItems((before) => before.map((item) => (item.key === key ? { ...item, ...changes } : item)));

  const upload = async (file: File) => {
    const key = next.current++;
    setItems((before) => [...before, { key, name: file.name, attachment: null, failure: null }]);
    try {
      change(key, { attachment: await server.upload(file, place) });
    } catch (error) {
      change(key, { failure: error instanceof Error ? error.message : String(error) });
    }
  };
  const { model, chat } = place;
  const ids = idsOf(items).join();
  useEffect(() => {
    for (const id of ids ? ids.split(',') : []) {
      void server
        .show(id, { model: model ?? null, chat: chat ?? null })
        .then((attachment) =>
          setItems((before) => before.map((item) => (item.attachment?.id === id ? { ...item, attachment } : item))),
        )
        .catch(() => undefined); // what was counted first stays
    }
  }, [ids, model, chat]);
  return {
    items,
    busy: items.some((item) => !item.attachment),
    add: (files) => {
      for (const file of files) void upload(file);
    },
    remove: (key) => {
      const id = items.find((item) => item.key === key)?.attachment?.id;
      if (id) void server.remove(id).catch(() => undefined); // it goes by itself after a day
      setItems((before) => before.filter((item) => item.key !== key));
    },
    take: () => {
      setItems([]);
      return items;
    },
    putBack: (taken) => setItems((since) => [...taken, ...since]),
  };
}
