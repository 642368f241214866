// compare.js BUILT COMMITTED: whether two builds are the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { files } from './pack.js';

const [built, committed] = process.argv.slice(2);

const [ours, theirs] = [files(built), files(committed)];
const differing = [...new Set([...ours, ...theirs])].filter((name) => {
  const isInBoth = ours.includes(name) && theirs.includes(name);
  return !isInBoth || !readFileSync(join(built, name)).equals(readFileSync(join(committed, name)));
});
if (differing.length > 0) {
  console.error(`ui/dist is not what ui/ makes: ${differing.join(', ')}. \`make ui\` builds it anew`);
  process.exit(1);
}
console.log(`ui/dist is what ui/ makes: ${theirs.length} files`);
