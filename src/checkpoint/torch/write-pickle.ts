/** One tensor of a state dict; its values lie in the archive's record of `key`. */
export interface PickledTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The name of its record: `data/<key>`. */
  readonly key: string;
}

/** Opcodes of pickle protocol 2 (CPython: Lib/pickletools.py). */
const op = {
  protocol: 0x80,
  emptyDict: 0x7d,
  mark: 0x28,
  setItems: 0x75,
  unicode: 0x58,
  global: 0x63,
  put: 0x71,
  get: 0x68,
  int8: 0x4b,
  int32: 0x4a,
  long: 0x8a,
  tuple: 0x74,
  emptyTuple: 0x29,
  persistentId: 0x51,
  newFalse: 0x89,
  reduce: 0x52,
  stop: 0x2e,
} as const;

/**
 * A dict from names to float32 tensors on the CPU, as torch.save pickles them: each is
 * `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, its storage a persistent id
 * `("storage", torch.FloatStorage, key, "cpu", numel)`. It names these three globals and no other, all of which
 * torch.load(weights_only=True) allows (torch: torch/_weights_only_unpickler.py, torch/serialization.py). With `under`
 * that dict is the one entry of another, by this name.
 */
export function pickleStateDict(tensors: readonly PickledTensor[], under: string | null = null): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(op.protocol, 2), Uint8Array.of(op.emptyDict, op.mark)];
  const memo = new Map<string, number>();
  const write = (...bytes: number[]): void => void parts.push(Uint8Array.from(bytes));
  const int = (value: number): void => {
    const bytes = new DataView(new ArrayBuffer(9));
    if (value < 256) return write(op.int8, value);
    if (value < 2 ** 31) {
      bytes.setInt32(0, value, true);
      return write(op.int32, ...new Uint8Array(bytes.buffer, 0, 4));
    }
    bytes.setBigInt64(0, BigInt(value), true);
    return write(op.long, 8, ...new Uint8Array(bytes.buffer, 0, 8));
  };
  const text = (value: string): void => {
    const utf8 = new TextEncoder().encode(value);
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, utf8.length, true);
    write(op.unicode, ...new Uint8Array(length.buffer));
    parts.push(utf8);
  };
  /** A global is written once and remembered. */
  const global = (module: string, name: string): void => {
    const known = memo.get(name);
    if (known !== undefined) return write(op.get, known);
    write(op.global);
    parts.push(new TextEncoder().encode(`${module}\n${name}\n`));
    memo.set(name, memo.size);
    return write(op.put, memo.size - 1);
  };
  const ints = (values: readonly number[]): void => {
    if (values.length === 0) return write(op.emptyTuple);
    write(op.mark);
    values.forEach(int);
    return write(op.tuple);
  };
  if (under !== null) {
    text(under);
    write(op.emptyDict, op.mark);
  }
  for (const { name, shape, key } of tensors) {
    text(name);
    global("torch._utils", "_rebuild_tensor_v2");
    write(op.mark, op.mark);
    text("storage");
    global("torch", "FloatStorage");
    text(key);
    text("cpu");
    int(shape.reduce((a, b) => a * b, 1));
    write(op.tuple, op.persistentId);
    int(0);
    ints(shape);
    ints(stridesOf(shape));
    write(op.newFalse);
    global("collections", "OrderedDict");
    write(op.emptyTuple, op.reduce, op.tuple, op.reduce);
  }
  if (under !== null) write(op.setItems);
  write(op.setItems, op.stop);
  return Buffer.concat(parts);
}

/** Strides of a row-major tensor, in values. */
const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
