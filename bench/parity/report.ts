/** One line of docs/parity.md. */
export interface Row {
  readonly part: string;
  readonly peer: string;
  readonly on: string;
  readonly absolute: number;
  readonly relative: number;
  /** Of the masks at the original size. */
  readonly iou?: { readonly least: number; readonly mean: number };
}

const short = (value: number): string => (value === 0 ? "0" : value.toExponential(1));

/** The page, from what was measured and the versions of what it was measured against. */
export function parityReport(rows: readonly Row[], versions: Readonly<Record<string, string>>): string {
  const lines = rows.map(({ part, peer, on, absolute, relative, iou }) => {
    const masks = iou ? `${iou.mean.toFixed(5)} (least ${iou.least.toFixed(5)})` : "";
    return `| ${part} | ${peer} | ${on} | ${short(absolute)} | ${short(relative)} | ${masks} |`;
  });
  const against = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `# Parity

Every part of SAM here against the peers, on the same weights: written by \`bench/parity/main.ts\` from what \`bench/parity/peers.py\` made. Differences are the largest of all values; "relative" is that over the largest value. Masks are compared at the image's own size, as IoU.

Image encoders have random weights made by the peer at full width and depth, with its own \`.pth\` imported; the decoder's are mobile_sam's. "From its bytes" means decoding, resizing, normalising and encoding by each side itself.

Measured against ${against.join(", ")}.

| Part | Peer | On | Max abs. difference | Relative | Mask IoU, mean |
|---|---|---|---|---|---|
${lines.join("\n")}

To make it again: see the head of \`bench/parity/peers.py\`, then \`node bench/parity/main.ts PEERS DATA\`.
`;
}
