/** Strokes in a 24 x 24 box. */
const paths = {
  click: "M9 9l10 4-4.5 1.5L13 19z M4 9h2 M9 4v2 M5.5 5.5l1.4 1.4",
  box: "M4 8V4h4 M16 4h4v4 M20 16v4h-4 M8 20H4v-4",
  brush: "M4 20c3 0 5-1 5-4 M9 16L19 5l1 1L10 17",
  eraser: "M8 19h12 M5 15l8-9 6 5-7 8H8z",
  polygon: "M12 4l8 6-3 9H7L4 10z",
  hand: "M7 12V7 M7 11a2 2 0 0 0-3 2l3 6h9l2-7V8 M10 11V5 M13 11V5 M16 11V6",
  undo: "M8 7L4 11l4 4 M4 11h10a5 5 0 0 1 0 10h-2",
  redo: "M16 7l4 4-4 4 M20 11H10a5 5 0 0 0 0 10h2",
  plus: "M12 5v14 M5 12h14",
  minus: "M5 12h14",
  fit: "M9 4H4v5 M15 4h5v5 M20 15v5h-5 M9 20H4v-5",
  check: "M5 13l4 4L19 7",
  close: "M6 6l12 12 M18 6L6 18",
  trash: "M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13",
  upload: "M12 16V4 M7 9l5-5 5 5 M4 20h16",
  download: "M12 4v12 M7 11l5 5 5-5 M4 20h16",
  spark: "M12 3l2 6 6 2-6 2-2 6-2-6-6-2 6-2z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8 M12 2v2 M12 20v2 M2 12h2 M20 12h2 M5 5l1.5 1.5 M17.5 17.5L19 19 M5 19l1.5-1.5 M17.5 6.5L19 5",
  moon: "M20 14A8 8 0 1 1 10 4a7 7 0 0 0 10 10z",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  stop: "M7 7h10v10H7z",
  pause: "M9 6v12 M15 6v12",
  play: "M8 5l11 7-11 7z",
  help: "M12 17v.5 M9 9a3 3 0 1 1 4 2.8c-.8.4-1 1-1 2.2",
  out: "M10 4H5v16h5 M14 8l4 4-4 4 M18 12H9",
  compare: "M12 3v18 M8 8l-4 4 4 4 M16 8l4 4-4 4",
  key: "M14 10a4 4 0 1 0-4 4 4 4 0 0 0 4-4 M13 13l7 7 M17 17l2-2",
  eye: "M3 12s3-6 9-6 9 6 9 6-3 6-9 6-9-6-9-6z M12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  find: "M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12 M14.5 14.5L20 20",
  all: "M4 4h6v6H4z M14 4h6v6h-6z M4 14h6v6H4z M14 14h6v6h-6z",
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon-svg" viewBox="0 0 24 24" aria-hidden="true">
    <path d={paths[name]} />
  </svg>
);
