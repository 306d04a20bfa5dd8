import { requireFinder } from "../db/queries/versions.ts";
import { labelsMeant } from "../domain/label-names.ts";
import type { FindAsk, FindingVersion } from "../inference/find/types.ts";
import type { VersionRef } from "../inference/types.ts";
import { AppError } from "../lib/errors.ts";
import { type AskedPrompt, isSought, namedBy } from "./asked-prompt.ts";

/** What of a request is to be found, not drawn. */
export interface AskedFinds {
  readonly prompts: readonly AskedPrompt[];
  /** All labels, beside what the prompts ask for. */
  readonly find: boolean;
}

/** What a request asks versions' finders for. */
export interface Finds {
  /** For each ask, the place of its prompt in the request; all labels come behind the last prompt. */
  readonly places: readonly number[];
  /** In the order asked; each version has as many asks as there are places, by its own labels. */
  readonly versions: readonly { readonly version: FindingVersion; readonly asks: readonly FindAsk[] }[];
}

/** Asks of one version. */
export const countAsks = ({ prompts, find }: AskedFinds): number =>
  prompts.filter(isSought).length + (find ? 1 : 0);

/**
 * Brings names to the labels of each version. Null where no label is asked for.
 * Throws AppError finder_missing, label_unknown: before anything is looked up or computed.
 */
export function findsOf(asked: AskedFinds, versions: readonly VersionRef[]): Finds | null {
  if (!asked.find && asked.prompts.every((prompt) => namedBy(prompt) === null)) return null;
  const places = asked.prompts.flatMap((prompt, i) => (namedBy(prompt) === null ? [] : [i]));
  return {
    places: asked.find ? [...places, asked.prompts.length] : places,
    versions: versions.map((ref) => {
      const version = { ...ref, finder: requireFinder(ref) };
      const named = places.map((place) => askOf(asked.prompts[place] as AskedPrompt, place, version));
      return { version, asks: asked.find ? [...named, {}] : named };
    }),
  };
}

function askOf(prompt: AskedPrompt, place: number, version: FindingVersion): FindAsk {
  const { name, field } = namedBy(prompt) as NonNullable<ReturnType<typeof namedBy>>;
  const labels = labelsNamed(name, version, `prompts[${place}].${field}`);
  return { labels, region: prompt.box, exclude: prompt.exclude, ...(prompt.region && { asRegion: true }) };
}

/** The labels that are meant by a name. Throws AppError label_unknown, which lists what is known. */
export function labelsNamed(
  name: string,
  version: Pick<FindingVersion, "number" | "finder">,
  param: string,
): string[] {
  const labels = labelsMeant(name, version.finder.labels);
  if (labels.length > 0) return labels;
  const message = `${param}: version ${version.number} knows no label ${quoted(name)}. It knows ${known(version)}.`;
  throw new AppError("label_unknown", message, { param });
}

/** Names that a message lists, and characters of each: both bounded, because labels are anybody's. */
const mostNames = 20;
const mostCharacters = 40;

const quoted = (name: string): string =>
  JSON.stringify(name.length > mostCharacters ? `${name.slice(0, mostCharacters)}…` : name);

function known({ finder: { labels } }: Pick<FindingVersion, "finder">): string {
  const names = labels.filter((label) => label !== null);
  if (names.length === 0) return "only objects without a label: ask with find";
  const listed = names.slice(0, mostNames).map(quoted).join(", ");
  return names.length > mostNames ? `${listed} and ${names.length - mostNames} more` : listed;
}
