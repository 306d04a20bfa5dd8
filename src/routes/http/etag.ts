/** Whether the caller holds this content already. Weak and strong tags are the same here (RFC 9110, 13.1.2). */
export const holdsTag = (ifNoneMatch: string | undefined, etag: string): boolean =>
  (ifNoneMatch ?? "").split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//, "")));
