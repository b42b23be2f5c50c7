/** What threads.test.ts forks: runs a model and says so. */
import { image, loadSmall } from '../models/small-models.js';

const model = await loadSmall({ threads: 2 });
const { y } = await model.run({ x: image(1) });
process.send!([...y!.data]);
process.disconnect();
