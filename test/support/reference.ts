/**
 * A plan computed in float64 by the plainest loops there are: what every step means, and the oracle for kernels and passes.
 * Written from the descriptions in plan-spec.ts and the ONNX standard; slow on purpose.
 */
import { analyze } from '#lib/graph/analysis.js';
import type { Graph } from '#lib/graph/ir.js';
import { lower } from '#lib/graph/lower.js';
import type { PlanSpec, PlanStep } from '#lib/graph/plan-spec.js';
import { finish, pointwise } from './reference-epilogue.js';
import { at, count, type Dense, eachIndex, offsetOf } from './reference-tensor.js';

/** Not every step is here: what no pass touches is compared natively with onnxruntime (test/onnx/operators.test.ts). */
type Steps = {
  [Op in PlanStep['op']]?: (
    step: Extract<PlanStep, { op: Op }>,
    value: (index: number) => Dense,
    shapes: (index: number) => readonly number[],
  ) => Dense[];
};

/** Each element of an output shape from its index. */
function build(shape: readonly number[], element: (index: number[]) => number): Dense {
  const data = new Float64Array(count(shape));
  eachIndex(shape, (index, i) => {
    data[i] = element(index);
  });
  return { shape, data };
}

const broadcast = ({ shape, data }: Dense, index: readonly number[]): number =>
  data[
    offsetOf(
      shape,
      shape.map((extent, axis) => (extent === 1 ? 0 : index[index.length - shape.length + axis]!)),
    )
  ]!;

const binaries: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  pow: (a, b) => a ** b,
  prelu: (a, b) => (a > 0 ? a : a * b),
};

const reductions: Record<string, (values: number[]) => number> = {
  sum: (v) => v.reduce((s, x) => s + x, 0),
  mean: (v) => v.reduce((s, x) => s + x, 0) / v.length,
  max: (v) => v.reduce((s, x) => Math.max(s, x), Number.NEGATIVE_INFINITY),
  min: (v) => v.reduce((s, x) => Math.min(s, x), Number.POSITIVE_INFINITY),
  prod: (v) => v.reduce((s, x) => s * x, 1),
  l1: (v) => v.reduce((s, x) => s + Math.abs(x), 0),
  l2: (v) => Math.sqrt(v.reduce((s, x) => s + x * x, 0)),
  sumSquare: (v) => v.reduce((s, x) => s + x * x, 0),
  logSum: (v) => Math.log(v.reduce((s, x) => s + x, 0)),
  logSumExp: (v) => Math.log(v.reduce((s, x) => s + Math.exp(x), 0)),
};

/** Input coordinate of an output coordinate of a resize. */
function coordinate(mode: string, o: number, scale: number, input: number, output: number): number {
  switch (mode) {
    case 'half_pixel':
      return (o + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric': {
      const adjustment = output / (scale * input);
      return (input / 2) * (1 - adjustment) + (o + 0.5) / scale - 0.5;
    }
    case 'pytorch_half_pixel':
      return output > 1 ? (o + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return output === 1 ? 0 : (o * (input - 1)) / (output - 1);
    default:
      return o / scale;
  }
}

const roundings: Record<string, (x: number) => number> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

const clampIndex = (i: number, extent: number): number => Math.min(extent - 1, Math.max(0, i));

/** Where an element of a padded axis comes from; -1 for the border's own value. */
const padSources: Record<string, (i: number, extent: number) => number> = {
  constant: (i, extent) => (i >= 0 && i < extent ? i : -1),
  edge: clampIndex,
  wrap: (i, extent) => ((i % extent) + extent) % extent,
  reflect: (i, extent) => {
    const period = Math.max(1, 2 * (extent - 1));
    const m = ((i % period) + period) % period;
    return m < extent ? m : period - m;
  },
};

const steps: Steps = {
  conv2d: (step, value, shapes) => {
    const [x, w] = step.inputs.map(value) as [Dense, Dense];
    const y = shapes(step.outputs[0]!);
    const [, , h = 0, width = 0] = x.shape;
    const [outputs = 0, groupInputs = 0, kh = 0, kw = 0] = w.shape;
    const border = step.padValue === undefined ? undefined : value(step.padValue);
    const result = build(y, ([n = 0, o = 0, oy = 0, ox = 0]) => {
      const first = Math.floor(o / (outputs / step.groups)) * groupInputs;
      let sum = 0;
      for (let i = 0; i < groupInputs; i++) {
        // Offsets by hand: nearly all the time of a network is spent here.
        const plane = (n * x.shape[1]! + first + i) * h * width;
        const taps = (o * groupInputs + i) * kh * kw;
        for (let ky = 0; ky < kh; ky++) {
          for (let kx = 0; kx < kw; kx++) {
            const iy = oy * step.strides[0] + ky * step.dilations[0] - step.pads[0];
            const ix = ox * step.strides[1] + kx * step.dilations[1] - step.pads[1];
            const inside = iy >= 0 && iy < h && ix >= 0 && ix < width;
            const input = inside ? x.data[plane + iy * width + ix]! : (border?.data[first + i] ?? 0);
            sum += input * w.data[taps + ky * kw + kx]!;
          }
        }
      }
      return sum;
    });
    return [finish(result, step.epilogue, value, 1)];
  },
  convTranspose2d: (step, value, shapes) => {
    const [x, w] = step.inputs.map(value) as [Dense, Dense];
    const y = shapes(step.outputs[0]!);
    const [batch = 0, inputs = 0, h = 0, width = 0] = x.shape;
    const [, groupOutputs = 0, kh = 0, kw = 0] = w.shape;
    const result = build(y, () => 0);
    eachIndex([batch, inputs, h, width], ([n = 0, c = 0, iy = 0, ix = 0]) => {
      const first = Math.floor(c / (inputs / step.groups)) * groupOutputs;
      for (let o = 0; o < groupOutputs; o++) {
        for (let ky = 0; ky < kh; ky++) {
          for (let kx = 0; kx < kw; kx++) {
            const oy = iy * step.strides[0] + ky * step.dilations[0] - step.pads[0];
            const ox = ix * step.strides[1] + kx * step.dilations[1] - step.pads[1];
            if (oy < 0 || oy >= y[2]! || ox < 0 || ox >= y[3]!) continue;
            result.data[offsetOf(y, [n, first + o, oy, ox])]! += at(x, n, c, iy, ix) * at(w, c, o, ky, kx);
          }
        }
      }
    });
    return [finish(result, step.epilogue, value, 1)];
  },
  matmul: (step, value, shapes) => {
    const [a, b] = step.inputs.map(value) as [Dense, Dense];
    const inner = a.shape.at(-1)!;
    const result = build(shapes(step.outputs[0]!), (index) => {
      const lead = index.slice(0, -2);
      const [row = 0, column = 0] = index.slice(-2);
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum +=
          broadcast(a, [...lead, row, k]) * broadcast(b, step.transposeB ? [...lead, column, k] : [...lead, k, column]);
      }
      return sum;
    });
    return [finish(result, step.epilogue, value, result.shape.length - 1)];
  },
  pool2d: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    const [, , h = 0, w = 0] = x.shape;
    const { kernel, strides, dilations, pads } = step;
    return [
      build(shapes(step.outputs[0]!), ([n = 0, c = 0, oy = 0, ox = 0]) => {
        const values: number[] = [];
        let padded = 0;
        for (let ky = 0; ky < kernel[0]; ky++) {
          for (let kx = 0; kx < kernel[1]; kx++) {
            const iy = oy * strides[0] + ky * dilations[0] - pads[0];
            const ix = ox * strides[1] + kx * dilations[1] - pads[1];
            if (iy >= 0 && iy < h && ix >= 0 && ix < w) values.push(at(x, n, c, iy, ix));
            else if (iy < h + pads[2] && ix < w + pads[3]) padded++;
          }
        }
        if (step.kind === 'max') return reductions['max']!(values);
        return reductions['sum']!(values) / (values.length + (step.countIncludePad ? padded : 0));
      }),
    ];
  },
  globalPool: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    const [, , h = 0, w = 0] = x.shape;
    return [
      build(shapes(step.outputs[0]!), ([n = 0, c = 0]) => {
        const values: number[] = [];
        for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) values.push(at(x, n, c, i, j));
        return reductions[step.kind === 'max' ? 'max' : 'mean']!(values);
      }),
    ];
  },
  resize2d: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    const y = shapes(step.outputs[0]!);
    const source = (o: number, axis: 0 | 1) =>
      coordinate(step.coordinates, o, step.scales[axis], x.shape[axis + 2]!, y[axis + 2]!);
    const [, , h = 0, w = 0] = x.shape;
    return [
      build(y, ([n = 0, c = 0, oy = 0, ox = 0]) => {
        const sy = source(oy, 0);
        const sx = source(ox, 1);
        const round = roundings[step.rounding]!;
        if (step.mode === 'nearest') return at(x, n, c, clampIndex(round(sy), h), clampIndex(round(sx), w));
        const cy = Math.min(h - 1, Math.max(0, sy));
        const cx = Math.min(w - 1, Math.max(0, sx));
        const y0 = Math.floor(cy);
        const x0 = Math.floor(cx);
        const [fy, fx] = [cy - y0, cx - x0];
        const corner = (dy: number, dx: number) => at(x, n, c, clampIndex(y0 + dy, h), clampIndex(x0 + dx, w));
        return (
          (1 - fy) * ((1 - fx) * corner(0, 0) + fx * corner(0, 1)) + fy * ((1 - fx) * corner(1, 0) + fx * corner(1, 1))
        );
      }),
    ];
  },
  softmax: (step, value) => {
    const x = value(step.inputs[0]!);
    return [
      build(x.shape, (index) => {
        const line = Array.from({ length: x.shape[step.axis]! }, (_, i) =>
          at(x, ...index.map((v, axis) => (axis === step.axis ? i : v))),
        );
        const top = Math.max(...line);
        const sum = line.reduce((s, v) => s + Math.exp(v - top), 0);
        const own = at(x, ...index) - top;
        return step.log ? own - Math.log(sum) : Math.exp(own) / sum;
      }),
    ];
  },
  normalize: (step, value) => {
    const [x, gamma, beta] = step.inputs.map(value) as [Dense, Dense?, Dense?];
    const groupSize = (x.shape[1] ?? 1) / step.groups;
    const key = (index: readonly number[]) =>
      step.kind === 'layer' ? index.slice(0, step.axis).join() : `${index[0]},${Math.floor(index[1]! / groupSize)}`;
    const members = new Map<string, number[]>();
    eachIndex(x.shape, (index, i) => members.set(key(index), [...(members.get(key(index)) ?? []), x.data[i]!]));
    const statistics = new Map(
      [...members].map(([name, values]) => {
        const mean = reductions['mean']!(values);
        return [name, { mean, variance: reductions['mean']!(values.map((v) => (v - mean) ** 2)) }];
      }),
    );
    return [
      build(x.shape, (index) => {
        const { mean, variance } = statistics.get(key(index))!;
        const parameter = (p: Dense | undefined, none: number) =>
          p ? (step.kind === 'layer' ? at(p, ...index.slice(step.axis)) : p.data[index[1]!]!) : none;
        const normalized = (at(x, ...index) - mean) / Math.sqrt(variance + step.epsilon);
        return pointwise(step.activation, normalized * parameter(gamma, 1) + parameter(beta, 0));
      }),
    ];
  },
  unary: (step, value) => {
    const x = value(step.inputs[0]!);
    return [
      { shape: x.shape, data: x.data.map((v) => pointwise({ kind: step.fn, alpha: step.alpha, beta: step.beta }, v)) },
    ];
  },
  binary: (step, value, shapes) => {
    const [a, b] = step.inputs.map(value) as [Dense, Dense];
    return [
      build(shapes(step.outputs[0]!), (index) =>
        pointwise(step.activation, binaries[step.fn]!(broadcast(a, index), broadcast(b, index))),
      ),
    ];
  },
  scale: (step, value) => {
    const [x, scale, shift] = step.inputs.map(value) as [Dense, Dense, Dense?];
    const pick = (p: Dense, index: readonly number[]) =>
      p.data[p.data.length === 1 ? 0 : Math.floor(index[1]! / (x.shape[1]! / p.data.length))]!;
    return [
      build(x.shape, (index) =>
        pointwise(step.activation, at(x, ...index) * pick(scale, index) + (shift ? pick(shift, index) : 0)),
      ),
    ];
  },
  squeezeExcite: (step, value) => {
    const [x, w1, b1, w2, b2] = step.inputs.map(value) as [Dense, Dense, Dense, Dense, Dense];
    const [, c = 0, h = 0, w = 0] = x.shape;
    const gate = (n: number) => {
      const means = Array.from(
        { length: c },
        (_, ch) => x.data.slice((n * c + ch) * h * w, (n * c + ch + 1) * h * w).reduce((s, v) => s + v, 0) / (h * w),
      );
      const layer = (weight: Dense, bias: Dense, input: number[]) =>
        Array.from({ length: weight.shape[0]! }, (_, o) =>
          input.reduce((s, v, i) => s + v * at(weight, o, i), bias.data[o]!),
        );
      const hidden = layer(w1, b1, means).map((v) => pointwise(step.activation, v));
      return layer(w2, b2, hidden).map((v) => pointwise(step.gate, v));
    };
    const gates = Array.from({ length: x.shape[0]! }, (_, n) => gate(n));
    return [build(x.shape, (index) => at(x, ...index) * (gates[index[0]!]![index[1]!]! + (step.addInput ? 1 : 0)))];
  },
  concat: (step, value, shapes) => {
    const parts = step.inputs.map(value);
    return [
      build(shapes(step.outputs[0]!), (index) => {
        let position = index[step.axis]!;
        for (const part of parts) {
          const extent = part.shape[step.axis]!;
          if (position < extent) return at(part, ...index.map((v, axis) => (axis === step.axis ? position : v)));
          position -= extent;
        }
        throw new RangeError('concat is short of elements');
      }),
    ];
  },
  split: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    let start = 0;
    return step.outputs.map((output) => {
      const shape = shapes(output);
      const from = start;
      start += shape[step.axis]!;
      return build(shape, (index) => at(x, ...index.map((v, axis) => (axis === step.axis ? v + from : v))));
    });
  },
  channelShuffle: (step, value) => {
    const x = value(step.inputs[0]!);
    const size = x.shape[1]! / step.groups;
    return [
      build(x.shape, ([n = 0, c = 0, ...rest]) =>
        at(x, n, (c % step.groups) * size + Math.floor(c / step.groups), ...rest),
      ),
    ];
  },
  transpose: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    return [
      build(shapes(step.outputs[0]!), (index) => {
        const source = new Array<number>(index.length);
        for (const [i, axis] of step.permutation.entries()) source[axis] = index[i]!;
        return at(x, ...source);
      }),
    ];
  },
  slice: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    return [
      build(shapes(step.outputs[0]!), (index) =>
        at(x, ...index.map((v, axis) => step.starts[axis]! + v * step.steps[axis]!)),
      ),
    ];
  },
  pad: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    return [
      build(shapes(step.outputs[0]!), (index) => {
        const source = index.map((v, axis) => padSources[step.mode]!(v - step.begins[axis]!, x.shape[axis]!));
        return source.includes(-1) ? step.value : at(x, ...source);
      }),
    ];
  },
  reduce: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    const y = shapes(step.outputs[0]!);
    const members = new Map<number, number[]>();
    eachIndex(x.shape, (index, i) => {
      const target = offsetOf(
        y,
        index.map((v, axis) => (step.axes.includes(axis) ? 0 : v)),
      );
      members.set(target, [...(members.get(target) ?? []), x.data[i]!]);
    });
    return [
      { shape: y, data: Float64Array.from({ length: count(y) }, (_, i) => reductions[step.fn]!(members.get(i) ?? [])) },
    ];
  },
  reshape: (step, value, shapes) => [{ shape: shapes(step.outputs[0]!), data: value(step.inputs[0]!).data }],
  expand: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    return [build(shapes(step.outputs[0]!), (index) => broadcast(x, index))];
  },
  gather: (step, value, shapes) => {
    const x = value(step.inputs[0]!);
    return [
      build(shapes(step.outputs[0]!), (index) =>
        at(x, ...index.map((v, axis) => (axis === step.axis ? step.indices[v]! : v))),
      ),
    ];
  },
};

/** Runs a plan; feeds and results go by the order of its ports. */
export function runPlan(plan: PlanSpec, feeds: readonly ArrayLike<number>[]): Dense[] {
  const values = new Map<number, Dense>();
  for (const [i, { shape, data }] of plan.values.entries())
    if (data) values.set(i, { shape, data: Float64Array.from(data as ArrayLike<number | bigint>, Number) });
  for (const [i, { value }] of plan.inputs.entries())
    values.set(value, { shape: plan.values[value]!.shape, data: Float64Array.from(feeds[i]!) });
  const read = (index: number): Dense => {
    const found = values.get(index);
    if (!found) throw new Error(`value ${index} ('${plan.values[index]?.name}') is read before it is written`);
    return found;
  };
  for (const step of plan.steps) {
    const run = steps[step.op] as
      | ((step: PlanStep, value: typeof read, shapes: (index: number) => readonly number[]) => Dense[])
      | undefined;
    if (!run) throw new Error(`the reference has no step '${step.op}'`);
    const results = run(step, read, (index) => plan.values[index]!.shape);
    for (const [i, index] of step.outputs.entries()) {
      const { shape } = plan.values[index]!;
      const result = results[i]!;
      if (result.shape.join() !== shape.join())
        throw new Error(`step '${step.name}' made [${result.shape}], the plan says [${shape}]`);
      values.set(index, result);
    }
  }
  return plan.outputs.map(({ value }) => read(value));
}

/** Runs a graph with bound shapes as it is: no pass changes it first. */
export const runGraph = (graph: Graph, feeds: readonly ArrayLike<number>[]): Dense[] =>
  runPlan(lower(graph, analyze(graph, { strict: true })), feeds);
