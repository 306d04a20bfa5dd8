/**
 * Whether answers to promote, rollback and predict are those of one register that changed at one moment each. The audit
 * trail gives the order of the changes, so the search of a linearization is one walk (Wing and Gong, 1993, for a
 * register whose order of writes is known). Pure: times are any clock's, as long as it is one clock's.
 */

/** A version's number, or the base. */
export type Served = number | "base";

/** A row of the audit trail. */
export interface TrailEntry {
  /** What the request had sent along; one of its own each. */
  readonly reason: string;
  readonly kind: "promote" | "rollback";
  readonly from: Served;
  readonly to: Served;
}

/** A request to promote or to roll back, with what its client learned of it. */
export interface Change {
  readonly reason: string;
  readonly kind: "promote" | "rollback";
  /** What a promote asked for. */
  readonly to?: Served;
  readonly start: number;
  readonly end: number;
  /** `unknown`: the line broke, or the answer was a 5xx, so that it may have been carried out or not, or later. */
  readonly outcome: "done" | "refused" | "unknown";
}

/** A prediction of the active version that was answered. */
export interface Read {
  readonly version: Served;
  readonly start: number;
  readonly end: number;
}

export interface History {
  /** From the project's start, oldest first. */
  readonly trail: readonly TrailEntry[];
  readonly changes: readonly Change[];
  readonly reads: readonly Read[];
}

const named = (version: Served): string => (version === "base" ? "the base" : `version ${version}`);

/** What is wrong with a history; empty where nothing is. */
export function faultsOfHistory(history: History): string[] {
  return [...faultsOfTrail(history.trail), ...faultsOfChanges(history), ...faultsOfReads(history)];
}

/** Each entry goes on from what the one before had made live, and a rollback walks back and never toggles. */
function faultsOfTrail(trail: readonly TrailEntry[]): string[] {
  const faults: string[] = [];
  const live: Served[] = ["base"];
  for (const [i, { kind, from, to }] of trail.entries()) {
    if (from !== live.at(-1))
      faults.push(`entry ${i} goes on from ${named(from)}, and ${named(live.at(-1) ?? "base")} was live`);
    if (kind === "rollback") {
      live.pop();
      if (to !== live.at(-1))
        faults.push(
          `entry ${i} rolls back to ${named(to)}, and before it was ${named(live.at(-1) ?? "base")}`,
        );
    }
    if (kind === "promote") live.push(to);
    else live.splice(Math.max(0, live.length - 1), 1, to);
  }
  return faults;
}

/** What was acknowledged is in the trail once, what was refused is not, and one that ended before another began is before it. */
function faultsOfChanges({ trail, changes }: History): string[] {
  const faults: string[] = [];
  const placesOf = (reason: string): number[] =>
    trail.flatMap((entry, i) => (entry.reason === reason ? [i] : []));
  const placed = changes.map((change) => ({ change, places: placesOf(change.reason) }));
  for (const { change, places } of placed) {
    const { outcome, reason, kind, to } = change;
    if (places.length > 1) faults.push(`${kind} ${reason} was carried out ${places.length} times`);
    if (outcome === "done" && places.length === 0)
      faults.push(`${kind} ${reason} was acknowledged and is lost`);
    if (outcome === "refused" && places.length > 0)
      faults.push(`${kind} ${reason} was refused and carried out`);
    const entry = trail[places[0] ?? -1];
    if (entry && (entry.kind !== kind || (to !== undefined && entry.to !== to)))
      faults.push(`${kind} ${reason} became a ${entry.kind} to ${named(entry.to)}`);
  }
  for (const before of placed)
    for (const after of placed) {
      const [a, b] = [before.places[0], after.places[0]];
      if (a === undefined || b === undefined || a < b || before === after) continue;
      if (before.change.outcome === "done" && before.change.end < after.change.start)
        faults.push(
          `${after.change.reason} began after ${before.change.reason} had ended and comes before it`,
        );
    }
  return faults;
}

/** Every answer's version was live in its interval, and of two answers one after the other the later saw no older state. */
function faultsOfReads({ trail, changes, reads }: History): string[] {
  const asked = new Map(changes.map((change) => [change.reason, change]));
  const states: { version: Served; from: number; until: number }[] = [];
  // A state begins after its change and all before it were asked for.
  let from = -Infinity;
  for (const [i, version] of (["base", ...trail.map(({ to }) => to)] as Served[]).entries()) {
    from = Math.max(from, asked.get(trail[i - 1]?.reason ?? "")?.start ?? -Infinity);
    states.push({ version, from, until: Infinity });
  }
  // It has ended once any later change is acknowledged; what was there before all changes has its ends in no clock.
  let until = Infinity;
  for (let i = trail.length - 1; i >= 0; i--) {
    const change = asked.get(trail[i]?.reason ?? "");
    if (change === undefined) until = -Infinity;
    else if (change.outcome === "done") until = Math.min(until, change.end);
    (states[i] as { until: number }).until = until;
  }
  const faults: string[] = [];
  const seen: { end: number; place: number }[] = [];
  for (const { version, start, end } of [...reads].sort((a, b) => a.start - b.start)) {
    const least = seen.filter((one) => one.end < start).reduce((most, { place }) => Math.max(most, place), 0);
    const place = states.findIndex(
      (state, i) => i >= least && state.version === version && state.from <= end && state.until >= start,
    );
    if (place < 0) {
      const why = least > 0 ? `, or something later had been seen before` : "";
      faults.push(
        `an answer between ${start} and ${end} is of ${named(version)}, which was not live then${why}`,
      );
    } else seen.push({ end, place });
  }
  return faults;
}
