/** What the page asks of the decoder's worker; each question has one answer with its id. */
export type Question =
  | { readonly kind: "model"; readonly url: string; readonly threads: number }
  | { readonly kind: "image"; readonly url: string; readonly width: number; readonly height: number }
  | { readonly kind: "time" }
  | {
      readonly kind: "prompt";
      /** [x, y, label] in pixels of the image; labels as the decoder knows them: 0, 1, and 2 and 3 for a box's corners. */
      readonly points: readonly (readonly [number, number, number])[];
    };

export interface Asked {
  readonly id: number;
  readonly question: Question;
}

export interface Answered {
  readonly id: number;
  readonly error?: string;
  /** For `prompt`: the mask, row-major [height, width], 1 is foreground. */
  readonly mask?: Uint8Array<ArrayBuffer>;
  /** For `image`: how many numbers its embedding has. */
  readonly floats?: number;
  /** For `time`: milliseconds of one decode. */
  readonly ms?: number;
}
