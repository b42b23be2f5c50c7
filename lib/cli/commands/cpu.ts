/** `lanewise cpu`: what the library found. */
import { cpus } from 'node:os';
import { cpuInfo } from '../../cpu.js';
import type { Outcome } from '../command.js';

/** Caches come in powers of two. */
const cacheText = (size: number): string =>
  size >= 2 ** 20 ? `${(size / 2 ** 20).toFixed(0)} MiB` : size > 0 ? `${(size / 1024).toFixed(0)} KiB` : 'unknown';

export async function run(): Promise<Outcome> {
  const info = cpuInfo();
  const processor = cpus()[0]?.model.trim() ?? 'unknown';
  const { l1Bytes, l2Bytes, l3Bytes } = info.caches;
  return {
    document: { processor, platform: `${process.platform}-${process.arch}`, node: process.version, ...info },
    print(screen) {
      screen.facts([
        ['processor', processor],
        ['platform', `${process.platform}-${process.arch}, Node.js ${process.version}`],
        ['instruction set', `${info.active}, ${info.lanes} floats per vector`],
        ['can run', info.detected.join(', ')],
        ['in this binary', info.built.join(', ')],
        ['threads', `${info.threads} per run`],
        ['caches', [l1Bytes, l2Bytes, l3Bytes].map((size, i) => `L${i + 1} ${cacheText(size)}`).join(', ')],
      ]);
    },
  };
}
