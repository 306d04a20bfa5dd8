declare module "asciichart" {
  interface Config {
    readonly height?: number;
    readonly min?: number;
    readonly max?: number;
    readonly offset?: number;
    readonly format?: (value: number) => string;
  }
  const asciichart: { plot(values: readonly number[], config?: Config): string };
  export default asciichart;
}
