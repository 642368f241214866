// The line to the service is cut and mended: the page says so, and shows what happened meanwhile without a reload. Then a
// thousand connections: how long each click takes.

const MANY = 1000;
const AT_ONCE = 16;

export default async function stream({ told, page: newPage, logIn, api, line }) {
  const beside = await api();
  const made = await beside.post('connections', {
    name: 'first',
    enabled: false,
    gateway: { network: { cidr: '10.80.0.0/24' } },
    peer: { address: '192.0.2.80', cidrs: ['172.16.0.0/24'] },
  });
  const through = await line();
  const page = await newPage(through.base);
  await logIn(page);
  await page.evaluate(() => {
    globalThis.sameDocument = true;
  });
  await page.getByRole('link', { name: 'Connections', exact: true }).click();
  const table = page.getByRole('table', { name: 'Connections' });
  await table.getByText('first').waitFor();
  await beside.patch(`connections/${made.id}`, { name: 'renamed' });
  await table.getByText('renamed').waitFor();

  page.mayFail = (text) => /ERR_EMPTY_RESPONSE|ERR_CONNECTION|ERR_INCOMPLETE|ERR_SOCKET/.test(text);
  through.cut();
  await page.getByText('The line to the service is down').waitFor();
  await beside.patch(`connections/${made.id}`, { name: 'renamed-meanwhile' });
  await beside.post('ike-policies', { name: 'made-meanwhile', parameters: { encryption: ['aes256'], authentication: ['sha256'], groups: [14] } });
  through.mend();
  await page.getByText('The line to the service is down').waitFor({ state: 'detached' });
  await table.getByText('renamed-meanwhile').waitFor();
  page.mayFail = undefined;
  if (!(await page.evaluate(() => globalThis.sameDocument))) throw new Error('the page was loaded again');
  await page.close();
  through.end();

  // The policies are shared, or each would have its own.
  const parameters = { encryption: ['aes256'], authentication: ['sha256'] };
  const ike = await beside.post('ike-policies', { name: 'shared', parameters: { ...parameters, groups: [14] } });
  const ipsec = await beside.post('ipsec-policies', { name: 'shared', parameters });
  const before = performance.now();
  let number = 0;
  const worker = async () => {
    while (number < MANY - 1) {
      const at = number++;
      await beside.post('connections', {
        name: `connection-${String(at).padStart(4, '0')}`,
        enabled: false,
        gateway: { id: made.gateway },
        ike_policy: { id: ike.id },
        ipsec_policy: { id: ipsec.id },
        peer: { address: `198.51.${100 + (at >> 8)}.${at & 255}`, cidrs: [`172.${17 + (at >> 8)}.${at & 255}.0/24`] },
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  console.log(`${MANY} connections were made in ${Math.round(performance.now() - before)} ms`);

  const many = await newPage();
  // Who is logged in is known by a cookie, which is of a host, whatever the port.
  await many.goto(`${many.base}/ui/`);
  await many.getByText('All 1,000 connections are paused.').waitFor();
  /** From the click until what it leads to is painted: its heading, and what is below. */
  const took = async (what, name, below) => {
    await many.evaluate(
      ([title, below]) => {
        globalThis.shown = new Promise((done) => {
          let clicked = 0;
          addEventListener('click', () => (clicked = performance.now()), { capture: true, once: true });
          const look = () => {
            if (document.querySelector('h1')?.textContent !== title || !document.querySelector(below)) return;
            watching.disconnect();
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - clicked)));
          };
          const watching = new MutationObserver(look);
          watching.observe(document.body, { subtree: true, childList: true, characterData: true });
        });
      },
      [name, below],
    );
    await many.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }).click();
    console.log(`${what}: ${Math.round(await many.evaluate(() => globalThis.shown))} ms from the click until it is shown`);
  };
  await took('the list of 1,000 connections', 'Connections', 'td a');
  await many.getByText('connection-0001').waitFor();
  await took('the map of 1,000 connections', 'Topology', 'svg[role=group] a');
  await many.getByRole('group', { name: 'Map of connections' }).waitFor();
  // All of them unfolded, and scrolled through: how long each picture of it takes.
  await many.getByRole('button', { name: /connections?: .*show them/ }).click();
  await many.getByRole('link', { name: /^connection-0005/ }).waitFor();
  const frames = await many.evaluate(
    () =>
      new Promise((done) => {
        const took = [];
        let before = performance.now();
        const step = (now) => {
          took.push(now - before);
          before = now;
          scrollBy(0, 400);
          if (took.length < 90) requestAnimationFrame(step);
          else done(took.slice(1).toSorted((a, b) => a - b));
        };
        requestAnimationFrame(step);
      }),
  );
  const at = (part) => Math.round(frames[Math.floor(frames.length * part)]);
  console.log(`the map of 1,000 connections, scrolled: half of the pictures within ${at(0.5)} ms, 95 of 100 within ${at(0.95)} ms`);
  await many.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await many.getByRole('link', { name: /^renamed-meanwhile/ }).waitFor();
  await many.evaluate(() => scrollTo(0, 0));
  await many.getByRole('button', { name: /^Show fewer/ }).click();
  await took('the overview of 1,000 connections', 'Overview', 'svg[role=group] a');
  await many.getByRole('link', { name: 'Connections', exact: true }).click();
  await many.getByRole('searchbox', { name: 'Filter connections' }).fill('connection-0777');
  await many.getByRole('link', { name: 'connection-0777' }).click();
  await many.getByRole('heading', { level: 1, name: 'connection-0777' }).waitFor();
}
