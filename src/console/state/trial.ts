/** A short training that chose between recipes. */
export interface Trial {
  readonly trial: number;
  readonly rung: string;
  readonly loss: string;
  readonly learning_rate: number;
  /** Left out by releases that knew none. */
  readonly turns?: boolean;
  readonly zoom: { readonly context: number; readonly tiles: number; readonly raster?: number } | null;
  readonly mean_iou: number;
}
