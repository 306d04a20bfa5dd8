import { clearScreenDown, moveCursor } from "node:readline";
import asciichart from "asciichart";

export interface Streams {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
}

/** Lines at the bottom of the terminal that are drawn over; where there is no terminal, nothing. */
export class Live {
  #lines = 0;
  readonly #to: Streams["err"];
  readonly isOn: boolean;

  constructor(to: Streams["err"], wanted: boolean) {
    this.#to = to;
    this.isOn = wanted && to.isTTY === true;
  }

  draw(lines: readonly string[]): void {
    if (!this.isOn) return;
    this.clear();
    // A line that wraps would be more lines than are cleared.
    const width = Math.max(20, this.#to.columns ?? 80) - 1;
    this.#to.write(lines.map((line) => `${line.slice(0, width)}\n`).join(""));
    this.#lines = lines.length;
  }

  clear(): void {
    if (this.#lines === 0) return;
    moveCursor(this.#to, 0, -this.#lines);
    clearScreenDown(this.#to);
    this.#lines = 0;
  }
}

export function bar(label: string, done: number, total: number, note = ""): string {
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const filled = Math.round(share * 30);
  const meter = "\u2588".repeat(filled) + "\u2591".repeat(30 - filled);
  return `${label.padEnd(9)} ${meter} ${String(Math.round(share * 100)).padStart(3)} %  ${note}`.trimEnd();
}

/** A curve with its axis, newest values to the right; empty where there are fewer than two. */
export function chart(title: string, values: readonly number[], columns: number): string[] {
  if (values.length < 2) return [];
  const shown = values.slice(-Math.max(2, columns - 14));
  // asciichart gives a row to each unit of the range; a flat line has none.
  const low = Math.min(...shown);
  const high = Math.max(...shown);
  const room = high - low > 1e-6 ? {} : { min: low - 0.01, max: high + 0.01 };
  const text = asciichart.plot(shown, {
    height: 6,
    ...room,
    format: (x: number) => x.toFixed(4).padStart(9),
  });
  return [`${title} ${values.at(-1)?.toFixed(4)}`, ...text.split("\n")];
}

/** Columns side by side. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
