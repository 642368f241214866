// Everything that can be clicked is clicked once, on every screen, in light and dark, wide and narrow: nothing is
// complained of, everybody can use it, and nothing sticks out.

/** Buttons that would end the crawl, or undo what it looks at. */
const LEFT = /^(Log out|Delete .*|Withdraw .*|Restart|Rekey|Pause|Resume|Confirm|New link|Test connectivity|Search.*|Copy.*|Download|Undo|Create|Create connection|Submit request)$/;

const SCREENS = [
  '/',
  '/connections',
  '/connections?status=Down',
  '/connections/new',
  '/connections/new?step=algorithms',
  '/topology',
  '/vpns/ike-policies',
  '/vpns/ipsec-policies',
  '/vpns/gateways',
  '/vpns/endpoint-groups',
  '/vpns/site-connections',
  '/vpns/ike-policies/new',
  '/vpns/ipsec-policies/new',
  '/vpns/gateways/new',
  '/vpns/endpoint-groups/new',
  '/vpns/site-connections/new',
  '/networks/networks',
  '/networks/subnets',
  '/networks/routers',
  '/networks/machines',
  '/networks/floating-ips',
  '/networks/security-groups',
  '/networks/reachability',
  '/networks/networks/new',
  '/networks/subnets/new',
  '/networks/routers/new',
  '/networks/machines/new',
  '/networks/floating-ips/new',
  '/networks/security-groups/new',
  '/onboarding',
  '/onboarding/new',
  '/onboarding/new?by=ticket',
  '/operator',
  '/operator/audit',
  '/operator/gateways',
  '/operator/weak',
  '/operator/keys',
  '/operator/keys?days=0',
  '/operator/audit?from=2026-01-01T00:00&until=2026-01-02T00:00',
  '/operator/projects/new',
  '/nowhere',
];

export default async function crawl({ told, page: newPage, logIn, api, accessible, fits }) {
  const beside = await api();
  const made = await beside.post('connections', {
    name: 'crawled',
    gateway: { network: { cidr: '10.70.0.0/24' } },
    peer: { address: '192.0.2.70', cidrs: ['10.71.0.0/24', '10.72.0.0/24'] },
  });
  const [subnet] = (await beside.get('subnets?name=crawled')).items;
  const machine = await beside.post('machines', { name: 'crawled', subnet: subnet.id });
  const request = await beside.post('requests', {
    name: 'asked',
    peer_address: '192.0.2.71',
    peer_cidrs: ['10.73.0.0/24'],
    local_cidrs: ['10.70.0.0/24'],
    recipient: 'Ann',
  });
  const [group] = (await beside.get('security-groups')).items;
  const project = (await beside.get('sessions/current')).project.id;
  const connection = `/connections/${made.id}`;
  const screens = [
    ...SCREENS,
    ...['', '/traffic', '/sas', '/events', '/peer', '/api', '/history', '/edit', '/nothing'].map((tab) => connection + tab),
    `/vpns/gateways/${made.gateway}`,
    `/networks/security-groups/${group.id}`,
    `/networks/subnets/${subnet.id}`,
    `/onboarding/${request.id}`,
    `/operator/projects/${project}`,
    `/networks/reachability?from=${machine.id}&to=10.71.0.1`,
  ];

  const page = await newPage();
  // Somebody who logs in again is where he was.
  await logIn(page);
  const settled = async () => {
    await page.getByRole('main').waitFor();
    await page.getByText('Loading…').first().waitFor({ state: 'detached' });
  };
  const go = async (path) => {
    await page.goto(`${page.base}/ui${path}`);
    await settled();
  };
  let clicked = 0;
  for (const path of screens) {
    await go(path);
    if ((await page.title()) === 'Adit') throw new Error(`${path} has no title of its own`);
    await accessible(page, path);
    await fits(page, path);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 740 });
    await accessible(page, `${path}, dark and narrow`);
    await fits(page, `${path}, narrow`);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1360, height: 860 });
    clicked += await click(page, path, go);
  }
  console.log(`${screens.length} screens, ${clicked} buttons`);
}

/** Clicks all buttons of a screen, or of the dialog that is open there. */
async function click(page, path, go) {
  const isAsked = (await page.getByRole('dialog').count()) > 0;
  const place = page.getByRole(isAsked ? 'dialog' : 'main');
  const buttons = await place.getByRole('button').all();
  const names = new Set();
  for (const button of buttons) {
    const name = (await button.getAttribute('aria-label')) ?? (await button.innerText()).trim();
    const isOff = (await button.getAttribute('aria-disabled')) === 'true';
    if (name && !isOff && !LEFT.test(name)) names.add(name);
  }
  let clicked = 0;
  for (const name of names) {
    const button = place.getByRole('button', { name, exact: true }).first();
    if (!(await button.isVisible().catch(() => false))) continue;
    await button.click({ timeout: 3000 });
    clicked += 1;
    // Where it led elsewhere, or closed what was open, one goes on from the beginning.
    const { pathname, search } = new URL(page.url());
    if (pathname + search !== `/ui${path}` || (isAsked && !(await place.isVisible().catch(() => false)))) await go(path);
  }
  return clicked;
}
