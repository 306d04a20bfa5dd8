import { signal } from "@preact/signals";
import { createMaskwright, type Maskwright, MaskwrightError } from "../../client/index.ts";
import type { Page } from "./types.ts";

/** The server can't be reached; it is asked again until it answers. */
export const offline = signal(false);
/** Null until it is known. */
export const signedIn = signal<boolean | null>(null);

let made: Maskwright | undefined;
/** The public client, with the session's cookie. It asks once: whoever waits here sees at once that the line is down. */
const maskwright = (): Maskwright =>
  (made ??= createMaskwright({ url: location.origin, fetch: watched, retries: 0 }));

/** fetch that tells of a line that is down, and of a key that is not valid (any more), which leads back to the sign-in. */
const watched: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  try {
    const answer = await fetch(request);
    if (answer.status === 401) signedIn.value = false;
    return answer;
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw goneOffline();
  }
};

/** An error of status 0, which is no answer at all. */
function goneOffline(): MaskwrightError {
  if (!offline.value) {
    offline.value = true;
    setTimeout(() => void lookAgain(), 1000);
  }
  const error = { code: "offline", message: "The server can't be reached." };
  return new MaskwrightError(0, { error });
}

async function lookAgain(): Promise<void> {
  const there = await fetch("/healthz").then(
    (answer) => answer.ok,
    () => false,
  );
  if (there) offline.value = false;
  else setTimeout(() => void lookAgain(), 1500);
}

type Init = Parameters<Maskwright["request"]>[2];

export const send = (method: string, path: string, init?: Init): Promise<Response> =>
  maskwright().request(method, path, init);

const json = async <T>(answer: Promise<Response>): Promise<T> => (await (await answer).json()) as T;

const aborted = (abort?: AbortSignal): Init => (abort ? { signal: abort } : {});

/** Each throws MaskwrightError. What makes something is sent with a key of its own, so that sent twice it makes it once. */
export const api = {
  get: <T>(path: string, abort?: AbortSignal): Promise<T> => json(send("GET", path, aborted(abort))),
  post: <T>(path: string, body: unknown = {}, abort?: AbortSignal): Promise<T> =>
    json(send("POST", path, { json: body, ...aborted(abort) })),
  patch: <T>(path: string, body: unknown): Promise<T> => json(send("PATCH", path, { json: body })),
  remove: async (path: string): Promise<void> => {
    await send("DELETE", path);
  },
};

/** Every row of a list, page by page, at most `most`. */
export async function all<T>(path: string, most = 2000): Promise<T[]> {
  const rows: T[] = [];
  const page = (cursor: string | undefined): Promise<Page<T>> => {
    const query = new URLSearchParams({ limit: "100", ...(cursor !== undefined && { cursor }) });
    return api.get(`${path}${path.includes("?") ? "&" : "?"}${query.toString()}`);
  };
  for await (const row of maskwright().all(page)) if (rows.push(row) >= most) break;
  return rows;
}

/** Sends a file and tells how much of it is gone, which fetch can't tell: the one request that is not the client's. */
export function upload<T>(
  path: string,
  file: Blob,
  options: { type: string; onProgress: (share: number) => void; signal: AbortSignal },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("content-type", options.type);
    // What no form and no other site can send without the server's leave: it makes the cookie safe to trust.
    request.setRequestHeader("x-maskwright-csrf", "1");
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

function refused(status: number, text: string): MaskwrightError {
  if (status === 401) signedIn.value = false;
  try {
    return new MaskwrightError(status, JSON.parse(text));
  } catch {
    // No answer of the API's own: a proxy's page, say.
    return new MaskwrightError(status, null);
  }
}
