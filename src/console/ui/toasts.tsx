import { dismiss, toasts } from "../state/toasts.ts";
import { Button } from "./parts.tsx";

export const Toasts = () => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text, bad }) => (
      <div key={id} class={`toast ${bad ? "bad" : ""}`}>
        <span class="grow">{text}</span>
        <Button icon="close" label="Dismiss" kind="quiet" onClick={() => dismiss(id)} />
      </div>
    ))}
  </div>
);
