// run.js STORY: runs one story in a browser. What it is about is told in the environment as JSON; what has to be done
// outside of the browser it asks for, a line each, and reads what came of it.
import { open } from './browser.js';

const name = process.argv[2];
const { default: story } = await import(`./${name}.js`);
const browser = await open(JSON.parse(process.env.ADIT_STORY));
try {
  await story(browser);
  await browser.end();
} catch (error) {
  console.log(error.stack ?? error);
  await browser.wreck();
  process.exitCode = 1;
}
