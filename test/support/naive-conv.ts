/** Convolutions by their definition, in float64, on NCHW arrays. */
export interface Geometry {
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [top: number, left: number, bottom: number, right: number];
  readonly groups: number;
}

export interface Array4 {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface Result4 {
  readonly shape: [number, number, number, number];
  readonly data: Float64Array;
}

/** `border` is what the padding holds, channel by channel. */
export function naiveConv(
  x: Array4,
  weight: Array4,
  { strides, dilations, pads, groups }: Geometry,
  bias?: ArrayLike<number>,
  border?: ArrayLike<number>,
): Result4 {
  const [n = 0, c = 0, h = 0, w = 0] = x.shape;
  const [outputs = 0, size = 0, kh = 0, kw = 0] = weight.shape;
  const oh = Math.floor((h + pads[0] + pads[2] - dilations[0] * (kh - 1) - 1) / strides[0]) + 1;
  const ow = Math.floor((w + pads[1] + pads[3] - dilations[1] * (kw - 1) - 1) / strides[1]) + 1;
  const data = new Float64Array(n * outputs * oh * ow);
  let at = 0;
  for (let b = 0; b < n; b++) {
    for (let o = 0; o < outputs; o++) {
      const first = Math.floor((o * groups) / outputs) * size;
      for (let i = 0; i < oh; i++) {
        for (let j = 0; j < ow; j++) {
          let sum = bias?.[o] ?? 0;
          for (let k = 0; k < size; k++) {
            for (let u = 0; u < kh; u++) {
              for (let v = 0; v < kw; v++) {
                const y = i * strides[0] - pads[0] + u * dilations[0];
                const z = j * strides[1] - pads[1] + v * dilations[1];
                const inside = y >= 0 && y < h && z >= 0 && z < w;
                const value = inside ? x.data[((b * c + first + k) * h + y) * w + z]! : (border?.[first + k] ?? 0);
                sum += value * weight.data[((o * size + k) * kh + u) * kw + v]!;
              }
            }
          }
          data[at++] = sum;
        }
      }
    }
  }
  return { shape: [n, outputs, oh, ow], data };
}

/** Weights are [C, O/groups, KH, KW]; `extra` rows and columns are added at the end. */
export function naiveConvTranspose(
  x: Array4,
  weight: Array4,
  { strides, dilations, pads, groups }: Geometry,
  extra: readonly [number, number],
  bias?: ArrayLike<number>,
): Result4 {
  const [n = 0, c = 0, h = 0, w = 0] = x.shape;
  const [, size = 0, kh = 0, kw = 0] = weight.shape;
  const outputs = size * groups;
  const oh = (h - 1) * strides[0] - pads[0] - pads[2] + dilations[0] * (kh - 1) + 1 + extra[0];
  const ow = (w - 1) * strides[1] - pads[1] - pads[3] + dilations[1] * (kw - 1) + 1 + extra[1];
  const data = new Float64Array(n * outputs * oh * ow);
  for (let i = 0; i < data.length; i++) data[i] = bias?.[Math.floor(i / (oh * ow)) % outputs] ?? 0;
  for (let b = 0; b < n; b++) {
    for (let k = 0; k < c; k++) {
      const first = Math.floor((k * groups) / c) * size;
      for (let i = 0; i < h; i++) {
        for (let j = 0; j < w; j++) {
          const value = x.data[((b * c + k) * h + i) * w + j]!;
          for (let o = 0; o < size; o++) {
            for (let u = 0; u < kh; u++) {
              for (let v = 0; v < kw; v++) {
                const y = i * strides[0] - pads[0] + u * dilations[0];
                const z = j * strides[1] - pads[1] + v * dilations[1];
                if (y < 0 || y >= oh || z < 0 || z >= ow) continue;
                data[((b * outputs + first + o) * oh + y) * ow + z]! +=
                  value * weight.data[((k * size + o) * kh + u) * kw + v]!;
              }
            }
          }
        }
      }
    }
  }
  return { shape: [n, outputs, oh, ow], data };
}
