import { z } from "zod";
import { modelFamilies } from "../domain/model-family.ts";
import { sha256 as hashOf } from "../lib/hash.ts";
import type { SignedFile } from "../lib/model-signature.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const storedFile = z.object({
  /** Name in the encoder's folder: the ONNX file refers to its weights by it. */
  file: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/),
  key: z.string(),
  sha256,
  bytes: z.number().int().nonnegative(),
});
export type StoredFile = z.infer<typeof storedFile>;

/** What main/model.ts writes of an imported base model, under keys.baseModel. */
const manifestSchema = z.object({
  object: z.literal("base_model"),
  name: z.string(),
  /** Models of before there were others say nothing. */
  family: z.enum(modelFamilies).default("sam"),
  /** `vit_b`, `hiera_tiny` and so on (checkpoint/image-encoders.ts), or `onnx` for an encoder of which only its graph is known. */
  type: z.string(),
  /** The files that it was made from. */
  source: z.object({
    format: z.string(),
    files: z.array(z.object({ file: z.string(), bytes: z.number(), sha256 })),
    /** What the decoder's file said of itself; models of before that was kept have none. */
    says: z.record(z.string(), z.string()).optional(),
  }),
  licence: z.string(),
  /** Weights of encoder and decoder together; of an ONNX encoder, those that are float32. */
  parameters: z.number(),
  created_at: z.string(),
  /** Equal ids give equal embeddings. */
  embedding_id: sha256,
  encoder: z.union([
    z.object({
      /** What the encoder takes: see EncoderInput of checkpoint/base-models.ts. */
      input: z.enum(["normalised", "rgb"]),
      /** The ONNX file among `files`. */
      graph: z.string(),
      files: z.array(storedFile),
    }),
    /** The image encoder of another base model. */
    z.object({ of: z.string() }),
  ]),
  /** Prompt encoder and mask decoder: safetensors by Meta's names. */
  decoder: z.object({ key: z.string(), sha256 }),
});
export type BaseModelManifest = z.infer<typeof manifestSchema>;

/** What of an imported model is signed: the manifest itself, and each file that it names, by its name in the model's folder. */
export function signedFiles(bytes: Uint8Array): (SignedFile & { readonly key: string | null })[] {
  const { decoder, encoder } = readManifest(bytes);
  const own = "files" in encoder ? encoder.files : [];
  return [
    { name: "manifest.json", sha256: hashOf(bytes), key: null },
    { name: "decoder.safetensors", sha256: decoder.sha256, key: decoder.key },
    ...own.map(({ file, sha256: hash, key }) => ({ name: file, sha256: hash, key })),
  ];
}

/** Throws an Error when the bytes are not a manifest. */
export const readManifest = (bytes: Uint8Array): BaseModelManifest =>
  manifestSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
