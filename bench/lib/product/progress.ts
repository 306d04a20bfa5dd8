import { MultiBar, Presets, type SingleBar } from "cli-progress";

/** What a long run shows on stderr: a bar on a terminal, and lines above it; elsewhere the lines alone. */
export class Progress {
  readonly #bars: MultiBar | undefined;
  #bar: SingleBar | undefined;
  #label = "";

  constructor() {
    if (!process.stderr.isTTY) return;
    const options = {
      format: "  {label} {bar} {value}/{total}",
      hideCursor: true,
      barsize: 30,
      stream: process.stderr,
    };
    this.#bars = new MultiBar(options, Presets.shades_classic);
  }

  say(line: string): void {
    if (this.#bars) this.#bars.log(`${line}\n`);
    else process.stderr.write(`${line}\n`);
  }

  at(label: string, done: number, total: number): void {
    if (!this.#bars) return;
    if (!this.#bar || label !== this.#label) {
      if (this.#bar) this.#bars.remove(this.#bar);
      this.#bar = this.#bars.create(Math.max(1, total), 0, { label });
      this.#label = label;
    }
    this.#bar.setTotal(Math.max(1, total));
    this.#bar.update(done, { label });
  }

  end(): void {
    this.#bars?.stop();
  }
}
