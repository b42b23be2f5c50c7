/** Evaluation rules of all operators that fold to constants. */
import { arithmeticEvaluation } from './evaluate/arithmetic.js';
import { movementEvaluation, shapeEvaluation } from './evaluate/movement.js';
import type { EvaluateRule, EvaluateRules } from './evaluate/rule.js';
import { selectionEvaluation } from './evaluate/selection.js';

export type { EvaluateRule } from './evaluate/rule.js';

/** Need the value of every input. */
export const evaluationRules: EvaluateRules = {
  ...movementEvaluation,
  ...arithmeticEvaluation,
  ...selectionEvaluation,
};

/** Need only the shape of their input. */
export const shapeEvaluationRules: EvaluateRules = shapeEvaluation;

const movements: ReadonlySet<EvaluateRule> = new Set(Object.values(movementEvaluation));

/** Whether a rule copies elements from typed array to typed array, rather than computing with JavaScript arrays. */
export const movesElements = (rule: EvaluateRule): boolean => movements.has(rule);
