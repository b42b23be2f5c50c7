/** Pools, resizing and operators on channels against float64 over random geometry. */
import test from 'ava';
import fc from 'fast-check';
import {
  avgPool2d,
  channelShuffle,
  globalAvgPool,
  globalMaxPool,
  maxPool2d,
  type ResizeCoordinates,
  type ResizeRounding,
  resize2d,
  scaleChannels,
  tensor,
} from 'lanewise';
import { Dice, eps, inLayout } from '../support/operands.js';
import { between, check, common, expectNear, layouts, oneStep, pair } from '../support/property.js';

const images = {
  ...common,
  layout: layouts,
  batch: between(1, 2),
  channels: fc.oneof(between(1, 5), between(6, 40)),
};

test('maxPool2d and avgPool2d', (t) => {
  const cases = fc.record({
    ...images,
    kernel: pair(1, 5),
    strides: pair(1, 4),
    dilations: fc.oneof(fc.constant<[number, number]>([1, 1]), pair(1, 3)),
    pads: fc.tuple(between(0, 4), between(0, 4), between(0, 4), between(0, 4)),
    room: pair(0, 12),
    ceilMode: fc.boolean(),
    countIncludePad: fc.boolean(),
  });
  check(cases, (c) => {
    const reach = (axis: number) => c.dilations[axis]! * (c.kernel[axis]! - 1) + 1;
    const pads = c.pads.map((pad, side) => Math.min(pad, reach(side % 2) - 1)) as [number, number, number, number];
    const extent = (axis: number) => Math.max(1, reach(axis) - pads[axis]! - pads[axis + 2]!) + c.room[axis]!;
    const x = new Dice(c.seed).values([c.batch, c.channels, extent(0), extent(1)]);
    const windows = (axis: number) => {
      const room = extent(axis) + pads[axis]! + pads[axis + 2]! - reach(axis);
      const stride = c.strides[axis]!;
      if (!c.ceilMode) return Math.floor(room / stride) + 1;
      const last = Math.ceil(room / stride);
      return last * stride >= extent(axis) + pads[axis]! ? last : last + 1;
    };
    // A window of holes alone has no maximum and no mean.
    const touches = (axis: number) =>
      Array.from({ length: windows(axis) }, (_, o) =>
        Array.from(
          { length: c.kernel[axis]! },
          (_, k) => o * c.strides[axis]! - pads[axis]! + k * c.dilations[axis]!,
        ).some((i) => i >= 0 && i < extent(axis)),
      ).every(Boolean);
    fc.pre(touches(0) && touches(1));
    const { kernel, strides, dilations, ceilMode, countIncludePad, layout, isa } = c;
    const step = { op: 'pool2d', kernel, strides, dilations, pads, countIncludePad };
    const shape = [c.batch, c.channels, windows(0), windows(1)];
    const options = { stride: strides, dilation: dilations, padding: pads, ceilMode, layout, isa };
    const laid = inLayout(x, layout);
    expectNear(maxPool2d(laid, kernel, options), oneStep({ ...step, kind: 'max' }, [x], [shape])[0]!, 0, layout);
    expectNear(
      avgPool2d(laid, kernel, { ...options, countIncludePad }),
      oneStep({ ...step, kind: 'avg' }, [x], [shape])[0]!,
      eps * (kernel[0] * kernel[1] + 2),
      layout,
    );
  });
  t.pass();
});

test('globalAvgPool and globalMaxPool', (t) => {
  check(
    fc.record({ ...images, size: pair(1, 17) }),
    ({ seed, isa, layout, batch, channels, size }) => {
      const x = new Dice(seed).values([batch, channels, ...size]);
      const shape = [batch, channels, 1, 1];
      const laid = inLayout(x, layout);
      const reference = (kind: string) => oneStep({ op: 'globalPool', kind }, [x], [shape])[0]!;
      expectNear(globalMaxPool(laid, { layout, isa }), reference('max'), 0, layout);
      expectNear(globalAvgPool(laid, { layout, isa }), reference('avg'), eps * (size[0] * size[1] + 2), layout);
    },
    100,
  );
  t.pass();
});

const coordinates: Readonly<Record<ResizeCoordinates, string>> = {
  halfPixel: 'half_pixel',
  halfPixelSymmetric: 'half_pixel_symmetric',
  pytorchHalfPixel: 'pytorch_half_pixel',
  alignCorners: 'align_corners',
  asymmetric: 'asymmetric',
};
const roundings: Readonly<Record<ResizeRounding, string>> = {
  roundPreferFloor: 'round_prefer_floor',
  roundPreferCeil: 'round_prefer_ceil',
  floor: 'floor',
  ceil: 'ceil',
};

/**
 * Whether a position lies on the border of two pixels, or of a rounding, by a factor that binary numbers do not hold: which
 * side it falls to is a matter of digits.
 */
function hasTie(mode: ResizeCoordinates, from: number, to: number): boolean {
  if (Number.isInteger(Math.log2(to / from)) && mode !== 'alignCorners') return false;
  return Array.from({ length: to }, (_, o) => {
    if (mode === 'alignCorners') return to === 1 ? 0.25 : (o * (from - 1)) / (to - 1);
    return mode === 'asymmetric' ? (o * from) / to : ((o + 0.5) * from) / to - 0.5;
  }).some((position) => Math.abs(2 * position - Math.round(2 * position)) < 1e-4);
}

test('resize2d', (t) => {
  const cases = fc.record({
    ...images,
    from: pair(1, 12),
    to: pair(1, 25),
    coordinates: fc.constantFrom(...(Object.keys(coordinates) as ResizeCoordinates[])),
    rounding: fc.constantFrom(...(Object.keys(roundings) as ResizeRounding[])),
  });
  check(cases, (c) => {
    const { layout, isa } = c;
    const x = new Dice(c.seed).values([c.batch, c.channels, ...c.from]);
    const step = {
      op: 'resize2d',
      coordinates: coordinates[c.coordinates],
      rounding: roundings[c.rounding],
      scales: [c.to[0] / c.from[0], c.to[1] / c.from[1]],
    };
    const shape = [c.batch, c.channels, ...c.to];
    const laid = inLayout(x, layout);
    const options = { size: c.to, coordinates: c.coordinates, layout, isa };
    // A position is a float32 of up to the extent: its fraction is off by that many eps, on values that differ by up to 2.
    const linear = resize2d(laid, { ...options, mode: 'linear' });
    const near = 4 * eps * (c.from[0] + c.from[1] + 4);
    expectNear(linear, oneStep({ ...step, mode: 'linear' }, [x], [shape])[0]!, near, layout);
    if (c.from.some((from, axis) => hasTie(c.coordinates, from, c.to[axis]!))) return;
    const nearest = resize2d(laid, { ...options, mode: 'nearest', rounding: c.rounding });
    expectNear(nearest, oneStep({ ...step, mode: 'nearest' }, [x], [shape])[0]!, 0, layout);
  });
  t.pass();
});

test('scaleChannels and channelShuffle', (t) => {
  check(
    fc.record({ ...images, groups: between(1, 9), width: between(1, 9), size: pair(1, 9), shifted: fc.boolean() }),
    ({ seed, isa, layout, batch, groups, width, size, shifted }) => {
      const dice = new Dice(seed);
      const x = dice.values([batch, groups * width, ...size]);
      const laid = inLayout(x, layout);
      const [scale, shift] = [dice.values([groups]), dice.values([groups])];
      const operands = shifted ? [x, scale, shift] : [x, scale];
      expectNear(
        scaleChannels(laid, scale, { layout, isa, ...(shifted && { shift }) }),
        oneStep({ op: 'scale' }, operands, [x.shape])[0]!,
        2 * eps,
        layout,
      );
      expectNear(
        channelShuffle(laid, groups, { layout, isa }),
        oneStep({ op: 'channelShuffle', groups }, [x], [x.shape])[0]!,
        0,
        layout,
      );
      const whole = scaleChannels(tensor(x.data, x.shape), 1, { isa });
      expectNear(whole, x, 0);
    },
    150,
  );
  t.pass();
});

// Where channels lie side by side, each still has a factor of its own.
test('scaleChannels on images of one pixel', (t) => {
  const y = scaleChannels(tensor([1, 1, 1], [1, 3, 1, 1]), [2, 3, 4]);
  t.deepEqual([...y.data], [2, 3, 4]);
});
