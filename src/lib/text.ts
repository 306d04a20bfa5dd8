/** Whether Postgres keeps the text as it is: no NUL, and no half of a surrogate pair (it would become U+FFFD). */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

/** A path in a value as people write it: ["prompts", 0, "box"] is prompts[0].box. */
export const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
