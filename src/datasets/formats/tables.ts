import { type MaskStyle, plannedFile, styleOf } from "../masks.ts";
import { splitOf } from "../names.ts";
import { joined } from "../objects.ts";
import type { PlannedImage, Source } from "../plan.ts";
import { type Roles, rolesOf } from "../tables/roles.ts";
import type { PictureTable, TableCell } from "../tables/unpack.ts";
import type { FormatContext } from "../types.ts";
import type { ValueNames } from "../value-names.ts";

interface Read {
  readonly table: PictureTable;
  readonly roles: Roles;
}

/**
 * Rows of an image with its masks, as Hugging Face's users hold them: Parquet with columns of pictures, and imagefolders
 * whose `metadata` names a row's files. Several tables are one data set. Sources: datasets 5.0, features/image.py and
 * folder_based_builder.py.
 */
export async function tableSource(context: FormatContext, names: ValueNames | null): Promise<Source | null> {
  const { tables, claim, report } = context;
  const read: Read[] = [];
  for (const table of tables) {
    const roles = await rolesOf(table, context);
    // An imagefolder's captions say nothing of masks, which may lie in folders.
    const isPlan = roles !== null && (table.layout === "parquet" || roles.masks.length > 0);
    claim(table.file);
    if (table.others.length > 0)
      report.tell("columns_unread", `columns that hold no pictures are not read: ${shown(table.others)}`);
    if (!isPlan) continue;
    for (const cell of [...table.columns.values()].flat(2)) if (typeof cell === "string") claim(cell);
    if (roles.rest.length > 0)
      report.tell("pictures_unread", `${roles.image} is the image; not read: ${shown(roles.rest)}`);
    read.push({ table, roles });
  }
  const [first] = read;
  if (!first) return null;
  const styles = await stylesOf(read, context, names);
  const images = new Map<string, PlannedImage>();
  for (const one of read)
    for (const image of imagesOf(one, styles, context, names)) {
      const there = images.get(image.name);
      images.set(image.name, there ? joined(there, image) : image);
    }
  const { layout, file } = first.table;
  return { layout, title: layout === "parquet" ? "Parquet" : "imagefolder", file, rank: 8, images };
}

const shown = (names: readonly string[]): string =>
  names.slice(0, 10).join(", ") + (names.length > 10 ? ", ..." : "");

/** What values mean, for the masks of each column by its name, in all tables together. */
async function stylesOf(
  read: readonly Read[],
  context: FormatContext,
  names: ValueNames | null,
): Promise<ReadonlyMap<string, MaskStyle>> {
  const files = new Map<string, string[]>();
  for (const { table, roles } of read)
    for (const { column } of roles.masks) {
      const own = files.get(column) ?? [];
      files.set(column, own);
      for (const cell of (table.columns.get(column) ?? []).flat())
        if (typeof cell === "string") own.push(cell);
    }
  const styles = new Map<string, MaskStyle>();
  for (const [column, own] of files) {
    const style = await styleOf(own, context);
    styles.set(column, names && context.choices.masks === "auto" ? { ...style, instances: false } : style);
  }
  return styles;
}

function* imagesOf(
  { table, roles }: Read,
  styles: ReadonlyMap<string, MaskStyle>,
  context: FormatContext,
  names: ValueNames | null,
): Generator<PlannedImage, void, undefined> {
  const { report } = context;
  const { file } = table;
  const pictures = table.columns.get(roles.image) ?? [];
  const rows = Math.max(...[...table.columns.values()].map((own) => own.length));
  for (let row = 0; row < rows; row++) {
    const place = (column: string) => ({ file, id: `column ${column}, row ${row}` });
    const [cell, ...others] = pictures[row] ?? [];
    if (cell !== undefined && isFault(cell))
      report.leave("image_missing", {
        ...place(roles.image),
        count: Math.max(
          1,
          roles.masks.flatMap(({ column }) => table.columns.get(column)?.[row] ?? []).length,
        ),
        detail: cell.fault,
      });
    const masks: { name: string; label: string | null; style: MaskStyle; column: string }[] = [];
    for (const { column, label } of roles.masks)
      for (const mask of table.columns.get(column)?.[row] ?? []) {
        // The one file of that name is the image, where another folder's was meant.
        const detail = isFault(mask) ? mask.fault : mask === cell ? "names the image itself" : null;
        if (detail !== null) report.leave("mask_unreadable", { ...place(column), detail });
        else masks.push({ name: mask as string, label, style: styles.get(column) as MaskStyle, column });
      }
    if (others.length > 0)
      report.leave("other_pages", {
        ...place(roles.image),
        count: others.length,
        detail: "the first picture of a list is read",
      });
    if (cell === undefined)
      for (const { column } of masks)
        report.leave("mask_without_image", { ...place(column), detail: `the row has no ${roles.image}` });
    else if (!isFault(cell))
      yield {
        name: cell,
        alsoNamed: [],
        declared: null,
        group: undefined,
        split: splitOf(cell),
        count: masks.length,
        background: false,
        masks: () => masks.map(({ name, label, style }) => plannedFile(name, label, style, context, names)),
      };
  }
}

const isFault = (cell: TableCell): cell is { readonly fault: string } => typeof cell !== "string";
