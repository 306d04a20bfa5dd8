import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

/** Two pictures of the same place on top of each other; the line between them can be pulled, also by keyboard. */
export function BeforeAfter({
  before,
  after,
  names,
  start = 50,
}: {
  before: ComponentChildren;
  after: ComponentChildren;
  names: readonly [string, string];
  /** Where the line stands at first, in percent of the width. */
  start?: number;
}) {
  const [at, setAt] = useState(Math.round(start));
  return (
    <div class="before-after">
      <div class="layer">{before}</div>
      <div class="layer over" style={{ clipPath: `inset(0 0 0 ${at}%)` }}>
        {after}
      </div>
      <span class="side-name left">{names[0]}</span>
      <span class="side-name right">{names[1]}</span>
      <span class="divider" style={{ left: `${at}%` }} />
      <input
        type="range"
        min={0}
        max={100}
        step={1}
        value={at}
        aria-label={`Left of the line: ${names[0]}; right of it: ${names[1]}`}
        onInput={(event) => setAt(Number(event.currentTarget.value))}
      />
    </div>
  );
}
