import { signal } from "@preact/signals";
import type { Page } from "./types.ts";

/** What the API answered instead of what was asked for; status 0 is no answer at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The server can't be reached; it is asked again until it answers. */
export const offline = signal(false);
/** Null until it is known. */
export const signedIn = signal<boolean | null>(null);

/** A header that no form and no other site can send without the server's leave: what makes the cookie safe to trust. */
const csrf = { "x-maskwright-csrf": "1" };

interface Options {
  json?: unknown;
  body?: Blob;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

export async function send(method: string, path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { ...options.headers };
  if (method !== "GET") Object.assign(headers, csrf);
  if (options.json !== undefined) headers["content-type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: options.json === undefined ? (options.body ?? null) : JSON.stringify(options.json),
      signal: options.signal ?? null,
    });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw goneOffline();
  }
  if (answer.ok) return answer;
  throw refused(answer.status, await answer.text());
}

function goneOffline(): ApiError {
  if (!offline.value) {
    offline.value = true;
    setTimeout(() => void lookAgain(), 1000);
  }
  return new ApiError(0, "offline", "The server can't be reached.");
}

async function lookAgain(): Promise<void> {
  const there = await fetch("/healthz").then(
    (answer) => answer.ok,
    () => false,
  );
  if (there) offline.value = false;
  else setTimeout(() => void lookAgain(), 1500);
}

/** An error answer as an ApiError; a key that is not valid (any more) leads back to the sign-in. */
function refused(status: number, text: string): ApiError {
  let code = String(status);
  let message = text.slice(0, 300) || `The server answered ${status}.`;
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    ({ code, message } = error);
  } catch {
    // No answer of the API's own: a proxy's page, say.
  }
  if (status === 401) signedIn.value = false;
  return new ApiError(status, code, message);
}

async function json<T>(answer: Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T;
}

export const api = {
  get: <T>(path: string, abort?: AbortSignal): Promise<T> =>
    json(send("GET", path, abort ? { signal: abort } : {})),
  post: <T>(path: string, body: unknown = {}, abort?: AbortSignal): Promise<T> =>
    json(send("POST", path, abort ? { json: body, signal: abort } : { json: body })),
  /** A POST that makes something: sent twice, it makes it once. */
  create: <T>(path: string, body: unknown): Promise<T> =>
    json(send("POST", path, { json: body, headers: { "idempotency-key": randomId() } })),
  patch: <T>(path: string, body: unknown): Promise<T> => json(send("PATCH", path, { json: body })),
  put: <T>(path: string, body: unknown): Promise<T> => json(send("PUT", path, { json: body })),
  remove: async (path: string): Promise<void> => {
    await send("DELETE", path);
  },
};

/** Every row of a list, page by page, at most `most`. */
export async function all<T>(path: string, most = 2000): Promise<T[]> {
  const rows: T[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: "100", ...(cursor !== null && { cursor }) });
    const page: Page<T> = await api.get(`${path}${path.includes("?") ? "&" : "?"}${query.toString()}`);
    rows.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null && rows.length < most);
  return rows;
}

/** Sends a file and tells how much of it is gone; fetch can't tell that. */
export function upload<T>(
  path: string,
  file: Blob,
  options: { type: string; onProgress: (share: number) => void; signal: AbortSignal },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("content-type", options.type);
    for (const [name, value] of Object.entries(csrf)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => options.onProgress(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText) as T);
      else reject(refused(request.status, request.responseText));
    });
    request.addEventListener("error", () => reject(goneOffline()));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    options.signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** 128 random bits; `crypto.randomUUID` is missing on plain http. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
