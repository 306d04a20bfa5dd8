import type { Box } from "../../imaging/types.ts";

/** Where objects may be found: in a region, outside of others, pixels of the image. */
export interface Where {
  readonly region?: Box | undefined;
  readonly exclude?: readonly Box[] | undefined;
}

/** Whether a place [x, y] counts. */
export function isInside([x, y]: readonly [number, number], { region, exclude }: Where): boolean {
  const inside = ([x0, y0, x1, y1]: Box): boolean => x >= x0 && x < x1 && y >= y0 && y < y1;
  return (!region || inside(region)) && !exclude?.some(inside);
}
