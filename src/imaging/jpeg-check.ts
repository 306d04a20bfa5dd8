/**
 * Whether a JPEG holds all of its picture, told from its Huffman codes alone: no coefficient is turned into a pixel.
 * Source: ITU-T T.81, annexes B and F.
 */

/** What the frame header of a JPEG says. */
export interface CheckedJpeg {
  readonly width: number;
  readonly height: number;
  /** Whether EXIF says something, such as how the picture is turned. */
  readonly hasExif: boolean;
}

/** Codes of one table: by the next 16 bits, the code's length and what it stands for. */
interface Codes {
  /** By the first 9 bits: length * 256 + value; 0 where the code is longer or none. */
  readonly short: Uint16Array;
  /** By length: the first code behind those of this length, moved to 16 bits; -1 where there is none. */
  readonly ends: Int32Array;
  /** By length: what is added to a code to have the place of its value. */
  readonly offsets: Int32Array;
  readonly values: Uint8Array;
}

interface Component {
  readonly id: number;
  /** Number of its quantisation table. */
  readonly steps: number;
  /** Blocks of an MCU. */
  readonly blocks: number;
}

const shortBits = 9;
const [sof0, sof1, dht, eoi, sos, dri, app0, app1, app15, com, dqt] = [
  0xc0, 0xc1, 0xc4, 0xd9, 0xda, 0xdd, 0xe0, 0xe1, 0xef, 0xfe, 0xdb,
];

/**
 * A sequential JPEG of 8 bits in one scan, of grey or three components, whose every code is there. Null for all others,
 * faulty or not, and for those of more than `maxPixels`: they are for a decoder to judge.
 */
export function checkJpeg(bytes: Uint8Array, { maxPixels }: { maxPixels: number }): CheckedJpeg | null {
  try {
    return new Check(bytes, maxPixels).run();
  } catch (error) {
    if (error === unsure || error instanceof RangeError) return null;
    throw error;
  }
}

const unsure = new Error("not for this check");

class Check {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #direct: (Codes | undefined)[] = [];
  readonly #alternating: (Codes | undefined)[] = [];
  #components: readonly Component[] = [];
  #size = { width: 0, height: 0 };
  #mcus = 0;
  #restart = 0;
  #hasExif = false;
  readonly #maxPixels: number;
  /** Numbers of the quantisation tables that came. */
  readonly #steps = new Set<number>();

  constructor(bytes: Uint8Array, maxPixels: number) {
    this.#bytes = bytes;
    this.#maxPixels = maxPixels;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): CheckedJpeg {
    const view = this.#view;
    for (let at = 2; ;) {
      if (view.getUint8(at) !== 0xff) throw unsure;
      const marker = view.getUint8(at + 1);
      const from = at + 4;
      at += 2 + view.getUint16(at + 2);
      if (at > this.#bytes.length) throw unsure;
      if (marker === sof0 || marker === sof1) this.#frame(from);
      else if (marker === dht) this.#tables(from, at);
      else if (marker === dri) this.#restart = view.getUint16(from);
      else if (marker === sos) {
        this.#scan(from, at);
        return { ...this.#size, hasExif: this.#hasExif };
      } else if (marker >= app0 && marker <= app15)
        this.#hasExif ||= marker === app1 && view.getUint32(from) === 0x45786966;
      else if (marker === dqt) this.#quantisation(from, at);
      else if (marker !== com) throw unsure;
    }
  }

  #frame(at: number): void {
    const view = this.#view;
    const count = view.getUint8(at + 5);
    if (this.#mcus > 0 || view.getUint8(at) !== 8 || (count !== 1 && count !== 3)) throw unsure;
    const [height, width] = [view.getUint16(at + 1), view.getUint16(at + 3)];
    const shares = Array.from({ length: count }, (_, i) => {
      const share = view.getUint8(at + 7 + 3 * i);
      const [id, steps] = [view.getUint8(at + 6 + 3 * i), view.getUint8(at + 8 + 3 * i)];
      return { id, steps, across: share >> 4, down: share & 15 };
    });
    if (shares.some(({ across, down }) => across < 1 || across > 4 || down < 1 || down > 4)) throw unsure;
    // A scan of one component has a block an MCU, whatever its share.
    const [across, down] = ["across", "down"].map((side) =>
      count === 1 ? 1 : Math.max(...shares.map((share) => share[side as "across" | "down"])),
    ) as [number, number];
    this.#components = shares.map((share) => ({
      id: share.id,
      steps: share.steps,
      blocks: count === 1 ? 1 : share.across * share.down,
    }));
    if (width * height > this.#maxPixels) throw unsure;
    this.#size = { width, height };
    this.#mcus = Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
  }

  #quantisation(from: number, to: number): void {
    for (let at = from; at < to;) {
      const which = this.#view.getUint8(at);
      this.#steps.add(which & 15);
      at += 1 + (which > 15 ? 128 : 64);
      if (which > 0x13 || at > to) throw unsure;
    }
  }

  #tables(from: number, to: number): void {
    for (let at = from; at < to;) {
      const which = this.#view.getUint8(at);
      const counts = this.#bytes.subarray(at + 1, at + 17);
      const count = counts.reduce((sum, one) => sum + one, 0);
      if ((which & 15) > 3 || which > 0x13 || at + 17 + count > to) throw unsure;
      const codes = codesOf(counts, this.#bytes.subarray(at + 17, at + 17 + count));
      (which < 0x10 ? this.#direct : this.#alternating)[which & 15] = codes;
      at += 17 + count;
    }
  }

  #scan(at: number, from: number): void {
    const view = this.#view;
    const count = view.getUint8(at);
    if (this.#mcus === 0 || count !== this.#components.length) throw unsure;
    const blocks = this.#components.flatMap(({ id, steps, blocks: own }, i) => {
      const tables = view.getUint8(at + 2 + 2 * i);
      const direct = this.#direct[tables >> 4];
      const alternating = this.#alternating[tables & 15];
      if (view.getUint8(at + 1 + 2 * i) !== id || !direct || !alternating || !this.#steps.has(steps))
        throw unsure;
      return Array.from({ length: own }, () => ({ direct, alternating }));
    });
    const spectrum = at + 1 + 2 * count;
    if (view.getUint8(spectrum) !== 0 || view.getUint8(spectrum + 1) !== 63) throw unsure;
    if (view.getUint8(spectrum + 2) !== 0) throw unsure;
    let next = from;
    for (let mcus = this.#mcus, k = 0; mcus > 0; k++) {
      const now = this.#restart === 0 ? mcus : Math.min(mcus, this.#restart);
      const { data, end } = this.#entropy(next);
      readBlocks(data, blocks, now);
      mcus -= now;
      if (this.#bytes[end + 1] !== (mcus > 0 ? 0xd0 + (k & 7) : eoi)) throw unsure;
      next = end + 2;
    }
  }

  /** The coded bytes up to the next marker, without the zeros that are stuffed behind 0xff, and three more to look ahead. */
  #entropy(from: number): { data: Uint8Array; end: number } {
    const bytes = this.#bytes;
    const data = new Uint8Array(bytes.length - from + 3);
    let length = 0;
    let at = from;
    for (; at + 1 < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === 0xff && bytes[at + 1] !== 0) break;
      data[length++] = byte;
      if (byte === 0xff) at++;
    }
    return { data: data.subarray(0, length + 3), end: at };
  }
}

/** Goes through the codes of so many MCUs. Throws where one is none, or where they do not end with the last byte. */
function readBlocks(
  data: Uint8Array,
  blocks: readonly { readonly direct: Codes; readonly alternating: Codes }[],
  mcus: number,
): void {
  const end = 8 * (data.length - 3);
  let bit = 0;
  for (let mcu = 0; mcu < mcus; mcu++) {
    for (const { direct, alternating } of blocks) {
      let codes = direct;
      for (let k = 0; k < 64;) {
        const at = bit >>> 3;
        const bits =
          ((((data[at] as number) << 16) | ((data[at + 1] as number) << 8) | (data[at + 2] as number)) >>>
            (8 - (bit & 7))) &
          0xffff;
        let found = codes.short[bits >>> (16 - shortBits)] as number;
        if (found === 0) found = longCode(codes, bits);
        const value = found & 255;
        bit += (found >>> 8) + (value & 15);
        if (codes === direct) {
          // Differences have 11 bits at most.
          if (value > 11) throw unsure;
          codes = alternating;
          k = 1;
        } else if (value === 0) break;
        else {
          k += (value >>> 4) + 1;
          if (k > 64 || (value & 15) > 10 || ((value & 15) === 0 && value !== 0xf0)) throw unsure;
        }
      }
      if (bit > end) throw unsure;
    }
  }
  // Fewer than eight bits fill the last byte up.
  if (end - bit >= 8) throw unsure;
}

function longCode({ ends, offsets, values }: Codes, bits: number): number {
  for (let length = 1; length <= 16; length++)
    if (bits < (ends[length] as number))
      return length * 256 + (values[(bits >>> (16 - length)) + (offsets[length] as number)] as number);
  throw unsure;
}

function codesOf(counts: Uint8Array, values: Uint8Array): Codes {
  const short = new Uint16Array(1 << shortBits);
  const ends = new Int32Array(17).fill(-1);
  const offsets = new Int32Array(17);
  let [code, place] = [0, 0];
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] as number;
    offsets[length] = place - code;
    if (length <= shortBits)
      for (let i = 0; i < count; i++) {
        const from = (code + i) << (shortBits - length);
        short.fill(length * 256 + (values[place + i] as number), from, from + (1 << (shortBits - length)));
      }
    code += count;
    place += count;
    if (code > 1 << length) throw unsure;
    if (count > 0) ends[length] = code << (16 - length);
    code <<= 1;
  }
  return { short, ends, offsets, values };
}
