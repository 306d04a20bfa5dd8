import { CocoReader } from "./coco.ts";
import { JsonFault } from "./json-outline.ts";
import { enough, parseElement, scanJson } from "./json-stream.ts";
import { LabelStudioReader, looksLikeTask } from "./label-studio.ts";
import type { Plan } from "./plan.ts";
import { fileError } from "./problems.ts";
import type { DatasetLimits, LayoutContext } from "./types.ts";
import type { ZipReader } from "./zip.ts";

/** What a JSON file was found to be. */
export interface AnnotationFile {
  readonly kind: "a COCO file" | "a Label Studio export";
  readonly file: string;
  readonly plan: () => Plan;
}

/**
 * Reads a JSON file of annotations, however long, in one go: COCO where the outermost object has a list `images` and
 * `annotations`, Label Studio's export where it is a list of tasks. Null for any other. Faults of a file that turns out to
 * be neither are nobody's business. Throws AppError import_file_invalid.
 */
export async function readAnnotations(
  zip: ZipReader,
  file: string,
  limits: DatasetLimits,
  { openSpool, signal, reading }: LayoutContext,
): Promise<AnnotationFile | null> {
  reading?.(file);
  const spool = openSpool();
  const coco = new CocoCandidate(new CocoReader(file, spool, limits), file);
  const tasks = new TaskCandidate(() => new LabelStudioReader(file, spool, zip));
  let top: Awaited<ReturnType<typeof scanJson>>;
  try {
    top = await scanJson(zip.chunks(file, signal), {
      member: (key, isList) => coco.member(key, isList),
      element: (key, json, k) => (key === null ? tasks.add(json, k) : coco.add(key, json, k)),
    });
  } catch (error) {
    throw error instanceof JsonFault ? fileError(file, error.message, error) : error;
  }
  if (top === "object" && coco.isOne) {
    coco.check();
    return { kind: "a COCO file", file, plan: () => coco.reader.plan(zip) };
  }
  const { reader } = tasks;
  return top === "array" && reader
    ? { kind: "a Label Studio export", file, plan: () => reader.plan(zip) }
    : null;
}

const lists = ["images", "annotations", "categories"] as const;
const isList = (key: string): key is (typeof lists)[number] => (lists as readonly string[]).includes(key);

/** A file that is COCO once it has both of its lists; a fault counts from then on. */
class CocoCandidate {
  readonly reader: CocoReader;
  readonly #file: string;
  readonly #seen = new Set<string>();
  #images = false;
  #fault: unknown;

  constructor(reader: CocoReader, file: string) {
    this.reader = reader;
    this.#file = file;
  }

  get isOne(): boolean {
    return this.#images && this.#seen.has("annotations");
  }

  member(key: string, list: boolean): boolean {
    if (!isList(key)) return false;
    if (this.#seen.has(key)) this.#failed(fileError(this.#file, `has ${key} twice`));
    this.#seen.add(key);
    if (key === "images") this.#images = list;
    if (!list) this.#failed(fileError(this.#file, `${key}: must be a list`));
    this.check();
    return this.#fault === undefined;
  }

  add(key: string, json: Buffer, k: number): void {
    if (this.#fault !== undefined || !isList(key)) return;
    try {
      this.reader.add(key, json, k);
    } catch (error) {
      this.#failed(error);
    }
    this.check();
  }

  check(): void {
    if (this.isOne && this.#fault !== undefined) throw this.#fault as Error;
  }

  #failed(error: unknown): void {
    this.#fault ??= error;
  }
}

/** A list that is Label Studio's if its first element looks like a task. */
class TaskCandidate {
  readonly #make: () => LabelStudioReader;
  reader: LabelStudioReader | undefined;

  constructor(make: () => LabelStudioReader) {
    this.#make = make;
  }

  add(json: Buffer, k: number): void {
    if (k === 0) {
      if (!looksLikeTask(parseElement(json))) throw enough;
      this.reader = this.#make();
    }
    this.reader?.add(json, k);
  }
}
