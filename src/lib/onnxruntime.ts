/** onnxruntime-node, loaded with its telemetry off. Nothing of ours loads it another way. */
import "./no-telemetry.ts";

export { default } from "onnxruntime-node";
export * from "onnxruntime-node";
