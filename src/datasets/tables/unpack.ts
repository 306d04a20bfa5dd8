/** Tables with pictures in an archive: Parquet files, and what lies beside an imagefolder's pictures. */
import { open, rm } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ArchiveReader } from "../archive.ts";
import type { DatasetLimits } from "../limits.ts";
import { roleOfWords, wordsOf } from "../names.ts";
import { tooLarge } from "../problems.ts";
import type { Report } from "../report.ts";
import { namesFiles, pictureName } from "./columns.ts";
import { fileFinder } from "./find-file.ts";
import { metadataRows } from "./metadata-file.ts";
import { openParquet, type ParquetPictures } from "./parquet.ts";
import { PictureStore } from "./picture-store.ts";

/** A row's pictures of one column: names of files in the archive, or why there is none. */
export type TableCell = string | { readonly fault: string };

export interface PictureTable {
  readonly file: string;
  /** `parquet`: pictures may lie in it; `imagefolder`: all lie beside it. */
  readonly layout: "parquet" | "imagefolder";
  /** By a column's name, the pictures of each row; the first row is 0. */
  readonly columns: ReadonlyMap<string, readonly (readonly TableCell[])[]>;
  /** Columns without pictures. */
  readonly others: readonly string[];
}

export interface Unpacked {
  /** The archive, with the pictures of its tables as files of its own. */
  readonly zip: ArchiveReader;
  readonly tables: readonly PictureTable[];
}

interface Reading {
  readonly limits: DatasetLimits;
  /** What files that are needed meanwhile are named after. */
  readonly work: string;
  readonly report: Report;
  readonly reading?: ((file: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads an archive's tables. In memory are one column of one row group and the names of the pictures; the pictures go to a
 * file on disk. Throws AppError import_file_invalid or import_too_large.
 */
export async function unpackTables(archive: ArchiveReader, context: Reading): Promise<Unpacked> {
  const store = new PictureStore(`${context.work}.pictures`, archive, context.limits);
  const find = fileFinder(archive);
  const tables: PictureTable[] = [];
  try {
    for (const file of archive.entries.keys()) {
      const isParquet = /\.parquet$/i.test(file);
      if (!isParquet && !/(^|\/)metadata\.(jsonl|csv)$/i.test(file)) continue;
      context.signal?.throwIfAborted();
      context.reading?.(file);
      const table = await (isParquet ? ofParquet : ofMetadata)(archive, file, { ...context, store, find });
      if (table && table.columns.size > 0) tables.push(table);
    }
    return { zip: store.asArchive(), tables };
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Finding extends Reading {
  readonly store: PictureStore;
  readonly find: (path: string, table: string) => string | null;
}

async function ofParquet(archive: ArchiveReader, file: string, context: Finding): Promise<PictureTable> {
  const bytes = archive.entries.get(file)?.bytes as number;
  const copy = archive.place ? null : `${context.work}.parquet`;
  const { path, offset } = archive.place?.(file) ?? { path: copy as string, offset: 0 };
  if (copy !== null)
    await pipeline(
      Readable.from(archive.chunks(file, context.signal)),
      createWriteStream(copy, { mode: 0o600 }),
    );
  const handle = await open(path);
  try {
    const parquet = await openParquet({ handle, offset, bytes }, file, context.limits);
    const columns = new Map<string, readonly (readonly TableCell[])[]>();
    const others = [...parquet.others];
    const held = parquet.columns.filter(({ kind }) => kind === "bytes");
    for (const column of held)
      columns.set(column.name, await rowsOf(parquet, column, file, { ...context, fileBytes: bytes }));
    for (const column of parquet.columns.filter(({ kind }) => kind === "names")) {
      const name = pictureName(column.name);
      const rows = await rowsOf(parquet, column, file, { ...context, fileBytes: bytes });
      // Beside a picture's bytes, `file_name` only says where it once lay.
      const isText = held.length > 0 && roleOfWords(wordsOf(name)) !== "mask" && !rows.flat().some(isFile);
      if (isText || columns.has(name)) others.push(column.name);
      else columns.set(name, rows);
    }
    return { file, layout: "parquet", columns, others };
  } finally {
    await handle.close();
    if (copy !== null) await rm(copy, { force: true });
  }
}

const isFile = (cell: TableCell): boolean => typeof cell === "string";

async function rowsOf(
  parquet: ParquetPictures,
  column: ParquetPictures["columns"][number],
  file: string,
  { store, find, limits, signal, fileBytes }: Finding & { fileBytes: number },
): Promise<TableCell[][]> {
  const folder = `${file.replace(/\.parquet$/i, "")}/${column.name.replaceAll(/[/\\\p{Cc}]/gu, "_").slice(0, 100)}`;
  const before = store.bytes;
  const rows: TableCell[][] = [];
  for await (const cells of parquet.cells(column, signal)) {
    const names: TableCell[] = [];
    for (const { bytes, path } of cells) {
      if (bytes) names.push(await store.add(folder, rows.length, { bytes, path }));
      else names.push(find(path as string, file) ?? { fault: missing(path as string, column.kind) });
    }
    const came = store.bytes - before;
    if (came > 64 * 1024 ** 2 && came > limits.maxRatio * fileBytes)
      throw tooLarge(`${file} unpacks to more than ${limits.maxRatio} times its size, which is the most`);
    rows.push(names);
  }
  return rows;
}

const missing = (path: string, kind: "bytes" | "names"): string =>
  kind === "names"
    ? `names the file ${path}, which is not there`
    : `holds only the path ${path} and no such file came along; embed the pictures, or send them with the table (docs/imports.md)`;

async function ofMetadata(
  archive: ArchiveReader,
  file: string,
  { find, report, signal }: Finding,
): Promise<PictureTable> {
  const columns = new Map<string, TableCell[][]>();
  const others = new Set<string>();
  let rows = 0;
  for await (const row of metadataRows(archive, file, signal)) {
    if ("fault" in row) {
      report.leave("entry_invalid", { file, line: row.line, detail: row.fault });
      continue;
    }
    for (const [column, value] of Object.entries(row.values)) {
      if (!namesFiles(column)) {
        others.add(column);
        continue;
      }
      const given: unknown[] = (Array.isArray(value) ? value : [value]).filter(
        (one) => one !== null && one !== "",
      );
      const name = pictureName(column);
      const own = columns.get(name) ?? [];
      columns.set(name, own);
      while (own.length < rows) own.push([]);
      own[rows] = given.map((one) =>
        typeof one === "string"
          ? (find(one, file) ?? { fault: missing(one, "names") })
          : { fault: `holds ${JSON.stringify(one).slice(0, 60)}, which is no file's name` },
      );
    }
    rows++;
  }
  return { file, layout: "imagefolder", columns, others: [...others] };
}
