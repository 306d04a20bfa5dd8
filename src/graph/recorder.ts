import * as tf from "@tensorflow/tfjs-core";
import type { Attribute, Constant, Dtype, Graph, Node, Value } from "./ir.ts";

export const backendName = "record";

/**
 * A tfjs backend whose kernels write down what they are asked to do. No tensor here has values: reading one is
 * an error. One recorder is the backend for good; `begin` and `end` frame one recording.
 */
export class Recorder extends tf.KernelBackend {
  #values = new WeakMap<object, Value>();
  #live = 0;
  #count = 0;
  #inputs: Value[] = [];
  #nodes: Node[] = [];
  #constants = new Map<Value, Constant>();

  begin(): void {
    this.#count = 0;
    this.#inputs = [];
    this.#nodes = [];
    this.#constants = new Map();
  }

  end(outputs: Readonly<Record<string, tf.TensorInfo>>): Graph {
    return {
      inputs: this.#inputs,
      nodes: this.#nodes,
      constants: this.#constants,
      outputs: Object.entries(outputs).map(([name, tensor]) => ({ name, value: this.valueBehind(tensor) })),
    };
  }

  graphInput(name: string, shape: readonly number[], dtype: "float32" | "int32" | "uint8"): tf.TensorInfo {
    const value: Value = { name, shape, dtype };
    this.#inputs.push(value);
    // tfjs has no tensors of bytes.
    if (dtype === "uint8") return this.infoOf(this.emit("Cast", [value], shape, "float32", { to: 1 }));
    return this.infoOf(value);
  }

  /** The value behind a tensor. Throws when the tensor was made outside this recording. */
  valueBehind(tensor: tf.TensorInfo): Value {
    const value = this.#values.get(tensor.dataId);
    if (!value)
      throw new Error("a tensor from outside the recorded function was used in it; pass it as an input");
    return value;
  }

  /**
   * A fresh TensorInfo for a value. A kernel that returned its own input tensor would put one id on both sides
   * of the gradient tape, and every gradient through it would be counted twice.
   */
  infoOf(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, value);
    this.#live++;
    return { dataId, shape: [...value.shape] as number[], dtype: value.dtype as tf.DataType };
  }

  /** Writes down one node with one output. */
  emit(
    op: string,
    inputs: readonly (Value | null)[],
    shape: readonly number[],
    dtype: Dtype = "float32",
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    const output = this.#newValue(shape, dtype);
    this.#nodes.push({ op, domain: "", inputs, outputs: [output], attributes });
    return output;
  }

  /** An int64 vector: a shape, axes, bounds. */
  ints(values: readonly number[]): Value {
    return this.#constant({ kind: "ints", ints: [...values] }, [values.length], "int64");
  }

  /** One number as a tensor of shape []. */
  scalar(value: number, dtype: "float32" | "int32" = "float32"): Value {
    const data = dtype === "float32" ? Float32Array.of(value) : Int32Array.of(value);
    return this.#constant({ kind: "data", data }, [], dtype);
  }

  /**
   * One number repeated over a shape: a node, so that its size may follow the free dimension. Small ones of a fixed
   * size become constants again later (simplify/fills.ts).
   */
  fill(shape: readonly number[], number: number, dtype: Dtype): Value {
    return this.emit("ConstantOfShape", [this.ints(shape)], shape, dtype, { value: { float: number } });
  }

  #newValue(shape: readonly number[], dtype: Dtype): Value {
    return { name: `v${this.#count++}`, shape: [...shape], dtype };
  }

  #constant(constant: Constant, shape: readonly number[], dtype: Dtype): Value {
    const value = this.#newValue(shape, dtype);
    this.#constants.set(value, constant);
    return value;
  }

  // What tfjs asks of a backend.

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool")
      throw new Error(`a graph can't hold a constant of type ${dtype}`);
    const numbers = values as ArrayLike<number>;
    const first = numbers[0] ?? 0;
    let same = numbers.length > 1;
    for (let i = 1; same && i < numbers.length; i++) same = numbers[i] === first;
    if (same) return this.infoOf(this.fill(shape, first, dtype)).dataId;
    const copy = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype].from(numbers);
    return this.infoOf(this.#constant({ kind: "data", data: copy }, shape, dtype)).dataId;
  }

  override read(): Promise<tf.BackendValues> {
    return Promise.reject(
      new Error("a recorded function can't read a tensor's values: they are not known yet"),
    );
  }

  override readSync(): tf.BackendValues {
    throw new Error("a recorded function can't read a tensor's values: they are not known yet");
  }

  override disposeData(): boolean {
    this.#live--;
    return true;
  }

  override numDataIds(): number {
    return this.#live;
  }

  override incRef(): void {}

  override refCount(): number {
    return 1;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {}
}
