/**
 * Asks an unpacked export (argv 3) by transformers.js, which is installed in a folder (argv 2), all prompts of cases.json
 * in a third (argv 4; see worlds/bundles.ts), with weights of a dtype (argv 5), or what config.json asks for. Prints a JSON list: for each prompt the
 * IoU with the API's mask by preprocess.mjs, the same by SamProcessor, and how far the first's score is from the API's.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const [home, model, cases, dtype] = process.argv.slice(2);
const from = createRequire(join(home, "package.json"));
const { AutoProcessor, env, RawImage, Sam2Model, SamModel, Tensor } = await import(
  pathToFileURL(from.resolve("@huggingface/transformers")).href
);
const { preprocess } = await import(pathToFileURL(join(model, "preprocess.mjs")).href);
env.allowRemoteModels = false;
env.localModelPath = dirname(model);
const name = model.slice(dirname(model).length + 1);
const { model_type: type } = JSON.parse(await readFile(join(model, "config.json"), "utf8"));
const sam = await (type === "sam2" ? Sam2Model : SamModel).from_pretrained(name, dtype ? { dtype } : {});
const processor = await AutoProcessor.from_pretrained(name);

const iou = (mask, wanted) => {
  const both = mask.filter((value, i) => value && wanted[i]).length;
  return both / mask.filter((value, i) => value || wanted[i]).length;
};

/** The masks of prompts that SamProcessor or preprocess.mjs have brought, one after the other, and their scores. */
async function ask(inputs) {
  const out = await sam(inputs);
  const { original_sizes: sizes, reshaped_input_sizes: reshaped } = inputs;
  const [height, width] = sizes[0];
  // SAM 2's masks come to the image's size in one step, as the card says
  const [masks] =
    type === "sam2"
      ? await processor.post_process_masks(out.pred_masks, sizes, sizes, { pad_size: { height, width } })
      : await processor.post_process_masks(out.pred_masks, sizes, reshaped);
  const size = masks.dims[2] * masks.dims[3];
  return Array.from({ length: masks.dims[0] }, (_, i) => ({
    mask: masks.data.subarray(i * size, (i + 1) * size),
    score: out.iou_scores.data[i],
  }));
}

const rows = [];
for (const { image, prompts, scores } of JSON.parse(await readFile(join(cases, "cases.json"), "utf8"))) {
  const pixels = await RawImage.read(join(cases, image));
  const ours = await ask(preprocess(pixels, Tensor, prompts));
  for (const [k, { box, points = [] }] of prompts.entries()) {
    const all = [
      ...points,
      ...(box
        ? [
            [box[0], box[1], 2],
            [box[2], box[3], 3],
          ]
        : []),
    ];
    const inputs = await processor(pixels, {
      input_points: [all.map(([x, y]) => [x, y])],
      input_labels: [all.map(([, , label]) => label)],
    });
    const [theirs] = await ask(inputs);
    const wanted = await readFile(join(cases, `${image}.${k}.u8`));
    const apart = Math.abs(ours[k].score - scores[k]);
    rows.push([iou(ours[k].mask, wanted), iou(theirs.mask, wanted), apart]);
  }
}
console.log(JSON.stringify(rows));
