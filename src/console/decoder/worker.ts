import type * as Ort from "onnxruntime-web/wasm";
import { embeddingLength, embeddingParts, fits, type ModelFamily } from "../../domain/model-family.ts";
import { lowResSide, toInputFrame } from "../../imaging/coordinates.ts";
import { maskAtSize } from "../../imaging/postprocess.ts";
import type { Answered, Asked, Question } from "./protocol.ts";

/** One decoder on one image's embedding, in a thread of its own: the project's version as `export?format=onnx` gives it. */
interface Scene {
  readonly family: ModelFamily;
  /** By the names of the decoder's inputs. */
  readonly embedding: Readonly<Record<string, Ort.Tensor>>;
  readonly width: number;
  readonly height: number;
}

/** What the decoders call the parts of an embedding: Meta's, and samexporter's of SAM 2. */
const inputNames = {
  sam: { image_embedding: "image_embeddings", high_res_features_0: "", high_res_features_1: "" },
  sam2: {
    image_embedding: "image_embed",
    high_res_features_0: "high_res_feats_0",
    high_res_features_1: "high_res_feats_1",
  },
} as const;

// Unbundled: its threads load it again by its own address.
const runtime = "/console/ort/ort.wasm.bundle.min.mjs";
let ort: typeof Ort | undefined;
let session: Ort.InferenceSession | undefined;
let scene: Scene | undefined;

async function answer(question: Question): Promise<Omit<Answered, "id">> {
  if (question.kind === "model") await openModel(question);
  else if (question.kind === "image") return { floats: await openImage(question) };
  else if (question.kind === "time") return { ms: await time() };
  else return { mask: await decode(question.points) };
  return {};
}

const load = async (): Promise<typeof Ort> => (ort ??= (await import(runtime)) as typeof Ort);

async function openModel({ url, threads }: Extract<Question, { kind: "model" }>): Promise<void> {
  const { env, InferenceSession } = await load();
  if (!session) {
    env.wasm.numThreads = threads;
    env.wasm.wasmPaths = { wasm: "/console/ort/ort-wasm-simd-threaded.wasm" };
  }
  const model = new Uint8Array(await (await get(url)).arrayBuffer());
  await session?.release();
  session = await InferenceSession.create(model, { executionProviders: ["wasm"] });
}

async function openImage({ url, width, height }: Extract<Question, { kind: "image" }>): Promise<number> {
  const { Tensor } = await load();
  const values = new Float32Array(await (await get(url)).arrayBuffer());
  const family = values.length === embeddingLength("sam2") ? "sam2" : "sam";
  const embedding = Object.fromEntries(
    embeddingParts[family].map(({ name, offset, length, shape }) => [
      inputNames[family][name],
      new Tensor("float32", values.subarray(offset, offset + length), [1, ...shape]),
    ]),
  );
  scene = { family, embedding, width, height };
  return values.length;
}

async function time(): Promise<number> {
  if (!scene) throw new Error("no image");
  const { width, height } = scene;
  const middle = [[width / 2, height / 2, 1]] as const;
  // The first run also lays out memory; the second is what every later one takes.
  await decode(middle);
  const start = performance.now();
  await decode(middle);
  return performance.now() - start;
}

type Points = Extract<Question, { kind: "prompt" }>["points"];

/** The mask that the API answers with without `multimask`. */
async function decode(points: Points): Promise<Uint8Array<ArrayBuffer>> {
  if (!ort || !session || !scene) throw new Error("no image");
  const { family, width, height, embedding } = scene;
  // Points without a box are followed by one that is not there, as Meta's own program feeds them; SAM 2's decoder adds it.
  const whole = family === "sam2" || points.some(([, , label]) => label > 1);
  const labels = [...points.map(([, , label]) => label), ...(whole ? [] : [-1])];
  const pairs = toInputFrame(
    points.flatMap(([x, y]) => [x, y]),
    [height, width],
    fits[family],
  );
  const coords = [...pairs, ...(whole ? [] : [0, 0])];
  const float = (values: number[], shape: number[]): Ort.Tensor =>
    new (ort as typeof Ort).Tensor("float32", Float32Array.from(values), shape);
  const output = await session.run({
    ...embedding,
    point_coords: float(coords, [1, labels.length, 2]),
    point_labels: float(labels, [1, labels.length]),
    mask_input: new ort.Tensor("float32", new Float32Array(lowResSide ** 2), [1, 1, lowResSide, lowResSide]),
    has_mask_input: float([0], [1]),
    // The masks at full size are made here: the graph makes small ones that nobody looks at.
    ...(family === "sam" && { orig_im_size: float([lowResSide, lowResSide], [2]) }),
  });
  const lowRes = output[family === "sam" ? "low_res_masks" : "masks"];
  if (!lowRes) throw new Error("the decoder gave no masks");
  const logits = (lowRes.data as Float32Array).slice(0, lowResSide ** 2);
  return maskAtSize(logits, [height, width], fits[family]).data as Uint8Array<ArrayBuffer>;
}

async function get(url: string): Promise<Response> {
  const found = await fetch(url, { credentials: "same-origin" });
  if (!found.ok) throw new Error(`${url}: ${found.status}`);
  return found;
}

// One after the other: a session does one thing at a time.
let line: Promise<unknown> = Promise.resolve();
addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  line = line.then(async () => {
    let answered: Answered;
    try {
      answered = { id: data.id, ...(await answer(data.question)) };
    } catch (error) {
      answered = { id: data.id, error: error instanceof Error ? error.message : String(error) };
    }
    postMessage(answered, { transfer: answered.mask ? [answered.mask.buffer] : [] });
    return answered;
  });
});
