import type { AnswerEvent, Message, ToolCall } from '../api/types';

type Listener = () => void;
type CallEvent = Extract<AnswerEvent, { type: 'answer.tool_call' }>;

/**
 * A chat as it is shown: a tree of messages and the branch that is looked at.
 *
 * Messages are values: one that changes is replaced. Who shows one message listens to it alone, so that a token that
 * arrives draws one answer again and not ten thousand; who shows the list listens to the tree. Pieces of an answer come
 * faster than a screen shows frames: who listens hears of them once a frame, and of everything else at once.
 */
export class Thread {
  private readonly messages = new Map<string, Message>();
  private readonly children = new Map<string | null, string[]>();
  private readonly listeners = new Map<string | null, Set<Listener>>(); // null: the tree
  private readonly stateListeners = new Set<Listener>();
  private readonly underWay = new Set<string>();
  private readonly longer = new Set<string>(); // messages that grew since the last frame
  private branch: readonly string[] = [];
  private leaf: string | null = null;

  constructor(private readonly nextFrame: (draw: () => void) => void = (draw) => requestAnimationFrame(draw)) {}

  get active(): string | null {
    return this.leaf;
  }

  /** The ids of the branch that is shown, from the first question on. The same list until the tree changes. */
  get path(): readonly string[] {
    return this.branch;
  }

  message(id: string): Message | undefined {
    return this.messages.get(id);
  }

  /** The message and those that stand beside it: other wordings of a question, other answers to it. */
  siblings(id: string): readonly string[] {
    return this.childrenOf(this.messages.get(id)?.parent ?? null);
  }

  childrenOf(id: string | null): readonly string[] {
    return this.children.get(id) ?? [];
  }

  running(): Message[] {
    return [...this.underWay].flatMap((id) => this.messages.get(id) ?? []);
  }

  /** The branch as messages. */
  line(until: string | null = this.leaf): Message[] {
    const line: Message[] = [];
    for (let at = until && this.messages.get(until); at; at = at.parent ? this.messages.get(at.parent) : undefined)
      line.push(at);
    return line.reverse();
  }

  /** Take what the server has in place of everything; each message comes after its parent. */
  load(messages: readonly Message[], active: string | null): void {
    this.messages.clear();
    this.underWay.clear();
    this.children.clear();
    for (const message of messages) this.insert(message);
    this.leaf = active ?? messages.at(-1)?.id ?? null;
    this.changeTree();
    for (const message of messages) this.tell(message.id);
    for (const listener of this.stateListeners) listener();
  }

  /** Add a message, or replace the one of that id. */
  put(message: Message): void {
    if (this.messages.has(message.id)) {
      this.messages.set(message.id, message);
      this.note(message);
      this.tell(message.id);
    } else {
      this.insert(message);
      this.changeTree();
    }
  }

  /** Show the branch that ends with this message. */
  show(leaf: string | null): void {
    this.leaf = leaf;
    this.changeTree();
  }

  /** Show a branch that has this message, unless the one that is shown does. */
  reveal(id: string): void {
    if (this.messages.has(id) && !this.branch.includes(id)) this.show(this.newestLeaf(id));
  }

  /** The end of the newest branch below a message. */
  newestLeaf(id: string): string {
    let leaf = id;
    for (let next: string | undefined = id; next; next = this.childrenOf(leaf).at(-1)) leaf = next;
    return leaf;
  }

  /** Take over what an event says of the answer `id`. */
  apply(id: string, event: AnswerEvent): void {
    switch (event.type) {
      case 'answer.started':
        for (const message of event.question) this.put(message);
        this.put(event.answer);
        this.show(event.answer.id);
        break;
      case 'answer.snapshot':
      case 'answer.ended':
        this.put(event.answer);
        break;
      default:
        this.extend(id, event);
    }
  }

  subscribe = (listener: Listener, id: string | null = null): (() => void) => {
    const heard = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, heard.add(listener));
    return () => heard.delete(listener);
  };

  /** Listens to answers that begin and end. */
  subscribeStates = (listener: Listener): (() => void) => {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  };

  private extend(
    id: string,
    event: Extract<AnswerEvent, { type: 'answer.text' | 'answer.reasoning' | 'answer.tool_call' }>,
  ) {
    const message = this.messages.get(id);
    if (!message) return;
    if (event.type === 'answer.text') this.grow({ ...message, content: message.content + event.text });
    else if (event.type === 'answer.reasoning')
      this.grow({ ...message, reasoning: (message.reasoning ?? '') + event.text });
    else {
      const calls = [...(message.tool_calls ?? [])];
      const call = calls[event.index] ?? newCall(event);
      calls[event.index] = {
        ...call,
        function: { ...call.function, arguments: call.function.arguments + event.arguments },
      };
      this.grow({ ...message, tool_calls: calls });
    }
  }

  private grow(message: Message): void {
    this.messages.set(message.id, message);
    if (!this.longer.size) this.nextFrame(() => this.tellOfGrowth());
    this.longer.add(message.id);
  }

  private tellOfGrowth(): void {
    const longer = [...this.longer];
    this.longer.clear();
    for (const id of longer) this.tell(id);
  }

  private insert(message: Message): void {
    this.messages.set(message.id, message);
    this.note(message);
    const siblings = this.children.get(message.parent);
    if (siblings) siblings.push(message.id);
    else this.children.set(message.parent, [message.id]);
  }

  /** Keep count of the answers that are being written. */
  private note(message: Message): void {
    const before = this.underWay.size;
    if (message.state === 'running') this.underWay.add(message.id);
    else this.underWay.delete(message.id);
    if (this.underWay.size !== before) for (const listener of this.stateListeners) listener();
  }

  private changeTree(): void {
    this.branch = this.line().map((message) => message.id);
    this.tell(null);
  }

  private tell(id: string | null): void {
    for (const listener of this.listeners.get(id) ?? []) listener();
  }
}

function newCall({ index, id, name }: CallEvent): ToolCall {
  return { index, id: id ?? null, type: 'function', function: { name: name ?? '', arguments: '' } };
}
