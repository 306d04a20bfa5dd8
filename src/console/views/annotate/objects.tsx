import { colourOf } from "../../canvas/layer.ts";
import type { Everything } from "../../state/everything.ts";
import type { Instance, Sketch } from "../../state/sketch.ts";
import { attempt } from "../../state/toasts.ts";
import { number } from "../../state/text.ts";
import { TextField } from "../../ui/form.tsx";
import { Button } from "../../ui/parts.tsx";
import { highlighted } from "./highlight.ts";
import type { Actions } from "./shortcuts.ts";

/** The object that is being drawn, and those that are saved. */
export function Objects({
  sketch,
  everything,
  labels,
  actions,
}: {
  sketch: Sketch;
  everything: Everything;
  labels: readonly { label: string }[];
  actions: Actions;
}) {
  const draft = sketch.draft.value;
  return (
    <aside class="objects" aria-label="Objects">
      <section class="draft">
        <TextField
          label="Label"
          list="labels"
          value={sketch.label.value}
          placeholder="optional"
          maxLength={200}
          onText={(text) => void (sketch.label.value = text)}
        >
          <datalist id="labels">
            {labels.map(({ label }) => (
              <option key={label} value={label} />
            ))}
          </datalist>
        </TextField>
        {labels.length > 0 && (
          <div class="chips" role="group" aria-label="Labels in use">
            {labels.slice(0, 9).map(({ label }, i) => (
              <button
                key={label}
                type="button"
                class="chip"
                aria-pressed={sketch.label.value === label}
                onClick={() => void (sketch.label.value = label)}
              >
                <span class="muted">{i + 1}</span> {label}
              </button>
            ))}
          </div>
        )}
        <div class="row nowrap">
          <Button
            kind="primary grow"
            icon="check"
            disabled={!draft.mask || sketch.busy.value}
            onClick={actions.accept}
          >
            Accept
          </Button>
          <Button
            disabled={!draft.mask && draft.points.length === 0 && !draft.box}
            onClick={() => sketch.clear()}
          >
            Start over
          </Button>
        </div>
      </section>
      <Found everything={everything} />
      <section class="stack-s">
        <h2 class="small-title">
          Objects <span class="muted nums">{sketch.instances.value.length}</span>
        </h2>
        {sketch.instances.value.length === 0 && <p class="muted small">None yet.</p>}
        <ul class="object-list">
          {sketch.instances.value.map((one, i) => (
            <ObjectRow key={one.id} sketch={sketch} everything={everything} instance={one} index={i} />
          ))}
        </ul>
      </section>
    </aside>
  );
}

/** What the model has found without prompts, while it is looked through. */
function Found({ everything }: { everything: Everything }) {
  const { left, found, running, open, what } = everything;
  if (!running.value && !open.value) return null;
  return (
    <section class="stack-s" aria-label={what.value === "everything" ? "Everything" : "Found objects"}>
      <p class="small nums" role="status">
        {running.value
          ? `Looking for ${what.value} …`
          : `${found.value} found, ${left.value?.length ?? 0} to look at`}
      </p>
      <div class="row nowrap">
        {open.value && <Button onClick={() => everything.skip()}>Skip</Button>}
        <Button kind="quiet" onClick={() => everything.close()}>
          {running.value ? "Stop" : "Done"}
        </Button>
      </div>
    </section>
  );
}

function ObjectRow({
  sketch,
  everything,
  instance,
  index,
}: {
  sketch: Sketch;
  everything: Everything;
  instance: Instance;
  index: number;
}) {
  const name = instance.label ?? `Object ${index + 1}`;
  const point = (id: string | null) => () => void (highlighted.value = id);
  return (
    <li
      class={sketch.draft.value.replaces === instance.id ? "chosen" : ""}
      onPointerEnter={point(instance.id)}
      onPointerLeave={point(null)}
    >
      <button
        type="button"
        class="object"
        onFocus={point(instance.id)}
        onBlur={point(null)}
        onClick={() => sketch.edit(instance)}
      >
        <span class="swatch" style={{ background: colourOf(instance.colour) }} />
        <span class="tile-name">{name}</span>
        <span class="muted small nums">{number(instance.area)} px</span>
      </button>
      <Button
        kind="quiet"
        icon="find"
        label={`Find objects like ${name}`}
        disabled={everything.running.value}
        onClick={() => attempt(() => everything.like(instance.id))}
      />
      <Button
        kind="quiet"
        icon="trash"
        label={`Delete ${name}`}
        onClick={() => attempt(() => sketch.remove(instance))}
      />
    </li>
  );
}
