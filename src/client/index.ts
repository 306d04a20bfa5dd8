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
import type { FineTune, Image, paths } from "./schema.ts";

export { MaskwrightError } from "./errors.ts";
export type { FollowedEvent } from "./events.ts";
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

export interface Maskwright {
  readonly get: Call<"get">;
  readonly post: Call<"post">;
  readonly patch: Call<"patch">;
  readonly delete: Call<"delete">;
  /** Sends an image file; the same bytes again are the same image. */
  uploadImage(projectId: string, file: Blob, options?: { fileName?: string; group?: string }): Promise<Image>;
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
      request.headers.set("idempotency-key", crypto.randomUUID());
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

  const follow: Maskwright["follow"] = (projectId, fineTuneId) =>
    followEvents(async (lastEventId) => {
      const at = `/v1/projects/${encodeURIComponent(projectId)}/fine-tunes/${encodeURIComponent(fineTuneId)}/events`;
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

    async uploadImage(projectId, file, { fileName, group } = {}) {
      const at = new URL(`/v1/projects/${encodeURIComponent(projectId)}/images`, options.url);
      if (fileName !== undefined) at.searchParams.set("file_name", fileName);
      if (group !== undefined) at.searchParams.set("group", group);
      const type = { "content-type": file.type || "application/octet-stream" };
      // The same bytes again are the same image, so this may be sent twice.
      const key = { "idempotency-key": crypto.randomUUID() };
      const init = { method: "POST", headers: { ...headers, ...type, ...key }, body: file };
      const response = await send(new Request(at, init));
      if (!response.ok) throw await errorOf(response);
      return (await response.json()) as Image;
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
