/** Lines of several owners, who take turns: the one that was served longest ago is next, each line first come, first served. */
export class Turns<T> {
  /** In the order of their turns; a line that runs empty is gone. */
  readonly #lines = new Map<string, T[]>();

  add(owner: string, item: T): void {
    const line = this.#lines.get(owner);
    if (line) line.push(item);
    else this.#lines.set(owner, [item]);
  }

  /** How many of an owner's wait. */
  count(owner: string): number {
    return this.#lines.get(owner)?.length ?? 0;
  }

  /** The first of the line whose turn it is; undefined when nobody waits. */
  next(): T | undefined {
    for (const [owner, line] of this.#lines) {
      this.#lines.delete(owner);
      const [first, ...rest] = line;
      if (rest.length > 0) this.#lines.set(owner, rest);
      return first;
    }
    return undefined;
  }

  /** Takes all that `wanted` says yes to out of the lines, in the order of turns; no turn is used up. */
  take(wanted: (item: T) => boolean): T[] {
    const taken: T[] = [];
    for (const [owner, line] of this.#lines) {
      const rest = line.filter((item) => {
        if (!wanted(item)) return true;
        taken.push(item);
        return false;
      });
      if (rest.length > 0) this.#lines.set(owner, rest);
      else this.#lines.delete(owner);
    }
    return taken;
  }
}
