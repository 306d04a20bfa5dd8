/** Rows of an imagefolder's `metadata.jsonl` or `metadata.csv`. Source: datasets, folder_based_builder.py. */
import { parse } from "csv-parse";
import type { ArchiveReader } from "../archive.ts";
import { naming, tooLarge } from "../problems.ts";
import { AppError } from "../../lib/errors.ts";

/** A row has a few names and a text; this is a hundred thousand words. */
const mostLine = 1024 ** 2;

export type MetadataRow =
  | { readonly line: number; readonly values: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly fault: string };

/** Rows in their order, a line at a time. Throws AppError import_too_large or import_file_invalid. */
export async function* metadataRows(
  zip: ArchiveReader,
  file: string,
  signal?: AbortSignal,
): AsyncGenerator<MetadataRow, void, undefined> {
  if (/\.csv$/i.test(file)) yield* csvRows(zip, file, signal);
  else
    for await (const { line, text } of linesOf(zip, file, signal)) {
      if (text.trim() === "") continue;
      const values = objectOf(text);
      yield values ? { line, values } : { line, fault: "is no JSON object" };
    }
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

async function* linesOf(
  zip: ArchiveReader,
  file: string,
  signal?: AbortSignal,
): AsyncGenerator<{ line: number; text: string }, void, undefined> {
  const decoder = new TextDecoder("utf-8");
  let [rest, line] = ["", 0];
  for await (const chunk of zip.chunks(file, signal)) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = texts.pop() as string;
    if (rest.length > mostLine) throw tooLarge(`${file}: line ${line + texts.length + 1} is too long`);
    for (const text of texts) yield { line: ++line, text };
  }
  if (rest !== "") yield { line: ++line, text: rest };
}

async function* csvRows(
  zip: ArchiveReader,
  file: string,
  signal?: AbortSignal,
): AsyncGenerator<MetadataRow, void, undefined> {
  const parser = parse({
    bom: true,
    columns: true,
    skip_empty_lines: true,
    max_record_size: mostLine,
    info: true,
  });
  const feed = (async () => {
    for await (const chunk of zip.chunks(file, signal))
      if (!parser.write(chunk))
        await new Promise((resolve) => parser.once("drain", resolve).once("close", resolve));
    parser.end();
  })();
  feed.catch((error: unknown) => parser.destroy(error as Error));
  const rows = (parser as AsyncIterable<{ record: Record<string, unknown>; info: { lines: number } }>)[
    Symbol.asyncIterator
  ]();
  try {
    for (;;) {
      const next = await naming(file, () =>
        rows.next().catch((error: unknown) => {
          if (error instanceof AppError) throw error;
          throw new AppError("import_file_invalid", `${file}: is no CSV: ${String(error).slice(0, 200)}`, {
            param: file,
          });
        }),
      );
      if (next.done) return;
      yield { line: next.value.info.lines, values: next.value.record };
    }
  } finally {
    parser.destroy();
  }
}
