import { repVitArchitectures } from "../checkpoint/rep-vit-layout.ts";
import type { ExportOptions, ExportSubject } from "./types.ts";

/** How SAM 2 is prompted, and which of its masks answers. */
export function promptingSam2({ version }: ExportSubject): string {
  const usual =
    "As SAM 2: both sides of the image resized to 1024, each by itself, normalised; points and box corners in pixels of " +
    "that frame; every prompt gets one padding point of label -1.";
  const answer = version
    ? "What was trained and measured is mask 0: multimask_output=False without dynamic_multimask_via_stability, which " +
      "would answer with another mask wherever mask 0 is not stable."
    : "multimask_output=False answers with mask 0, and with the best of the others where that is not stable " +
      "(dynamic_multimask_via_stability), as Meta's predictor does.";
  return `${usual} ${answer}`;
}

/** What of a SAM 2 no file of ours holds, and how Meta's code loads a .pth. */
export function withMetaSam2(
  { base, version }: ExportSubject,
  { full }: Pick<ExportOptions, "full">,
): string {
  const left = full
    ? ""
    : " Nor is the image encoder, to which conv_s0, conv_s1 and no_mem_embed belong here: `full=true` adds it.";
  const options = version ? ", apply_postprocessing=False" : "";
  const isEdgeTam = Object.hasOwn(repVitArchitectures, base.type);
  const [names, file, config] = isEdgeTam
    ? ["edgetam.pt", "edgetam.pt", "configs/edgetam.yaml"]
    : ["sam2.1_hiera_*.pt", "sam2.1_hiera_tiny.pt", "configs/sam2.1/sam2.1_hiera_t.yaml"];
  const whose = isEdgeTam
    ? "Meta's; the code is EdgeTAM's, whose package is sam2, too"
    : "Meta's, of the base's size";
  return `Names are those of Meta's \`${names}\`, under \`model\`. What SAM 2 follows objects through videos with (memory attention, memory encoder, object pointers) is not in it.${left} \`build_sam2\` refuses a checkpoint that lacks a tensor, so these are laid over Meta's own${isEdgeTam ? "" : " of the same size"}:

\`\`\`python
import torch
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor
checkpoint = torch.load("${file}", weights_only=True)   # ${whose}
checkpoint["model"].update(torch.load("this.pth", weights_only=True)["model"])
torch.save(checkpoint, "tuned.pt")
predictor = SAM2ImagePredictor(build_sam2("${config}", "tuned.pt"${options}))
\`\`\``;
}

/** Prompts of an ONNX decoder, in samexporter's layout or, of the variants that are asked one at a time, near it. */
export function promptsInOnnx({ variant }: Pick<ExportOptions, "variant">): string {
  if (variant === "served") return onePrompt + servedMasks;
  return variant === "engine" ? onePrompt + engineMasks : manyPrompts;
}

const onePrompt =
  "`point_coords` is one object a call, in pixels of the stretched frame (x times 1024 / width, y times 1024 / height); " +
  "labels 1 and 0 are clicks, 2 and 3 a box's corners, -2 points that are not there. The padding point is added inside. ";

const servedMasks =
  "`orig_im_size` is height and width; `masks` are logits of that size. Where there is an input `image`, it is the image " +
  "as uint8 [H, W, 3], RGB.";

const engineMasks =
  "There are always eight points. `low_res_masks` are logits of the stretched frame, to be resized to the image.";

const manyPrompts = `Each row of \`point_coords\` is one object, all rows of one image; \`masks\` are low-res logits of the stretched frame, to be resized to the image:

\`\`\`python
feeds["point_coords"] = np.array(boxes, np.float32).reshape(-1, 2, 2) * np.float32([1024 / width, 1024 / height])
feeds["point_labels"] = np.tile(np.float32([2, 3]), (len(boxes), 1))
feeds["mask_input"], feeds["has_mask_input"] = np.zeros((len(boxes), 1, 256, 256), np.float32), np.zeros(1, np.float32)
masks = [cv2.resize(logits[0], (width, height)) > 0 for logits in session.run(["masks"], feeds)[0]]
\`\`\``;

/** The section "With transformers" where a folder for it holds no vision encoder. */
export const noSam2VisionEncoder =
  "No image encoder that transformers has is in here: `Sam2Model.from_pretrained` reports the vision encoder's tensors, " +
  "conv_s0, conv_s1 and no_memory_embedding as missing, and the model refuses `pixel_values`. Give it `image_embeddings` " +
  "of the base's own encoder, a list of [1, 32, 256, 256], [1, 64, 128, 128] and [1, 256, 64, 64].";
