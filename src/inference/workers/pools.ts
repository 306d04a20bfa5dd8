import "../../lib/no-telemetry.ts";
import { type WorkerPool, workerPool } from "../../lib/worker-pool.ts";
import type * as decodeWorker from "./decode.ts";
import type * as encodeWorker from "./encode.ts";
import type * as rankWorker from "./rank.ts";

/** The threads of inference, each function of their files by its name. */
export type Pools = ReturnType<typeof createPools>;

/**
 * Encoding and decoding prompts (`decodeWorkers` side by side) have threads of their own, so neither waits behind the
 * other. They stay, with their sessions.
 */
export function createPools({ decodeWorkers }: { decodeWorkers: number }) {
  const encode = poolOf<typeof encodeWorker>("./encode.ts", 1);
  const decode = poolOf<typeof decodeWorker>("./decode.ts", decodeWorkers);
  const rank = workerPool<typeof rankWorker>({
    module: new URL("./rank.ts", import.meta.url),
    threads: 1,
    idleMs: 10_000,
  });
  return {
    rank: rank.of("rank"),
    encode: encode.of("encode"),
    decode: decode.of("answer"),
    points: decode.of("points"),
    boxes: decode.of("boxes"),
    masks: decode.of("masks"),
    channelsFirst: decode.of("toChannelsFirst"),
    peaks: decode.of("peaks"),
    twins: decode.of("twins"),
    region: decode.of("region"),
    like: decode.of("like"),
    likeness: decode.of("likeness"),
    close: async (): Promise<void> => {
      await Promise.all([encode.close(), decode.close(), rank.close()]);
    },
  };
}

const poolOf = <Module>(file: string, threads: number): WorkerPool<Module> =>
  workerPool<Module>({ module: new URL(file, import.meta.url), threads });
