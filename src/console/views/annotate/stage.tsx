import { useEffect, useRef } from "preact/hooks";
import type { Everything } from "../../state/everything.ts";
import type { Sketch } from "../../state/sketch.ts";
import { Controller } from "./controller.ts";

/** The canvas with the image; all that happens on it is the controller's. */
export function Stage({
  sketch,
  everything,
  controller,
}: {
  sketch: Sketch;
  everything: Everything;
  controller: { current: Controller | null };
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!canvas.current) return undefined;
    const made = new Controller(canvas.current, sketch, everything);
    controller.current = made;
    return () => {
      made.close();
      controller.current = null;
    };
  }, [sketch]);
  const { width, height, file_name: name } = sketch.image;
  return (
    <canvas
      ref={canvas}
      class="stage-canvas"
      tabIndex={0}
      role="application"
      aria-label={`${name ?? "Image"}, ${width} by ${height} pixels. Arrow keys move the crosshair, Space clicks, Shift and Space clicks background, Enter accepts the mask.`}
    />
  );
}
