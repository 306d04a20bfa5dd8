import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { patienceMs, type Service } from "./service.ts";

export interface Answer {
  /** Null where the line broke without an answer. */
  readonly status: number | null;
  readonly code: string | null;
  readonly json: Record<string, unknown>;
  readonly bytes: Buffer;
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly json?: object;
  readonly body?: Buffer;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const lost: Answer = { status: null, code: null, json: {}, bytes: Buffer.alloc(0) };
/** A row of the list of jobs, as far as it is read. */
export interface Job {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly code: string; readonly message: string } | null;
}

/** A client as a careful one is written: it asks again when nothing was said, and with the same key. */
export class Client {
  readonly #service: Service;
  readonly #key: string;
  /** Answers of 5xx that name nothing, which no fault excuses. */
  readonly broken: string[] = [];

  constructor(service: Service, key: string) {
    this.#service = service;
    this.#key = key;
  }

  /** Sends it once. */
  async once({ method, path, json, body, type, headers }: Ask): Promise<Answer> {
    const sent = json ? Buffer.from(JSON.stringify(json)) : body;
    const as = type ?? (json ? "application/json" : "application/octet-stream");
    try {
      const answer = await fetch(new URL(path, this.#service.url), {
        method: method ?? (sent ? "POST" : "GET"),
        headers: {
          authorization: `Bearer ${this.#key}`,
          ...(sent && { "content-type": as }),
          ...headers,
        },
        body: sent ? Uint8Array.from(sent) : null,
        signal: AbortSignal.timeout(patienceMs),
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
      const got = isJson ? (JSON.parse(bytes.toString()) as Record<string, unknown>) : {};
      const { code } = (got["error"] ?? {}) as { code?: string };
      if (answer.status >= 500 && (code === undefined || code === "internal_error"))
        this.broken.push(`${method ?? (sent ? "POST" : "GET")} ${path}: ${answer.status} ${code ?? ""}`);
      return { status: answer.status, code: code ?? null, json: got, bytes };
    } catch {
      return lost;
    }
  }

  /** Sends it until there is an answer; what is told to come later comes later. */
  async ask(ask: Ask): Promise<Answer> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const answer = await this.once(ask);
      const later = answer.status === null || answer.status === 503 || answer.status === 429;
      if (!later) return answer;
      if (performance.now() > end)
        throw new Error(`${ask.path}: ${answer.status} ${answer.code} for minutes`);
      await pause(100);
    }
  }

  /** The same where all but a success is an Error. */
  async call(ask: Ask): Promise<Record<string, unknown>> {
    const { status, json } = await this.ask(ask);
    if (status === null || status >= 300) throw new Error(`${ask.path}: ${status} ${JSON.stringify(json)}`);
    return json;
  }

  /**
   * Starts one job and no second one in a project that has had none, by an Idempotency-Key; its id. A process that died
   * with the key in hand has made it, or never will.
   */
  async startOne(path: string, ask: Omit<Ask, "path">): Promise<string> {
    for (;;) {
      const headers = { ...ask.headers, "idempotency-key": randomUUID() };
      const { status, code, json } = await this.ask({ ...ask, path, headers });
      if (status === 202) return String(json["id"]);
      if (code !== "idempotency_key_in_use") throw new Error(`${path}: ${status} ${JSON.stringify(json)}`);
      const { data } = (await this.call({ path })) as { data?: Job[] };
      if (data?.[0]) return data[0].id;
    }
  }

  /** Asks for a job until it has ended. Throws an Error where it does not. */
  async follow(path: string): Promise<Job> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const job = (await this.call({ path })) as unknown as Job;
      if (["succeeded", "failed", "cancelled"].includes(job.status)) return job;
      if (performance.now() > end) throw new Error(`${path} is still ${job.status}`);
      await pause(200);
    }
  }
}
