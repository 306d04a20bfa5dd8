/**
 * Row-major values of shape `dims` as int8, in steps of a `steps`-th (127 at most) of the largest along `axis`: a value is its
 * step times its channel's scale. `scales` has one for each place of the axis, 0 where all of its values are 0.
 */
export function int8Steps(
  values: Float32Array,
  { dims, axis, steps }: { dims: readonly number[]; axis: number; steps: number },
): { values: Int8Array; scales: Float32Array } {
  const length = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % length;
  const scales = new Float32Array(length);
  values.forEach((value, i) => {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel] as number, Math.abs(value) / steps);
  });
  const small = Int8Array.from(values, (value, i) => Math.round(value / (scales[channelOf(i)] || 1)));
  return { values: small, scales };
}
