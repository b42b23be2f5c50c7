/**
 * Renders the pictures beside this file, which are committed: `node build/ts/examples/ocr/render.js [FOLDER]`.
 * Needs the DejaVu fonts (Debian: fonts-dejavu); letters come out a little different with other versions of them.
 */
import { join } from 'node:path';
import sharp from 'sharp';

const sans = 'DejaVu Sans';
const serif = 'DejaVu Serif';
const mono = 'DejaVu Sans Mono';

interface TextStyle {
  readonly size: number;
  readonly font?: string;
  readonly weight?: 'normal' | 'bold';
  readonly fill?: string;
  readonly anchor?: 'start' | 'end';
}

function text(x: number, y: number, content: string, { size, font, weight, fill, anchor }: TextStyle): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const look = `font-family="${font ?? sans}" font-size="${size}" font-weight="${weight ?? 'normal'}"`;
  return `<text x="${x}" y="${y}" ${look} fill="${fill ?? '#222222'}" text-anchor="${anchor ?? 'start'}">${escaped}</text>`;
}

const svg = (width: number, height: number, background: string, body: readonly string[]) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
     <rect width="100%" height="100%" fill="${background}"/>${body.join('')}</svg>`;

/** A letterhead, a table of items and a total, as an office would print it. */
function invoice(): string {
  const items: readonly (readonly [item: string, amount: string])[] = [
    ['Gearbox housing, 2 pieces', '1240.00'],
    ['Ball bearing 6204, 25 pieces', '312.50'],
    ['Assembly and delivery', '341.00'],
  ];
  const body = [
    '<rect width="900" height="12" fill="#1f5a8c"/>',
    text(50, 70, 'Northwind Tools Ltd.', { size: 30, font: serif, weight: 'bold', fill: '#1f5a8c' }),
    text(850, 70, '14 March 2025', { size: 20, anchor: 'end' }),
    text(50, 135, 'Quarterly invoice 4711', { size: 36, weight: 'bold' }),
    text(50, 180, 'Customer: Harbour Bridge Repairs', { size: 22 }),
    '<line x1="50" y1="206" x2="850" y2="206" stroke="#999999" stroke-width="2"/>',
  ];
  items.forEach(([item, amount], i) => {
    const y = 250 + 48 * i;
    body.push(text(50, y, item, { size: 23 }), text(850, y, amount, { size: 23, font: mono, anchor: 'end' }));
  });
  body.push(
    '<line x1="50" y1="372" x2="850" y2="372" stroke="#999999" stroke-width="2"/>',
    '<rect x="480" y="390" width="370" height="58" fill="#e8eef4"/>',
    text(838, 430, 'Total: 1893.50 EUR', { size: 30, weight: 'bold', anchor: 'end' }),
    text(50, 478, 'Please pay within 30 days. Thank you!', { size: 19, fill: '#555555' }),
  );
  return svg(900, 500, '#fdfdfb', body);
}

/** Two lines, light on dark, in another font and size: nothing here may be tuned to the invoice. */
const receipt = () =>
  svg(640, 200, '#20303a', [
    text(40, 80, 'Quarterly invoice 4711', { size: 40, font: serif, fill: '#f2ead8' }),
    text(40, 150, 'Total: 1893.50 EUR', { size: 40, font: serif, fill: '#f2ead8' }),
  ]);

const folder = process.argv[2] ?? join('examples', 'ocr');
for (const [name, source] of Object.entries({ 'invoice.png': invoice(), 'two-lines.png': receipt() })) {
  const { size } = await sharp(Buffer.from(source))
    .png({ palette: true, colours: 64, dither: 0, compressionLevel: 9 })
    .toFile(join(folder, name));
  console.log(`${join(folder, name)}: ${size} bytes`);
}
