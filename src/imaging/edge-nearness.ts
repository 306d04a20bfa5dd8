import { type LowResTarget, lowResSide } from "./coordinates.ts";

/** Standard deviation of the fall-off, in low-res cells; 2 of them are 8 pixels of the 1024 frame. */
const deviation = 2;
/** Beyond this the nearness is below .012 and counts as 0. */
const reach = 3 * deviation;

/**
 * How near each low-res cell lies to the mask's edge, [256, 256] in [0, 1]: exp(-d^2 / (2 * 2^2)) of its Euclidean
 * distance d to the nearest cell on the edge, 0 from 6 cells on. On the edge are cells that are part foreground, part
 * background, and those with a neighbour on the other side. Where the image ends is no edge.
 */
export function edgeNearness({ target, valid }: LowResTarget): Float32Array {
  const side = lowResSide;
  const edge = edgeCells(target, valid);
  // Squared distances along the columns first, then along the rows: exact (Felzenszwalb and Huttenlocher 2012).
  const far = 2 * reach * reach;
  const columns = new Float32Array(side * side).fill(far);
  for (let i = 0; i < edge.length; i++) {
    if (edge[i] !== 1) continue;
    const [x, y] = [i % side, Math.floor(i / side)];
    for (let v = Math.max(0, y - reach); v <= Math.min(side - 1, y + reach); v++)
      columns[v * side + x] = Math.min(columns[v * side + x] as number, (v - y) ** 2);
  }
  const squared = new Float32Array(side * side).fill(far);
  for (let i = 0; i < columns.length; i++) {
    const height = columns[i] as number;
    if (height >= far) continue;
    const [x, row] = [i % side, i - (i % side)];
    for (let u = Math.max(0, x - reach); u <= Math.min(side - 1, x + reach); u++)
      squared[row + u] = Math.min(squared[row + u] as number, height + (u - x) ** 2);
  }
  return squared.map((d) => (d > reach * reach ? 0 : Math.exp(-d / (2 * deviation * deviation))));
}

/** 1 on the edge. */
function edgeCells(target: Float32Array, valid: Float32Array): Uint8Array {
  const side = lowResSide;
  const edge = new Uint8Array(side * side);
  const inside = (i: number): boolean => (target[i] as number) >= 0.5;
  for (let i = 0; i < edge.length; i++) {
    if (valid[i] !== 1) continue;
    const share = target[i] as number;
    if (share > 0 && share < 1) edge[i] = 1;
    const x = i % side;
    for (const next of [x + 1 < side ? i + 1 : i, i + side < edge.length ? i + side : i])
      if (valid[next] === 1 && inside(next) !== inside(i)) edge[i] = edge[next] = 1;
  }
  return edge;
}
