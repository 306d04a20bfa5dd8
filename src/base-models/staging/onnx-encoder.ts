import { open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import type { OnnxOutline } from "../../checkpoint/onnx-file.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import { readBytes } from "../../checkpoint/tensor-file.ts";
import { type ModelFamily, modelFamilies } from "../../domain/model-family.ts";
import { dataType, type OnnxValueInfo } from "../../lib/onnx-proto.ts";
import { externalPlace } from "./external-place.ts";
import { isPart, partOutputs } from "./flat-encoder.ts";
import { allFinite } from "./stage.ts";
import type { StagedEncoder } from "./staged.ts";
import { givenShapes } from "./try-encoder.ts";

/** Bytes looked at together when weights are gone through; a multiple of every number's size. */
const chunkBytes = 16 * 1024 * 1024;
const graphFile = "encoder.onnx";

/**
 * An image encoder of which only its graph is known: what it takes and gives is checked by its signature, its weights
 * for being there and finite. `parts` are the outputs of one that gives SAM 2's by themselves. Throws RefusedFile `wrong_architecture`, `truncated`, `not_finite` or `unreadable`.
 */
export async function checkEncoder(
  path: string,
  outline: OnnxOutline,
): Promise<{ family: ModelFamily; encoder: StagedEncoder; parameters: number; parts: string[] | null }> {
  const { graph } = outline.model;
  const weights = new Set(graph.initializer.map(({ name }) => name));
  const inputs = graph.input.filter(({ name }) => !weights.has(name));
  const output = graph.output[0];
  const input = inputs.length === 1 ? inputKind(inputs[0]) : null;
  if (!input)
    throw new RefusedFile(
      "wrong_architecture",
      `an image encoder takes one float32 image, [1,3,1024,1024] or [height,width,3]; this ONNX file takes ${inputs.map(shown).join(", ")}${inputs.some(isHalf) ? "; convert it with keep_io_types=True, so that its weights alone are float16" : ""}`,
    );
  const parts = partOutputs(graph.output);
  // One that gives some of the parts is no SAM's, whatever sizes it leaves open
  const one = output && !graph.output.some(isPart) ? familyOf(dimsOf(output)) : undefined;
  const family = parts ? "sam2" : one;
  if (!family)
    throw new RefusedFile(
      "wrong_architecture",
      `an image encoder gives [${givenShapes.sam.join()}] first, SAM 2's image_embed, high_res_feats_0 and high_res_feats_1 or all in one, [${givenShapes.sam2.join()}]; this ONNX file gives ${graph.output.map(shown).join(", ")}`,
    );
  const folder = dirname(path);
  const outside = new Set<string>();
  let parameters = 0;
  for (const [index, tensor] of graph.initializer.entries()) {
    if (tensor.dataType !== dataType.float) continue;
    parameters += tensor.dims.reduce((a, b) => a * b, 1);
    const apart = tensor.dataLocation === 1 ? externalPlace(tensor) : null;
    if (apart) outside.add(apart.file);
    const place = apart ?? outline.values.get(index);
    const file = apart ? join(folder, apart.file) : path;
    if (place) await checkFinite(file, place, tensor.name ?? "");
    else if (tensor.rawData && !allFinite(aligned(tensor.rawData))) throw notFinite(tensor.name ?? "");
  }
  if (outside.has(graphFile))
    throw new RefusedFile(
      "unreadable",
      `the weights of the ONNX file lie in a file called ${graphFile}; rename it`,
    );
  const files = [
    { file: graphFile, path },
    ...Array.from(outside, (file) => ({ file, path: join(folder, file) })),
  ];
  return { family, encoder: { input, graph: graphFile, files }, parameters, parts };
}

type Dim = number | null;

/** Sizes; null where one is free or not told. */
const dimsOf = ({ type }: OnnxValueInfo): Dim[] | null =>
  type?.tensorType?.shape?.dim.map(({ dimValue }) => dimValue ?? null) ?? null;

/** Whether the sizes that are told are the wanted ones; null fits all. */
const fits = (dims: readonly Dim[] | null, wanted: readonly Dim[]): boolean =>
  dims !== null &&
  dims.length === wanted.length &&
  dims.every((dim, i) => dim === null || wanted[i] === null || dim === wanted[i]);

function familyOf(dims: readonly Dim[] | null): ModelFamily | undefined {
  return modelFamilies.find((family) => fits(dims, givenShapes[family].with(0, null)));
}

function inputKind(input: OnnxValueInfo | undefined): EncoderInput | null {
  if (!input || input.type?.tensorType?.elemType !== dataType.float) return null;
  if (fits(dimsOf(input), [null, 3, 1024, 1024])) return "normalised";
  return fits(dimsOf(input), [null, null, 3]) ? "rgb" : null;
}

const isHalf = ({ type }: OnnxValueInfo): boolean => type?.tensorType?.elemType === dataType.float16;

const shown = (value: OnnxValueInfo): string =>
  `${value.name} ${isHalf(value) ? "float16 " : ""}[${
    dimsOf(value)
      ?.map((dim) => dim ?? "?")
      .join() ?? "?"
  }]`;

async function checkFinite(
  path: string,
  place: { offset: number; length: number },
  name: string,
): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new RefusedFile("truncated", `${path}, which holds ${name}, is not there`, { cause });
  });
  if (place.offset + place.length > found.size)
    throw new RefusedFile(
      "truncated",
      `${name} ends at byte ${place.offset + place.length} of ${path}, which has ${found.size}`,
    );
  const file = await open(path);
  try {
    for (let at = 0; at < place.length; at += chunkBytes) {
      const bytes = await readBytes(file, place.offset + at, Math.min(chunkBytes, place.length - at));
      if (!allFinite(new Float32Array(bytes.buffer))) throw notFinite(name);
    }
  } finally {
    await file.close();
  }
}

const notFinite = (name: string): RefusedFile =>
  new RefusedFile("not_finite", `${name} holds values that are not finite`);

/** Copied: the bytes of a protobuf begin anywhere, and a Buffer's own slice would not copy. */
const aligned = (bytes: Uint8Array): Float32Array => new Float32Array(new Uint8Array(bytes).buffer);
