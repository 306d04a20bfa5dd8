/** Parquet's files, as far as they hold pictures: one column of one row group is in memory at a time. */
import type { FileHandle } from "node:fs/promises";
import * as zlib from "node:zlib";
import { type AsyncBuffer, type Compressors, type FileMetaData, type RowGroup } from "hyparquet";
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { AppError, messageOf } from "../../lib/errors.ts";
import type { DatasetLimits } from "../limits.ts";
import { fileError, tooLarge } from "../problems.ts";
import { type PictureColumn, pictureColumns } from "./columns.ts";

/** Bytes that a column of a row group may take in memory, as it lies in the file and as it is unpacked, together. */
const mostAtOnce = 384 * 1024 ** 2;
/** Bytes that are read at once of a longer one, where the file says which page begins with which row. */
const windowBytes = 64 * 1024 ** 2;

/** What a row has in a column: a picture's bytes, the path that they came from, or both. */
export interface PictureCell {
  readonly bytes: Uint8Array | null;
  readonly path: string | null;
}

export interface ParquetPictures {
  readonly rows: number;
  readonly columns: readonly PictureColumn[];
  /** Names of the columns that hold none. */
  readonly others: readonly string[];
  /** A column's rows in their order: no cell where there is none, several where it holds lists. */
  cells(column: PictureColumn, signal?: AbortSignal): AsyncGenerator<readonly PictureCell[], void, undefined>;
}

/**
 * Opens a Parquet file that lies at `offset` of an open file. `name` is what errors call it.
 * Throws AppError import_file_invalid or import_too_large.
 */
export async function openParquet(
  { handle, offset, bytes }: { handle: FileHandle; offset: number; bytes: number },
  name: string,
  limits: DatasetLimits,
): Promise<ParquetPictures> {
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (!(start >= 0 && start <= end && end <= bytes))
      throw new Error(`it names bytes ${start} to ${end} of ${bytes}`);
    const whole = new ArrayBuffer(end - start);
    const part = Buffer.from(whole);
    for (let at = 0; at < part.length;) {
      const { bytesRead } = await handle.read(part, at, part.length - at, offset + start + at);
      if (bytesRead === 0) throw new Error("it ends too early");
      at += bytesRead;
    }
    return whole;
  };
  const file: AsyncBuffer = {
    byteLength: bytes,
    slice: (start, end = bytes) => {
      const reading = read(start, end);
      // All ranges are asked for at once; nobody waits for those behind one that failed.
      reading.catch(() => {});
      return reading;
    },
  };
  const metadata = await ofFile(name, () => parquetMetadataAsync(file, { geoparquet: false }));
  const rows = Number(metadata.num_rows);
  if (rows > limits.maxEntries)
    throw tooLarge(`${name} has ${rows} rows; ${limits.maxEntries} are the most for one table`);
  const inGroups = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  if (!(rows >= 0) || inGroups !== rows)
    throw fileError(name, `can't be read as Parquet: it has ${rows} rows, and its row groups ${inGroups}`);
  const tree = await ofFile(name, () => parquetSchema(metadata));
  // What a damaged schema lacks is not typed so.
  if (tree.children.some(({ element }) => typeof (element.name as unknown) !== "string"))
    throw fileError(name, "can't be read as Parquet: a column has no name");
  const columns = pictureColumns(tree);
  const known = new Set(columns.map((column) => column.name));
  return {
    rows,
    columns,
    others: tree.children.map(({ element }) => element.name).filter((one) => !known.has(one)),
    cells: async function* (column, signal) {
      let first = 0;
      for (const [k, group] of metadata.row_groups.entries()) {
        const end = first + Number(group.num_rows);
        const step = rowsAtOnce(group, column, `${name}: row group ${k}`);
        for (let from = first; from < end; from += step) {
          signal?.throwIfAborted();
          const to = Math.min(end, from + step);
          for (const value of await valuesOf({ file, metadata }, column, [from, to], name))
            yield cellsOf(value, column);
        }
        first = end;
      }
    },
  };
}

/** How many rows of a group are read together. */
function rowsAtOnce(group: RowGroup, { name }: PictureColumn, where: string): number {
  const rows = Number(group.num_rows);
  const parts = group.columns.filter(({ meta_data: about }) => about?.path_in_schema[0] === name);
  const bytes = parts.reduce((sum, { meta_data: about }) => {
    const unpacked = about?.codec === "UNCOMPRESSED" ? 0 : Number(about?.total_uncompressed_size);
    return sum + Number(about?.total_compressed_size) + unpacked;
  }, 0);
  if (bytes <= mostAtOnce) return Math.max(1, rows);
  if (!parts.every((part) => part.offset_index_offset && part.offset_index_length))
    throw tooLarge(
      `${where} takes ${bytes} bytes in its column ${name}; ${mostAtOnce} are the most: write smaller row groups (row_group_size)`,
    );
  return Math.max(1, Math.floor((rows * windowBytes) / bytes));
}

async function valuesOf(
  of: { file: AsyncBuffer; metadata: FileMetaData },
  column: PictureColumn,
  [rowStart, rowEnd]: readonly [number, number],
  name: string,
): Promise<unknown[]> {
  const options = { rowStart, rowEnd, columns: [column.name], utf8: false, useOffsetIndex: true };
  const read = await ofFile(name, () => parquetReadObjects({ ...of, ...options, compressors }));
  if (read.length !== rowEnd - rowStart)
    throw fileError(name, `its column ${column.name} has not the rows ${rowStart} to ${rowEnd}`);
  return read.map((row) => row[column.name] as unknown);
}

function cellsOf(value: unknown, { kind }: PictureColumn): readonly PictureCell[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((one) => cellsOf(one, { kind } as PictureColumn));
  if (value instanceof Uint8Array) return [{ bytes: value, path: null }];
  if (typeof value === "string") return kind === "names" ? [{ bytes: null, path: value }] : [];
  const { bytes, path } = value as Record<string, unknown>;
  const cell = {
    bytes: bytes instanceof Uint8Array ? bytes : null,
    path: typeof path === "string" && path !== "" ? path : null,
  };
  return cell.bytes || cell.path !== null ? [cell] : [];
}

/** What hyparquet does not bring: it unpacks Snappy alone. */
const compressors: Compressors = {
  GZIP: (input, bytes) => zlib.gunzipSync(input, { maxOutputLength: Math.max(1, bytes) }),
  BROTLI: (input, bytes) => zlib.brotliDecompressSync(input, { maxOutputLength: Math.max(1, bytes) }),
  ZSTD: (input, bytes) => {
    // Node has it from 22.15 on.
    if (!("zstdDecompressSync" in zlib))
      throw new Error("it is compressed by Zstandard: write it with Snappy");
    return zlib.zstdDecompressSync(input, { maxOutputLength: Math.max(1, bytes) });
  },
};

/** Whatever a Parquet file makes its reader throw is the file's fault. */
async function ofFile<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const advice = /compression codec/.test(messageOf(error)) ? "; write it with Snappy or Zstandard" : "";
    throw fileError(name, `can't be read as Parquet: ${messageOf(error)}${advice}`, error);
  }
}
