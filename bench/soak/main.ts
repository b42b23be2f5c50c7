/** `npm run soak`: does memory come back? Exit code 1 when it does not. */
import { parseArgs } from 'node:util';
import { machine, machineText } from '../report/machine.js';
import { Progress } from '../report/progress.js';
import { markdownTable, tableOf } from '../report/table.js';
import { isZooName, networks, type ZooName, zooModel, zooNames } from '../zoo/index.js';
import { type Soaked, type SoakedNetwork, soakCycles, soakRuns } from './soak.js';

const help = `Usage: npm run soak -- [options]
  --cycles N     default: 200
  --runs N       default: 100000
  --networks A,B of the zoo, for the cycles; default: mobilenet-v2,resnet-18,squeezenet-1.1
  --size N       height and width of their images; default: 224
  --allowed MB   of growth; default: 10 for the cycles, 5 for the runs
`;

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    runs: { type: 'string', default: '100000' },
    networks: { type: 'string', default: 'mobilenet-v2,resnet-18,squeezenet-1.1' },
    size: { type: 'string', default: '224' },
    allowed: { type: 'string' },
    help: { type: 'boolean' },
  },
});

function soaked(name: ZooName, size: number): SoakedNetwork {
  return { file: zooModel(name, { size }), input: networks[name].input.name, shape: [1, 3, size, size] };
}

function readNames(text: string): ZooName[] {
  return text.split(',').map((name) => {
    if (!isZooName(name)) throw new Error(`--networks: no '${name}'; there are: ${zooNames.join(', ')}`);
    return name;
  });
}

if (values.help) {
  process.stdout.write(help);
} else {
  const cycled = readNames(values.networks).map((name) => soaked(name, Number(values.size)));
  const small = soaked('squeezenet-1.1', 32);
  console.log(machineText(machine()));
  const progress = new Progress();
  progress.at(0, 'cycles');
  const results = [await soakCycles(cycled, Number(values.cycles), Number(values.allowed ?? 10))];
  progress.at(0.5, 'runs');
  results.push(await soakRuns(small, Number(values.runs), Number(values.allowed ?? 5)));
  const columns = [
    { title: 'soak', align: 'left' as const, cell: ({ what }: Soaked) => what },
    { title: 'settled MB', cell: ({ settledMb }: Soaked) => settledMb.toFixed(1) },
    { title: 'end MB', cell: ({ endMb }: Soaked) => endMb.toFixed(1) },
    { title: 'worst MB', cell: ({ worstMb }: Soaked) => worstMb.toFixed(1) },
    { title: 'allowed', cell: ({ allowedMb }: Soaked) => `+${allowedMb}` },
    { title: 's', cell: ({ seconds }: Soaked) => seconds.toFixed(0) },
  ];
  progress.end();
  console.log(markdownTable(tableOf(columns, results)));
  if (results.some(({ settledMb, endMb, allowedMb }) => endMb > settledMb + allowedMb)) process.exitCode = 1;
}
