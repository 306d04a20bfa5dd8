/** How much a child process may take while it reads one file. */
export interface ChildLimits {
  /** Its JavaScript objects, MiB (V8's old space). */
  readonly heapMiB: number;
  /** All of its resident memory, with buffers and native libraries, MiB. */
  readonly memoryMiB: number;
  /** Milliseconds that it may work without handing anything back. */
  readonly silenceMs: number;
  /** One value that it hands back, MiB as serialised. */
  readonly valueMiB: number;
}

/** What a child was ended for; `died`: by itself, or by the system. */
export type StopReason = "memory" | "time" | "size" | "died";

/** A child process was ended before it had read its file. The process that asked for it goes on. */
export class ChildStopped extends Error {
  override readonly name = "ChildStopped";
  readonly reason: StopReason;
  /** What the child last said that it reads; null where it said nothing. */
  readonly file: string | null;

  constructor(reason: StopReason, message: string, file: string | null) {
    super(message);
    this.reason = reason;
    this.file = file;
  }
}

/** What is told of a child that went past a limit. */
export const stopMessage: Readonly<Record<Exclude<StopReason, "died">, (limits: ChildLimits) => string>> = {
  memory: ({ heapMiB, memoryMiB }) =>
    `reading it takes more memory than is allowed (${memoryMiB} MiB, ${heapMiB} of them for its structure)`,
  time: ({ silenceMs }) => `reading it gave nothing for ${silenceMs / 1000} s`,
  size: ({ valueMiB }) => `it holds more than ${valueMiB} MiB of content that has to be kept together`,
};
