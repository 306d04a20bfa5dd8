import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { createRoute, z } from "@hono/zod-openapi";
import { getImport } from "../db/queries/imports.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { keys } from "../storage/keys.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { importParams, scopeOf } from "./http/scope.ts";

const entrySchema = z
  .object({
    code: z.string(),
    reason: z.string(),
    file: z.string().openapi({ description: "In the zip." }),
    line: z.int().nullable(),
    id: z.string().nullable().openapi({ description: "What the file itself calls it." }),
    detail: z.string().nullable(),
    count: z.int().openapi({ description: "How many objects it stands for." }),
  })
  .openapi("ImportReportEntry");
type Entry = z.output<typeof entrySchema>;
const columns = ["code", "file", "line", "id", "detail", "count", "reason"] as const;

const report = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/imports/{import_id}/report",
  tags: ["imports"],
  summary: "List all that an import left out, each with its file, line and id",
  request: {
    params: importParams,
    query: z.object({ format: z.enum(["json", "csv"]).default("json") }),
  },
  responses: {
    200: {
      description: "All of them; empty before the import was read to its end.",
      content: {
        "application/json": { schema: z.object({ data: z.array(entrySchema) }).openapi("ImportReport") },
        "text/csv": { schema: { type: "string" } },
      },
    },
    ...failures("invalid_request", "import_not_found", "object_corrupted"),
  },
});

const picture = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/imports/{import_id}/picture",
  tags: ["imports"],
  summary: "Get a picture of six images of an import with their masks over them",
  request: { params: importParams },
  responses: {
    200: {
      description: "The picture.",
      content: { "image/webp": { schema: { type: "string", format: "binary" } } },
    },
    ...failures("import_not_found", "picture_not_found", "object_corrupted"),
  },
});

export function importResultRoutes({ db, store }: RouteContext) {
  const router = createRouter();

  router.openapi(report, async (c) => {
    const params = c.req.valid("param");
    const scope = scopeOf(c, params);
    const { id } = await getImport(db, scope, params.import_id);
    const { format } = c.req.valid("query");
    const key = keys.importReport(scope.projectId, id);
    const folder = await mkdtemp(join(tmpdir(), "maskwright-report-"));
    const path = join(folder, "report");
    const there = (await store.stat(key)) !== null;
    if (there) await store.getFile(key, path);
    const text = format === "csv" ? csvOf(there ? path : null) : jsonOf(there ? path : null);
    const bytes = Readable.from(bytesOf(text));
    bytes.once("close", () => void rm(folder, { recursive: true, force: true }));
    c.header("Content-Type", format === "csv" ? "text/csv; charset=utf-8" : "application/json");
    c.header("X-Content-Type-Options", "nosniff");
    if (format === "csv") c.header("Content-Disposition", `attachment; filename="${id}-report.csv"`);
    return c.body(Readable.toWeb(bytes) as ReadableStream, 200);
  });

  router.openapi(picture, async (c) => {
    const params = c.req.valid("param");
    const scope = scopeOf(c, params);
    const { id } = await getImport(db, scope, params.import_id);
    const key = keys.importPicture(scope.projectId, id);
    if ((await store.stat(key)) === null)
      throw new AppError(
        "picture_not_found",
        "This import has no picture: no object came of it, or not yet.",
      );
    const bytes = await store.get(key);
    c.header("Content-Type", "image/webp");
    c.header("ETag", `"${sha256(bytes)}"`);
    c.header("Cache-Control", "private, max-age=31536000, immutable");
    c.header("X-Content-Type-Options", "nosniff");
    return c.body(Uint8Array.from(bytes), 200);
  });

  return router;
}

async function* entriesOf(path: string | null): AsyncGenerator<Entry, void, undefined> {
  if (path === null) return;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const { line: at, id, detail, count, ...entry } = JSON.parse(line) as Partial<Entry> & { code: string };
    yield {
      code: entry.code,
      reason: entry.reason ?? "",
      file: entry.file ?? "",
      line: at ?? null,
      id: id ?? null,
      detail: detail ?? null,
      count: count ?? 1,
    };
  }
}

async function* bytesOf(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const text of texts) yield Buffer.from(text);
}

async function* jsonOf(path: string | null): AsyncGenerator<string, void, undefined> {
  let before = '{"data":[';
  for await (const entry of entriesOf(path)) {
    yield before + JSON.stringify(entry);
    before = ",";
  }
  yield before === "," ? "]}" : `${before}]}`;
}

async function* csvOf(path: string | null): AsyncGenerator<string, void, undefined> {
  yield `${columns.join(",")}\r\n`;
  for await (const entry of entriesOf(path))
    yield `${columns.map((column) => cell(entry[column])).join(",")}\r\n`;
}

/** A text that a spreadsheet would take for a formula gets an apostrophe before it. */
function cell(value: string | number | null): string {
  if (typeof value === "number") return String(value);
  const text = value ?? "";
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
