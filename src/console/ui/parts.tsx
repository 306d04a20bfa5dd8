import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Loaded } from "../state/load.ts";
import { Icon, type IconName } from "./icon.tsx";

interface ButtonProps {
  children?: ComponentChildren;
  icon?: IconName;
  /** What it does, where it shows only its icon. */
  label?: string;
  kind?: string;
  onClick?: () => unknown;
  disabled?: boolean;
  pressed?: boolean;
  title?: string;
  submit?: boolean;
}

/** While what it started is under way, it can't be pressed again. */
export function Button({
  children,
  icon,
  label,
  kind = "",
  onClick,
  disabled,
  pressed,
  title,
  submit,
}: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const click = (): void => {
    const work = onClick?.();
    if (!(work instanceof Promise)) return;
    setBusy(true);
    void work.finally(() => setBusy(false));
  };
  return (
    <button
      type={submit ? "submit" : "button"}
      class={`button ${kind} ${children === undefined ? "icon" : ""}`}
      aria-label={label}
      title={title ?? label}
      aria-pressed={pressed}
      aria-busy={busy || undefined}
      disabled={disabled || busy}
      onClick={onClick && click}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export const LinkButton = ({
  href,
  icon,
  kind = "",
  children,
}: {
  href: string;
  icon?: IconName;
  kind?: string;
  children: ComponentChildren;
}) => (
  <a class={`button ${kind}`} href={href}>
    {icon && <Icon name={icon} />}
    {children}
  </a>
);

export const Head = ({
  title,
  children,
  actions,
}: {
  title: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}) => (
  <header class="page-head">
    <div class="grow">
      <h1>{title}</h1>
      {children && <p>{children}</p>}
    </div>
    {actions && <div class="row">{actions}</div>}
  </header>
);

export const Notice = ({
  kind = "",
  children,
  action,
}: {
  kind?: "" | "good" | "warn" | "bad";
  children: ComponentChildren;
  action?: ComponentChildren;
}) => (
  <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : undefined}>
    <div class="grow">{children}</div>
    {action}
  </div>
);

/** What was loaded; until then that it is on its way, or why it did not come. */
export function Await<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error !== undefined) {
    return (
      <Notice kind="bad" action={<Button onClick={of.reload}>Try again</Button>}>
        <p>{of.error}</p>
      </Notice>
    );
  }
  return (
    <p class="muted" role="status">
      Loading …
    </p>
  );
}

export const Bar = ({ share, label, bad }: { share: number; label: string; bad?: boolean }) => (
  <div
    class={`bar ${bad ? "bad" : ""}`}
    role="progressbar"
    aria-label={label}
    aria-valuemin={0}
    aria-valuemax={100}
    aria-valuenow={Math.round(share * 100)}
  >
    <span style={{ width: `${share * 100}%` }} />
  </div>
);

export const Stat = ({ value, label }: { value: ComponentChildren; label: string }) => (
  <div class="stat">
    <b>{value}</b>
    <span>{label}</span>
  </div>
);

export function Code({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div class="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{text}</code>
      </pre>
      <Button onClick={copy}>{copied ? "Copied" : "Copy"}</Button>
    </div>
  );
}

/** A modal question; Escape and a click beside it close it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog
      ref={element}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div class="stack">
        <div class="row between">
          <h2>{title}</h2>
          <Button icon="close" label="Close" kind="quiet" onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}
