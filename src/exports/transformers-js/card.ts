import type { ModelFamily } from "../../domain/model-family.ts";

/** IoU with the API's masks, as docs/exports.md has them; transformers.js 4.3.2. */
const images = 24;
const ours = ".9995";
const theirs = ".875 to 1.000, median .989";
const eightBits = ".958 to 1.000, median .999";

/** What a card says of a folder for transformers.js. */
export const withTransformersJs = (family: ModelFamily): string => `${usage(family)}

${family === "sam" ? ofSam : ofSam2}`;

const usage = (family: ModelFamily): string => {
  const model = family === "sam" ? "SamModel" : "Sam2Model";
  // SAM 2's masks come to the image's size in one step, which it takes from pad_size
  const sizes =
    family === "sam"
      ? "inputs.original_sizes, inputs.reshaped_input_sizes"
      : "inputs.original_sizes, inputs.original_sizes, { pad_size: image }";
  return `\`\`\`js
import { AutoProcessor, RawImage, ${model}, Tensor } from "@huggingface/transformers";   // 4.3
import { preprocess } from "./preprocess.mjs";
const model = await ${model}.from_pretrained("folder", { dtype: "fp32" });   // or q8, which browsers take by themselves
const processor = await AutoProcessor.from_pretrained("folder");
const image = await RawImage.read("image.jpg");
const inputs = preprocess(image, Tensor, [{ box: [10, 20, 200, 180] }]);
const { pred_masks, iou_scores } = await model(inputs);
const [masks] = await processor.post_process_masks(pred_masks, ${sizes});
\`\`\``;
};

const ofSam = `One mask comes for each prompt, mask 0: \`pred_masks\` [1, P, 1, 256, 256]. A box is two points of labels 2 and 3; what
SamProcessor makes of \`input_boxes\` is dropped by transformers.js. \`q8\` keeps weights in 8 bits and reckons in float32.

Images have to come through preprocess.mjs: SamProcessor of transformers.js smooths nothing when it makes an image smaller
and rounds its sides down, in browsers it leaves the resizing to the canvas, and the model has learned from neither.
Measured in Node on ${images} images with a box each, MobileSAM's encoder and its decoder hardly changed, IoU with the masks
of maskwright's API: preprocess.mjs ${ours} or more; SamProcessor ${theirs}. \`q8\`, with preprocess.mjs, on 12 of them and
4 of a version fine-tuned for half a minute: ${eightBits}.`;

const ofSam2 = `One mask comes for each prompt, mask 0: \`pred_masks\` [1, P, 1, 256, 256]; \`object_score_logits\` [1, P, 1]. A box
is two points of labels 2 and 3, or Sam2Processor's \`input_boxes\`. \`q8\` keeps weights in 8 bits and reckons in float32; an
encoder with its weights in a file of their own comes in fp32 alone, and config.json asks for it.

Images have to come through preprocess.mjs: Sam2Processor of transformers.js smooths nothing when it makes an image smaller,
in browsers it leaves the resizing to the canvas, and the model has learned from neither. With \`pad_size\` masks are resized
once, as maskwright's API does; without, twice.`;
