import { MultiBar, Presets, type SingleBar } from "cli-progress";

const tty = process.stderr.isTTY;

export interface Bar {
  at(done: number, total: number, note?: string): void;
  end(note: string): void;
}

export const say = (text: string): void => void process.stdout.write(`${text}\n`);
export const heading = (text: string): void => say(`\n${tty ? `\u001b[1m${text}\u001b[0m` : text}`);

/** A progress bar with lines above it; where the output is no terminal, the lines and the end alone. */
export function progress(label: string): Bar & { log(line: string): void } {
  if (!tty) {
    return { at: () => {}, log: (line) => say(`  ${line}`), end: (note) => say(`  ${label}: ${note}`) };
  }
  const bars = new MultiBar(
    {
      format: "  {label} {bar} {value}/{total} {note}",
      hideCursor: true,
      barsize: 30,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  );
  const bar: SingleBar = bars.create(1, 0, { label, note: "" });
  return {
    at: (done, total, note = "") => {
      bar.setTotal(Math.max(1, total));
      bar.update(done, { note });
    },
    log: (line) => bars.log(`  ${line}\n`),
    end: (note) => {
      bar.update(bar.getTotal(), { note });
      bars.stop();
    },
  };
}
