const segment = /^[A-Za-z0-9_][A-Za-z0-9._=-]{0,199}$/;

/**
 * Refuses a key that could leave its folder or that one of the stores would take differently: segments of letters,
 * digits and `._=-` that don't start with a dot or a dash, joined by single slashes, 900 characters in all. Keys are
 * made by our own code, so this is an Error and no answer to a caller.
 */
export function checkKey(key: string): void {
  if (key.length > 900 || !key.split("/").every((part) => segment.test(part))) {
    throw new Error(`not an object key: ${JSON.stringify(key.slice(0, 200))}`);
  }
}

/** A prefix is the beginning of a key, or empty. */
export function checkPrefix(prefix: string): void {
  const parts = prefix.split("/");
  const last = parts.pop() ?? "";
  if (!parts.every((part) => segment.test(part)) || (last !== "" && !segment.test(last))) {
    throw new Error(`not the beginning of an object key: ${JSON.stringify(prefix.slice(0, 200))}`);
  }
}
