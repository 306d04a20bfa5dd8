import type { Row } from "./measure.ts";

interface Reported {
  readonly text: string;
  readonly missing: string | null;
  readonly rows: readonly Row[];
  readonly broken: string | null;
}

const heads = ["way", "stage", "CPU ms", "device ms", "ratio", "first ms", "error", "verdict"];

/** The check's one table, as Markdown with a line of what it ran on above. */
export function tableOf(card: string, reports: readonly Reported[]): string {
  const lines = reports.flatMap(linesOf);
  const widths = heads.map((head, c) => Math.max(head.length, ...lines.map((line) => line[c]?.length ?? 0)));
  const padded = (cells: readonly string[]): string =>
    `| ${cells.map((cell, c) => cell.padEnd(widths[c] ?? 0)).join(" | ")} |\n`;
  const none = reports.every(({ missing }) => missing !== null);
  const said = none ? `No GPU to compute on here: ${card}.` : `On: ${card}.`;
  return `${said}\n\n${padded(heads)}${padded(widths.map((width) => "-".repeat(width)))}${lines.map(padded).join("")}`;
}

function linesOf({ text, missing, rows, broken }: Reported): string[][] {
  const blank = (verdict: string): string[] => [text, "", "", "", "", "", "", verdict];
  if (missing !== null) return [blank(`not here: ${missing.replaceAll("|", "/")}`)];
  return [...rows.map((row) => lineOf(text, row)), ...(broken === null ? [] : [blank(`fail: ${broken}`)])];
}

function lineOf(text: string, { stage, cpuMs, deviceMs, startMs, error, passes, note }: Row): string[] {
  const ratio = (deviceMs / cpuMs).toFixed(2);
  const told = note === "" ? "" : `: ${note.replaceAll("|", "/")}`;
  return [
    text,
    stage,
    cpuMs.toFixed(1),
    deviceMs.toFixed(1),
    ratio,
    startMs.toFixed(0),
    error.toExponential(1),
    `${passes ? "pass" : "fail"}${told}`,
  ];
}
