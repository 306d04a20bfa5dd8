/**
 * The typed client of the API. Its types are made of the served OpenAPI document; it needs nothing but fetch.
 *
 *     const maskwright = createMaskwright({ url: "http://127.0.0.1:3000", key: "mw_…" });
 *     const project = await maskwright.post("/v1/projects", { body: { name: "stamps" } });
 */
import createClient from "openapi-fetch";
import type { Call, Method } from "./calls.ts";
import { errorOf } from "./errors.ts";
import { followEvents, type FollowedEvent } from "./events.ts";
import { retrying } from "./retry.ts";
import type { FineTune, Image, Import, paths, Version } from "./schema.ts";

export { MaskwrightError } from "./errors.ts";
export type { FollowedEvent } from "./events.ts";
export { rleOf } from "./masks.ts";
export type * from "./schema.ts";

export interface MaskwrightOptions {
  /** Where the API is served: `https://maskwright.example.com`. */
  readonly url: string;
  /** Left out in a browser that has a session's cookie. */
  readonly key?: string;
  readonly fetch?: typeof fetch;
  /** How often a request is sent again where the server is busy (429, 503) or the line breaks. Default: 2. */
  readonly retries?: number;
}

/** The query of `POST /v1/projects/{project_id}/imports`. */
export type ImportOptions = NonNullable<
  paths["/v1/projects/{project_id}/imports"]["post"]["parameters"]["query"]
>;

export interface Maskwright {
  readonly get: Call<"get">;
  readonly post: Call<"post">;
  readonly patch: Call<"patch">;
  readonly delete: Call<"delete">;
  /**
   * Asks a path that the caller has put together; `json` is the body. Gives the answer of a success, whose body nobody
   * has read yet. Throws MaskwrightError where the answer is none.
   */
  request(
    method: string,
    path: string,
    init?: { json?: unknown; headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  /** Sends an image file; the same bytes again are the same image. */
  uploadImage(projectId: string, file: Blob, options?: { fileName?: string; group?: string }): Promise<Image>;
  /** Sends a zip of images and masks, and gives the job that reads it: ask for it until it has ended. */
  importZip(projectId: string, zip: Blob, options?: ImportOptions): Promise<Import>;
  /** Sends a file of weights, which becomes a version that is not live; `signature` is FILE.sig in base64. */
  uploadVersion(
    projectId: string,
    file: Blob,
    options?: { fileName?: string; signature?: string },
  ): Promise<Version>;
  /** Every row of a list, page by page. `page` asks for the one behind a cursor. */
  all<Row>(
    page: (cursor: string | undefined) => Promise<{ data: Row[]; next_cursor: string | null }>,
  ): AsyncGenerator<Row>;
  /** What a fine-tune tells, live, and at last the job as it ended. */
  follow(projectId: string, fineTuneId: string): AsyncGenerator<FollowedEvent>;
  /** Waits for a fine-tune's end; gives back the job, whether it succeeded or not. */
  wait(projectId: string, fineTuneId: string): Promise<FineTune>;
}

export function createMaskwright(options: MaskwrightOptions): Maskwright {
  const send = retrying(options.fetch ?? fetch, options.retries ?? 2);
  const headers: Record<string, string> =
    options.key === undefined ? { "x-maskwright-csrf": "1" } : { authorization: `Bearer ${options.key}` };
  const api = createClient<paths>({ baseUrl: options.url, headers, fetch: send });
  api.use({
    onRequest({ request }) {
      // So that a request that is sent again is carried out once.
      if (request.method !== "POST" || request.headers.has("idempotency-key")) return;
      request.headers.set("idempotency-key", randomId());
    },
    async onResponse({ response }) {
      if (!response.ok) throw await errorOf(response);
    },
  });

  const call = <M extends Method>(method: M): Call<M> => {
    // What a path takes is the caller's to see; in here all paths are alike.
    const ask = api[method.toUpperCase() as "GET"] as unknown as (
      path: string,
      init: object,
    ) => Promise<{ response: Response }>;
    const run = async (path: string, init: object = {}): Promise<unknown> => {
      const { response } = await ask(path, { ...init, parseAs: "stream" });
      const type = response.headers.get("content-type") ?? "";
      if (response.status === 204) return undefined;
      return type.startsWith("application/json") ? response.json() : response.blob();
    };
    return run as unknown as Call<M>;
  };

  const sendBody = async (
    method: string,
    at: URL,
    body: Blob | FormData | string | null,
    init: { headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> => {
    const once: Record<string, string> = method === "POST" ? { "idempotency-key": randomId() } : {};
    const all = { ...headers, ...once, ...init.headers };
    const response = await send(new Request(at, { method, headers: all, body, signal: init.signal ?? null }));
    if (!response.ok) throw await errorOf(response);
    return response;
  };

  const sendFile = async (
    path: string,
    file: Blob,
    query: Readonly<Record<string, string | number | null | undefined>>,
    type = file.type || "application/octet-stream",
  ): Promise<unknown> => {
    const at = new URL(path, options.url);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined && value !== null) at.searchParams.set(name, String(value));
    const response = await sendBody("POST", at, file, { headers: { "content-type": type } });
    return response.json();
  };

  const follow: Maskwright["follow"] = (projectId, fineTuneId) =>
    followEvents(async (lastEventId) => {
      const at = `${pathOf(projectId)}/fine-tunes/${encodeURIComponent(fineTuneId)}/events`;
      const resume: Record<string, string> = lastEventId === null ? {} : { "last-event-id": lastEventId };
      const init = { headers: { ...headers, ...resume, accept: "text/event-stream" } };
      return send(new Request(new URL(at, options.url), init));
    });

  return {
    get: call("get"),
    post: call("post"),
    patch: call("patch"),
    delete: call("delete"),
    follow,

    request(method, path, { json, headers: own, signal } = {}) {
      const type: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
      const body = json === undefined ? null : JSON.stringify(json);
      return sendBody(method, new URL(path, options.url), body, {
        headers: { ...type, ...own },
        ...(signal && { signal }),
      });
    },

    uploadImage: async (projectId, file, { fileName, group } = {}) =>
      // The same bytes again are the same image, so this may be sent twice.
      (await sendFile(`${pathOf(projectId)}/images`, file, { file_name: fileName, group })) as Image,

    importZip: async (projectId, zip, query = {}) =>
      (await sendFile(`${pathOf(projectId)}/imports`, zip, query, "application/zip")) as Import,

    async uploadVersion(projectId, file, { fileName, signature } = {}) {
      const form = new FormData();
      form.append("file", file, fileName);
      const signed: Record<string, string> =
        signature === undefined ? {} : { "maskwright-signature": signature };
      const at = new URL(`${pathOf(projectId)}/versions`, options.url);
      return (await sendBody("POST", at, form, { headers: signed })).json() as Promise<Version>;
    },

    async *all(page) {
      let cursor: string | undefined;
      do {
        const { data, next_cursor } = await page(cursor);
        yield* data;
        cursor = next_cursor ?? undefined;
      } while (cursor !== undefined);
    },

    async wait(projectId, fineTuneId) {
      for await (const told of follow(projectId, fineTuneId)) if (told.type === "end") return told.fineTune;
      throw new Error("the stream of events ended without the job's end");
    },
  };
}

const pathOf = (projectId: string): string => `/v1/projects/${encodeURIComponent(projectId)}`;

/** 128 random bits; browsers have no `crypto.randomUUID` on plain http. */
const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
