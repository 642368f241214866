// compare.js BUILT COMMITTED: whether two builds are the same. What is packed may be packed otherwise by another release
// of Node; it has to unpack to the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { files } from './pack.js';

const [built, committed] = process.argv.slice(2);

function read(folder, name) {
  const data = readFileSync(join(folder, name));
  if (name.endsWith('.br')) return brotliDecompressSync(data);
  if (name.endsWith('.gz')) return gunzipSync(data);
  return data;
}

const [ours, theirs] = [files(built), files(committed)];
const differing = [...new Set([...ours, ...theirs])].filter((name) => {
  const isInBoth = ours.includes(name) && theirs.includes(name);
  return !isInBoth || !read(built, name).equals(read(committed, name));
});
if (differing.length > 0) {
  console.error(`ui/dist is not what ui/ makes: ${differing.join(', ')}. \`make ui\` builds it anew`);
  process.exit(1);
}
console.log(`ui/dist is what ui/ makes: ${theirs.length} files`);
