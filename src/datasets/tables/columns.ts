/** Which columns of a table hold pictures, by what its schema says of them. */
import type { SchemaTree } from "hyparquet";

export interface PictureColumn {
  readonly name: string;
  /** `bytes`: pictures in the table; `names`: of files beside it. */
  readonly kind: "bytes" | "names";
}

/** A column whose values name files, as Hugging Face's imagefolder has it. */
export const namesFiles = (column: string): boolean => /(^|_)file_names?$/i.test(column);

/** `mask_file_name` to `mask`; `file_name` to `image`. */
export const pictureName = (column: string): string => column.replace(/_?file_names?$/i, "") || "image";

/**
 * Hugging Face's Image feature is a struct of `bytes` and `path`; others write plain bytes; both come in lists, too.
 * Source: datasets, features/image.py (pa_type).
 */
export const pictureColumns = ({ children }: SchemaTree): PictureColumn[] =>
  children.flatMap((column): PictureColumn[] => {
    const { name } = column.element;
    const node = elementOf(column);
    if (isPicture(node)) return [{ name, kind: "bytes" }];
    return namesFiles(name) && isText(node) ? [{ name, kind: "names" }] : [];
  });

/** What a list holds; another column is itself. */
function elementOf(column: SchemaTree): SchemaTree {
  const { converted_type: converted, logical_type: logical } = column.element;
  if (converted !== "LIST" && logical?.type !== "LIST") return column;
  return column.children[0]?.children[0] ?? column;
}

function isPicture({ element, children }: SchemaTree): boolean {
  if (children.length === 0) return element.type === "BYTE_ARRAY" && !isTyped(element);
  const bytes = children.find((child) => child.element.name === "bytes");
  return (
    bytes?.element.type === "BYTE_ARRAY" &&
    children.every((child) => ["bytes", "path"].includes(child.element.name))
  );
}

const isTyped = ({ converted_type: converted, logical_type: logical }: SchemaTree["element"]): boolean =>
  converted !== undefined || logical !== undefined;

const isText = ({ element }: SchemaTree): boolean =>
  element.type === "BYTE_ARRAY" &&
  (element.converted_type === "UTF8" || element.logical_type?.type === "STRING");
