import { readFile, stat } from "node:fs/promises";
import { z } from "zod";
import { decoderLayouts, familyOfDecoder } from "../checkpoint/decoder-layouts.ts";
import type { NamedTensor, NamedTensors } from "../checkpoint/named-tensors.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import type { TensorFile } from "../checkpoint/tensor-file.ts";
import { decoderNames, type TensorPlace, vocabularies } from "./vocabularies.ts";

/** What to do with an adapter that is not added here. */
export const mergeFirst =
  'add its weights to the model\'s and save the sum: torch.save(model.merge_and_unload().state_dict(), "weights.pth")';

/** Why an adapter becomes no base model. */
export const adapterAlone = (): RefusedFile =>
  new RefusedFile(
    "wrong_architecture",
    `an adapter of peft is no model: upload it as a version of a project, whose decoder it is added to, or ${mergeFirst}`,
  );

/** What decides how much is added (peft: LoraConfig); what else a configuration says is about training. */
const configSchema = z.looseObject({
  peft_type: z.string(),
  lora_alpha: z.number().optional(),
  alpha_pattern: z.record(z.string().max(500), z.number()).nullish(),
  use_rslora: z.boolean().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  base_model_name_or_path: z.string().nullish(),
});
type Config = z.output<typeof configSchema>;
const maxConfigBytes = 256 * 1024;

/** A decoder with an adapter added to it. */
export interface AdaptedDecoder {
  readonly tensors: NamedTensors;
  readonly notes: readonly string[];
}

/**
 * Adds an adapter of peft to a base model's decoder: matrices of LoRA as W + B A alpha / r (peft: tuners/lora/layer.py,
 * get_delta_weight), and modules that were saved whole in place of the base's. Names are Meta's or Hugging Face's.
 * Throws RefusedFile `unreadable`, `wrong_architecture` or `names_missing`.
 */
export async function addAdapter(
  file: TensorFile,
  configPath: string,
  base: NamedTensors,
): Promise<AdaptedDecoder> {
  const config = await readConfig(configPath);
  const ours = namesOf(base);
  const adapter = sorted(file, ours);
  const tensors: Record<string, NamedTensor> = { ...base };
  for (const [name, place] of adapter.whole) {
    const own = base[name] as NamedTensor;
    requireShape(place, file.shapes.get(place), own.shape);
    tensors[name] = { shape: own.shape, data: await file.read(place) };
  }
  for (const [name, module] of adapter.lora) {
    const own = tensors[name] as NamedTensor;
    tensors[name] = { shape: own.shape, data: await added(file, module, own, config) };
  }
  const tuned = config.base_model_name_or_path;
  const notes = [
    `An adapter of peft was added to the decoder of the project's base model: LoRA on ${adapter.lora.size} layers, ${adapter.whole.size} tensors in place of the base's.` +
      (tuned ? ` It was tuned on ${tuned.slice(0, 200)}, by its own word.` : ""),
  ];
  return { tensors, notes };
}

async function readConfig(path: string): Promise<Config> {
  if ((await stat(path)).size > maxConfigBytes)
    throw new RefusedFile("unreadable", `adapter_config.json has more than ${maxConfigBytes} bytes`);
  let config: Config;
  try {
    config = configSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw new RefusedFile("unreadable", "adapter_config.json is no configuration of peft's", { cause });
  }
  const { peft_type: type, fan_in_fan_out: turned } = config;
  // Kinds of LoRA that add something else, such as use_dora
  const variant = Object.keys(config).find(
    (key) => key.startsWith("use_") && key !== "use_rslora" && config[key] === true,
  );
  const unread = Object.keys(config.alpha_pattern ?? {}).find((pattern) => !/^[\w.]+$/.test(pattern));
  if (unread !== undefined)
    throw new RefusedFile(
      "unreadable",
      `the adapter's alpha_pattern has an expression (${unread.slice(0, 100)}), names of modules are read; ${mergeFirst}`,
    );
  const other = type !== "LORA" ? type : (variant ?? (turned ? "fan_in_fan_out" : undefined));
  if (other !== undefined)
    throw new RefusedFile(
      "unreadable",
      `the adapter is of ${other.slice(0, 100)}; plain LoRA is added here: ${mergeFirst}`,
    );
  return config;
}

/** Our names by those that files have for them. */
function namesOf(base: NamedTensors): ReadonlyMap<string, string> {
  const family = familyOfDecoder(base);
  const names = new Map<string, string>();
  for (const vocabulary of vocabularies) {
    if (vocabulary.family !== family || vocabulary.bare || decoderNames(vocabulary).size === 0) continue;
    for (const name of Object.keys(decoderLayouts[family])) {
      const { name: theirs, row }: TensorPlace = vocabulary.placeOf(name);
      if (row === null && !names.has(theirs)) names.set(theirs, name);
    }
  }
  return names;
}

const part = /(?:^|\.)((?:(?:sam_)?mask_decoder|prompt_encoder|image_encoder|vision_encoder)\..+)$/;
const matrix = /\.lora_([AB])(?:\.default)?\.weight$/;

/** What an adapter's tensors are, by our names. */
interface Sorted {
  /** Modules with a pair of matrices, as the file calls them before `.lora_A`. */
  readonly lora: ReadonlyMap<string, string>;
  /** Tensors in place of the base's, by the file's names. */
  readonly whole: ReadonlyMap<string, string>;
}

function sorted({ shapes }: TensorFile, ours: ReadonlyMap<string, string>): Sorted {
  const lora = new Map<string, string>();
  const whole = new Map<string, string>();
  const encoder = new Set<string>();
  const strays: string[] = [];
  for (const name of shapes.keys()) {
    const module = name.replace(matrix, "");
    const inner = part.exec(module.replace(/\.(modules_to_save(\.default)?|base_layer)(?=\.)/, ""))?.[1];
    if (inner === undefined || /\.(lora_|original_module\.)/.test(inner)) strays.push(name);
    else if (/^(image|vision)_encoder\./.test(inner)) encoder.add(inner.replace(/\.(weight|bias)$/, ""));
    else {
      const own = ours.get(module === name ? inner : `${inner}.weight`);
      if (own === undefined) strays.push(name);
      else (module === name ? whole : lora).set(own, module);
    }
  }
  if (encoder.size > 0)
    throw new RefusedFile(
      "wrong_architecture",
      `the adapter tunes ${encoder.size} layers of the image encoder, which a version does not have; ${mergeFirst}, and import that as a base model (npm run model -- import)`,
    );
  if (strays.length > 0)
    throw new RefusedFile(
      "wrong_architecture",
      `the adapter's ${strays.slice(0, 3).join(", ").slice(0, 400)} fits no layer of this base model's decoder; ${mergeFirst}`,
    );
  if (lora.size + whole.size === 0) throw new RefusedFile("names_missing", "the adapter holds no tensor");
  return { lora, whole };
}

function requireShape(name: string, found: readonly number[] | undefined, wanted: readonly number[]): void {
  if (found?.join() === wanted.join()) return;
  throw new RefusedFile(
    "wrong_architecture",
    `the adapter's ${name.slice(0, 200)} is [${found?.join() ?? ""}] where [${wanted.join()}] is due`,
  );
}

/** W [out, in] with alpha / r times B [out, r] A [r, in]. */
async function added(
  file: TensorFile,
  module: string,
  { shape, data }: NamedTensor,
  config: Config,
): Promise<Float32Array> {
  const nameOf = (side: "A" | "B"): string =>
    [`${module}.lora_${side}.weight`, `${module}.lora_${side}.default.weight`].find((name) =>
      file.shapes.has(name),
    ) ?? `${module}.lora_${side}.weight`;
  const [out = 0, width = 0] = shape;
  const rank = file.shapes.get(nameOf("A"))?.[0] ?? 0;
  requireShape(nameOf("A"), file.shapes.get(nameOf("A")), [rank, width]);
  requireShape(nameOf("B"), file.shapes.get(nameOf("B")), [out, rank]);
  const [a, b] = [await file.read(nameOf("A")), await file.read(nameOf("B"))];
  const scale = alphaOf(module, config) / (config.use_rslora ? Math.sqrt(rank) : rank);
  const values = Float32Array.from(data);
  for (let row = 0; row < out; row++)
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += (b[row * rank + r] as number) * (a[r * width + column] as number);
      const at = row * width + column;
      values[at] = (values[at] as number) + scale * sum;
    }
  return values;
}

/** A module's own alpha where its name ends in a pattern's, as peft looks it up; patterns are names here, not expressions. */
function alphaOf(module: string, { alpha_pattern: patterns, lora_alpha: alpha = 8 }: Config): number {
  const own = Object.entries(patterns ?? {}).find(
    ([pattern]) => module === pattern || module.endsWith(`.${pattern}`),
  );
  return own?.[1] ?? alpha;
}
