import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/** An answer other than 2xx: the API's own code and message. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

const failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const project = z.object({ id: z.string() });
const importJob = z.object({
  id: z.string(),
  status: z.enum(["queued", "running", "succeeded", "failed"]),
  progress: z.object({ images_done: z.number(), images_total: z.number().nullable() }),
  images_created: z.number().nullable(),
  annotations_created: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
const fineTune = z.object({
  id: z.string(),
  status: z.enum(["queued", "preparing", "running", "evaluating", "succeeded", "failed", "cancelled"]),
  progress: z
    .object({ phase: z.string(), done: z.number(), total: z.number(), eta_seconds: z.number().nullable() })
    .nullable(),
  version: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
const event = z.object({
  id: z.string(),
  level: z.enum(["info", "warn", "error"]),
  type: z.enum(["message", "metrics"]),
  message: z.string(),
  data: z.record(z.string(), z.unknown()),
});
const scores = z.object({ mean_iou: z.number(), mean_dice: z.number() });
const version = z.object({
  number: z.number(),
  status: z.string(),
  engine: z.string(),
  metrics: z.object({
    held_out: z.object({ images: z.number(), annotations: z.number(), base: scores, tuned: scores }),
    split: z.object({ train: z.number(), selection: z.number(), held_out: z.number() }),
    best_epoch: z.number(),
    per_annotation: z.array(
      z.object({
        image_id: z.string(),
        annotation_id: z.string(),
        base_iou: z.number(),
        tuned_iou: z.number(),
      }),
    ),
  }),
});
const rle = z.object({
  format: z.literal("rle"),
  size: z.tuple([z.number(), z.number()]),
  counts: z.string(),
});
const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const annotation = z.object({
  id: z.string(),
  image_id: z.string(),
  mask: rle,
  box,
  label: z.string().nullable(),
});
const prediction = z.object({
  results: z.array(z.object({ predictions: z.array(z.object({ masks: z.array(rle).min(1) })) })),
});

export type FineTune = z.infer<typeof fineTune>;
export type FineTuneEvent = z.infer<typeof event>;
export type Version = z.infer<typeof version>;
export type ImportJob = z.infer<typeof importJob>;
export type Rle = z.infer<typeof rle>;
export type Annotation = z.infer<typeof annotation>;
export type Box = z.infer<typeof box>;

/** The public HTTP API, as far as the demo needs it. Every call throws ApiError when the server says no. */
export class Client {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url.replace(/\/$/, "");
    this.#key = key;
  }

  createProject(name: string) {
    return this.#json(project, "POST", "/v1/projects", { name });
  }

  importZip(projectId: string, zip: Uint8Array<ArrayBuffer>): Promise<ImportJob> {
    return this.#json(importJob, "POST", `/v1/projects/${projectId}/imports`, zip);
  }

  getImport(projectId: string, id: string): Promise<ImportJob> {
    return this.#json(importJob, "GET", `/v1/projects/${projectId}/imports/${id}`);
  }

  startFineTune(projectId: string, options: Record<string, unknown>): Promise<FineTune> {
    return this.#json(fineTune, "POST", `/v1/projects/${projectId}/fine-tunes`, options);
  }

  getFineTune(projectId: string, id: string): Promise<FineTune> {
    return this.#json(fineTune, "GET", `/v1/projects/${projectId}/fine-tunes/${id}`);
  }

  getVersion(projectId: string, number: number): Promise<Version> {
    return this.#json(version, "GET", `/v1/projects/${projectId}/versions/${number}`);
  }

  getAnnotation(projectId: string, id: string): Promise<Annotation> {
    return this.#json(annotation, "GET", `/v1/projects/${projectId}/annotations/${id}`);
  }

  async imageBytes(projectId: string, id: string): Promise<Buffer> {
    const answer = await this.#send("GET", `/v1/projects/${projectId}/images/${id}/content`);
    return Buffer.from(await answer.arrayBuffer());
  }

  /** One box prompt with several versions, on one embedding: a mask for each, in their order. */
  async predict(
    projectId: string,
    imageId: string,
    prompt: Box,
    versions: (number | "base")[],
  ): Promise<Rle[]> {
    const body = { image: { id: imageId }, prompts: [{ box: prompt }], version: versions };
    const { results } = await this.#json(prediction, "POST", `/v1/projects/${projectId}/predict`, body);
    return results.map((result) => result.predictions[0]?.masks[0] as Rle);
  }

  /** What a fine-tune tells, live, until it has ended. A broken line is taken up again after the last event seen. */
  async *events(projectId: string, id: string): AsyncGenerator<FineTuneEvent, void, undefined> {
    let last: string | undefined;
    const path = `/v1/projects/${projectId}/fine-tunes/${id}/events`;
    for (let broken = 0; ;) {
      const headers = { accept: "text/event-stream", ...(last !== undefined && { "last-event-id": last }) };
      try {
        for await (const { name, data } of messages(await this.#send("GET", path, undefined, headers))) {
          // The last message is the job itself, as it ended.
          if (name === "fine_tune") return;
          // The progress between events; this client asks for the job when it wants to know.
          if (name !== "fine_tune.event") continue;
          const parsed = event.parse(JSON.parse(data));
          last = parsed.id;
          broken = 0;
          yield parsed;
        }
      } catch (error) {
        // fetch tells a broken line as a TypeError; a server that stays away is an error after all.
        if (!(error instanceof TypeError) || ++broken > 10) throw error;
      }
      await sleep(300);
    }
  }

  async #json<Schema extends z.ZodType>(
    schema: Schema,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<z.output<Schema>> {
    const answer = await this.#send(method, path, body);
    return schema.parse(await answer.json());
  }

  async #send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const raw = body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : undefined;
    const type = raw ? "application/zip" : "application/json";
    const answer = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body !== undefined && { "content-type": type }),
        ...headers,
      },
      ...(body !== undefined && { body: raw ?? JSON.stringify(body) }),
    });
    if (answer.ok) return answer;
    const text = await answer.text();
    const told = failure.safeParse(jsonOrNull(text));
    if (told.success) throw new ApiError(told.data.error.code, told.data.error.message);
    throw new ApiError(String(answer.status), text.slice(0, 200));
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Server-sent events: blocks of `field: value` lines with an empty line between; comments and other fields are passed over. */
export async function* messages(answer: {
  body: ReadableStream<Uint8Array> | null;
}): AsyncGenerator<{ name: string; data: string }, void, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split(/\r?\n/);
      const field = (name: string): string[] =>
        lines
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).replace(/^ /, ""));
      const data = field("data").join("\n");
      if (data !== "") yield { name: field("event")[0] ?? "message", data };
    }
  }
}
