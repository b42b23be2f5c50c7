/** Evaluation rules of all operators that fold to constants. */
import { arithmeticEvaluation } from './evaluate/arithmetic.js';
import { movementEvaluation, shapeEvaluation } from './evaluate/movement.js';
import type { EvaluateRules } from './evaluate/rule.js';

/** Need the value of every input. */
export const evaluationRules: EvaluateRules = { ...movementEvaluation, ...arithmeticEvaluation };

/** Need only the shape of their input. */
export const shapeEvaluationRules: EvaluateRules = shapeEvaluation;
