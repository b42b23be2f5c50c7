/** Parameters and multiply-accumulates of the zoo's architectures against published and recomputed figures. */

import test from 'ava';
import type { Architecture } from '../../bench/zoo/builder.js';
import { efficientNet, efficientNetScales } from '../../bench/zoo/efficientnet.js';
import { describe, networks, type ZooName, type ZooOptions, zooNames } from '../../bench/zoo/index.js';
import { mobileNetV1, mobileNetV2 } from '../../bench/zoo/mobilenet.js';
import { repVgg, repVggA0, repVggB0 } from '../../bench/zoo/repvgg.js';

interface Golden {
  readonly parameters: number;
  /** A number is exact; text is the published figure, compared after rounding to as many digits. */
  readonly macs: number | `${number} M` | `${number} G`;
}

/**
 * Image 224, 1000 classes. Published figures are those of the papers and of torchvision. Where the MACs are exact, no
 * figure of enough digits is published: parameters are torchvision's as remembered, and both columns were recounted by
 * hand from the papers' tables, apart from this code, with equal results.
 */
const listed: Record<ZooName, Golden> = {
  'mobilenet-v1': { parameters: 4_231_976, macs: '568.74 M' },
  'mobilenet-v2': { parameters: 3_504_872, macs: '300.8 M' },
  'mobilenet-v3-large': { parameters: 5_483_032, macs: 216_589_760 },
  'efficientnet-b0': { parameters: 5_288_548, macs: '0.386 G' },
  'shufflenet-v2': { parameters: 2_278_604, macs: 144_907_992 },
  'resnet-18': { parameters: 11_689_512, macs: 1_814_073_344 },
  'resnet-50': { parameters: 25_557_032, macs: '4.089 G' },
  'resnext-50': { parameters: 25_028_904, macs: '4.230 G' },
  'regnet-y-400mf': { parameters: 4_344_144, macs: 401_842_848 },
  'densenet-121': { parameters: 7_978_856, macs: '2.834 G' },
  'squeezenet-1.1': { parameters: 1_235_496, macs: 349_151_936 },
  googlenet: { parameters: 6_624_904, macs: 1_498_376_192 },
  'vgg-16': { parameters: 138_357_544, macs: '15.470 G' },
  'repvgg-a0': { parameters: 9_108_968, macs: 1_512_581_120 },
};

for (const name of zooNames) {
  test(`counts of ${name}`, (t) => {
    const { parameters, macs } = networks[name].describe();
    t.is(parameters, listed[name].parameters);
    t.is(toDigitsOf(listed[name].macs, macs), listed[name].macs);
  });
}

type Variant = readonly [title: string, architecture: Architecture, golden: Golden, options?: ZooOptions];

/** Members of the same families that the zoo does not list: they check that the tables scale as the papers say. */
const variants: readonly Variant[] = [
  ['MobileNetV1 1.0, 1001 classes', mobileNetV1(1), { parameters: 4_233_001, macs: '568.74 M' }, { classes: 1001 }],
  ['MobileNetV1 .75, 1001 classes', mobileNetV1(0.75), { parameters: 2_586_329, macs: '325.40 M' }, { classes: 1001 }],
  ['MobileNetV1 .5, 1001 classes', mobileNetV1(0.5), { parameters: 1_332_105, macs: '149.50 M' }, { classes: 1001 }],
  ['MobileNetV1 .25, 1001 classes', mobileNetV1(0.25), { parameters: 470_329, macs: '41.03 M' }, { classes: 1001 }],
  ['MobileNetV2 .75', mobileNetV2(0.75), { parameters: 2_636_424, macs: '209.1 M' }],
  ['MobileNetV2 .5', mobileNetV2(0.5), { parameters: 1_968_680, macs: '97.1 M' }],
  ['MobileNetV2 .35', mobileNetV2(0.35), { parameters: 1_677_128, macs: '59.3 M' }],
  ['RepVGG-A0 deployed', repVgg(repVggA0, 'deploy'), { parameters: 8_309_384, macs: '1.361 G' }],
  ['RepVGG-B0 deployed', repVgg(repVggB0, 'deploy'), { parameters: 14_339_048, macs: '3.058 G' }],
  ...efficientNetFamily([
    { parameters: 5_288_548, macs: '0.386 G' },
    { parameters: 7_794_184, macs: '0.687 G' },
    { parameters: 9_109_994, macs: '0.994 G' },
    { parameters: 12_233_232, macs: '1.827 G' },
    { parameters: 19_341_616, macs: '4.394 G' },
    { parameters: 30_389_784, macs: '10.27 G' },
    { parameters: 43_040_704, macs: '19.07 G' },
    { parameters: 66_347_960, macs: '37.75 G' },
  ]),
];

for (const [title, architecture, golden, options] of variants) {
  test(`counts of ${title}`, (t) => {
    const { parameters, macs } = describe(architecture, options);
    t.is(parameters, golden.parameters);
    t.is(toDigitsOf(golden.macs, macs), golden.macs);
  });
}

function efficientNetFamily(goldens: readonly Golden[]): Variant[] {
  return goldens.map((golden, index) => {
    const scale = efficientNetScales[index]!;
    return [`EfficientNet-B${index}`, efficientNet(scale), golden, { size: scale.size }];
  });
}

/** `macs` written with the unit and the digits of the golden figure. */
function toDigitsOf(golden: Golden['macs'], macs: number): Golden['macs'] {
  if (typeof golden === 'number') return macs;
  const [figure, unit] = golden.split(' ') as [string, 'M' | 'G'];
  const digits = figure.split('.')[1]?.length ?? 0;
  return `${(macs / { M: 1e6, G: 1e9 }[unit]).toFixed(digits)} ${unit}` as Golden['macs'];
}
