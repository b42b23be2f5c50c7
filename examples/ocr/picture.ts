/** Pictures as the text reader wants them: RGBA bytes, decoded and resized by sharp. */
import { ImageRawBase } from '@gutenye/ocr-common';
import sharp from 'sharp';

/** Letters of a page or a photograph stay readable at this size, and the detector stays below a second. */
const longestSide = 1600;

/**
 * Lines of text end in zeros, as in the training of the recogniser, and are as long as a multiple of this: lines of
 * similar length then share one shape, for which the network is compiled once.
 */
const lineStep = 64;

export class Picture extends ImageRawBase {
  static async open(file: string): Promise<Picture> {
    try {
      const { data, info } = await sharp(file)
        .autoOrient()
        .resize({ width: longestSide, height: longestSide, fit: 'inside', withoutEnlargement: true })
        .flatten({ background: 'white' })
        .toColourspace('srgb')
        .ensureAlpha()
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
      return new Picture({ data, width: info.width, height: info.height });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`cannot read the picture '${file}': ${reason}`, { cause });
    }
  }

  /** Stretches to a width and a height; with the height alone it is a line of text, which also gets its margin. */
  async resize({ width, height }: { readonly width?: number; readonly height?: number }): Promise<Picture> {
    const { data, info } = await sharp(this.data, this.#raw)
      .resize({ ...(width && { width }), ...(height && { height }), ...(width && height && { fit: 'fill' }) })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const resized = new Picture({ data, width: info.width, height: info.height });
    return width ? resized : resized.#withMargin();
  }

  async #withMargin(): Promise<Picture> {
    const width = Math.ceil(this.width / lineStep) * lineStep;
    const margin = { right: width - this.width, background: 'black' };
    return new Picture({
      data: await sharp(this.data, this.#raw).extend(margin).raw().toBuffer(),
      width,
      height: this.height,
    });
  }

  get #raw() {
    return { raw: { width: this.width, height: this.height, channels: 4 } } as const;
  }
}
