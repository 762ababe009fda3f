import { describe, expect, test, vi } from 'vitest';
import { blankMessage } from '../src/api/temporary';
import type { AnswerEvent, Message } from '../src/api/types';
import { Thread } from '../src/chat/thread';

const said = (
  id: string,
  parent: string | null,
  role: Message['role'] = 'user',
  more: Partial<Message> = {},
): Message => ({
  ...blankMessage(role, parent, more),
  id,
});

const atOnce = (draw: () => void) => draw();

function branched(nextFrame: (draw: () => void) => void = atOnce): Thread {
  const thread = new Thread(nextFrame);
  const messages = [
    said('q', null),
    said('a', 'q', 'assistant'),
    said('b', 'q', 'assistant'),
    said('q2', 'b'),
    said('c', 'q2', 'assistant'),
  ];
  thread.load(messages, 'a');
  return thread;
}

describe('a tree of messages', () => {
  test('is shown along the branch that is active', () => {
    const thread = branched();
    expect(thread.path).toEqual(['q', 'a']);
    thread.show(thread.newestLeaf('b'));
    expect(thread.path).toEqual(['q', 'b', 'q2', 'c']);
    expect(thread.siblings('a')).toEqual(['a', 'b']);
    expect(thread.line('b').map((message) => message.id)).toEqual(['q', 'b']);
  });

  test('goes to another branch for a message that is sought there, and only then', () => {
    const thread = branched();
    thread.reveal('q');
    expect(thread.path).toEqual(['q', 'a']);
    thread.reveal('b');
    expect(thread.path).toEqual(['q', 'b', 'q2', 'c']);
    thread.reveal('nothing');
    expect(thread.path).toEqual(['q', 'b', 'q2', 'c']);
  });

  test('draws only what changed, once a frame', () => {
    const frames: (() => void)[] = [];
    const thread = branched((draw) => frames.push(draw));
    const [tree, one, other] = [vi.fn(), vi.fn(), vi.fn()];
    thread.subscribe(tree);
    thread.subscribe(one, 'a');
    thread.subscribe(other, 'b');
    thread.apply('a', { type: 'answer.text', number: 1, text: 'north' });
    thread.apply('a', { type: 'answer.text', number: 2, text: ' wind' });
    expect(one).not.toHaveBeenCalled();
    for (const draw of frames) draw();
    expect(thread.message('a')?.content).toBe('north wind');
    expect([tree, one, other].map((listener) => listener.mock.calls.length)).toEqual([0, 1, 0]);
  });

  test('takes ten thousand messages', () => {
    const thread = new Thread(atOnce);
    const messages = Array.from({ length: 10_000 }, (_, at) => said(`m${at}`, at ? `m${at - 1}` : null));
    thread.load(messages, null);
    expect(thread.path.length).toBe(10_000);
    expect(thread.newestLeaf('m0')).toBe('m9999');
  });
});

describe('the events of an answer', () => {
  const events: AnswerEvent[] = [
    {
      type: 'answer.started',
      number: 0,
      question: [said('q', null)],
      answer: said('a', 'q', 'assistant', { state: 'running' }),
    },
    { type: 'answer.reasoning', number: 1, text: 'Hm. ' },
    { type: 'answer.text', number: 2, text: 'From the ' },
    { type: 'answer.text', number: 3, text: 'west.' },
    { type: 'answer.tool_call', number: 4, index: 0, id: 'call', name: 'wind', arguments: '{"pl' },
    { type: 'answer.tool_call', number: 5, index: 0, arguments: 'ace":1}' },
  ];

  test('are put together', () => {
    const thread = new Thread(atOnce);
    for (const event of events) thread.apply('a', event);
    expect(thread.path).toEqual(['q', 'a']);
    expect(thread.message('a')).toMatchObject({
      content: 'From the west.',
      reasoning: 'Hm. ',
      tool_calls: [{ id: 'call', function: { name: 'wind', arguments: '{"place":1}' } }],
    });
    expect(thread.running().map((message) => message.id)).toEqual(['a']);
    thread.apply('a', { type: 'answer.ended', number: 6, answer: said('a', 'q', 'assistant', { content: 'North.' }) });
    expect(thread.running()).toEqual([]);
    expect(thread.message('a')?.content).toBe('North.');
  });

  test('tell when an answer begins and ends, not when it grows', () => {
    const thread = new Thread(atOnce);
    const listener = vi.fn();
    thread.subscribeStates(listener);
    for (const event of events) thread.apply('a', event);
    expect(listener).toHaveBeenCalledTimes(1);
  });
});
