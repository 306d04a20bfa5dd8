/** What a JPEG's first frame header claims. Source: ITU-T T.81, B.2.2. Throws an Error where there is none. */
export function jpegHead(bytes: Uint8Array): { width: number; height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const { marker, at } of markers(view))
    if (isFrame(marker)) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
  throw new Error("its frame has no header");
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie among them. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

const [adobe, jfif, startOfScan] = [0xee, 0xe0, 0xda];

/** Markers up to the first scan, and where each begins. */
function* markers(view: DataView): Generator<{ marker: number; at: number }> {
  for (let at = 2; at + 9 <= view.byteLength;) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff) return;
    // Any number of 0xff may stand before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    yield { marker, at };
    if (marker === startOfScan) return;
    at += 2 + view.getUint16(at + 2);
  }
}

/** APP14 with the transform 0: three components are R, G and B. */
const asRgb = Uint8Array.from([0xff, adobe, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0]);

/** The same JPEG for a decoder that takes three components for luma and chroma where the file does not say. */
export function saidRgb(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const { marker } of markers(view)) if (marker === adobe || marker === jfif) return bytes;
  return Buffer.concat([bytes.subarray(0, 2), asRgb, bytes.subarray(2)]);
}
