import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { createRoute, z } from "@hono/zod-openapi";
import { getImport } from "../db/queries/imports.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { linesOf } from "../lib/lines.ts";
import { keys } from "../storage/keys.ts";
import type { ObjectStore } from "../storage/store.ts";
import { failures } from "./http/errors.ts";
import { holdsTag } from "./http/etag.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { importParams, scopeOf } from "./http/scope.ts";
import { webStream } from "./http/send-file.ts";
import { sendPicture } from "./http/send-picture.ts";

const entrySchema = z
  .object({
    code: z.string(),
    reason: z.string(),
    file: z.string().openapi({ description: "In the zip." }),
    line: z.int().nullable(),
    id: z.string().nullable().openapi({ description: "The name that the file itself gives it." }),
    detail: z.string().nullable(),
    count: z.int().openapi({ description: "The number of objects it represents." }),
  })
  .openapi("ImportReportEntry");
type Entry = z.output<typeof entrySchema>;
const columns = ["code", "file", "line", "id", "detail", "count", "reason"] as const;

const report = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/imports/{import_id}/report",
  tags: ["imports"],
  summary: "List everything that an import left out, each with its file, line and id",
  request: {
    params: importParams,
    query: z.object({ format: z.enum(["json", "csv"]).default("json") }),
  },
  responses: {
    200: {
      description: "The complete list; empty until the import has been read to the end.",
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
  summary: "Get a picture of six of an import's images with their masks drawn on them",
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
    const stored = await store.stat(key);
    // Made anew for every caller, so it is known by what it is made of: a report may be long.
    const etag = `"${stored?.sha256 ?? "none"}-${format}"`;
    c.header("ETag", etag);
    if (holdsTag(c.req.header("if-none-match"), etag)) return c.body(null, 304);
    const pieces = await reportAs(format, store, stored && key);
    c.header("Content-Type", format === "csv" ? "text/csv; charset=utf-8" : "application/json");
    c.header("X-Content-Type-Options", "nosniff");
    if (format === "csv") c.header("Content-Disposition", `attachment; filename="${id}-report.csv"`);
    return c.body(webStream(pieces), 200);
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
    return sendPicture(c, `"${sha256(bytes)}"`, () => bytes);
  });

  return router;
}

/** The report under `key`, one that holds nothing where that is null; its copy on this machine goes when it is read or dropped. */
async function reportAs(format: "json" | "csv", store: ObjectStore, key: string | null): Promise<Readable> {
  const path = key === null ? null : await fetched(store, key);
  const pieces = Readable.from(format === "csv" ? csvOf(path) : jsonOf(path));
  if (path !== null) pieces.once("close", () => void rm(dirname(path), { recursive: true, force: true }));
  return pieces;
}

/** A file of its own in a temporary folder of its own. */
async function fetched(store: ObjectStore, key: string): Promise<string> {
  const folder = await temporaryFolder("report");
  const path = join(folder, "report");
  try {
    await store.getFile(key, path);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return path;
}

function entryOf(text: string): Entry {
  const { line, id, detail, count, ...entry } = JSON.parse(text) as Partial<Entry> & { code: string };
  return {
    code: entry.code,
    reason: entry.reason ?? "",
    file: entry.file ?? "",
    line: line ?? null,
    id: id ?? null,
    detail: detail ?? null,
    count: count ?? 1,
  };
}

async function* jsonOf(path: string | null): AsyncGenerator<Buffer, void, undefined> {
  let before = "";
  yield Buffer.from('{"data":[');
  for await (const lines of path === null ? [] : linesOf(path)) {
    if (lines.length === 0) continue;
    yield Buffer.from(before + lines.map((line) => JSON.stringify(entryOf(line))).join(","));
    before = ",";
  }
  yield Buffer.from("]}");
}

async function* csvOf(path: string | null): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(`${columns.join(",")}\r\n`);
  for await (const lines of path === null ? [] : linesOf(path))
    yield Buffer.from(lines.map((line) => csvRow(entryOf(line))).join(""));
}

const csvRow = (entry: Entry): string => `${columns.map((column) => cell(entry[column])).join(",")}\r\n`;

/** A text that a spreadsheet would take for a formula gets an apostrophe before it. */
function cell(value: string | number | null): string {
  if (typeof value === "number") return String(value);
  const text = value ?? "";
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
