import { writeFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { temporaryFile } from "./temporary.ts";
import { runPython } from "./python.ts";

it("writes safetensors that Python reads: the same names, shapes and values", async () => {
  const weights = await baseModel("mobile_sam").decoderWeights();
  const file = await temporaryFile("weights.safetensors");
  await writeFile(file, encodeSafetensors(weights, { project: "prj_1" }));
  const printed = await runPython(
    `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework="pt") as f:
    out = {"metadata": f.metadata(), "tensors": {}}
    for name in f.keys():
        t = f.get_tensor(name).double()
        out["tensors"][name] = [list(t.shape), t.sum().item(), t.flatten()[-1].item()]
print(json.dumps(out))
`,
    [file],
  );
  const read = JSON.parse(printed) as {
    metadata: Record<string, string>;
    tensors: Record<string, [number[], number, number]>;
  };
  expect(read.metadata).toEqual({ project: "prj_1" });
  expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(weights).sort());
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const [readShape, sum, last] = read.tensors[name] ?? [[], Number.NaN, Number.NaN];
    expect(readShape).toEqual([...shape]);
    expect(sum).toBeCloseTo(
      data.reduce((total, value) => total + value, 0),
      6,
    );
    expect(last).toBe(data.at(-1));
  }
});
