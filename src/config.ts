import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { z } from "zod";

const MiB = 1024 * 1024;

/** A number from the environment, with its bounds. */
const int = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

/** Origins (https://app.example.com), parted by commas; no paths, and no `*`. */
const origins = z
  .string()
  .default("")
  .transform((text) => text.split(",").flatMap((part) => part.trim() || []))
  .refine((list) => list.every((text) => URL.canParse(text) && new URL(text).origin === text), {
    error: "has to be origins like https://app.example.com, parted by commas",
  });

/** Places in buckets (`bucket` or `bucket/folder`), parted by commas; `{workspace}` in one stands for a workspace's id. */
const places = z
  .string()
  .default("")
  .transform((text) => text.split(",").flatMap((part) => part.trim().replace(/\/+$/, "") || []))
  .refine((list) => list.every((text) => /^[a-z0-9][a-z0-9.-]{1,62}(\/[^/\s]+)*$/.test(text)), {
    error: "has to be places like bucket/folder, parted by commas",
  });

/** Absolute folders, parted by commas; `{workspace}` in one stands for a workspace's id. */
const folders = z
  .string()
  .default("")
  .transform((text) => text.split(",").flatMap((part) => part.trim().replace(/(?<=.)\/+$/, "") || []))
  .refine(
    (list) => list.every((path) => isAbsolute(path) && resolve(path) === path && dirname(path) !== path),
    {
      error: "has to be absolute folders like /data/scans, parted by commas",
    },
  );

const bound = (max: number) => z.coerce.number().int().min(0).max(max).optional();

/** Every setting, its default and its meaning. */
const environment = z.object({
  /** postgres://…; left out, a real Postgres from npm runs in DATA_DIR. */
  DATABASE_URL: z.string().url().optional(),
  /** Instead of it: the ARN of a secret of AWS Secrets Manager, as Aurora makes them (username, password, host, port, dbname). */
  DATABASE_SECRET_ARN: z.string().optional(),
  /** Connections of one process at most, beside the few that listen and that the queue keeps. */
  DATABASE_POOL: int(10, 1, 1000),
  /** Where the embedded database, local objects and the first key live. */
  DATA_DIR: z.string().default(".data"),
  HOST: z.string().default("127.0.0.1"),
  PORT: int(3000, 0, 65_535),
  /** Pages of which origins may call the API with a key in browsers; none where it is left out. Cookies stay unread for them. */
  CORS_ORIGINS: origins,
  /** Whether AWS Lambda's function URL streams answers (invoke mode RESPONSE_STREAM) or takes them whole. */
  LAMBDA_RESPONSE: z.enum(["buffered", "stream"]).default("buffered"),
  /** An event stream ends after so many seconds; its client goes on with Last-Event-ID. 0 sends what is there and ends. */
  EVENT_STREAM_SECONDS: int(3600, 0, 86_400),
  /** At SIGTERM, requests under way are answered within so many seconds; four seconds later, nine at least after the signal, the process has ended. */
  SHUTDOWN_SECONDS: int(5, 0, 3600),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  /** Where traces go (OTLP over HTTP, such as http://collector:4318); left out, there are none. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().url().optional(),
  /** Share of the traces that begin here that are kept, in [0, 1]; callers who send a traceparent decide for theirs. */
  TRACE_SHARE: z.coerce.number().min(0).max(1).default(1),
  /** Left out, objects lie on local disk in DATA_DIR. */
  S3_BUCKET: z.string().optional(),
  S3_ENDPOINT: z.string().url().optional(),
  S3_REGION: z.string().default("us-east-1"),
  S3_FORCE_PATH_STYLE: z.stringbool().default(false),
  /**
   * What imports may read in buckets of S3_ENDPOINT, with this installation's own credentials: bucket/folder, parted by
   * commas; nothing where it is left out. `{workspace}` stands for a workspace's id; without it, every workspace may.
   */
  IMPORT_BUCKETS: places,
  /** Where exports may write, by the same rules. */
  EXPORT_BUCKETS: places,
  /** Folders of the machines with the API and the trainers that imports may read, by the same rules as IMPORT_BUCKETS. */
  IMPORT_FOLDERS: folders,
  /** `auto` takes the compiled engine. */
  TRAINER_ENGINE: z.enum(["auto", "compiled", "eager"]).default("auto"),
  /** What the trainer must run on: `gpu` takes the quickest engine that proves itself on a GPU, and nothing without one. */
  TRAINER_DEVICE: z.enum(["auto", "cpu", "gpu"]).default("auto"),
  /** Seconds of training between two checkpoints, at least: what a crash may cost. 0 writes one after every epoch. */
  CHECKPOINT_SECONDS: int(10, 0, 3600),
  /** Hours after which a trainer reads all stored images and weights through, for what is missing or damaged; 0: never. */
  SCRUB_HOURS: int(168, 0, 8760),
  /** CPU threads of one encode or decode; 0 lets onnxruntime choose. */
  INFERENCE_THREADS: int(0, 0, 256),
  /** Worker threads that decode prompts side by side. */
  DECODE_WORKERS: int(1, 1, 64),
  /** Image embeddings kept in memory, 4 MiB each; of SAM 2's, which have 16, a fourth as many. */
  EMBEDDING_CACHE_ENTRIES: int(64, 1, 100_000),
  /**
   * Image embeddings kept in the object store for each workspace, 4 MiB each, SAM 2's 8; the oldest go. A quota of bytes that leaves
   * less leaves less. Below what a fine-tune's images need, it encodes them again and again.
   */
  EMBEDDING_STORE_BYTES: int(64 * 1024 * MiB, 0, Number.MAX_SAFE_INTEGER),
  /**
   * What decoders make of an image before they look at prompts, kept in memory for its next prompt: 6 MiB for each
   * image and version. 0 keeps nothing, and every prompt runs the decoder whole.
   */
  PREFIX_CACHE_BYTES: int(256 * MiB, 0, 1024 * 1024 * MiB),
  /** Decoder weights of versions kept in memory for their next prompt, 16 MiB each; the least recently used go. */
  VERSION_CACHE_BYTES: int(256 * MiB, 1, 1024 * 1024 * MiB),
  /** Lets webhooks use http and reach private addresses: for tests and closed networks. */
  WEBHOOK_ALLOW_PRIVATE: z.stringbool().default(false),
  // Limits, checked before the work
  /** Bytes that requests and jobs of one process may use together; left out, a quarter of the machine's or the container's, at most 512 MiB. */
  MEMORY_BUDGET: z.coerce
    .number()
    .int()
    .min(32 * MiB)
    .optional(),
  /** A larger body is refused before it is read; where links go straight to the object store, that is none. */
  MAX_BODY_BYTES: int(32 * MiB, 1024, 1024 * MiB),
  /** Characters that the masks of one answer may have; only logits come near it. */
  MAX_ANSWER_BYTES: int(256 * MiB, 1024, 400 * MiB),
  /** At most what S3 takes in one PUT. */
  MAX_IMPORT_BYTES: int(2048 * MiB, 1024, 5120 * MiB),
  /**
   * A file of public keys in PEM: only versions that one of them or this installation has signed are imported then. Left out,
   * none needs a signature.
   */
  IMPORT_TRUSTED_KEYS: z.string().optional(),
  MAX_IMAGE_PIXELS: int(64_000_000, 1024, 1_000_000_000),
  MAX_PROMPTS: int(256, 1, 4096),
  /** Points of one segment-everything, over its crops and versions; objects that one predict may find, and places where it looks for what is like another. */
  MAX_EVERYTHING_POINTS: int(8192, 1, 1_000_000),
  MAX_IMAGES_PER_PROJECT: int(50_000, 1, 10_000_000),
  /** Rate of one key, over all instances; a key that was silent may send two seconds' worth at once. 0 is no limit. */
  RATE_LIMIT_PER_SECOND: int(500, 0, 1_000_000),
  // What a workspace may hold and use that has no quota of its own (columns quota_… of workspaces); left out, no bound
  QUOTA_IMAGES: bound(2_147_483_647),
  QUOTA_BYTES: bound(Number.MAX_SAFE_INTEGER),
  /** In a calendar month, UTC. */
  QUOTA_TRAINING_MINUTES: bound(2_147_483_647),
});

export type Config = z.infer<typeof environment>;

/** Reads the environment once; throws an Error that lists every setting that is wrong. */
export function readConfig(env: Record<string, string | undefined> = process.env): Config {
  const result = environment.safeParse(env);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The environment is not right:\n${lines.join("\n")}`);
}

/** The settings as a child process reads them, in the environment of this one. */
export function environmentOf(config: Config): NodeJS.ProcessEnv {
  const settings = Object.entries(config).filter(([, value]) => value !== undefined);
  return { ...process.env, ...Object.fromEntries(settings.map(([name, value]) => [name, String(value)])) };
}

/** What the command line reads of the environment; the rest is kept by `maskwright login`. */
export function readCliEnvironment(env: Record<string, string | undefined> = process.env) {
  const home =
    env["XDG_CONFIG_HOME"] || (process.platform === "win32" && env["APPDATA"]) || join(homedir(), ".config");
  return {
    /** They win over what login kept; empty is as good as left out. */
    url: env["MASKWRIGHT_URL"] || undefined,
    key: env["MASKWRIGHT_KEY"] || undefined,
    loginFile: join(home, "maskwright", "login.json"),
  };
}
