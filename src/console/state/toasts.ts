import { signal } from "@preact/signals";
import { messageOf } from "./text.ts";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}

export const toasts = signal<readonly Toast[]>([]);
let next = 0;

export function toast(text: string, options: { bad?: boolean } = {}): void {
  const id = next++;
  toasts.value = [...toasts.value, { id, text, bad: options.bad ?? false }];
  setTimeout(() => dismiss(id), options.bad ? 9000 : 4000);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Runs what a button does; a failure is shown, not thrown. Resolves with whether it went well. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) toast(done);
    return true;
  } catch (error) {
    toast(messageOf(error), { bad: true });
    return false;
  }
}
