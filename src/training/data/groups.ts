import { sha256 } from "../../lib/hash.ts";

/** What stands together in every split, and where in the order. */
export interface Group<T> {
  readonly key: string;
  readonly items: readonly T[];
}

/**
 * Groups in the order of the hashes of salt and key: it depends on data and salt alone, and new groups move few of the
 * old ones. Every split and every fold of the project goes by it.
 */
export function groupsInOrder<T>(
  items: readonly T[],
  groupOf: (item: T) => string,
  salt: string,
): Group<T>[] {
  return [...Map.groupBy(items, groupOf)]
    .map(([key, some]) => ({ key, items: some, order: sha256(`${salt}:${key}`) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
}
