/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The nearest float16 of a number, ties to even; what is larger than 65504 becomes that. */
export function toHalf(value: number): number {
  float[0] = value;
  const from = bits[0] as number;
  const sign = (from >>> 16) & 0x8000;
  const size = from & 0x7fff_ffff;
  if (size > 0x7f80_0000) return 0x7e00;
  if (size >= 0x477f_f000) return sign | 0x7bff;
  // Below 2^-14 steps are 2^-24 wide
  if (size < 0x3880_0000) return sign | roundedEven(Math.abs(value) * 2 ** 24);
  const rounded = size + 0xfff + ((size >>> 13) & 1);
  return sign | ((rounded - 0x3800_0000) >>> 13);
}

/** Math.round takes halves up. */
function roundedEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Every float16 as a number, by its bits. */
let table: Float32Array | undefined;
const allHalves = (): Float32Array =>
  (table ??= Float32Array.from({ length: 65_536 }, (_, half) => fromHalf(half)));

/** Numbers as float16, two bytes each. */
export const halvesOf = (values: Float32Array): Uint16Array<ArrayBuffer> => Uint16Array.from(values, toHalf);

/** Writes what the halves say into `to`. */
export function fromHalves(halves: Uint16Array, to: Float32Array): void {
  const values = allHalves();
  for (let i = 0; i < halves.length; i++) to[i] = values[halves[i] as number] as number;
}

/** Rounds numbers to what float16 keeps of them, in place. */
export function asHalves(values: Float32Array): void {
  const known = allHalves();
  for (let i = 0; i < values.length; i++) values[i] = known[toHalf(values[i] as number)] as number;
}
