/** Mutants of model files. A mutant is a function of the corpus, a seed and its number, so a finding can be made again. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';

/** SplitMix32: small, and the same everywhere. */
export class Draw {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }
  below(count: number): number {
    return this.next() % count;
  }
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

const evilIntegers = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  -2n,
  31n,
  64n,
  255n,
  1000n,
  65_536n,
  2n ** 20n,
  2n ** 31n - 1n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 32n,
  2n ** 40n,
  2n ** 53n,
  -(2n ** 53n),
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const evilNumbers = [
  0,
  -0,
  1,
  -1,
  0.5,
  2,
  1e-45,
  1e-30,
  3e38,
  1e9,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const evilStrings = [
  '',
  'x',
  'y',
  '__proto__',
  'constructor',
  'toString',
  '../x',
  '/etc/passwd',
  'SAME_UPPER',
  'VALID',
  'linear',
  'cubic',
  'nearest',
  'a'.repeat(300),
  '\u0000',
  'reflect',
  'edge',
  'wrap',
];
const operators =
  'Conv ConvTranspose Gemm MatMul MaxPool AveragePool GlobalAveragePool Resize Upsample BatchNormalization LayerNormalization ' +
  'InstanceNormalization GroupNormalization Softmax Relu Clip PRelu Gelu Add Mul Div Pow Min Where Equal ReduceSum ReduceMean ' +
  'Reshape Flatten Squeeze Unsqueeze Transpose Concat Split Slice Pad Expand Tile Gather GatherElements ScatterND TopK ArgMax ' +
  'DepthToSpace SpaceToDepth Identity Dropout Cast Shape Size Range ConstantOfShape Constant NonZero OneHot CumSum If Loop Scan ' +
  'Einsum LSTM QuantizeLinear DequantizeLinear QLinearConv Mod BitShift Trilu';
const opTypes = operators.split(' ');

type Slot = {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string | number;
  readonly value: unknown;
};

/** Every place of a message where something can be put instead of what is there. */
function slotsOf(root: unknown): Slot[] {
  const slots: Slot[] = [];
  const visit = (holder: Record<string, unknown> | unknown[]): void => {
    for (const key of Object.keys(holder)) {
      if (key.startsWith('$')) continue;
      const value = (holder as Record<string, unknown>)[key];
      slots.push({ holder, key, value });
      if (value && typeof value === 'object' && !ArrayBuffer.isView(value)) visit(value as Record<string, unknown>);
    }
  };
  visit(root as Record<string, unknown>);
  return slots;
}

function mutateBytes(bytes: Uint8Array, draw: Draw, others: readonly Uint8Array[]): Uint8Array {
  let result = bytes.slice();
  for (let i = 1 + draw.below(4); i > 0 && result.length > 0; i--) {
    const at = draw.below(result.length);
    const length = Math.min(1 + draw.below(16), result.length - at);
    const kind = draw.below(7);
    if (kind === 0) result[at]! ^= 1 << draw.below(8);
    else if (kind === 1) result[at] = draw.pick([0, 1, 127, 128, 255]);
    else if (kind === 2) result = new Uint8Array([...result.subarray(0, at), ...result.subarray(at + length)]);
    else if (kind === 3) result = new Uint8Array([...result.subarray(0, at + length), ...result.subarray(at)]);
    else if (kind === 4) result = result.slice(0, at);
    else if (kind === 5) for (let k = at; k < at + length; k++) result[k] = draw.below(256);
    else {
      const other = draw.pick(others);
      result = new Uint8Array([...result.subarray(0, at), ...other.subarray(draw.below(other.length || 1))]);
    }
  }
  return result;
}

/** An array with an element doubled, dropped, moved or repeated many times. */
function mutateList(list: unknown[], draw: Draw, model: ModelProto): void {
  const at = draw.below(list.length + 1);
  const kind = draw.below(6);
  if (kind === 0) list.splice(at, 1);
  else if (kind === 1 && at < list.length) list.splice(draw.below(list.length), 0, list[at]);
  else if (kind === 2 && list.length > 1) list.reverse();
  else if (kind === 3 && at < list.length && draw.oneIn(4))
    for (let i = draw.below(3000); i > 0; i--) list.push(list[at]);
  else if (kind === 4) list.length = 0;
  else if (list === model.graph?.node)
    list.push(create(NodeProtoSchema, { opType: draw.pick(opTypes), input: ['x'], output: [`n${at}`] }));
}

function mutateSlot({ holder, key, value }: Slot, draw: Draw, model: ModelProto, strings: readonly string[]): void {
  const target = holder as Record<string | number, unknown>;
  if (typeof value === 'bigint')
    target[key] = draw.oneIn(3) ? value + BigInt(draw.below(5)) - 2n : draw.pick(evilIntegers);
  else if (typeof value === 'number') target[key] = draw.oneIn(2) ? draw.pick(evilNumbers) : draw.below(20);
  else if (typeof value === 'boolean') target[key] = !value;
  else if (typeof value === 'string')
    target[key] = key === 'opType' ? draw.pick(opTypes) : draw.oneIn(3) ? draw.pick(evilStrings) : draw.pick(strings);
  else if (value instanceof Uint8Array) target[key] = mutateBytes(value, draw, [value]);
  else if (Array.isArray(value)) mutateList(value, draw, model);
  else if (draw.oneIn(8)) delete target[key];
}

function mutateModel(bytes: Uint8Array, draw: Draw): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  for (let i = 1 + draw.below(4); i > 0; i--) {
    const slots = slotsOf(model);
    const strings = slots.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
    // Lists of weights are most of the slots; the rest deserves as much attention.
    const near = slots.filter(({ holder }) => !(Array.isArray(holder) && holder.length > 16));
    mutateSlot(draw.pick(near), draw, model, strings);
  }
  return toBinary(ModelProtoSchema, model);
}

/** Mutant `index` of a corpus. */
export function mutant(corpus: readonly Uint8Array[], seed: number, index: number): Uint8Array {
  const draw = new Draw(Math.imul(seed, 0x9e3779b1) ^ index);
  draw.next();
  const original = draw.pick(corpus);
  if (!draw.oneIn(4)) {
    try {
      return mutateModel(original, draw);
    } catch {
      // A value that protobuf cannot write: bytes then.
    }
  }
  return mutateBytes(original, draw, corpus);
}
