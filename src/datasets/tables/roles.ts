import { meantBy } from "../../imaging/mask-meaning.ts";
import { sample } from "../masks.ts";
import { restOfWords, roleOfWords, wordsOf } from "../names.ts";
import type { FormatContext } from "../types.ts";
import type { PictureTable } from "./unpack.ts";

/** What a table's columns of pictures are. */
export interface Roles {
  readonly image: string;
  /** Columns of masks, with the label that their names give where there are several. */
  readonly masks: readonly { readonly column: string; readonly label: string | null }[];
  /** Other pictures of the same rows, such as depths. */
  readonly rest: readonly string[];
}

/** Rows of a column that are looked at where names say nothing. */
const looked = 3;

/**
 * By the words in the columns' names: `image`, `mask`, `label`, `annotation` ... Where no name says a mask, by what is in
 * the pictures. Null for a table of which nobody can tell which pictures are the images.
 */
export async function rolesOf({ columns }: PictureTable, context: FormatContext): Promise<Roles | null> {
  const names = [...columns.keys()];
  const roles = new Map(names.map((name) => [name, roleOfWords(wordsOf(name))]));
  let masks = names.filter((name) => roles.get(name) === "mask");
  if (masks.length === names.length)
    masks = names.length === 1 ? [] : await byContent(names, columns, context);
  else if (masks.length === 0 && names.length > 1) masks = await byContent(names, columns, context);
  const others = names.filter((name) => !masks.includes(name));
  const image = others.find((name) => roles.get(name) === "image") ?? others[0];
  if (image === undefined) return null;
  const single = masks.length === 1;
  return {
    image,
    masks: masks.map((column) => ({
      column,
      label: single ? null : restOfWords(wordsOf(column)).join(" ") || null,
    })),
    rest: others.filter((name) => name !== image),
  };
}

async function byContent(
  names: readonly string[],
  columns: PictureTable["columns"],
  context: FormatContext,
): Promise<string[]> {
  const masks: string[] = [];
  for (const name of names) {
    const files = (columns.get(name) ?? [])
      .flat()
      .filter((cell) => typeof cell === "string")
      .slice(0, looked);
    let isMask = files.length > 0;
    for (const file of files) {
      const values = await sample(file, context);
      isMask &&= values !== null && meantBy(values).meaning !== "picture";
    }
    if (isMask) masks.push(name);
  }
  return masks.length < names.length ? masks : [];
}
