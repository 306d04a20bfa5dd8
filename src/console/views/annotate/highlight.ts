import { signal } from "@preact/signals";

/** The saved object that the list points at. */
export const highlighted = signal<string | null>(null);
