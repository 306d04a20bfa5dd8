/** Whether Postgres keeps the text as it is: no NUL, and no half of a surrogate pair (it would become U+FFFD). */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed();
