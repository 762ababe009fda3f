import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Feedback } from '../api/types';
import { Button } from '../parts/Button';
import { Dialog } from '../parts/Dialog';
import { AreaField } from '../parts/Field';
import './FeedbackDialog.css';

const REASONS = {
  up: ['correct', 'helpful', 'style', 'other'],
  down: ['wrong', 'incomplete', 'off_topic', 'harmful', 'style', 'other'],
} as const;

interface FeedbackDialogProps {
  rating: 'up' | 'down';
  onSend: (feedback: Feedback) => void;
  onClose: () => void;
}

/** Why the thumb: one reason, and words if one likes. */
export function FeedbackDialog({ rating, onSend, onClose }: FeedbackDialogProps) {
  const { t } = useTranslation();
  const [reason, setReason] = useState<Feedback['reason']>(null);
  const [comment, setComment] = useState('');
  return (
    <Dialog title={t('feedback.title')} onClose={onClose}>
      <fieldset className="reasons">
        <legend className="unseen">{t('feedback.reason')}</legend>
        {REASONS[rating].map((each) => (
          <label key={each} className="reason">
            <input type="radio" name="reason" checked={reason === each} onChange={() => setReason(each)} />
            {t(`feedback.reasons.${each}`)}
          </label>
        ))}
      </fieldset>
      <AreaField
        label={t('feedback.comment')}
        rows={3}
        maxLength={2000}
        value={comment}
        onChange={(event) => setComment(event.target.value)}
      />
      <div className="dialog-actions">
        <Button kind="quiet" onClick={onClose}>
          {t('do.cancel')}
        </Button>
        <Button
          kind="main"
          onClick={() => onSend({ rating, ...(reason ? { reason } : {}), ...(comment.trim() ? { comment } : {}) })}
        >
          {t('feedback.send')}
        </Button>
      </div>
    </Dialog>
  );
}
