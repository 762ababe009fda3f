import { type ComponentProps, type ReactNode, useId } from 'react';
import './Field.css';

interface FieldProps {
  label: string;
  hint?: ReactNode;
  children: (ids: { id: string; 'aria-describedby': string | undefined }) => ReactNode;
}

/** A label, what one types into, and a word of help. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': hint ? `${id}-hint` : undefined })}
      {hint && (
        <p id={`${id}-hint`} className="field-hint">
          {hint}
        </p>
      )}
    </div>
  );
}

type TextFieldProps = Omit<FieldProps, 'children'> & ComponentProps<'input'>;

export function TextField({ label, hint, ...rest }: TextFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => <input className="input" {...ids} {...rest} />}
    </Field>
  );
}

type AreaFieldProps = Omit<FieldProps, 'children'> & ComponentProps<'textarea'>;

export function AreaField({ label, hint, ...rest }: AreaFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => <textarea className="input" rows={4} {...ids} {...rest} />}
    </Field>
  );
}

type ChoiceFieldProps = Omit<FieldProps, 'children'> &
  ComponentProps<'select'> & { choices: readonly (readonly [string, string])[] };

export function ChoiceField({ label, hint, choices, ...rest }: ChoiceFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <select className="input" {...ids} {...rest}>
          {choices.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
