/** A pixel with a smaller share of foreground is surely background: nothing refines it. */
const faint = 0.01;
/** The same as a logit. */
export const faintLogit = Math.log(faint / (1 - faint));
