import { messageOf } from "../../src/lib/errors.ts";
import type { Judgement, Values } from "./judge.ts";
import type { Stage } from "./stages.ts";
import type { Way } from "./ways.ts";

/** One line of the table. */
export interface Row extends Judgement {
  readonly way: Way;
  readonly stage: string;
  /** Medians, in milliseconds a run, results back in the processor's memory. */
  readonly cpuMs: number;
  readonly deviceMs: number;
  /** Milliseconds until a first result: sessions, compiled shaders, the first run. */
  readonly startMs: number;
}

/** What a stage gives by one way, and how long it takes: `rounds` timed runs after the first. */
export async function measured(
  stage: Stage,
  way: Way | "cpu",
  rounds: number,
): Promise<{ values: Values; ms: number; startMs: number }> {
  const from = performance.now();
  const opened = await stage.open(way);
  try {
    const values = await opened.first();
    const startMs = performance.now() - from;
    const times: number[] = [];
    for (let i = 0; i < rounds; i++) {
      const start = performance.now();
      await opened.again();
      times.push(performance.now() - start);
    }
    const ms = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
    return { values, ms, startMs };
  } finally {
    await opened.close();
  }
}

/** A stage by the CPU and by a way, in this process. A way that throws half-way is a row that fails, in its words. */
export async function compared(stage: Stage, way: Way, rounds: number): Promise<Row> {
  const cpu = await measured(stage, "cpu", rounds);
  const head = { way, stage: stage.name, cpuMs: cpu.ms };
  try {
    const device = await measured(stage, way, rounds);
    const verdict = stage.judge(cpu.values, device.values);
    return { ...head, deviceMs: device.ms, startMs: device.startMs, ...verdict };
  } catch (error) {
    const nothing = { deviceMs: Number.NaN, startMs: Number.NaN, error: Number.NaN };
    return { ...head, ...nothing, passes: false, note: messageOf(error).slice(0, 160) };
  }
}
