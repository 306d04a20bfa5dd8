import { fileURLToPath } from "node:url";

/** NODE_OPTIONS by which a program that a test starts asks for one thread a session, and encodes each input once a run. */
export const quickProgram = `--require ${JSON.stringify(fileURLToPath(new URL("onnxruntime.cjs", import.meta.url)))}`;
