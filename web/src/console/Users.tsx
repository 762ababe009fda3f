import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Secret } from '../account/Secret';
import { admin, ROLES } from '../api/admin';
import { Button } from '../parts/Button';
import { ChoiceField, TextField } from '../parts/Field';
import { sayFailure } from '../parts/Toasts';
import { UserTable } from './UserTable';

/** Who may come in, and as what. */
export function Users() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ['users'], queryFn: admin.users });
  const [invitation, setInvitation] = useState<string | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: ['users'] });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const [email, name, role] = ['email', 'name', 'role'].map((field) => String(said.get(field))) as [
      string,
      string,
      string,
    ];
    void admin.createUser({ email, name, role }).then((user) => {
      setInvitation(`${location.origin}/invitation#${user.invitation.token}`);
      form.reset();
      return refresh();
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
      <UserTable
        users={data?.data ?? []}
        onChange={(id, changes) => void admin.changeUser(id, changes).then(refresh, sayFailure)}
      />
    </section>
  );
}
