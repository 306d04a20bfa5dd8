import type { Found } from "./find-sam.ts";

/** Names told of one file. */
const shownNames = 8;
const longestShown = 120;

const quoted = (name: string): string => name.slice(0, longestShown);

/** What SAM 2 tracks objects through a video with (sam2: modeling/sam2_base.py; transformers: Sam2VideoModel). */
const video =
  /^(spatial_perceiver|memory_attention|memory_encoder|mask_downsample|maskmem_tpos_enc|no_mem_pos_enc|no_obj_ptr|no_obj_embed_spatial|obj_ptr_proj|obj_ptr_tpos_proj|memory_temporal_positional_encoding|no_memory_positional_encoding|no_object_pointer|occlusion_spatial_embedding_parameter|object_pointer_proj|temporal_positional_encoding_projection_layer)(?=\.|$)/;

/** What is the image encoder's here, though Meta and Hugging Face keep it elsewhere (checkpoint/hiera-layout.ts). */
export const isEncoderPart = (own: string): boolean =>
  /^(((sam_)?mask_decoder\.)?conv_s[01]\.(weight|bias)|no_mem_embed|no_memory_embedding)$/.test(own);

/** SAMed saves its matrices by number, beside the decoder (sam_lora_image_encoder.py, save_lora_parameters). */
const samedMatrix = /^w_[ab]_\d+$/;

/** What a file holds beside the model that was read, for people; `left` are the names of its other tensors. */
export function leftNotes({ family, prefix, others }: Found, left: readonly string[]): string[] {
  const place = (own: string): string => quoted(own.replace(/\.$/, "")) || "its top level";
  const notes: string[] = [];
  if (others.length > 0)
    notes.push(
      `The file holds ${others.length + 1} models (${[prefix, ...others.slice(0, shownNames)].map(place).join(", ")}): ${place(prefix)} was read.`,
    );
  const stray = left.filter((name) => !others.some((other) => other !== "" && name.startsWith(other)));
  const ownName = (name: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : "");
  const videos = family === "sam2" ? stray.filter((name) => video.test(ownName(name))) : [];
  if (videos.length > 0) {
    const parts = new Set(videos.map((name) => video.exec(ownName(name))?.[0] ?? ""));
    notes.push(`What SAM 2 follows objects through videos with was left out: ${[...parts].join(", ")}.`);
  }
  const encoders = family === "sam2" ? stray.filter((name) => isEncoderPart(ownName(name))) : [];
  if (encoders.length > 0)
    notes.push(
      `What every image passes before the decoder was left out with the image encoder: ${encoders.map(ownName).join(", ")}.`,
    );
  const lora = stray.filter((name) => samedMatrix.test(ownName(name)));
  if (lora.length > 0)
    notes.push(
      `LoRA weights of an image encoder were left out (${lora.length} of SAMed's w_a_… and w_b_…), which the decoder was tuned with: to keep both, save the whole model's state_dict() and import that as a base model.`,
    );
  const told = new Set([...videos, ...encoders, ...lora]);
  const rest = stray.filter((name) => !told.has(name));
  if (rest.length === 0) return notes;
  const more = rest.length > shownNames ? ` and ${rest.length - shownNames} more` : "";
  const names = rest.slice(0, shownNames).map(quoted).join(", ");
  return [...notes, `Tensors that are not SAM's were left out: ${names}${more}.`];
}
