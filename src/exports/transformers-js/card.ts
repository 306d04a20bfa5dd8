/** IoU with the API's masks, as docs/exports.md has them; transformers.js 4.3.2. */
const images = 24;
const ours = ".9995";
const theirs = ".875 to 1.000, median .989";
const eightBits = ".958 to 1.000, median .999";

/** What a card says of a folder for transformers.js. */
export const withTransformersJs = `\`\`\`js
import { AutoProcessor, RawImage, SamModel, Tensor } from "@huggingface/transformers";   // 4.3
import { preprocess } from "./preprocess.mjs";
const model = await SamModel.from_pretrained("folder", { dtype: "fp32" });   // or q8, which browsers take by themselves
const processor = await AutoProcessor.from_pretrained("folder");
const inputs = preprocess(await RawImage.read("image.jpg"), Tensor, [{ box: [10, 20, 200, 180] }]);
const { pred_masks, iou_scores } = await model(inputs);
const [masks] = await processor.post_process_masks(pred_masks, inputs.original_sizes, inputs.reshaped_input_sizes);
\`\`\`

One mask comes for each prompt, mask 0: \`pred_masks\` [1, P, 1, 256, 256]. A box is two points of labels 2 and 3; what
SamProcessor makes of \`input_boxes\` is dropped by transformers.js. \`q8\` keeps weights in 8 bits and reckons in float32.

Images have to come through preprocess.mjs: SamProcessor of transformers.js smooths nothing when it makes an image smaller
and rounds its sides down, in browsers it leaves the resizing to the canvas, and the model has learned from neither.
Measured in Node on ${images} images with a box each, MobileSAM's encoder and its decoder hardly changed, IoU with the masks
of maskwright's API: preprocess.mjs ${ours} or more; SamProcessor ${theirs}. \`q8\`, with preprocess.mjs, on 12 of them and
4 of a version fine-tuned for half a minute: ${eightBits}.`;
