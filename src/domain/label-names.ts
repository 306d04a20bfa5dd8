/** Letters that a name keeps at least when its plural is taken off: "bus" is no plural of "bu". */
const fewestLetters = 3;

/** English endings of plurals, and what stands in their place. */
const plurals: readonly (readonly [ending: string, singular: string])[] = [
  ["s", ""],
  ["es", ""],
  ["ies", "y"],
  ["ves", "f"],
  ["ves", "fe"],
];

const plain = (name: string): string => name.normalize("NFKC").trim().toLowerCase().replaceAll(/\s+/g, " ");

/** Whether a name is another's plural; "glass" is none. */
const isPluralOf = (many: string, one: string): boolean =>
  one.length >= fewestLetters &&
  !many.endsWith("ss") &&
  plurals.some(
    ([ending, singular]) => many.endsWith(ending) && many.slice(0, -ending.length) + singular === one,
  );

/** From strict to forgiving. */
const rules: readonly ((asked: string, label: string) => boolean)[] = [
  (asked, label) => asked === label,
  (asked, label) => plain(asked) === plain(label),
  (asked, label) => {
    const [one, other] = [plain(asked), plain(label)];
    return isPluralOf(one, other) || isPluralOf(other, one);
  },
];

/**
 * The labels that somebody means by a name: the one that is written so; else those that differ by case or space; else
 * those that differ by an English plural, too. Empty where none is meant; null, the label of annotations without one, has
 * no name.
 */
export function labelsMeant(asked: string, labels: readonly (string | null)[]): string[] {
  const named = labels.filter((label) => label !== null);
  for (const fits of rules) {
    const meant = named.filter((label) => fits(asked, label));
    if (meant.length > 0) return meant;
  }
  return [];
}
