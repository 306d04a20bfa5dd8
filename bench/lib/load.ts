import autocannon from "autocannon";

/** Requests that every connection sends again and again, each beginning at another one. */
export interface Load {
  readonly url: string;
  readonly key: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly bodies: readonly string[];
}

export interface Measured {
  readonly clients: number;
  readonly requests_per_second: number;
  /** Milliseconds from the request's first byte to the answer's last. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Answers other than 2xx, broken connections and time-outs. */
  readonly errors: number;
  /** Answers of the connection that got the fewest by those of the one that got the most. */
  readonly fairness: number;
}

/** So many connections for so many seconds, each sending its next request when the answer of the last one is there. */
export async function measure(load: Load, clients: number, seconds: number): Promise<Measured> {
  const times: number[] = [];
  const counts: number[] = [];
  let answered = 0;
  const started = performance.now();
  let last = started;
  const result = await autocannon({
    url: load.url,
    connections: clients,
    duration: seconds,
    timeout: 60,
    setupClient: (client) => {
      const own = counts.push(0) - 1;
      const turned = load.bodies.map((_, i) => load.bodies[(i + own) % load.bodies.length] as string);
      client.setRequests(
        turned.map((body) => ({
          method: load.method,
          path: load.path,
          headers: { authorization: `Bearer ${load.key}`, "content-type": "application/json" },
          ...(load.method === "POST" && { body }),
        })),
      );
      client.on("response", (status, _bytes, ms) => {
        if (status < 200 || status > 299) return;
        answered++;
        counts[own] = (counts[own] ?? 0) + 1;
        times.push(ms);
        last = performance.now();
      });
    },
  });
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Number((sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(1));
  return {
    clients,
    requests_per_second: answered / ((last - started) / 1000),
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    errors: result.errors + result.timeouts + result.non2xx,
    fairness: Number((Math.min(...counts) / Math.max(...counts)).toFixed(2)),
  };
}
