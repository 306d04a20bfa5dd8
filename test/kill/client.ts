import { randomUUID } from "node:crypto";
import type { Fleet } from "./fleet.ts";

/** A client as a careful one is written: another server when one is gone, the same key when a request is sent again. */
export class CarefulClient {
  readonly #fleet: Fleet;
  readonly #key: string;

  constructor(fleet: Fleet, key: string) {
    this.#fleet = fleet;
    this.#key = key;
  }

  async #send(
    path: string,
    init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#key}`, ...init.headers };
    for (let turn = 0; ; turn++) {
      const servers = this.#fleet.of("server");
      const server = servers[turn % servers.length];
      try {
        if (server) return await fetch(`${server.url}${path}`, { ...init, headers });
      } catch (error) {
        if (turn > 500) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #json<T>(path: string): Promise<T> {
    const answer = await this.#send(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Starts one fine-tune and no second one; its id. `sent` is called when the first request is on its way. */
  async startFineTune(projectId: string, hyperparameters: object, sent: () => void): Promise<string> {
    const path = `/v1/projects/${projectId}/fine-tunes`;
    for (let key = randomUUID(), first = true; ; first = false) {
      const answering = this.#send(path, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify({ hyperparameters }),
      });
      if (first) sent();
      const answer = await answering;
      const body = (await answer.json()) as { id: string; error?: { code: string } };
      if (answer.ok) return body.id;
      // Its server died with the key in hand: either the job is there, or nothing was made and never will be.
      if (body.error?.code !== "idempotency_key_in_use") throw new Error(JSON.stringify(body));
      const { data } = await this.#json<{ data: { id: string }[] }>(path);
      if (data[0]) return data[0].id;
      key = randomUUID();
    }
  }

  /** Every event of the job by its id, in the order in which the streams brought them, until the job has ended. */
  async follow(projectId: string, fineTuneId: string): Promise<{ ids: number[]; status: string }> {
    const path = `/v1/projects/${projectId}/fine-tunes/${fineTuneId}/events`;
    const ids: number[] = [];
    for (;;) {
      const last = ids.at(-1);
      const headers = {
        accept: "text/event-stream",
        ...(last !== undefined && { "last-event-id": String(last) }),
      };
      const answer = await this.#send(path, { headers });
      let text = "";
      try {
        for await (const chunk of answer.body ?? []) {
          text += Buffer.from(chunk).toString();
          for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
            const block = text.slice(0, at);
            text = text.slice(at + 2);
            const id = /^id: (\d+)$/m.exec(block)?.[1];
            if (id !== undefined) ids.push(Number(id));
            const status = /^event: fine_tune$/m.test(block) && /"status":"(\w+)"/.exec(block)?.[1];
            if (status) return { ids, status };
          }
        }
      } catch {
        // Its server is gone: another one goes on after the last id.
      }
    }
  }
}
