import type { Dtype, Value } from "../ir.ts";
import type { Recorder } from "../recorder.ts";

/** An input of a kernel: its graph value, with the shape that tfjs knows (always concrete while recording). */
export interface Operand {
  readonly value: Value;
  readonly shape: number[];
  readonly dtype: Dtype;
}

/** What one kernel is called with. */
export interface KernelCall {
  readonly recorder: Recorder;
  /** A named input; throws when tfjs did not give it. */
  readonly input: (name: string) => Operand;
  /** The inputs of a kernel that takes a list. */
  readonly inputs: () => Operand[];
  /** As the kernel knows it to be; tfjs types none of them. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  readonly attribute: <T>(name: string) => T;
}

/** Writes a kernel's nodes down and returns what it gives. */
export type Kernel = (call: KernelCall) => Value | Value[];

export type Kernels = Readonly<Record<string, Kernel>>;
