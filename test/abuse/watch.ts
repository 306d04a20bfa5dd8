import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Watched } from "./types.ts";
import type { Order, Told } from "./watcher.ts";

/** The harness's end of watcher.ts. */
export class Watch {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(join(import.meta.dirname, "watcher.ts"), {
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
  }

  #order(order: Order): void {
    this.#child.send(order);
  }

  /** A process by its id, with all below it but those of the program `leaveOut`, and where it answers. */
  watch(url: string, pid: number, leaveOut: string | null): void {
    this.#order({ do: "watch", url, pid, leaveOut });
  }

  /** Bytes in the last second, on average. */
  async rest(): Promise<number> {
    this.#order({ do: "rest" });
    const [told] = (await once(this.#child, "message")) as [Told];
    return "rest" in told ? told.rest : Number.NaN;
  }

  begin(): void {
    this.#order({ do: "begin" });
  }

  async end(): Promise<Watched> {
    this.#order({ do: "end" });
    const [told] = (await once(this.#child, "message")) as [Told];
    if ("watched" in told) return told.watched;
    throw new Error("the watcher told of something else");
  }

  close(): void {
    this.#child.disconnect();
  }
}
