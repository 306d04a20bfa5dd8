import type { Found } from "./find-sam.ts";

/** Names told of one file. */
const shownNames = 8;
const longestShown = 120;

const quoted = (name: string): string => name.slice(0, longestShown);

/** What a file holds beside the model that was read, for people; `left` are the names of its other tensors. */
export function leftNotes({ prefix, others }: Found, left: readonly string[]): string[] {
  const place = (own: string): string => quoted(own.replace(/\.$/, "")) || "its top level";
  const copies =
    others.length > 0
      ? [
          `The file holds ${others.length + 1} models (${[prefix, ...others.slice(0, shownNames)].map(place).join(", ")}): ${place(prefix)} was read.`,
        ]
      : [];
  const stray = left.filter((name) => !others.some((other) => other !== "" && name.startsWith(other)));
  if (stray.length === 0) return copies;
  const more = stray.length > shownNames ? ` and ${stray.length - shownNames} more` : "";
  const names = stray.slice(0, shownNames).map(quoted).join(", ");
  return [...copies, `Tensors that are not SAM's were left out: ${names}${more}.`];
}
