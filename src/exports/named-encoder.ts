import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BaseModel } from "../checkpoint/base-models.ts";
import { type EmbeddingPart, embeddingParts } from "../domain/model-family.ts";
import { NodeList } from "../graphs/onnx-nodes.ts";
import {
  dataType,
  decodeModel,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
  valueInfo,
} from "../lib/onnx-proto.ts";
import type { ZipEntry } from "../lib/zip-writer.ts";
import { weightFiles } from "./encoder.ts";

/** An image encoder by names that other programs ask for. */
export interface NamedEncoder {
  readonly model: OnnxModel;
  /** The files that its weights lie in, by the names that the graph says; none where they lie inside. */
  readonly beside: readonly ZipEntry[];
}

/**
 * A base's image encoder with one output for each part of its embedding (domain/model-family.ts), [1, C, H, W] float32.
 * `outputs` are names by part, in the order in which the graph is to give them; `besideName` names the i-th file of weights.
 */
export async function namedEncoder(
  base: BaseModel,
  names: {
    readonly input: string;
    readonly outputs: Readonly<Record<string, string>>;
    readonly besideName: (file: string, i: number) => string;
  },
): Promise<NamedEncoder> {
  const path = await base.encoderPath();
  const model = decodeModel(await readFile(path));
  const prefix = unusedPrefix(model.graph);
  const graph = without(model.graph, [names.input, ...Object.values(names.outputs)], prefix);
  const stored = new Set(graph.initializer.map((tensor) => tensor.name));
  const given = graph.input.find(({ name }) => !stored.has(name));
  const [input, flat] = [given?.name ?? "", graph.output[0]?.name ?? ""];
  const nodes = new NodeList(prefix);
  nodes.add("Identity", [names.input], {}, input);
  const before = nodes.take();
  const parts: readonly EmbeddingPart[] = embeddingParts[base.family];
  const outputs = Object.entries(names.outputs).map(([part, name]) => {
    const { shape, offset, length } = parts.find((one) => one.name === part) as EmbeddingPart;
    const dims = [1, ...shape];
    if (parts.length === 1) nodes.add("Identity", [flat], {}, name);
    else {
      const [from, to] = [nodes.ints([offset]), nodes.ints([offset + length])];
      const row = nodes.add("Slice", [flat, from, to, nodes.ints([1])]);
      nodes.add("Reshape", [row, nodes.ints(dims)], {}, name);
    }
    return valueInfo(name, dataType.float, dims);
  });
  const files = new Map(weightFiles(model).map((file, i) => [file, names.besideName(file, i)]));
  return {
    beside: [...files].map(([file, own]) => ({
      path: own,
      content: () => createReadStream(join(dirname(path), file)),
    })),
    model: {
      ...model,
      graph: {
        ...graph,
        node: [...before, ...graph.node, ...nodes.take()],
        initializer: [...graph.initializer.map((weight) => relocated(weight, files)), ...nodes.initializers],
        input: [{ ...given, name: names.input }, ...graph.input.filter(({ name }) => name !== input)],
        output: outputs,
      },
    },
  };
}

/** What no value of a graph begins with: it may have been made here itself. */
function unusedPrefix({ node, initializer }: OnnxGraph): string {
  const names = [...node.flatMap(({ output }) => output), ...initializer.map(({ name = "" }) => name)];
  let prefix = "_named_";
  while (names.some((name) => name.startsWith(prefix))) prefix = `_${prefix}`;
  return prefix;
}

/** The same graph where none of its values is called by one of the names. */
function without(graph: OnnxGraph, taken: readonly string[], prefix: string): OnnxGraph {
  const other = (name: string): string => (taken.includes(name) ? `${prefix}${name}` : name);
  const renamed = <Named extends { name: string }>(value: Named): Named => ({
    ...value,
    name: other(value.name),
  });
  return {
    ...graph,
    node: graph.node.map((node) => ({
      ...node,
      input: node.input.map(other),
      output: node.output.map(other),
    })),
    input: graph.input.map(renamed),
    output: graph.output.map(renamed),
    ...(graph.valueInfo && { valueInfo: graph.valueInfo.map(renamed) }),
  };
}

/** The same weights where their files have other names. */
const relocated = (weight: OnnxTensor, names: ReadonlyMap<string, string>): OnnxTensor => ({
  ...weight,
  ...(weight.externalData && {
    externalData: weight.externalData.map(({ key, value }) => ({
      key,
      value: key === "location" ? (names.get(basename(value)) ?? value) : value,
    })),
  }),
});
