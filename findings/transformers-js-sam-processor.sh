#!/usr/bin/env bash
# @huggingface/transformers 4.3.2 in Node: SamProcessor makes other pixels than Python's transformers and Meta's own code do
# from the same preprocessor_config.json. It resizes by an affine map that smooths nothing (columns of 0 and 255 in turn, at
# half their size, come out as one of the two, not as grey), and it rounds the shorter side down (300 x 200 becomes
# 1024 x 682, not 683). The same weights then give other masks. Exits with 1 when that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @huggingface/transformers@4.3.2 >/dev/null
mkdir sam
cat > sam/preprocessor_config.json <<'JSON'
{
  "image_processor_type": "SamImageProcessor", "processor_class": "SamProcessor", "resample": 2,
  "do_resize": true, "size": { "longest_edge": 1024 }, "do_rescale": false, "do_normalize": false,
  "do_pad": true, "pad_size": { "height": 1024, "width": 1024 }
}
JSON
cat > check.mjs <<'JS'
import { AutoProcessor, env, RawImage } from "@huggingface/transformers";

env.allowRemoteModels = false;
env.localModelPath = process.cwd();
const processor = await AutoProcessor.from_pretrained("sam");
const image = (width, height, value) =>
  new RawImage(Uint8ClampedArray.from({ length: width * height * 3 }, (_, i) => value(Math.floor(i / 3) % width)), width, height, 3);

// Columns black and white in turn, at half their size: grey where anything is smoothed.
const { pixel_values: pixels } = await processor(image(2048, 1024, (x) => (x % 2) * 255));
const row = pixels.data.slice(300 * 1024, 301 * 1024);
const grey = row.filter((value) => value > 60 && value < 195).length;
console.log(`columns of 0 and 255 in turn, 2048 to 1024: ${grey} of 1024 values are grey; Pillow's bilinear makes all grey`);

const { reshaped_input_sizes: [size] } = await processor(image(300, 200, () => 0));
console.log(`300 x 200 becomes ${size[1]} x ${size[0]}; Meta's code and Python's transformers make it 1024 x 683`);
process.exit(grey < 512 && size[0] === 682 ? 0 : 1);
JS
node check.mjs
