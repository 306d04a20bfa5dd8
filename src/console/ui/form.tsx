import type { ComponentChildren } from "preact";
import { Button } from "./parts.tsx";

/** Fields, then the button that sends them; Enter in a field does, too. */
export const Form = ({
  kind = "",
  submit,
  disabled,
  onSubmit,
  onCancel,
  children,
}: {
  kind?: string;
  /** What the button says. */
  submit: string;
  disabled?: boolean;
  onSubmit: () => unknown;
  onCancel?: () => void;
  children: ComponentChildren;
}) => (
  <form
    class={`stack ${kind}`}
    onSubmit={(event) => {
      event.preventDefault();
      void onSubmit();
    }}
  >
    {children}
    <div class="row">
      <Button kind="primary" submit disabled={disabled}>
        {submit}
      </Button>
      {onCancel && <Button onClick={onCancel}>Cancel</Button>}
    </div>
  </form>
);

interface InputProps {
  readonly type?: "password" | "url";
  readonly name?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly placeholder?: string;
  readonly autocomplete?: "current-password";
  /** The id of a list of proposals. */
  readonly list?: string;
}

/** One line of text under its name. */
export const TextField = ({
  label,
  value,
  onText,
  mono,
  children,
  ...input
}: {
  label: string;
  value: string;
  onText: (text: string) => void;
  /** For what is copied, not written. */
  mono?: boolean;
  /** What stands below it. */
  children?: ComponentChildren;
} & InputProps) => (
  <label class="field">
    <span>{label}</span>
    <input
      {...(input as object)}
      class={mono ? "input mono" : "input"}
      value={value}
      onInput={(event) => onText(event.currentTarget.value)}
    />
    {children}
  </label>
);

/** One of several, or some of them: a tick with what it stands for. */
export const Choice = ({
  title,
  text,
  checked,
  onChange,
  ...group
}: {
  title: string;
  text: string;
  checked: boolean;
  onChange: () => void;
  /** The name and value of a radio button; without them it is a box to tick. */
  name?: string;
  value?: string;
}) => (
  <label class="choice">
    <input
      type={group.name === undefined ? "checkbox" : "radio"}
      {...group}
      checked={checked}
      onChange={onChange}
    />
    <span>
      <b>{title}</b> <span class="muted small">{text}</span>
    </span>
  </label>
);
