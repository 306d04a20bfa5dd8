import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import { theme } from "../state/theme.ts";

export interface Series {
  readonly label: string;
  /** A token's name. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly dashed?: boolean;
}

interface Props {
  /** What it shows, for those who can't see it. */
  readonly label: string;
  readonly x: { readonly label: string; readonly values: readonly number[] };
  readonly series: readonly Series[];
  /** Numbers of two series that a band lies between. */
  readonly band?: readonly [number, number];
  readonly height?: number;
  readonly digits?: number;
  readonly range?: readonly [number, number];
}

/** Lines over steps; it follows the width that it is given and the colours of the theme. */
export function Chart({ label, x, series, band, height = 220, digits = 3, range }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const colours = theme.value;
  const data = [[...x.values], ...series.map(({ values }) => [...values])] as UPlot.AlignedData;
  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const token = (name: string): string =>
      getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axis = {
      stroke: token("--muted"),
      grid: { stroke: token("--chart-grid"), width: 1 },
      ticks: { show: false },
    };
    const isEdge = (one: Series): boolean => band?.includes(series.indexOf(one)) ?? false;
    const made = new UPlot(
      {
        width: element.clientWidth,
        height,
        cursor: { drag: { x: false, y: false }, points: { size: 7 } },
        legend: { live: true },
        scales: { x: { time: false }, y: range ? { range: [...range] as [number, number] } : {} },
        axes: [
          { ...axis, space: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
          { ...axis, size: 52, values: (_plot, ticks) => ticks.map((tick) => tick.toFixed(digits - 1)) },
        ],
        series: [
          { label: x.label },
          ...series.map((one) => ({
            label: one.label,
            stroke: token(one.colour),
            width: isEdge(one) ? 0 : 2,
            ...(one.dashed && { dash: [5, 4] }),
            spanGaps: true,
            points: {
              show: one.values.filter((value) => value !== null).length < 40 && !one.dashed && !isEdge(one),
              size: 5,
            },
            value: (_plot: UPlot, value: number | null) => (value === null ? "–" : value.toFixed(digits)),
          })),
        ],
        ...(band && { bands: [{ series: [band[1] + 1, band[0] + 1], fill: `${token("--chart-1")}2e` }] }),
      },
      data,
      element,
    );
    plot.current = made;
    const sized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    sized.observe(element);
    return () => {
      sized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [colours, series.map((one) => one.label).join("|"), band?.join(), height]);
  useEffect(() => plot.current?.setData(data), [JSON.stringify(data)]);
  const last = series.map(
    (one) => `${one.label} ${one.values.findLast((value) => value !== null)?.toFixed(digits) ?? "–"}`,
  );
  return <div ref={host} class="chart" role="img" aria-label={`${label}: ${last.join(", ")}`} />;
}
