import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { MessagePort } from "node:worker_threads";
import { StreamDigest } from "../../lib/hash.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";
import { streamedZip, type StreamedEntry } from "../../lib/zip-writer.ts";
import type { ExportedFile } from "../types.ts";
import { cocoText } from "./formats/coco.ts";
import { cvat } from "./formats/cvat.ts";
import type { FileEntry, FormatContext, ZipFormat } from "./formats/format.ts";
import { labelMe } from "./formats/labelme.ts";
import { labelStudio } from "./formats/label-studio.ts";
import { voc } from "./formats/voc.ts";
import { yolo } from "./formats/yolo.ts";
import { itemsOf } from "./parts.ts";
import { askRows, type AskedRows } from "./rows.ts";
import { Told } from "./told.ts";
import type { AnnotationExport, AnnotationFormat, ExportedItem } from "./types.ts";

export interface AnnotationTask {
  readonly options: AnnotationExport;
  /** Where the file is to lie. */
  readonly path: string;
  /** Rows come over it as they are asked for; see rows.ts. */
  readonly port: MessagePort;
}

const zipFormats: Readonly<Record<Exclude<AnnotationFormat, "coco">, ZipFormat>> = {
  yolo,
  label_studio: labelStudio,
  cvat,
  voc,
  labelme: labelMe,
};
/** Bytes of text that are sent on together. */
const together = 64 * 1024;

/** Makes a file of annotations, in a thread of its own, and leaves it on disk. */
export const write = ({
  options,
  path,
  port,
}: AnnotationTask): Promise<Outcome<Omit<ExportedFile, "content">>> =>
  settle(async () => {
    try {
      const rows = await askRows(port);
      const context = { head: rows.head, options, told: new Told(), groups: [] };
      const { format } = options;
      const source =
        format === "coco"
          ? Readable.from(bytesOf(cocoText(rows.walk("images"), () => itemsOf(rows.walk("all")), context)))
          : streamedZip(entriesOf(zipFormats[format], rows, context));
      const digest = new StreamDigest();
      await pipeline(
        source,
        (chunks: AsyncIterable<Uint8Array>) => digest.through(chunks),
        createWriteStream(path),
      );
      const stem = `${rows.head.projectId}-annotations`;
      return {
        fileName: format === "coco" ? `${stem}.json` : `${stem}-${format.replace("_", "-")}.zip`,
        contentType: format === "coco" ? "application/json" : "application/zip",
        bytes: digest.bytes,
        sha256: digest.sha256(),
      };
    } finally {
      port.close();
    }
  });

/** The format's own files, then `groups.csv` and `maskwright.json`, which this project's import reads. */
async function* entriesOf(
  format: ZipFormat,
  rows: AskedRows,
  context: FormatContext,
): AsyncGenerator<StreamedEntry> {
  let [images, annotations] = [0, 0];
  const counted = async function* (): AsyncGenerator<ExportedItem> {
    for await (const item of itemsOf(rows.walk("all"))) {
      images++;
      yield { ...item, annotations: passing(item.annotations, () => annotations++) };
    }
  };
  const { files, unlabelled } = format(counted(), context);
  for await (const file of files) yield entryOf(file);
  const { head, options, told, groups } = context;
  if (unlabelled !== null) told.count("unlabelled");
  const notes = { project: head.projectId, ...options, unlabelled, images, annotations, told: told.entries };
  yield entryOf({ path: "groups.csv", compress: true, content: ["stem,group\n", ...groups] });
  yield entryOf({
    path: "maskwright.json",
    compress: true,
    content: [`${JSON.stringify(notes, null, 2)}\n`],
  });
}

async function* passing<T>(values: AsyncIterable<T>, on: () => void): AsyncGenerator<T> {
  for await (const value of values) {
    on();
    yield value;
  }
}

const entryOf = ({ content, ...entry }: FileEntry): StreamedEntry => ({
  ...entry,
  content: bytesOf(content),
});

/** Texts as bytes, many short ones together. */
async function* bytesOf(content: FileEntry["content"]): AsyncGenerator<Uint8Array> {
  let text = "";
  for await (const piece of content) {
    if (typeof piece !== "string") {
      if (text !== "") yield Buffer.from(text);
      text = "";
      yield piece;
      continue;
    }
    text += piece;
    if (text.length < together) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}
