// What stories share: a browser with somebody logged in, the service's API beside it, and what must never happen.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, connect } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long anything that is not itself under test may take. */
const PATIENCE = 20_000;

/** Passes on what comes to a port of its own. */
function relay(to, isCut = () => false) {
  const open = new Set();
  const server = createServer((from) => {
    if (isCut()) return void from.destroy();
    const there = connect(to);
    for (const one of [from, there]) {
      open.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        open.delete(one);
        from.destroy();
        there.destroy();
      });
    }
    from.pipe(there).pipe(from);
  });
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => {
      const base = `http://127.0.0.1:${server.address().port}`;
      const cut = () => open.forEach((one) => one.destroy());
      done({ base, cut, end: () => (server.close(), cut()) });
    });
  });
}

export async function open(told) {
  // Where the browser has a network of its own, in which nothing comes and goes, the service is behind a socket.
  const way = told.socket ? await relay({ path: told.socket }) : undefined;
  if (way) told = { ...told, base: way.base };
  const folder = mkdtempSync(join(tmpdir(), 'adit-browser-'));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: told.chromium,
    headless: true,
    args: ARGUMENTS,
    viewport: { width: 1360, height: 860 },
    colorScheme: told.scheme ?? 'light',
  });
  context.setDefaultTimeout(PATIENCE);
  const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const wrong = [];
  const pages = [];

  /** A page on which nothing may be complained of. */
  async function page(base = told.base) {
    const page = await context.newPage();
    page.base = base;
    page.on('pageerror', (error) => wrong.push(`an error on the page: ${error.stack ?? error}`));
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      const text = message.text();
      // Whoever is not logged in yet is told so.
      if (text.includes('401') && message.location().url.includes('/adit/v1/sessions')) return;
      // What looks whether all can use it writes styles into the page.
      if (page.isExamined && text.includes('inline style')) return;
      if (page.mayFail?.(text)) return;
      wrong.push(`on the console: ${text} (${message.location().url})`);
    });
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== new URL(base).origin) wrong.push(`asked elsewhere: ${request.url()}`);
    });
    pages.push(page);
    return page;
  }

  async function logIn(page, { user, password, project } = told) {
    await page.goto(`${page.base}/ui/`);
    await page.getByLabel('User').fill(user);
    await page.getByLabel('Password').fill(password);
    if (project) await page.getByLabel('Project').fill(project);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  }

  /** Asks for something outside of the browser. */
  async function ask(what, value = null) {
    console.log(`@ask ${JSON.stringify({ what, value })}`);
    const { value: line, done } = await answers.next();
    if (done) throw new Error(`nobody did ${what}`);
    return JSON.parse(line);
  }

  /** The API, as the same user, beside the page. */
  async function api({ user, password, project } = told) {
    const call = async (method, path, body, token) => {
      const headers = { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) };
      const answer = await fetch(`${told.base}/adit/v1/${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : null;
    };
    const { token } = await call('POST', 'sessions', { user, password, ...(project ? { project } : {}) });
    return {
      get: (path) => call('GET', path, undefined, token),
      post: (path, body) => call('POST', path, body, token),
      patch: (path, body) => call('PATCH', path, body, token),
    };
  }

  /** Whether everybody can use what is shown (WCAG 2.1 AA). */
  async function accessible(page, where) {
    page.isExamined = true;
    await page.evaluate(axe);
    const found = await page.evaluate(() => globalThis.axe.run(document, { preload: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
    page.isExamined = false;
    for (const { id, help, nodes } of found.violations) {
      const told = nodes.slice(0, 3).map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`);
      wrong.push(`axe, ${where}: ${id}: ${help}\n    ${told.join('\n    ')}`);
    }
  }

  /** Whether nothing sticks out at the side. */
  async function fits(page, where) {
    const out = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (out > 0) wrong.push(`${where}: ${out} px stick out at the side`);
  }

  /** A line to the service that can be cut. */
  async function line() {
    const { port, hostname } = new URL(told.base);
    let isCut = false;
    const { base, cut, end } = await relay({ port: Number(port), host: hostname }, () => isCut);
    return {
      base,
      end,
      cut() {
        isCut = true;
        cut();
      },
      mend() {
        isCut = false;
      },
    };
  }

  async function end() {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
    if (wrong.length > 0) {
      console.log([...new Set(wrong)].join('\n'));
      process.exitCode = 1;
    }
    way?.end();
    process.stdin.destroy();
  }

  /** What can be seen of a story that failed. */
  async function wreck() {
    for (const [number, page] of pages.entries()) {
      if (!told.wreck || page.isClosed()) continue;
      console.log(`it was at ${page.url()}`);
      await page.screenshot({ path: `${told.wreck}/${number}.png` }).catch(() => undefined);
      const text = await page.locator('body').innerText().catch(() => '');
      console.log(`    ${text.slice(0, 3000).replaceAll('\n', '\n    ')}`);
    }
    await end();
  }

  return { told, context, wrong, page, logIn, ask, api, accessible, fits, line, end, wreck };
}
