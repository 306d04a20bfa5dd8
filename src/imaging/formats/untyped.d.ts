declare module "@cornerstonejs/codec-openjpeg/decodewasmjs" {
  interface FrameInfo {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
    readonly isSigned: boolean;
  }
  interface J2KDecoder {
    /** Room for the file in the module's memory. */
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    /** Facts of the decoded picture; all zero before. */
    getFrameInfo(): FrameInfo;
    /** Samples as bytes, interleaved, two little-endian ones from nine bits on; in the module's memory. */
    getDecodedBuffer(): Uint8ClampedArray;
    /** OpenJPEG's OPJ_COLOR_SPACE: 1 sRGB, 2 grey, 3 YCC. */
    getColorSpace(): number;
    delete(): void;
  }
  interface OpenJpeg {
    readonly J2KDecoder: new () => J2KDecoder;
  }
  const openJpeg: (options: { print(): void; printErr(): void }) => Promise<OpenJpeg>;
  export default openJpeg;
}

declare module "libheif-js/libheif-wasm/libheif-bundle.js" {
  export interface HeifImage {
    get_width(): number;
    get_height(): number;
    is_primary(): boolean;
    has_alpha_channel(): boolean;
    /** Fills `data` with R, G, B and A of the picture as it is seen; gives null where it can't be decoded. */
    display(
      into: { data: Uint8ClampedArray; width: number; height: number },
      done: (shown: { data: Uint8ClampedArray } | null) => void,
    ): void;
    free(): void;
  }
  interface LibHeif {
    readonly HeifDecoder: new () => { decode(file: Uint8Array): HeifImage[] };
  }
  const libheif: (options: { print(): void; printErr(): void }) => LibHeif;
  export default libheif;
}

declare module "jpeg-lossless-decoder-js" {
  const jpeg: {
    readonly lossless: {
      readonly Decoder: new () => {
        decompress(buffer: ArrayBuffer, offset: number, length: number): ArrayBuffer;
      };
    };
  };
  export default jpeg;
}
