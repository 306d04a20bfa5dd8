/**
 * What work costs in budget seconds: about what it takes the compiled engine and onnxruntime on two quiet cores of an
 * AMD EPYC. A budget counts work by these constants, never by a clock, so that the same data, seed and engine make the
 * same version on a busy machine and on an idle one; a faster machine is done sooner. What a point head takes, 20 to 30
 * seconds, is not counted: trials take less than they are counted for (stamps took 238 s of 300, tiles 227, before heads).
 */
export const costs = {
  /** Encoding one region of an image. */
  encode: 0.62,
  /** A training sample with a box prompt; and with the mix, whose corrective clicks need predictions. */
  train: 0.052,
  trainMixed: 0.072,
  /** Decoding and scoring one part of a sample. */
  score: 0.025,
  /** A step of a finder's training, on one core. */
  finderStep: 0.04,
  /** Starting an engine: tracing its step and loading it. */
  engine: 2.5,
  /** Scoring a held-out sample with every kind of prompt, base and tuned, its encodes not counted. */
  kinds: 0.6,
  /** Asking version and base again and again how long an answer takes, encodes not counted. */
  latency: 5,
} as const;

/** Budget seconds that are spent as work is planned. */
export class Budget {
  #left: number;

  constructor(seconds: number) {
    this.#left = seconds;
  }

  get left(): number {
    return this.#left;
  }

  /** Takes the cost whether or not it is there. */
  spend(seconds: number): void {
    this.#left -= seconds;
  }
}
