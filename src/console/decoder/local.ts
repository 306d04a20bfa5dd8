import { embeddingLength } from "../../domain/model-family.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { api } from "../api/client.ts";
import type { Image, Version } from "../api/types.ts";
import type { Prompt, VersionName } from "../state/predict.ts";
import { place } from "../state/router.ts";
import type { Answered, Question } from "./protocol.ts";

/** Slower than this, the server's preview feels better, and the machine has other things to do. */
const bearableMs = 250;
/** The image and the first clicks come first. */
const patienceMs = 1500;

/** The worker and the model that it holds outlive an image: the next one needs only its embedding. */
let worker: Worker | undefined;
let model: string | undefined;
let next = 0;
const waiting = new Map<number, { resolve: (answer: Answered) => void; reject: (error: Error) => void }>();

function ask(question: Question): Promise<Answered> {
  worker ??= start();
  const id = next++;
  // A worker has no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  worker.postMessage({ id, question });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function start(): Worker {
  const url = document.querySelector<HTMLElement>("script[data-decoder]")?.dataset["decoder"];
  if (url === undefined) throw new Error("the page names no decoder");
  const made = new Worker(url, { type: "module" });
  made.addEventListener("message", ({ data }: MessageEvent<Answered>) => {
    const { resolve, reject } = waiting.get(data.id) ?? {};
    waiting.delete(data.id);
    if (data.error === undefined) resolve?.(data);
    else reject?.(new Error(data.error));
  });
  made.addEventListener("error", () => {
    for (const { reject } of waiting.values()) reject(new Error("the decoder's worker failed"));
    waiting.clear();
  });
  return made;
}

/** `?decoder=browser` takes this one however slow it is, `?decoder=server` never. */
const wish = (): string | undefined => place.value.query["decoder"];

function machineMay(): boolean {
  if (wish() !== undefined) return wish() === "browser";
  const { deviceMemory = 8 } = navigator as { deviceMemory?: number };
  return crossOriginIsolated && navigator.hardwareConcurrency >= 4 && deviceMemory >= 4;
}

/** Which decoder's first mask is what the API answers with. */
function variantOf(floats: number | undefined, name: "base" | number): "multi" | "single" | "all" {
  // SAM's with all four masks: Meta's single one is the best of the other three where there is one point.
  if (floats !== embeddingLength("sam2")) return "multi";
  return name === "base" ? "single" : "all";
}

/** Decodes masks of one image in the browser, once the machine has shown that it can. */
export class LocalDecoder {
  /** The version whose weights are here; null while there are none. */
  ready: VersionName | null = null;
  readonly #path: string;
  readonly #image: Image;
  readonly #live: number | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param live the project's live version; null is the base */
  constructor(projectId: string, image: Image, live: number | null) {
    this.#path = `/v1/projects/${projectId}`;
    this.#image = image;
    this.#live = live;
  }

  /** Gets a version ready in the background; where that can't be, nothing happens. */
  prepare(version: VersionName): void {
    this.ready = null;
    clearTimeout(this.#timer);
    if (!machineMay()) return;
    this.#timer = setTimeout(() => void this.#open(version).catch(() => {}), patienceMs);
  }

  async #open(version: VersionName): Promise<void> {
    const name = version === "active" ? (this.#live ?? "base") : version;
    if (!(await this.#decoderIsAll(name))) return;
    const { id, width, height } = this.#image;
    const embedding = `${this.#path}/images/${id}/embedding`;
    const { floats } = await ask({ kind: "image", url: embedding, width, height });
    const url = `${this.#path}/versions/${name}/export?format=onnx&variant=${variantOf(floats, name)}`;
    if (model !== url) {
      model = undefined;
      const threads = Math.min(4, Math.max(1, navigator.hardwareConcurrency - 1));
      await ask({ kind: "model", url, threads: crossOriginIsolated ? threads : 1 });
      model = url;
    }
    const { ms = Infinity } = await ask({ kind: "time" });
    if (!this.#closed && (ms <= bearableMs || wish() === "browser")) this.ready = version;
  }

  /**
   * Whether the decoder alone answers as the API does: a version that looks closer or refines its masks is asked there,
   * as another mask drawn here would be wrong until the right one came.
   */
  async #decoderIsAll(name: "base" | number): Promise<boolean> {
    if (name === "base") return true;
    const { focus } = await api.get<Version>(`${this.#path}/versions/${name}`);
    return focus.zoom === null && focus.refine === null;
  }

  /** Points as the API takes them, in pixels of the image. */
  async decode({ points, box }: Pick<Prompt, "points" | "box">): Promise<BinaryMask> {
    const corners = box
      ? ([
          [box[0], box[1], 2],
          [box[2], box[3], 3],
        ] as const)
      : [];
    const { mask } = await ask({ kind: "prompt", points: [...points, ...corners] });
    if (!mask) throw new Error("no mask");
    return { width: this.#image.width, height: this.#image.height, data: mask };
  }

  close(): void {
    this.#closed = true;
    this.ready = null;
    clearTimeout(this.#timer);
  }
}
