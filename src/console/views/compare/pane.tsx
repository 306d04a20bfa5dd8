import { useEffect, useRef, useState } from "preact/hooks";
import type { Image } from "../../api/types.ts";
import { drawLayer, layerOf } from "../../canvas/layer.ts";
import type { Compared } from "../../state/pictures.ts";
import { score } from "../../state/text.ts";

type Box = [number, number, number, number];
export interface PromptMade {
  readonly points?: readonly (readonly [number, number, number])[];
  readonly box?: Box;
}

const colour = "#3b82f6";
const longest = 1200;

/** One version's view of the image: shows its mask, and takes clicks and boxes for all. */
export function Pane({
  name,
  picture,
  image,
  prompt,
  result,
  onPrompt,
}: {
  name: string;
  picture: HTMLImageElement;
  image: Image;
  prompt: PromptMade | null;
  result: Compared | null;
  onPrompt: (prompt: PromptMade) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [from, setFrom] = useState<[number, number] | null>(null);
  const [box, setBox] = useState<Box | null>(null);
  const scale = Math.min(1, longest / Math.max(image.width, image.height));
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    element.width = Math.round(image.width * scale);
    element.height = Math.round(image.height * scale);
    context.scale(scale, scale);
    context.drawImage(picture, 0, 0, image.width, image.height);
    const layer = result && layerOf(result.mask, colour);
    const onScreen = (element.clientWidth || element.width) / image.width;
    if (layer) drawLayer(context, layer, { colour, alpha: 0.5, scale: onScreen });
    drawPrompt(context, box ? { box } : prompt, onScreen);
  }, [picture, result, prompt, box]);
  const place = (event: PointerEvent): [number, number] => {
    const { left, top, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const by = image.width / width;
    const clamp = (value: number, side: number): number =>
      Math.round(Math.min(side, Math.max(0, value)) * 10) / 10;
    return [clamp((event.clientX - left) * by, image.width), clamp((event.clientY - top) * by, image.height)];
  };
  const boxTo = ([x, y]: [number, number], start: [number, number]): Box => [
    Math.min(x, start[0]),
    Math.min(y, start[1]),
    Math.max(x, start[0]),
    Math.max(y, start[1]),
  ];
  const near = (image.width / 100) * 1.2;
  const end = (event: PointerEvent): void => {
    if (!from) return;
    const to = place(event);
    const drawn = boxTo(to, from);
    setFrom(null);
    setBox(null);
    if (drawn[2] - drawn[0] > near && drawn[3] - drawn[1] > near) onPrompt({ box: drawn });
    else onPrompt({ points: [[from[0], from[1], 1]] });
  };
  const clickMiddle = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onPrompt({ points: [[image.width / 2, image.height / 2, 1]] });
  };
  return (
    <figure class="pane">
      <figcaption class="row between">
        <b>{name}</b>
        <span class="muted small nums">{result ? `predicted IoU ${score(result.score)}` : ""}</span>
      </figcaption>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="button"
        aria-label={`${name}: click an object or drag a box; Enter asks about the middle`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setFrom(place(event));
        }}
        onPointerMove={(event) => from && setBox(boxTo(place(event), from))}
        onPointerUp={end}
        onKeyDown={clickMiddle}
      />
    </figure>
  );
}

function drawPrompt(context: CanvasRenderingContext2D, prompt: PromptMade | null, scale: number): void {
  context.strokeStyle = "#ffffff";
  if (prompt?.box) {
    const [x0, y0, x1, y1] = prompt.box;
    for (const [width, stroke] of [
      [4, "#ffffff"],
      [2, "#2f6fed"],
    ] as const) {
      context.lineWidth = width / scale;
      context.strokeStyle = stroke;
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
  }
  for (const [x, y] of prompt?.points ?? []) {
    context.beginPath();
    context.arc(x, y, 6 / scale, 0, 2 * Math.PI);
    context.fillStyle = "#2f6fed";
    context.fill();
    context.lineWidth = 2 / scale;
    context.strokeStyle = "#ffffff";
    context.stroke();
  }
}
