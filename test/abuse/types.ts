/** One HTTP request of a row. */
export interface Outgoing {
  readonly method?: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in pieces of 64 kB, by its length or chunked. */
  readonly body?: Buffer;
  readonly chunked?: boolean;
  /** The answer names a job, which is waited for. */
  readonly job?: "import";
}

export const kinds = ["body", "mask", "model", "data set", "picture", "answer"] as const;
export type Kind = (typeof kinds)[number];

export interface Row {
  readonly kind: Kind;
  readonly name: string;
  /** Requests at once in the run by itself; 1 if left out. */
  readonly times?: number;
  /** Never sent eight times at once. */
  readonly single?: boolean;
  /** No fine-tune runs beside it, so that the memory of the process which trains counts, too. */
  readonly alone?: boolean;
  /** Statuses of which the run by itself must have one; any below 500, and 503 with Retry-After, if left out. */
  readonly answers?: readonly number[];
  /** The `place`-th of the requests that are sent at once. What is stored first is no part of what is measured. */
  make(world: World): Promise<(place: number) => Outgoing>;
}

export interface StoredImage {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

/** What the rows find: a workspace with projects, and images in the first of them. */
export interface World {
  /** Id of the `place`-th project; there are eight. */
  project(place: number): string;
  image(name: ImageName): StoredImage;
  /** Sends what a row needs beforehand; the answer's status and JSON. */
  call(request: Outgoing): Promise<{ status: number | null; json: Record<string, unknown> }>;
}

/** photo: a drawn page of about 1000 x 750. flat: 8000 x 8000 of one colour. large: 7100 x 7000 of one colour. noisy: 4000 x 4000. */
export const imageNames = ["photo", "flat", "large", "noisy"] as const;
export type ImageName = (typeof imageNames)[number];

/** How one request ended. */
export interface Answer {
  /** Null where the connection was lost without an answer. */
  readonly status: number | null;
  /** The error's code, or how the connection was lost. */
  readonly code: string | null;
  readonly retryAfter: boolean;
  readonly seconds: number;
  /** How the job ended: its status, and the error's code. */
  readonly job?: string;
}

/** What the watcher saw of one run. */
export interface Watched {
  /** The longest time between an ask and its answer. */
  readonly silentMs: number;
  /** How late the watcher itself woke at most: on a busy machine it waits for the processor, as the service does. */
  readonly lateMs: number;
  readonly asked: number;
  /** Asks that were answered by nothing. */
  readonly refused: number;
  readonly peakBytes: number;
  /** Parts of the peak, by program. */
  readonly parts: Readonly<Record<string, number>>;
}
