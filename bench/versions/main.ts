import ort from "../../src/lib/onnxruntime.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { openWorld, type World } from "../lib/world.ts";
import { machine } from "../lib/report.ts";
import { digits, median } from "../lib/statistics.ts";
import { encodesFor, type Kind, kinds } from "../lib/versions/kinds.ts";
import type { VersionsOptions } from "./options.ts";
import { drawnPictures, type Picture, picturesOf } from "../lib/versions/pictures.ts";
import { storeVersion } from "../lib/versions/store.ts";

/** Pictures that are asked again and again, and those that a version sees for the first time. */
const [warmPictures, coldPictures] = [3, 4];
/** Versions of one zoom share windows: what one has had encoded is not new to the other. */
const sharers = 2;

interface VersionsRow {
  readonly what: string;
  readonly prompt: "box" | "click";
  /** Milliseconds of a request, medians; all embeddings in memory. */
  readonly warm_ms: number;
  readonly base_warm_ms: number;
  /** The median of the rounds' own ratios, and what it may be. */
  readonly warm_ratio: number;
  readonly warm_limit: number;
  /** A prompt at a new place of an image whose own embedding is there, parts to encode for it, in the mean, and its time by that of the bare encodes. */
  readonly cold_ms: number;
  readonly encodes: number | null;
  readonly cold_by_encodes: number | null;
}

interface VersionsReport {
  readonly bench: "versions";
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  readonly rounds: number;
  readonly pictures: string;
  /** Milliseconds of the encoder alone in onnxruntime, the median of all runs. */
  readonly encode_ms: number;
  readonly rows: readonly VersionsRow[];
}

export async function main(options: VersionsOptions): Promise<number> {
  const count = warmPictures + sharers * coldPictures;
  const pictures = options.data ? await picturesOf(options.data, count) : await drawnPictures(count);
  const world = await openWorld({ threads: options.threads, workers: 1, images: 0, nodeOptions: [] });
  try {
    const report = await measureAll(world, pictures, options);
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else print(report);
  } finally {
    await world.close();
  }
  return 0;
}

interface Stored extends Picture {
  readonly id: string;
}

interface Version extends Kind {
  readonly number: number;
}

async function measureAll(
  { call, project }: World,
  pictures: readonly Picture[],
  options: VersionsOptions,
): Promise<VersionsReport> {
  const under = `/v1/projects/${project}`;
  const stored: Stored[] = [];
  for (const picture of pictures) {
    const { id } = await call(`${under}/images`, picture.bytes, "application/octet-stream");
    await call(`${under}/prewarm`, { image: { id } });
    stored.push({ ...picture, id: String(id) });
  }
  const versions: Version[] = [];
  for (const kind of kinds(pictures))
    versions.push({ ...kind, number: await storeVersion(call, under, kind.focus) });
  const warm = stored.slice(0, warmPictures);
  const encoder = await openEncoder(options.threads);
  const rows: VersionsRow[] = [];
  for (const prompt of ["box", "click"] as const) {
    const ask = async (picture: Stored, object: number, version: number | "base"): Promise<number> => {
      const start = performance.now();
      const body = { image: { id: picture.id }, prompts: [promptOf(picture, object, prompt)], version };
      await call(`${under}/predict`, body);
      return performance.now() - start;
    };
    for (const version of versions)
      rows.push(await rowOf({ version, prompt, stored, warm, ask, encoder, ...options }));
  }
  const { data, rounds, threads } = options;
  const sizes = stored.map(({ width, height }) => `${width} x ${height}`);
  return {
    bench: "versions",
    ...machine(),
    threads,
    rounds,
    pictures: `${data ? "of a folder" : "drawn"}, ${[...new Set(sizes)].join(", ")} pixels`,
    encode_ms: digits(median(encoder.times), 1),
    rows,
  };
}

const promptOf = ({ objects }: Picture, index: number, kind: "box" | "click"): object => {
  const { box, click } = objects[index % objects.length] as Picture["objects"][number];
  return kind === "box" ? { box } : { points: [[...click, 1]] };
};

async function rowOf(run: {
  version: Version;
  prompt: "box" | "click";
  stored: readonly Stored[];
  warm: readonly Stored[];
  rounds: number;
  ask: (picture: Stored, object: number, version: number | "base") => Promise<number>;
  encoder: { run: () => Promise<number> };
}): Promise<VersionsRow> {
  const { version, prompt, stored, warm, rounds, ask, encoder } = run;
  const cold: { ms: number; encodes: number | null; bare: number }[] = [];
  const unseen = stored.slice(warmPictures).filter((_, i) => i % sharers === version.number % sharers);
  for (const picture of prompt === "box" ? unseen : []) {
    const before = await encoder.run();
    // Pixels and prefix of the image itself are there, as after a first prompt.
    await ask(picture, 0, "base");
    const ms = await ask(picture, 0, version.number);
    const size = [picture.height, picture.width] as const;
    const encodes = encodesFor(promptOf(picture, 0, prompt), size, version.focus);
    cold.push({ ms, encodes, bare: (before + (await encoder.run())) / 2 });
  }
  for (const picture of warm) {
    for (const object of picture.objects.keys()) {
      await ask(picture, object, version.number);
      await ask(picture, object, "base");
    }
  }
  const [own, base]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const picture = warm[round % warm.length] as Stored;
    const object = Math.floor(round / warm.length);
    base.push(await ask(picture, object, "base"));
    own.push(await ask(picture, object, version.number));
  }
  const counted = cold.flatMap(({ encodes, ms, bare }) => (encodes ? [ms / (encodes * bare)] : []));
  const encodes =
    cold.some((one) => one.encodes === null) || cold.length === 0
      ? null
      : cold.reduce((sum, one) => sum + (one.encodes ?? 0), 0) / cold.length;
  return {
    what: version.what,
    prompt,
    warm_ms: digits(median(own), 1),
    base_warm_ms: digits(median(base), 1),
    warm_ratio: digits(median(own.map((ms, i) => ms / (base[i] as number))), 2),
    warm_limit: version.warmLimit,
    cold_ms: digits(median(cold.map(({ ms }) => ms)), 1),
    encodes: encodes === null ? null : digits(encodes, 2),
    cold_by_encodes: counted.length === 0 ? null : digits(median(counted), 2),
  };
}

/** The image encoder alone, in this process, while the server rests. */
async function openEncoder(threads: number) {
  const path = await baseModel("mobile_sam").encoderPath();
  const session = await ort.InferenceSession.create(path, {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
  });
  const input = new ort.Tensor("float32", new Float32Array(3 * 1024 * 1024).fill(0.1), [1, 3, 1024, 1024]);
  const times: number[] = [];
  const run = async (): Promise<number> => {
    const start = performance.now();
    await session.run({ [session.inputNames[0] as string]: input });
    times.push(performance.now() - start);
    return times.at(-1) as number;
  };
  await run();
  times.length = 0;
  return { run, times };
}

function print(report: VersionsReport): void {
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  out(`versions: ms of a request over HTTP, medians of ${report.rounds} rounds; pictures ${report.pictures}`);
  out(
    `${report.cpu}, ${report.cores} cores; ${report.threads} threads; one bare encode ${report.encode_ms} ms\n`,
  );
  out("| | prompt | warm | base | ratio | limit | cold | encodes | cold / encodes |");
  out("|---|---|---|---|---|---|---|---|---|");
  for (const row of report.rows) {
    const cold = Number.isNaN(row.cold_ms) ? "-" : String(row.cold_ms);
    out(
      `| ${row.what} | ${row.prompt} | ${row.warm_ms} | ${row.base_warm_ms} | ${row.warm_ratio} | ${row.warm_limit} | ` +
        `${cold} | ${row.encodes ?? "-"} | ${row.cold_by_encodes ?? "-"} |`,
    );
  }
}
