/** A request that a client sends by itself, with no key of ours, to read or write one object. */
export interface ObjectLink {
  readonly method: "GET" | "PUT";
  readonly url: string;
  /** To be sent with it as they are; they are part of what is signed. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Makes links straight to the object store; only a store that clients can reach has it. */
export interface ObjectLinks {
  /** @param seconds how long it lasts. `fileName` and `contentType` are what the answer will say. */
  read(key: string, options: { seconds: number; contentType: string; fileName: string }): Promise<ObjectLink>;
  /** For just these bytes, under a key that is free. */
  write(
    key: string,
    options: { seconds: number; contentType: string; bytes: number; sha256: string },
  ): Promise<ObjectLink>;
}

/** A Content-Disposition that saves under this name, whatever characters are in it (RFC 6266). */
export function attachment(fileName: string): string {
  const plain = fileName.replaceAll(/[^\w.-]/g, "_");
  const encoded = encodeURIComponent(fileName).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  );
  return plain === fileName
    ? `attachment; filename="${plain}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
