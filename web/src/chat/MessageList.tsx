import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../parts/Button';
import type { ChatActions } from './actions';
import type { Conversation } from './conversation';
import { usePath } from './hooks';
import { MessageRow } from './MessageRow';
import './MessageList.css';

const NEAR_END = 120; // pixels: whoever is so close to the end is taken along by what arrives

interface MessageListProps {
  conversation: Conversation;
  actions: ChatActions;
  sought: string | null; // the message that one came for
}

/** The branch that is shown. Only the messages near the screen are drawn, so ten thousand scroll like ten. */
export function MessageList({ conversation, actions, sought }: MessageListProps) {
  const { t } = useTranslation();
  const path = usePath(conversation.thread);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: path.length,
    getScrollElement: () => scroller.current,
    estimateSize: (at) => (at % 2 ? 320 : 96),
    getItemKey: (at) => path[at] ?? at,
    overscan: 4,
    paddingStart: 16,
    paddingEnd: 24,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: NEAR_END,
  });
  const place = sought === null ? -1 : path.indexOf(sought);
  useLayoutEffect(() => {
    if (place >= 0) rows.scrollToIndex(place, { align: 'center' });
    else if (conversation.thread.path.length) rows.scrollToEnd();
  }, [conversation, rows, place]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must reach what scrolls
    <div ref={scroller} className="messages" tabIndex={0} role="log" aria-live="off" aria-label={t('sidebar.label')}>
      <div className="messages-all" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => (
          <div
            key={row.key}
            ref={rows.measureElement}
            data-index={row.index}
            data-sought={row.index === place}
            className="message-place"
            style={{ transform: `translateY(${row.start}px)` }}
          >
            <MessageRow
              id={String(row.key)}
              conversation={conversation}
              actions={actions}
              last={row.index === path.length - 1}
            />
          </div>
        ))}
      </div>
      {!rows.isAtEnd(NEAR_END) && path.length > 0 && (
        <IconButton
          className="to-end"
          icon={ArrowDown}
          label={t('chat.toEnd')}
          onClick={() => rows.scrollToEnd({ behavior: 'smooth' })}
        />
      )}
    </div>
  );
}
