import type { Box } from "../imaging/types.ts";
import { maskTextLength } from "../imaging/mask-text.ts";
import type { LoggedPrompt } from "../domain/prompts.ts";
import type { FindRequest, FindResult, FoundObject, Named } from "../inference/find/types.ts";
import type { TimingMs } from "../inference/timing.ts";
import type { Inference } from "../inference/inference.ts";
import type { PredictedMask, PredictResult, VersionRef } from "../inference/types.ts";
import { tenth } from "../lib/clock.ts";
import type { Finds } from "./find-asks.ts";
import type { Likes } from "./like-asks.ts";

/** What was found for one ask, the best first. */
export type FoundObjects = FindResult["results"][number]["asks"][number];

/** A mask in an answer; one that was found says what it is. */
export interface AnsweredMask extends PredictedMask {
  readonly label?: string | null;
  /** In [0, 1]. */
  readonly labelScore?: number;
}

export interface AnsweredPrompt {
  readonly masks: readonly AnsweredMask[];
  /** Objects that the most of an answer left out; only where objects were found. */
  readonly left?: number;
}

/** Answers to drawn prompts and to what was to be found, in the order of the request. */
export interface AnsweredPrompts extends Omit<PredictResult, "results"> {
  readonly results: readonly {
    readonly version: number;
    readonly predictions: readonly AnsweredPrompt[];
    /** All that was found, where all labels were asked for. */
    readonly found?: AnsweredPrompt;
  }[];
}

/** All that a request has to find, by labels and by objects that are there. */
export interface Sought {
  readonly finds: Finds | null;
  readonly likes: Likes | null;
  readonly versions: readonly VersionRef[];
}

/** By version and ask. */
export interface Found extends Omit<FindResult, "results"> {
  /** The versions' numbers. */
  readonly numbers: readonly number[];
  /** For each ask, the place of its prompt in the request; all labels come behind the last prompt. */
  readonly places: readonly number[];
  readonly results: readonly (readonly FoundObjects[])[];
  /** What masks show, by version, where the request has some to name. */
  readonly names: readonly (readonly (Named | null)[])[];
}

type FindOptions = Omit<FindRequest, "versions" | "asks">;

/** The versions that mean the same labels are asked together; mostly that is all of them. */
const alike = ({ versions }: Finds) =>
  Map.groupBy([...versions.keys()], (i) =>
    JSON.stringify((versions[i] as Finds["versions"][number]).asks.map(({ labels }) => labels ?? null)),
  );

/** Throws what Inference.find and Inference.findLike throw. */
export async function findObjects(
  inference: Pick<Inference, "find" | "findLike">,
  { finds, likes, versions }: Sought,
  request: FindOptions,
): Promise<Found> {
  const results: FoundObjects[][] = versions.map(() => []);
  const names: (readonly (Named | null)[])[] = versions.map(() => []);
  const answers: FindResult[] = [];
  let { maxAnswerText } = request;
  const take = (answer: FindResult, places: readonly number[]): void => {
    for (const [k, place] of places.entries()) {
      results[place]?.push(...(answer.results[k]?.asks ?? []));
      names[place] = answer.results[k]?.names ?? names[place] ?? [];
    }
    maxAnswerText -= textOf(answer.results.flatMap((one) => one.asks.flatMap(({ objects }) => objects)));
    answers.push(answer);
  };
  for (const places of finds ? alike(finds).values() : []) {
    const some = places.map((i) => finds?.versions[i] as Finds["versions"][number]);
    const [{ asks }] = some as [(typeof some)[number]];
    const asked = { ...request, versions: some.map(({ version }) => version), asks, maxAnswerText };
    const own = request.names && places.map((i) => request.names?.[i] ?? []);
    take(await inference.find({ ...asked, names: own }), places);
  }
  if (likes) {
    const { asks } = likes;
    const { names: _, ...rest } = request;
    take(await inference.findLike({ ...rest, versions, asks, maxAnswerText }), [...versions.keys()]);
  }
  const [{ width, height, embeddingFrom }] = answers as [FindResult, ...FindResult[]];
  return {
    width,
    height,
    embeddingFrom,
    timingMs: sum(answers.map(({ timingMs }) => timingMs)),
    numbers: versions.map(({ number }) => number),
    places: [...(finds?.places ?? []), ...(likes?.places ?? [])],
    results,
    names,
  };
}

/** Characters that masks take as JSON, about. */
export const textOf = (masks: readonly Pick<PredictedMask, "mask">[]): number =>
  masks.reduce((length, { mask }) => length + maskTextLength(mask), 0);

/** Milliseconds of what was done one after the other. */
function sum(times: readonly TimingMs[]): TimingMs {
  const add = (name: keyof TimingMs): number => tenth(times.reduce((whole, one) => whole + one[name], 0));
  return {
    queue: add("queue"),
    embed: add("embed"),
    decode: add("decode"),
    encode: add("encode"),
    total: add("total"),
  };
}

function toMask(object: FoundObject): AnsweredMask {
  const { prompt: _, plain: __, parts: ___, ...mask } = object;
  return mask;
}

const toAnswer = ({ objects, left }: FoundObjects): AnsweredPrompt => ({ masks: objects.map(toMask), left });

/** Puts the answers to a request of `prompts` prompts back in order. `drawn` is null where none was drawn. */
export function inOrder(
  prompts: number,
  drawn: Omit<AnsweredPrompts, "width" | "height"> | null,
  found: Found,
): AnsweredPrompts {
  const sought = new Map(found.places.map((place, ask) => [place, ask]));
  const results = found.numbers.map((number, v) => {
    const answers = found.results[v] ?? [];
    const rest = (drawn?.results[v]?.predictions ?? []).values();
    const answerAt = (place: number): AnsweredPrompt => {
      const ask = sought.get(place);
      return ask === undefined
        ? (rest.next().value ?? { masks: [] })
        : toAnswer(answers[ask] as FoundObjects);
    };
    const predictions = Array.from({ length: prompts }, (_, place) => answerAt(place));
    return { version: number, predictions, ...(sought.has(prompts) && { found: answerAt(prompts) }) };
  });
  return {
    width: found.width,
    height: found.height,
    results,
    // What came first has it made, or not.
    embeddingFrom: drawn?.embeddingFrom ?? found.embeddingFrom,
    timingMs: sum([...(drawn ? [drawn.timingMs] : []), found.timingMs]),
  };
}

/**
 * Prompts as the log keeps them, all labels as one more: each that was found for says by which boxes, so that a mask of the
 * answer can be made again. `logged` has the others' places filled.
 */
export function logFound(logged: readonly LoggedPrompt[], found: Found): LoggedPrompt[] {
  const all = [...logged];
  for (const [ask, place] of found.places.entries()) {
    const places = found.numbers.flatMap((number, v) =>
      (found.results[v]?.[ask]?.objects ?? []).flatMap(({ label, parts, ...own }) =>
        (parts ?? [own]).map(({ prompt, plain }): readonly [number, Box, string | null, true?] =>
          plain ? [number, prompt, label, plain] : [number, prompt, label],
        ),
      ),
    );
    all[place] = { ...(all[place] ?? { find: true }), found: places };
  }
  return all;
}
