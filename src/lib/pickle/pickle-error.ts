/** Why a pickle was not read; the message goes on where its file was named, as in "ends in the middle of a value". */
export class PickleError extends Error {
  override readonly name = "PickleError";
  readonly reason: "truncated" | "unreadable" | "too_large";

  constructor(reason: PickleError["reason"], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.reason = reason;
  }
}
