/** From the process that asks to the child. */
export type Request =
  | { readonly type: "run"; readonly name: string; readonly input: unknown }
  /** One more item of a stream may come. */
  | { readonly type: "more" };

/** An error that was thrown in the child; one of AppError's has a code. */
export interface ThrownInChild {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code?: string;
  readonly param?: string | undefined;
}

/** From the child. Values are serialised before they are sent, so that their size is known. */
export type Reply =
  | { readonly type: "reading"; readonly file: string }
  | { readonly type: "item"; readonly value: Uint8Array }
  | { readonly type: "end"; readonly value: Uint8Array; readonly memoryBytes: number }
  | { readonly type: "too_large" }
  | { readonly type: "thrown"; readonly error: ThrownInChild; readonly memoryBytes: number };

/** Items of a stream that a child may be ahead of its reader. */
export const ahead = 2;

/** What `watch.ts` writes before it ends a child for its memory. */
export const memoryMark = "maskwright: too much memory";

/** What a reading function gets beside its input. */
export interface ReadingContext {
  /** Says which file is read from now on, for the message should the child end. */
  readonly reading: (file: string) => void;
}

/** From here on a child that has done its work collects its garbage; a new one has about 60 MB. */
export const collectedBytes = 112 * 1024 * 1024;

/** A child that has grown past this is not used again. */
export const keptMemoryBytes = 192 * 1024 * 1024;
