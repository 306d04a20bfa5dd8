import { open } from "node:fs/promises";

/** Makes new names in folders outlive a power cut. Those that come while a folder is flushed share its next flush. */
export class Flushes {
  readonly #begun = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #flush: (folder: string) => Promise<void>;

  constructor(flush: (folder: string) => Promise<void> = syncFolder) {
    this.#flush = flush;
  }

  /** Resolves once a flush has ended that began after this was called. */
  async folder(folder: string): Promise<void> {
    const waiting = this.#waiting.get(folder) ?? this.#next(folder);
    this.#waiting.set(folder, waiting);
    return waiting;
  }

  async #next(folder: string): Promise<void> {
    await this.#begun.get(folder)?.catch(() => {});
    this.#waiting.delete(folder);
    const begun = this.#flush(folder);
    this.#begun.set(folder, begun);
    try {
      await begun;
    } finally {
      if (this.#begun.get(folder) === begun) this.#begun.delete(folder);
    }
  }
}

/** Windows can't flush a folder, and needn't. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
