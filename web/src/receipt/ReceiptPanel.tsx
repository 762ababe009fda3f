import { useQuery } from '@tanstack/react-query';
import { BadgeCheck, BadgeX, Download, ShieldQuestion } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ask } from '../api/client';
import type { Message, Receipt } from '../api/types';
import { Button } from '../parts/Button';
import { Dialog } from '../parts/Dialog';
import { saveJson } from '../parts/saveFile';
import { shownEuros, shownTime } from '../texts';
import { EnergyFacts } from './EnergyFacts';
import { Fact } from './Fact';
import { type Verdict, verify } from './verify';
import './ReceiptPanel.css';

interface ReceiptPanelProps {
  message: Message;
  onClose: () => void;
}

/** What an answer was made of and what it took, and a button that checks the server's signature of it. */
export function ReceiptPanel({ message, onClose }: ReceiptPanelProps) {
  const { t } = useTranslation();
  const { data, isPending } = useQuery({
    queryKey: ['receipt', message.receipt],
    queryFn: () => ask<Receipt>('GET', `/v1/receipts/${encodeURIComponent(message.receipt ?? '')}`),
    staleTime: Number.POSITIVE_INFINITY,
    retry: 2, // it is written just after the last word
    retryDelay: 400,
  });
  return (
    <Dialog kind="side" title={t('receipt.title')} onClose={onClose}>
      <p className="soft">{t('receipt.intro')}</p>
      {isPending && <p role="status">{t('receipt.loading')}</p>}
      {!isPending && !data && <p role="alert">{t('receipt.missing')}</p>}
      {data && <Verification receipt={data} />}
      {data && <Facts receipt={data} message={message} />}
    </Dialog>
  );
}

function Facts({ receipt, message }: { receipt: Receipt; message: Message }) {
  const { t } = useTranslation();
  const { tokens, model } = receipt;
  const seconds = Date.parse(receipt.time) / 1000 - message.created_at;
  return (
    <dl className="facts">
      <Fact name={t('receipt.tokens')}>
        {t('receipt.prompt', { count: tokens.prompt })}
        {tokens.cached > 0 && ` (${t('receipt.cached', { count: tokens.cached })})`},{' '}
        {t('receipt.completion', { count: tokens.completion })}
      </Fact>
      <Fact name={t('receipt.cost')}>{shownEuros(Number(receipt.price.euros), { maximumFractionDigits: 9 })}</Fact>
      <EnergyFacts energy={receipt.energy} />
      <Fact name={t('receipt.time')}>
        {shownTime(Date.parse(receipt.time) / 1000, { dateStyle: 'long', timeStyle: 'medium' })}
      </Fact>
      {seconds > 0.2 && (
        <Fact name={t('receipt.speed')}>
          {t('receipt.perSecond', { tokens: t('composer.tokens', { count: Math.round(tokens.completion / seconds) }) })}
        </Fact>
      )}
      <Fact name={t('receipt.model')}>{model.name}</Fact>
      <Fact name={t('receipt.digest')}>
        <code>{model.sha256}</code>
      </Fact>
      <Fact name={t('receipt.engine')}>{model.engine}</Fact>
      {receipt.sources.length > 0 && <Fact name={t('receipt.sources')}>{receipt.sources.join(', ')}</Fact>}
      <Fact name={t('receipt.ended')}>{receipt.flags.reasons.join(', ')}</Fact>
    </dl>
  );
}

const VERDICTS = { valid: BadgeCheck, invalid: BadgeX, cannot: ShieldQuestion } as const;

function Verification({ receipt }: { receipt: Receipt }) {
  const { t } = useTranslation();
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const Icon = verdict && VERDICTS[verdict];
  return (
    <>
      <div className="verify">
        <Button kind="main" icon={BadgeCheck} onClick={() => void verify(receipt).then(setVerdict)}>
          {t('receipt.verify')}
        </Button>
        <Button icon={Download} onClick={() => saveJson(`${receipt.id}.json`, receipt)}>
          {t('receipt.download')}
        </Button>
      </div>
      <div role="status">
        {verdict && Icon && (
          <p className={`verdict verdict-${verdict}`}>
            <Icon size={18} aria-hidden />
            {t(`receipt.${verdict}`)}
          </p>
        )}
      </div>
    </>
  );
}
