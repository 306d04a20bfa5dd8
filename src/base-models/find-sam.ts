import { decoderNames, vocabularies, type Vocabulary } from "./vocabularies.ts";

/** Where a SAM's tensors are among a file's, and whose names they have. */
export interface Found extends Vocabulary {
  /** What stands before all of its names: `model.module.`, or nothing. */
  readonly prefix: string;
  /** Prefixes of other models of the same names in the file: a checkpoint's `ema`, beside its `model`. */
  readonly others: readonly string[];
}

const known = vocabularies.map((vocabulary) => ({ vocabulary, names: decoderNames(vocabulary) }));

/** Fewer names are no SAM: its transformer's are those of other models, too. */
const leastNames = 40;
/** Longer names are none of ours. */
const longestName = 500;
/** Copies of a model that training keeps beside it, and what an optimizer keeps for each weight. */
const secondary =
  /(^|[._])(ema|shadow|swa|averaged|teacher|target|old|prev|init|optim\w*|momentum|exp_avg\w*|grads?)[._]/;

/**
 * Finds the model in a file, whatever stands before its names: the prefix and vocabulary by which most tensors of a
 * SAM's decoder are there. Null where there is none.
 */
export function findSam(names: Iterable<string>): Found | null {
  const counts = known.map(() => new Map<string, number>());
  for (const name of names) {
    if (name.length > longestName) continue;
    for (let at = 0; ;) {
      const rest = name.slice(at);
      const prefix = name.slice(0, at);
      for (const [i, one] of known.entries()) {
        const prefixes = counts[i] as Map<string, number>;
        if (one.names.has(rest)) prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
      }
      const dot = name.indexOf(".", at);
      if (dot < 0) break;
      at = dot + 1;
    }
  }
  const candidates = known.flatMap(({ vocabulary }, i) =>
    Array.from(counts[i] ?? [], ([prefix, count]) => ({ vocabulary, prefix, count })),
  );
  const rank = ({ count, prefix }: (typeof candidates)[number]) => [-count, secondary.test(prefix) ? 1 : 0];
  const [first, ...rest] = candidates
    .filter(({ count }) => count >= leastNames)
    // Equal ones stay in the order of the vocabularies, then of the file
    .sort((a, b) => compare(rank(a), rank(b)));
  if (!first) return null;
  const others = rest.filter(({ vocabulary }) => vocabulary === first.vocabulary);
  return { ...first.vocabulary, prefix: first.prefix, others: others.map(({ prefix }) => prefix) };
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
