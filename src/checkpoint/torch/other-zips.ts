import { RefusedFile } from "../refused.ts";

const load = "save its weights alone: torch.save";

/** Zips with a model in them that are not torch.save's, by a name that only they have. */
const others: readonly (readonly [RegExp, string])[] = [
  [
    /^(code\/|constants\.pkl$)/,
    `a TorchScript archive, a program with its weights (torch.jit.save), of which nothing is run; ${load}(torch.jit.load(path, map_location="cpu").state_dict(), "weights.pth")`,
  ],
  [
    /^(archive_format$|models\/.+\.json$)/,
    `a program of torch.export (.pt2), of which nothing is run; ${load}(torch.export.load(path).state_dict, "weights.pth")`,
  ],
  [
    /\.npy$/,
    'NumPy\'s arrays (.npz); save them by their names as safetensors: safetensors.numpy.save_file(dict(numpy.load(path)), "weights.safetensors")',
  ],
  [
    /^(model\.weights\.h5|metadata\.json)$/,
    "a model of Keras; save SAM's in PyTorch, as safetensors or as ONNX",
  ],
];

/** Throws RefusedFile `unreadable` where a zip's entries are those of another kind of model file. */
export function refuseOthers(names: readonly string[]): void {
  for (const [mark, what] of others)
    if (names.some((name) => mark.test(name))) throw new RefusedFile("unreadable", `the file is ${what}`);
}
