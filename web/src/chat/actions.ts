import type { Feedback } from '../api/types';

/** What can be done with the messages of a chat. `ChatPage` fills it. */
export interface ChatActions {
  edit: (question: string, content: string) => void;
  regenerate: (answer: string) => void;
  show: (message: string) => void; // the branch below it
  rate: (answer: string, feedback: Feedback | null) => void;
  receipt: (answer: string) => void;
  compared: ReadonlySet<string>; // questions whose answers stand side by side
  compare: (question: string, on: boolean) => void;
}
