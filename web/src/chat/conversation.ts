import { chats } from '../api/chats';
import { ApiError } from '../api/client';
import { blankMessage, temporaryAnswer } from '../api/temporary';
import type { AnswerEvent, Chat, Feedback, Message, Question } from '../api/types';
import { inWords } from '../parts/failure';
import { Thread } from './thread';

const PATIENCE = [500, 1000, 2000, 4000, 8000, 15_000]; // ms between attempts to come back to an answer

/** Called when an answer begins: the id of what it answers to, and its own. */
export type Started = (question: string | null, answer: string) => void;

/** A conversation under way: what is shown of it, and the answers that are being written. */
export abstract class Conversation {
  readonly thread = new Thread();
  private readonly listening = new Map<string, AbortController>(); // by answer

  /** Ask, and go on until the answer has ended. `id` is null until the server knows the conversation. */
  abstract readonly id: string | null;
  abstract ask(question: Question, onStarted?: Started): Promise<void>;
  abstract stop(message: string): Promise<void>;
  abstract show(leaf: string): Promise<void>;
  abstract rate(message: string, feedback: Feedback | null): Promise<void>;

  /** Stop listening; an answer that the server keeps is written to its end all the same. */
  leave(): void {
    for (const controller of this.listening.values()) controller.abort();
    this.listening.clear();
  }

  protected isFollowed(message: string): boolean {
    return this.listening.has(message);
  }

  /** Apply events as they come. Gives the answer's id and the last number if they broke off before its end. */
  protected async take(
    events: AsyncIterable<AnswerEvent>,
    controller: AbortController,
    { answer = null, onStarted }: { answer?: string | null; onStarted?: Started | undefined } = {},
  ) {
    let number: number | null = null;
    let id = answer;
    try {
      for await (const event of events) {
        if (event.type === 'answer.started') {
          id = event.answer.id;
          this.listening.set(id, controller);
        }
        number = event.number;
        if (id) this.thread.apply(id, event);
        if (event.type === 'answer.started') onStarted?.(event.answer.parent, event.answer.id);
        if (event.type === 'answer.ended') return null;
      }
    } catch (error) {
      if (controller.signal.aborted) return null;
      if (!id || (error instanceof ApiError && error.status !== 0)) throw error;
    } finally {
      if (id) this.listening.delete(id);
    }
    return id ? { id, number } : null;
  }

  protected listen(message: string, controller: AbortController): void {
    this.listening.set(message, controller);
  }

  protected abort(message: string): void {
    this.listening.get(message)?.abort();
  }
}

/** A chat that the server keeps. A connection that is lost is found again, where it was. */
export class KeptConversation extends Conversation {
  constructor(readonly id: string) {
    super();
  }

  /** Take over what the server has, and listen to the answers that are under way. */
  async load(): Promise<Chat> {
    const { messages, ...chat } = await chats.show(this.id);
    const heard = (message: Message) => (this.isFollowed(message.id) && this.thread.message(message.id)) || message;
    this.thread.load(messages.map(heard), chat.active);
    for (const message of this.thread.running()) if (!this.isFollowed(message.id)) void this.follow(message.id, null);
    return chat;
  }

  async ask(question: Question, onStarted?: Started): Promise<void> {
    const controller = new AbortController();
    const broken = await this.take(chats.question(this.id, question, controller.signal), controller, { onStarted });
    if (broken) await this.follow(broken.id, broken.number);
  }

  async stop(message: string): Promise<void> {
    this.thread.put(await chats.stop(this.id, message));
  }

  async show(leaf: string): Promise<void> {
    this.thread.show(leaf);
    await chats.change(this.id, { active: leaf });
  }

  async rate(message: string, feedback: Feedback | null): Promise<void> {
    this.thread.put(await chats.rate(this.id, message, feedback));
  }

  /** Listen to an answer until it has ended, however often the connection is lost. */
  private async follow(message: string, after: number | null): Promise<void> {
    let number = after;
    for (let attempt = 0; ; attempt++) {
      const controller = new AbortController();
      this.listen(message, controller);
      const before = number;
      const broken = await this.take(chats.follow(this.id, message, number, controller.signal), controller, {
        answer: message,
      });
      if (!broken) return;
      number = broken.number ?? before;
      if (number !== before) attempt = 0;
      await pause(PATIENCE[Math.min(attempt, PATIENCE.length - 1)] ?? 0);
    }
  }
}

/** A chat that only this page knows; `answer` is who answers in it. */
export class TemporaryConversation extends Conversation {
  readonly id = null;

  constructor(private readonly answer: typeof temporaryAnswer = temporaryAnswer) {
    super();
  }

  async ask(question: Question, onStarted?: Started): Promise<void> {
    const { parent, content } = question;
    const said = content === undefined ? null : blankMessage('user', parent, { content });
    const controller = new AbortController();
    try {
      const events = this.answer(this.thread.line(parent), said, question, controller.signal);
      const broken = await this.take(events, controller, { onStarted });
      if (broken) this.end(broken.id, { state: 'interrupted' });
    } catch (error) {
      const open = this.thread.running().at(-1);
      if (!open || !(error instanceof ApiError)) throw error;
      this.end(open.id, { state: 'failed', failure: { code: error.code, message: inWords(error) } });
    }
  }

  async stop(message: string): Promise<void> {
    this.abort(message);
    this.end(message, { state: 'stopped' });
  }

  async show(leaf: string): Promise<void> {
    this.thread.show(leaf);
  }

  async rate(message: string, feedback: Feedback | null): Promise<void> {
    this.end(message, { feedback });
  }

  private end(id: string, how: Partial<Message>): void {
    const message = this.thread.message(id);
    if (message) this.thread.put({ ...message, ...how });
  }
}

/** Waits, but not longer than until the network is said to be back. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    addEventListener('online', () => resolve(), { once: true });
  });
}
