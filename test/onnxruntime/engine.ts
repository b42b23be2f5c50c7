/** One program for two engines: the module that a program imports is what differs. */
import * as theirs from 'onnxruntime-node';
import * as ours from '#lib/onnxruntime/index.js';

export type Engine = typeof theirs;

/** No cast: whatever compiles against onnxruntime's declarations compiles against ours. */
export const engines: Readonly<Record<'lanewise' | 'onnxruntime', Engine>> = { lanewise: ours, onnxruntime: theirs };
