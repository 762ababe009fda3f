import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Secret } from '../account/Secret';
import { admin, ROLES } from '../api/admin';
import { Button } from '../parts/Button';
import { ChoiceField, TextField } from '../parts/Field';
import { sayFailure } from '../parts/Toasts';

/** Lets a person in, by a link that is shown once. */
export function Invite({ onInvited }: { onInvited: () => void }) {
  const { t } = useTranslation();
  const [invitation, setInvitation] = useState<string | null>(null);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const word = (name: string) => String(said.get(name));
    void admin.createUser({ email: word('email'), name: word('name'), role: word('role') }).then((user) => {
      setInvitation(`${location.origin}/invitation#${user.invitation.token}`);
      form.reset();
      onInvited();
    }, sayFailure);
  };
  return (
    <section className="block">
      <h2>{t('users.invite')}</h2>
      <form className="row" onSubmit={onSubmit}>
        <TextField label={t('signIn.email')} name="email" type="email" required />
        <TextField label={t('users.name')} name="name" required maxLength={128} />
        <ChoiceField
          label={t('users.role')}
          name="role"
          defaultValue="member"
          choices={ROLES.map((role) => [role, t(`roles.${role}`)] as const)}
        />
        <Button kind="main" type="submit">
          {t('do.create')}
        </Button>
      </form>
      {invitation && <Secret title={t('users.invitation')} secret={invitation} />}
    </section>
  );
}
