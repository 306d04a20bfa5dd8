/**
 * A closed ring [x, y, x, y, ...] with fewer corners: each one that is left out lies within `tolerance` pixels of the
 * edge that takes its place. Never fewer than three corners stay. 0 gives the ring back as it is.
 * Source: Douglas and Peucker, 1973, on the two halves between the first corner and the one farthest from it.
 */
export function simplifyRing(ring: readonly number[], tolerance: number): number[] {
  const corners = ring.length / 2;
  if (tolerance <= 0 || corners <= 3) return [...ring];
  const at = (i: number): [number, number] => [
    ring[2 * (i % corners)] as number,
    ring[2 * (i % corners) + 1] as number,
  ];
  /** The corner between `from` and `to` that is farthest from their edge. */
  const farthest = (from: number, to: number): Far => {
    const [a, b] = [at(from), at(to)];
    let found: Far = { index: -1, distance: -1 };
    for (let i = from + 1; i < to; i++) {
      const distance = toSegment(at(i), a, b);
      if (distance > found.distance) found = { index: i, distance };
    }
    return found;
  };
  // From the first corner round to itself the edge has no length: the farthest corner of all.
  const opposite = farthest(0, corners).index;
  const keep = new Set([0, opposite]);
  const open: [number, number][] = [
    [0, opposite],
    [opposite, corners],
  ];
  for (let part = open.pop(); part; part = open.pop()) {
    const { index, distance } = farthest(...part);
    if (index === -1 || distance <= tolerance) continue;
    keep.add(index);
    open.push([part[0], index], [index, part[1]]);
  }
  if (keep.size < 3) {
    const [one, other] = [farthest(0, opposite), farthest(opposite, corners)];
    keep.add((one.distance >= other.distance ? one : other).index);
  }
  return [...keep].sort((a, b) => a - b).flatMap(at);
}

interface Far {
  readonly index: number;
  readonly distance: number;
}

/** Distance of a point to the segment from a to b. */
function toSegment(
  [x, y]: readonly [number, number],
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}
