// After the build: writes which sources it was made of, and refuses what is too large once it is packed, as it is sent.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

/** What a browser loads before it shows anything, and all there is, in octets as they are sent. */
const INITIAL = 60 * 1024;
const ALL = 200 * 1024;

/** All files below a folder, by their names from there, in one order everywhere. */
export function files(folder, skipped = []) {
  const found = [];
  const look = (at) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      const name = relative(folder, path).split(sep).join('/');
      if (skipped.includes(name)) continue;
      if (entry.isDirectory()) look(path);
      else found.push(name);
    }
  };
  look(folder);
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** The hash of all that the page is made of: the name and the hash of each file, line by line. */
export function ofSources() {
  const names = files(root, ['node_modules', 'dist', 'tests', 'src/api.d.ts']);
  return sha256(names.map((name) => `${name} ${sha256(readFileSync(join(root, name)))}\n`).join(''));
}

/** What the page itself names: the script and style that come first, and what these can't do without. */
function initial(html) {
  const names = [...html.matchAll(/(?:src|href)="\/ui\/([^"]+)"/g)].map((found) => found[1]);
  return new Set(['index.html', ...names]);
}

function pack() {
  const first = initial(readFileSync(join(dist, 'index.html'), 'utf8'));
  const sizes = { initial: 0, all: 0 };
  for (const name of files(dist)) {
    if (name.endsWith('.sha256')) continue;
    const gz = gzipSync(readFileSync(join(dist, name)));
    sizes.all += gz.length;
    if (first.has(name)) sizes.initial += gz.length;
  }
  writeFileSync(join(dist, 'sources.sha256'), `${ofSources()}\n`);
  const kb = (octets) => `${(octets / 1024).toFixed(1)} KB`;
  console.log(`packed by gzip: ${kb(sizes.initial)} at first, ${kb(sizes.all)} in all`);
  if (sizes.initial > INITIAL || sizes.all > ALL) {
    throw new Error(`the page is too large: at most ${kb(INITIAL)} at first, and ${kb(ALL)} in all`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) pack();
