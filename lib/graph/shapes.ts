/** Shape rules of all operators: one table, made of one file per family. */
import { indexingShapes } from './shapes/indexing.js';
import { linearShapes } from './shapes/linear.js';
import { movementShapes } from './shapes/movement.js';
import { pointwiseShapes } from './shapes/pointwise.js';
import { recurrentShapes } from './shapes/recurrent.js';
import type { ShapeRules } from './shapes/rule.js';
import { samplingShapes } from './shapes/sampling.js';
import { windowShapes } from './shapes/window.js';

export type { RuleInput, TensorType } from './shapes/rule.js';

export const shapeRules: ShapeRules = {
  ...pointwiseShapes,
  ...windowShapes,
  ...linearShapes,
  ...movementShapes,
  ...samplingShapes,
  ...recurrentShapes,
  ...indexingShapes,
};
