import postgres, { type Sql } from "postgres";
import { machine } from "../lib/report.ts";
import { runBench } from "../lib/run-bench.ts";
import { digits } from "../lib/statistics.ts";
import { openWorld, type World } from "../lib/world.ts";
import { fill, ownShare } from "../../test/worlds/fill.ts";
import type { ScaleOptions } from "./options.ts";

/** How many times as many rows there are at the second look. */
const growth = 4;
/** Pages of the index are deeper there by one; what reads more than that grows with the table. */
const allowed = { times: 1.5, blocks: 30 } as const;

interface ScaleRow {
  readonly route: string;
  /** Blocks of 8 KiB that the request's statements read, from memory or disk, at the first look and at the second. */
  readonly blocks: readonly [number, number];
  readonly ratio: number;
  readonly grows: boolean;
  /** The statement that read most at the second look. */
  readonly most: string;
}

interface ScaleReport {
  readonly bench: "scale";
  readonly cpu: string;
  readonly cores: number;
  readonly images: readonly [number, number];
  readonly own_images: readonly [number, number];
  /** Bytes of a row with its share of the indexes, at the second look; an annotation's without its run lengths. */
  readonly row_bytes: Readonly<Record<string, number>>;
  readonly rows: readonly ScaleRow[];
}

export const main = (options: ScaleOptions): Promise<number> =>
  runBench(options, (signal) => run(options, signal), tableOf);

async function run({ images }: ScaleOptions, signal: AbortSignal): Promise<ScaleReport> {
  const settings = {
    shared_preload_libraries: "pg_stat_statements",
    "pg_stat_statements.track": "all",
    // Rows are filled in by the million, and nobody misses them after a power cut.
    fsync: "off",
    autovacuum: "off",
  };
  const world = await openWorld({ threads: 2, workers: 1, images: 1, nodeOptions: [], postgres: settings });
  signal.addEventListener("abort", () => void world.close());
  const sql = postgres(world.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await sql`create extension if not exists pg_stat_statements`;
    const asked = await routes(world, sql);
    const [row] = await sql`select workspace_id from projects where id = ${world.project}`;
    const own = { workspace: String(row?.["workspace_id"]), project: world.project };
    await fill(sql, own, [0, images]);
    const first = await look(sql, asked);
    await fill(sql, own, [images, growth * images]);
    const second = await look(sql, asked);
    const sizes = [images, growth * images] as const;
    const row_bytes = await rowBytes(sql);
    return {
      bench: "scale",
      ...machine(),
      images: sizes,
      own_images: [Math.ceil(sizes[0] / ownShare), Math.ceil(sizes[1] / ownShare)],
      row_bytes,
      rows: asked.map(({ route }, i) => compared(route, first[i] as Look, second[i] as Look)),
    };
  } finally {
    await sql.end();
    await world.close();
  }
}

/** What the OpenAPI document calls the ids in paths. */
const names: Readonly<Record<string, string>> = {
  prj: "project_id",
  img: "image_id",
  ann: "annotation_id",
  pred: "prediction_id",
};

interface Asked {
  readonly route: string;
  readonly ask: () => Promise<unknown>;
}

/** Reads of a project and of all that it holds, and what a prediction, a sign-in and an upload write. */
async function routes(world: World, sql: Sql): Promise<Asked[]> {
  const { url, key, project, pages, call } = world;
  const image = pages[0]?.id ?? "";
  const under = `/v1/projects/${project}`;
  const annotation = await call(`${under}/annotations`, { image_id: image, mask: pages[0]?.mask });
  const predict = { image: { id: image }, prompts: [{ box: pages[0]?.boxes[0] }], version: "base" };
  await call(`${under}/predict`, predict);
  const [logged] = await sql`select id from predictions limit 1`;
  const get = (path: string): Asked => ({
    route: `GET ${path.replaceAll(/(prj|img|ann|pred)_[^/?]+/g, (_, prefix: string) => `{${names[prefix] ?? ""}}`)}`,
    ask: async () => {
      const answer = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      await answer.arrayBuffer();
    },
  });
  return [
    get("/v1/projects"),
    get(under),
    get("/v1/usage"),
    get(`${under}/overview`),
    get(`${under}/images`),
    get(`${under}/images?order=worth`),
    get(`${under}/images/${image}`),
    get(`${under}/images/${image}/thumbnail`),
    ...["all", "unlabelled", "labelled", "empty", "asked"].map((name) =>
      get(`${under}/gallery?filter=${name}`),
    ),
    get(`${under}/annotations`),
    get(`${under}/annotations?image_id=${image}`),
    get(`${under}/annotations/${String(annotation["id"])}`),
    get(`${under}/predictions`),
    get(`${under}/predictions/${String(logged?.["id"])}`),
    get(`${under}/versions`),
    get(`${under}/fine-tunes`),
    get(`${under}/imports`),
    get(`${under}/proposals`),
    get(`${under}/promotions`),
    get("/v1/keys"),
    get("/v1/webhooks"),
    { route: "POST …/predict", ask: () => call(`${under}/predict`, predict) },
    {
      route: "POST …/annotations",
      ask: () => call(`${under}/annotations`, { image_id: image, mask: pages[0]?.mask }),
    },
  ];
}

interface Look {
  readonly blocks: number;
  readonly most: string;
}

/** What each route's statements read of shared buffers; each is asked once before, so that all is planned. */
async function look(sql: Sql, asked: readonly Asked[]): Promise<Look[]> {
  const looks: Look[] = [];
  for (const { ask } of asked) {
    await ask();
    await sql`select pg_stat_statements_reset()`;
    await ask();
    const rows = await sql<{ query: string; blocks: number }[]>`
      select query, (shared_blks_hit + shared_blks_read)::int as blocks from pg_stat_statements
      where query !~ 'pg_stat_statements|pgboss|rate_buckets' order by 2 desc`;
    looks.push({
      blocks: rows.reduce((sum, { blocks }) => sum + blocks, 0),
      most: (rows[0]?.query ?? "").replaceAll(/\s+/g, " ").slice(0, 160),
    });
  }
  return looks;
}

/** What the tables that grow take on disk, indexes and all, by their rows. */
async function rowBytes(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql<{ name: string; bytes: number }[]>`
    select relname as name, round(pg_total_relation_size(oid) / greatest(reltuples, 1))::int as bytes
    from pg_class where relname in ('images', 'annotations', 'predictions') and relkind = 'r' order by 1`;
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, bytes]));
}

function compared(route: string, first: Look, second: Look): ScaleRow {
  const ratio = second.blocks / Math.max(1, first.blocks);
  return {
    route,
    blocks: [first.blocks, second.blocks],
    ratio: digits(ratio, 2),
    grows: ratio > allowed.times && second.blocks - first.blocks > allowed.blocks,
    most: second.most,
  };
}

function tableOf({ cpu, cores, images, own_images: own, row_bytes: bytes, rows }: ScaleReport): string {
  return [
    `scale: ${images.join(" and ")} images, ${own.join(" and ")} of them the project's own; ${cpu}, ${cores} cores\n`,
    "| | blocks | blocks | ratio | |\n|---|---|---|---|---|",
    ...rows.map(
      ({ route, blocks, ratio, grows, most }) =>
        `| ${route} | ${blocks.join(" | ")} | ${ratio} | ${grows ? `**grows**: ${most}` : ""} |`,
    ),
    "",
    `bytes of a row, indexes included: ${Object.entries(bytes)
      .map(([name, size]) => `${name} ${size}`)
      .join(", ")}`,
    "",
  ].join("\n");
}
