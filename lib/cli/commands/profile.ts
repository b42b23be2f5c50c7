/** `lanewise profile`: where the time goes, as a table, a trace, a page. */
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { loadModel } from '../../model.js';
import type { Outcome } from '../command.js';
import type { EngineOptions } from '../engines/engine.js';
import { loadOptions } from '../engines/lanewise.js';
import { profilePage } from '../profile/page.js';
import { byOperator, operatorColumns, profileModel, stepColumns, topSteps } from '../profile/steps.js';
import { milliseconds, plural, shapeText } from '../terminal/format.js';
import { type FeedOptions, feedsFor } from '../values/feeds.js';
import { writeWhole } from '../values/write.js';

interface ProfileOptions extends FeedOptions, EngineOptions {
  readonly runs: number;
  readonly top?: number;
  readonly trace?: string;
  readonly html?: string;
}

export async function run([path, inputs]: readonly unknown[], options: ProfileOptions): Promise<Outcome> {
  const file = path as string;
  const model = await loadModel(file, loadOptions(options));
  const feeds = await feedsFor(model.inputs, inputs as readonly string[], options);
  const profile = await profileModel(model, feeds, options.runs);
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  const report = model.report(shapes);
  model.dispose();
  const inputText = Object.entries(shapes)
    .map(([name, shape]) => `${name} ${shapeText(shape)}`)
    .join(', ');
  const where = `${report.isa}, ${plural(report.threads, 'thread')}`;
  if (options.trace !== undefined) await writeWhole(options.trace, `${JSON.stringify(profile.toTrace())}\n`);
  if (options.html !== undefined) {
    const facts = {
      title: basename(file),
      input: inputText,
      where,
      processor: cpus()[0]?.model.trim() ?? '',
      runs: options.runs,
    };
    await writeWhole(options.html, profilePage(profile, facts));
  }
  const operators = byOperator(profile);
  return {
    document: {
      file,
      inputs: shapes,
      isa: report.isa,
      threads: report.threads,
      runs: options.runs,
      totalMs: profile.totalMs,
      operators,
      steps: options.top === undefined ? profile.steps : topSteps(profile.steps, options.top),
    },
    print(screen) {
      const steps = options.top === undefined ? profile.steps : topSteps(profile.steps, options.top);
      screen.line(`  ${inputText}; ${where}; medians of ${plural(options.runs, 'run')}`);
      screen.table(stepColumns, steps);
      screen.heading('By kind of step');
      screen.table(operatorColumns, operators);
      screen.line(`  ${plural(profile.steps.length, 'step')}, ${milliseconds(profile.totalMs)} ms`);
      if (options.trace !== undefined)
        screen.line(`  trace written to ${options.trace} (chrome://tracing, ui.perfetto.dev)`);
      if (options.html !== undefined) screen.line(`  page written to ${options.html}`);
    },
  };
}
