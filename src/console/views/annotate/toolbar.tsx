import { useState } from "preact/hooks";
import type { Everything } from "../../state/everything.ts";
import type { Sketch } from "../../state/sketch.ts";
import { background, brushSize, preview, type Tool, tool } from "../../state/tools.ts";
import type { IconName } from "../../ui/icon.tsx";
import { Button, Dialog } from "../../ui/parts.tsx";
import type { Controller } from "./controller.ts";
import { type Actions, shortcuts } from "./shortcuts.ts";

const tools: readonly [Tool, IconName, string][] = [
  ["click", "click", "Click or box (C)"],
  ["brush", "brush", "Brush (B)"],
  ["eraser", "eraser", "Eraser (E)"],
  ["polygon", "polygon", "Polygon (P)"],
  ["pan", "hand", "Hand (H)"],
];

export function Toolbar({
  sketch,
  everything,
  controller,
  actions,
}: {
  sketch: Sketch;
  everything: Everything;
  controller: { current: Controller | null };
  actions: Actions;
}) {
  const [help, setHelp] = useState(false);
  const brushes = tool.value === "brush" || tool.value === "eraser";
  return (
    <div class="tools" role="toolbar" aria-label="Tools">
      {tools.map(([name, icon, label]) => (
        <Button
          key={name}
          kind="quiet"
          icon={icon}
          label={label}
          pressed={tool.value === name}
          onClick={() => void (tool.value = name)}
        />
      ))}
      <hr />
      {brushes ? (
        <label class="brush-size" title="Brush size ([ and ])">
          <span class="visually-hidden">Brush size</span>
          <input
            type="range"
            min={4}
            max={120}
            value={brushSize.value}
            onInput={(event) => void (brushSize.value = Number(event.currentTarget.value))}
          />
        </label>
      ) : (
        <Button
          kind="quiet"
          icon={background.value ? "minus" : "plus"}
          label={background.value ? "Clicks say: not this (X)" : "Clicks say: this (X)"}
          pressed={background.value}
          onClick={() => void (background.value = !background.value)}
        />
      )}
      <Button
        kind="quiet"
        icon="eye"
        label="Preview under the pointer (V)"
        pressed={preview.value}
        onClick={() => void (preview.value = !preview.value)}
      />
      <Button
        kind="quiet"
        icon="all"
        label="Segment everything (S)"
        disabled={everything.running.value}
        onClick={actions.everything}
      />
      {actions.find && (
        <Button
          kind="quiet"
          icon="find"
          label="Find objects (F)"
          disabled={everything.running.value}
          onClick={actions.find}
        />
      )}
      <hr />
      <Button
        kind="quiet"
        icon="undo"
        label="Undo (Ctrl + Z)"
        disabled={!sketch.canUndo.value}
        onClick={actions.undo}
      />
      <Button
        kind="quiet"
        icon="redo"
        label="Redo (Ctrl + Shift + Z)"
        disabled={!sketch.canRedo.value}
        onClick={actions.redo}
      />
      <hr />
      <Button kind="quiet" icon="fit" label="Fit (0)" onClick={() => controller.current?.fit()} />
      <Button kind="quiet" icon="help" label="Shortcuts" onClick={() => setHelp(true)} />
      {help && (
        <Dialog title="Shortcuts" onClose={() => setHelp(false)}>
          <dl class="keys">
            {shortcuts.map(([keys, what]) => (
              <div key={keys}>
                <dt>
                  <kbd>{keys}</kbd>
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </Dialog>
      )}
    </div>
  );
}
