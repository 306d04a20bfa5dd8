/** Why a weights file was not taken; the message says what was found and where. */
export type RefusalReason =
  | "unreadable"
  | "truncated"
  | "foreign_global"
  | "zip_bomb"
  | "wrong_architecture"
  | "names_missing"
  | "not_finite"
  | "name_taken"
  | "masks_differ";

/** A weights file or pair that can't become a base model. Nothing has been stored. */
export class RefusedFile extends Error {
  override readonly name = "RefusedFile";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.reason = reason;
  }
}
