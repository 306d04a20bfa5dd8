import type { ExportHead } from "./types.ts";
import type { Told } from "./told.ts";

/**
 * Names of classes as a format writes them, one for each label and one for annotations without a label, where there are
 * such. What the format can't hold is replaced by a space; names that become alike are numbered.
 */
export class Classes {
  /** In the labels' order. */
  readonly names: readonly string[];
  /** What stands for no label; null where every annotation has one. */
  readonly unlabelled: string | null;
  readonly #places: ReadonlyMap<string | null, number>;

  constructor({ labels }: ExportHead, told: Told, forbidden = /[^\P{Cc}]/gu) {
    const names: string[] = [];
    const taken = new Set<string>();
    let unlabelled: string | null = null;
    for (const label of labels) {
      const plain = label === null ? "object" : label.replaceAll(forbidden, " ").trim() || "object";
      const isFree = (one: string): boolean => !taken.has(one) && (label !== null || !labels.includes(one));
      let name = plain;
      for (let k = 2; !isFree(name); k++) name = `${plain} ${k}`;
      taken.add(name);
      names.push(name);
      if (label === null) unlabelled = name;
      else if (name !== label) told.count("labels_changed");
    }
    this.names = names;
    this.unlabelled = unlabelled;
    this.#places = new Map(labels.map((label, i) => [label, i]));
  }

  /** Counts from 0. */
  placeOf(label: string | null): number {
    return this.#places.get(label) as number;
  }

  nameOf(label: string | null): string {
    return this.names[this.placeOf(label)] as string;
  }
}
