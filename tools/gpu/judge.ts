/** What a stage gives: float32 arrays by name. */
export type Values = Readonly<Record<string, Float32Array>>;

export interface Judgement {
  /** Largest difference from the CPU's values, as a share of their largest magnitude; the worst of all arrays. */
  readonly error: number;
  readonly passes: boolean;
  /** What else there is to say. */
  readonly note: string;
}

/** Largest |a - b| over largest |a|; NaN where a value is not finite or the lengths differ, which no limit passes. */
export function relativeError(a: Float32Array, b: Float32Array | undefined): number {
  if (b?.length !== a.length) return Number.NaN;
  let [most, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const apart = Math.abs((a[i] as number) - (b[i] as number));
    if (!Number.isFinite(apart)) return Number.NaN;
    most = Math.max(most, apart);
    size = Math.max(size, Math.abs(a[i] as number));
  }
  return size === 0 ? most : most / size;
}

/** L2 norm of a - b over that of a. */
export function relativeDistance(a: Float32Array, b: Float32Array | undefined): number {
  if (b?.length !== a.length) return Number.NaN;
  let [apart, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    apart += ((a[i] as number) - (b[i] as number)) ** 2;
    size += (a[i] as number) ** 2;
  }
  return Math.sqrt(apart / Math.max(size, 1e-30));
}

const worstOf = (cpu: Values, device: Values): number => {
  const errors = Object.entries(cpu).map(([name, values]) => relativeError(values, device[name]));
  return errors.some(Number.isNaN) ? Number.NaN : Math.max(...errors);
};

/** Every array within `limit` of the CPU's. */
export const near =
  (limit: number) =>
  (cpu: Values, device: Values): Judgement => {
    const error = worstOf(cpu, device);
    return { error, passes: error <= limit, note: "" };
  };

/** The same, and masks of `name`, logits above 0, that agree by an IoU of at least .999; says how many pixels differ. */
export const nearMasks =
  (limit: number, name: string) =>
  (cpu: Values, device: Values): Judgement => {
    const error = worstOf(cpu, device);
    const { iou, apart, pixels } = agreement(cpu[name] ?? new Float32Array(), device[name]);
    const note = `mask IoU ${iou.toFixed(6)}, ${apart} of ${pixels} pixels apart`;
    return { error, passes: error <= limit && iou >= 0.999, note };
  };

/** How far two sets of logits agree as masks. */
export function agreement(
  a: Float32Array,
  b: Float32Array | undefined,
): { iou: number; apart: number; pixels: number } {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const [p, q] = [(a[i] as number) > 0, (b?.[i] ?? Number.NaN) > 0];
    if (p && q) both++;
    if (p || q) either++;
  }
  return { iou: either === 0 ? 1 : both / either, apart: either - both, pixels: a.length };
}
