import { CocoReader } from "./formats/coco.ts";
import { documentFormats, type DocumentFormat } from "./formats/documents.ts";
import { LabelStudioReader, looksLikeMinTask, looksLikeTask } from "./formats/label-studio.ts";
import { JsonFault, parseElement } from "./json-outline.ts";
import { enough, scanJson } from "./json-stream.ts";
import { ObjectPlans } from "./objects.ts";
import type { Source } from "./plan.ts";
import { fileError } from "./problems.ts";
import type { FormatContext } from "./types.ts";

const MiB = 1024 * 1024;
/** A file of this size is parsed at once to see what it is; a larger one is gone through piece by piece first. */
const smallBytes = 8 * MiB;

/**
 * Reads every JSON file of a zip that holds annotations. COCO files and Label Studio's exports are read in pieces, however
 * long they are; those of other tools whole. What is none of them stays unclaimed. Throws AppError.
 */
export async function jsonSources(context: FormatContext): Promise<Source[]> {
  const files = [...context.zip.entries.values()].filter(
    ({ name }) => /\.(json|geojson|ndjson|jsonl)$/i.test(name) && name !== "groups.json",
  );
  const sources: Source[] = [];
  const documents = new Map<DocumentFormat, { plans: ObjectPlans; file: string }>();
  const shared = new Map<string, unknown>();
  for (const { name, bytes } of files) {
    if (context.isClaimed(name)) continue;
    context.signal?.throwIfAborted();
    context.reading?.(name);
    const found = await openJson(context, name, bytes);
    if (found === null) continue;
    if ("source" in found) {
      context.claim(name);
      sources.push(found.source);
      continue;
    }
    const format = documentFormats.find((one) => one.fits(found.value, name));
    if (!format) continue;
    context.claim(name);
    try {
      const read = format.read(found.value, name, shared);
      if (read === null) continue;
      let own = documents.get(format);
      if (!own) documents.set(format, (own = { plans: new ObjectPlans(context), file: name }));
      for (const image of read) own.plans.add(name, image);
    } catch (error) {
      // Whatever a tool's file lacks, it is the file's fault and not the others'.
      context.report.leave("entry_invalid", {
        file: name,
        detail: `is no ${format.title} file that can be read: ${String(error).slice(0, 200)}`,
      });
    }
  }
  for (const [format, { plans, file }] of documents)
    sources.push({ layout: format.layout, title: format.title, file, rank: 10, images: plans.images });
  return sources;
}

async function openJson(
  context: FormatContext,
  file: string,
  bytes: number,
): Promise<{ source: Source } | { value: unknown } | null> {
  if (/\.(ndjson|jsonl)$/i.test(file)) return lines(context, file, bytes);
  if (bytes <= smallBytes) {
    const text = (await context.zip.read(file, context.signal)).toString("utf8").replace(/^\uFEFF/, "");
    const value = parsed(text);
    if (value === undefined) {
      context.claim(file);
      context.report.leave("entry_invalid", { file, detail: "is not JSON" });
      return null;
    }
    if (!isStreamed(value)) return { value };
  }
  const streamed = await streamedSource(context, file);
  if (streamed === "not this") {
    if (bytes > context.limits.maxDocumentBytes) return null;
    const value = parsed(
      (await context.zip.read(file, context.signal)).toString("utf8").replace(/^\uFEFF/, ""),
    );
    return value === undefined ? null : { value };
  }
  return streamed && { source: streamed };
}

/** Python writes NaN and Infinity, which are no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (!/\b(NaN|-?Infinity)\b/.test(text)) return undefined;
  }
  try {
    return JSON.parse(text.replaceAll(/(?<=[[,:\s])(NaN|-?Infinity)(?=[\],}\s])/g, "null"));
  } catch {
    return undefined;
  }
}

const isStreamed = (value: unknown): boolean =>
  Array.isArray(value)
    ? looksLikeTask(value[0]) || looksLikeMinTask(value[0])
    : typeof value === "object" &&
      value !== null &&
      Array.isArray((value as Record<string, unknown>)["images"]) &&
      Array.isArray((value as Record<string, unknown>)["annotations"]);

async function lines(
  context: FormatContext,
  file: string,
  bytes: number,
): Promise<{ value: unknown } | null> {
  if (bytes > context.limits.maxDocumentBytes) return null;
  const text = (await context.zip.read(file, context.signal)).toString("utf8").replace(/^\uFEFF/, "");
  const values: unknown[] = [];
  for (const [k, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const value = parsed(line);
    if (value === undefined)
      context.report.leave("entry_invalid", { file, line: k + 1, detail: "is not JSON" });
    else values.push(value);
  }
  return { value: values };
}

const lists = ["images", "annotations", "categories"] as const;
const isList = (key: string): key is (typeof lists)[number] => (lists as readonly string[]).includes(key);

/** A COCO file or Label Studio export, read as it comes; `not this` for other JSON, null for what is at fault. */
async function streamedSource(context: FormatContext, file: string): Promise<Source | "not this" | null> {
  const coco = new CocoReader(file, context);
  const seen = new Set<string>();
  const isCoco = (): boolean => seen.has("images") && seen.has("annotations");
  let tasks: LabelStudioReader | undefined;
  let first: unknown;
  try {
    const top = await scanJson(context.zip.chunks(file, context.signal), {
      member: (key, list) => {
        if (!isList(key) || !list) return false;
        if (seen.has(key)) throw fileError(file, `has ${key} twice`);
        seen.add(key);
        return true;
      },
      element: (key, json, k) => {
        if (key !== null && isList(key)) return coco.add(key, json, k);
        if (k === 0) {
          first = parseElement(json);
          if (!looksLikeTask(first) && !looksLikeMinTask(first)) throw enough;
          tasks = new LabelStudioReader(file, context);
        }
        tasks?.add(json, k);
      },
    });
    if (top === "object" && isCoco()) return coco.source();
    if (top === "array" && tasks) return tasks.source();
    // A list of lists or numbers is nobody's; it is not parsed whole for that.
    return top === "array" && (typeof first !== "object" || first === null || Array.isArray(first))
      ? null
      : "not this";
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    if (isCoco() || tasks) throw fileError(file, error.message, error);
    context.claim(file);
    context.report.leave("entry_invalid", { file, detail: error.message });
    return null;
  }
}
