// Takes the pictures of the documents: the six main screens, in light and dark, of a project in which something is going on.

/** How long the list is looked at, so that there are lines of what went through. */
const LOOKED_MS = 60_000;

export default async function pictures({ told, page: newPage, logIn, api, ask }) {
  const beside = await api();
  const site = async (name, cidr) => {
    const router = await beside.post('routers', { name: `${name}-router`, outside: true });
    const subnet = await beside.post('subnets', { name: `${name}-subnet`, router: router.id, cidr });
    const gateway = await beside.post('gateways', { name: `${name}-gateway`, subnet: subnet.id });
    const machine = await beside.post('machines', { name: `${name}-machine`, subnet: subnet.id });
    return { gateway, machine, cidr, address: gateway.addresses[0] };
  };
  const frankfurt = await site('frankfurt', '10.10.0.0/24');
  const dublin = await site('dublin', '10.20.0.0/24');
  const lisbon = await site('lisbon', '10.30.0.0/24');
  const policies = async (name, encryption, authentication, group) => {
    const [ciphers, hashes] = [[encryption], [authentication]];
    const ike = { encryption: ciphers, authentication: hashes, groups: [group], lifetime_s: 3600 };
    const ipsec = { encryption: ciphers, authentication: hashes, pfs: [group], lifetime_s: 3600 };
    return {
      ike_policy: { id: (await beside.post('ike-policies', { name: `ike-${name}`, parameters: ike })).id },
      ipsec_policy: { id: (await beside.post('ipsec-policies', { name: `ipsec-${name}`, parameters: ipsec })).id },
    };
  };
  const usual = await policies('aes256-sha256', 'aes256', 'sha256', 14);
  const old = await policies('legacy', '3des', 'sha1', 2);
  const connect = (name, from, address, cidrs, psk, more = usual) =>
    beside.post('connections', { name, gateway: { id: from.gateway.id }, peer: { address, cidrs }, psk, ...more });
  await connect('dublin-office', frankfurt, dublin.address, [dublin.cidr], 'the key of dublin and frankfurt');
  await connect('to-frankfurt', dublin, frankfurt.address, [frankfurt.cidr], 'the key of dublin and frankfurt');
  const wrong = await connect('lisbon-warehouse', frankfurt, lisbon.address, [lisbon.cidr], 'one key at this end of it');
  await connect('lisbon-to-frankfurt', lisbon, frankfurt.address, [frankfurt.cidr], 'another key at that end');
  await connect('lisbon-dublin', lisbon, dublin.address, [dublin.cidr], 'the key of lisbon and dublin');
  await connect('dublin-lisbon', dublin, lisbon.address, [lisbon.cidr], 'the key of lisbon and dublin');
  await connect('warsaw-plant', frankfurt, `${told.external}.200`, ['172.16.40.0/22'], 'the key of warsaw and frankfurt');
  await connect('oslo-lab', frankfurt, `${told.external}.201`, ['172.20.8.0/24'], 'the key of oslo and frankfurt', { ...usual, enabled: false });
  await connect('old-factory', dublin, `${told.external}.202`, ['192.168.77.0/24'], 'the key of the old factory', old);
  await ask('ping', [frankfurt.machine.id, dublin.machine.address]);
  await ask('ping', [dublin.machine.id, lisbon.machine.address]);

  const page = await newPage();
  await page.setViewportSize({ width: 1240, height: 780 });
  await logIn(page);
  const main = page.getByRole('main');
  const screens = {
    overview: ['/', () => main.getByText(/4 of 9 connections are up; 4 carry/)],
    connections: ['/connections', () => main.getByText('Authentication fails').first(), LOOKED_MS],
    connection: [`/connections/${wrong.id}`, () => main.getByText('Authenticated: stops here')],
    wizard: ['/connections/new', () => main.getByText('What is to be connected')],
    topology: ['/topology', () => page.getByRole('link', { name: /^warsaw-plant/ })],
    vpns: ['/vpns/ike-policies', () => main.getByRole('link', { name: 'ike-legacy' })],
  };
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    for (const [name, [path, shown, more]] of Object.entries(screens)) {
      await page.goto(`${page.base}/ui${path}`);
      await shown().waitFor();
      if (more) await page.waitForTimeout(more);
      await page.mouse.move(0, 0);
      await page.screenshot({ path: `${told.pictures}/${name}-${scheme}.png` });
    }
  }
}
