import type { Layout } from "../checkpoint/layout.ts";

/** What a model that is not whole seems to be, and what to do; null where its names and shapes do not tell. */
export function hintOf(
  shapes: ReadonlyMap<string, readonly number[]>,
  layout: Layout,
  placeOf: (name: string) => { readonly name: string },
): string | null {
  const names = [...shapes.keys()];
  if (names.some((name) => /\.(lora_[AB]|base_layer)\./.test(name)))
    return `weights of LoRA lie beside its layers, whose scale no file tells; add them and save the sum: torch.save(model.merge_and_unload().state_dict(), "weights.pth")`;
  if (names.some((name) => /\.linear_[ab]_[qkv]\./.test(name)))
    return "weights of LoRA lie beside its layers in another way than SAMed's, which are added; add them and save the sum";
  const position = "image_encoder.pos_embed";
  const side = layout[position] && shapes.get(placeOf(position).name)?.[1];
  const wanted = layout[position]?.[1];
  if (side !== undefined && side !== wanted)
    return `its image encoder takes images of ${16 * side} x ${16 * side} pixels; those of 1024 x 1024, SAM's own, are read`;
  const adapter = names.find((name) => /(^|\.)(\w*_)?adapters?(\.|_)/i.test(name));
  if (adapter !== undefined)
    return `it has adapters (${adapter.slice(0, 120)}), layers that no SAM has and that its decoder was tuned with; export its image encoder and its decoder as an ONNX pair, which is run as it is`;
  const token = "mask_decoder.mask_tokens.weight";
  const tokens = shapes.get(placeOf(token).name)?.[0];
  if (tokens !== undefined && tokens !== layout[token]?.[0])
    return `its decoder gives ${tokens - 1} masks at once, one for each class; SAM's gives three of one object`;
  return null;
}
