import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { sha256 } from "../lib/hash.ts";
import { decoderFromOnnx } from "./mobile-sam.ts";

/** Reads a decoder's ONNX file, whose hash is pinned, in a thread of its own: it takes some tenths of a second. */
const { path, pinned } = workerData as { path: string; pinned: string };
const bytes = readFileSync(path);
const found = sha256(bytes);
if (found !== pinned) throw new Error(`${path} has sha256 ${found}, not the pinned ${pinned}`);
const tensors = decoderFromOnnx(bytes);
const buffers = new Set(Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer));
parentPort?.postMessage(tensors, [...buffers]);
