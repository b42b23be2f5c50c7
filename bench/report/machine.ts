/** What the numbers depend on besides the bench: machine, versions, date. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import type { Isa } from 'lanewise';
import { repositoryRoot } from '../repository.js';
import { lastCacheBytes } from './memory.js';

export interface Machine {
  readonly cpu: string;
  readonly processors: number;
  /** Those that the bench could use. */
  readonly used: number;
  readonly platform: string;
  readonly node: string;
  /** Load average of the last minute, before the bench. */
  readonly load: number;
  /** Of the last cache that one core can fill. */
  readonly cacheBytes: number;
}

/** Part of every JSON document. */
export interface Origin {
  /** ISO 8601, when the bench was started. */
  readonly date: string;
  readonly machine: Machine;
  readonly versions: { readonly lanewise: string; readonly onnxruntime: string };
  readonly isa: Isa;
}

export function machine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    used: availableParallelism(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    load: loadavg()[0] ?? 0,
    cacheBytes: lastCacheBytes(),
  };
}

const versionIn = (file: string): string => (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;

export function origin(isa: Isa): Origin {
  const onnxruntime = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  return {
    date: new Date().toISOString(),
    machine: machine(),
    versions: { lanewise: versionIn(join(repositoryRoot(), 'package.json')), onnxruntime: versionIn(onnxruntime) },
    isa,
  };
}

/** Measurements beside other work are worth little, and whoever reads them should know. */
export function machineText({ cpu, processors, used, platform, node, load, cacheBytes }: Machine): string {
  const busy = load > 0.5 ? ` Load average ${load.toFixed(1)} at the start: other programs were running.` : '';
  const cache = `${(cacheBytes / 2 ** 20).toFixed(0)} MB last cache`;
  const kept = used < processors ? ` of which ${used} used` : '';
  return `${cpu}, ${processors} processors${kept}, ${cache}, ${platform}, Node.js ${node}.${busy}`;
}

export const threadsText = (threads: number): string => (threads === 1 ? '1 thread' : `${threads} threads`);

/** @param what who ran and how, e.g. `1 thread each, batch 1` */
export function originText({ date, machine, versions, isa }: Origin, what: string, rival: boolean): string {
  const engines = `lanewise ${versions.lanewise} (${isa})${rival ? ` and onnxruntime-node ${versions.onnxruntime}` : ''}`;
  return `${engines}, ${what}. ${machineText(machine)} ${date.slice(0, 10)}.`;
}
