import { huggingFaceName } from "../checkpoint/hugging-face.ts";
import { decoderLayout } from "../checkpoint/layout.ts";

/** Where a SAM's tensors are among a file's, and whose names they have. */
export interface Place {
  /** What stands before all of its names: `model.module.`, or nothing. */
  readonly prefix: string;
  readonly naming: "meta" | "hugging_face";
  /** Whether names begin within the mask decoder: `iou_token.weight`. */
  readonly bare: boolean;
}

export interface Found extends Place {
  /** Prefixes of other models of the same names in the file: a checkpoint's `ema`, beside its `model`. */
  readonly others: readonly string[];
}

const decoder = "mask_decoder.";
const metaNames = Object.keys(decoderLayout);
const within = metaNames.filter((name) => name.startsWith(decoder)).map((name) => name.slice(decoder.length));

/** In order of preference, where a file's names could be either's. */
const vocabularies = [
  { naming: "meta", bare: false, names: new Set(metaNames) },
  { naming: "hugging_face", bare: false, names: new Set(metaNames.map(huggingFaceName)) },
  { naming: "meta", bare: true, names: new Set(within) },
  {
    naming: "hugging_face",
    bare: true,
    names: new Set(within.map((name) => huggingFaceName(decoder + name).slice(decoder.length))),
  },
] as const;

/** Fewer names are no SAM: its transformer's are those of other models, too. */
const leastNames = 40;
/** Longer names are none of ours. */
const longestName = 500;
/** Copies of a model that training keeps beside it, and what an optimizer keeps for each weight. */
const secondary =
  /(^|[._])(ema|shadow|swa|averaged|teacher|target|old|prev|init|optim\w*|momentum|exp_avg\w*|grads?)[._]/;

/**
 * Finds the model in a file, whatever stands before its names: the prefix and naming by which most tensors of SAM's
 * decoder are there. Null where there is none.
 */
export function findSam(names: Iterable<string>): Found | null {
  const counts = vocabularies.map(() => new Map<string, number>());
  for (const name of names) {
    if (name.length > longestName) continue;
    for (let at = 0; ;) {
      const rest = name.slice(at);
      for (const [i, vocabulary] of vocabularies.entries()) {
        const prefixes = counts[i] as Map<string, number>;
        const prefix = name.slice(0, at);
        if (vocabulary.names.has(rest)) prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
      }
      const dot = name.indexOf(".", at);
      if (dot < 0) break;
      at = dot + 1;
    }
  }
  const candidates = vocabularies.flatMap(({ naming, bare }, i) =>
    Array.from(counts[i] ?? [], ([prefix, count]) => ({ naming, bare, prefix, count })),
  );
  const rank = ({ count, prefix }: (typeof candidates)[number]) => [-count, secondary.test(prefix) ? 1 : 0];
  const [first, ...rest] = candidates
    .filter(({ count }) => count >= leastNames)
    // Equal ones stay in the order of the vocabularies, then of the file
    .sort((a, b) => compare(rank(a), rank(b)));
  if (!first) return null;
  const { prefix, naming, bare } = first;
  const others = rest.filter((other) => other.naming === naming && other.bare === bare);
  return { prefix, naming, bare, others: others.map((other) => other.prefix) };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
