/** Reading attributes with their defaults. A wrong kind of value is a fault of the file and says so. */
import { LanewiseError } from '../errors.js';
import type { Constant, Node } from './ir.js';

function wrongKind(node: Node, name: string, expected: string): LanewiseError {
  return new LanewiseError(
    'ERR_MODEL_FORMAT',
    `node '${node.name}' (${node.op}): attribute '${name}' must be ${expected}`,
  );
}

export function numberAttribute(node: Node, name: string, fallback: number): number {
  const value = node.attributes[name];
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw wrongKind(node, name, 'a number');
  return value;
}

/** ONNX writes booleans as 0 and 1. */
export function flagAttribute(node: Node, name: string, fallback: boolean): boolean {
  const value = node.attributes[name];
  if (typeof value === 'boolean') return value;
  return numberAttribute(node, name, fallback ? 1 : 0) !== 0;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const value = node.attributes[name];
  if (value === undefined) return fallback;
  if (typeof value !== 'string') throw wrongKind(node, name, 'a string');
  return value;
}

export function numbersAttribute(node: Node, name: string): readonly number[] | undefined {
  const value = node.attributes[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw wrongKind(node, name, 'a list of numbers');
  if (!value.every((item) => typeof item === 'number')) throw wrongKind(node, name, 'a list of numbers');
  return value as readonly number[];
}

export function constantAttribute(node: Node, name: string): Constant | undefined {
  const value = node.attributes[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || !('data' in value)) throw wrongKind(node, name, 'a tensor');
  return value;
}

/** An axis counted from either end as one counted from the front. */
export function normalizeAxis(node: Node, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new LanewiseError(
      'ERR_MODEL_FORMAT',
      `node '${node.name}' (${node.op}): axis ${axis} is outside a tensor of rank ${rank}`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}
