// The wizard makes everything; the other side is set up from what the page shows; what then goes wrong is shown, and mended
// from the page.

export default async function wizard({ told: given, page: newPage, logIn, ask, api, accessible, fits }) {
  const page = await newPage();
  await logIn(page);
  const next = () => page.getByRole('button', { name: 'Next' }).click();
  const link = (name) => page.getByRole('main').getByRole('link', { name, exact: true });

  await page.getByRole('main').getByRole('link', { name: 'New connection' }).click();
  await page.getByRole('radio', { name: /All of it new/ }).check();
  const network = page.getByLabel('Addresses of the new network');
  await network.fill('10.240.0.1/24');
  await page.getByText('has bits behind its prefix length').waitFor();
  await network.fill(given.site);
  await accessible(page, 'the wizard’s site');
  await next();

  await page.getByLabel('Name of the connection').fill('branch');
  await page.getByLabel('Peer address').fill('198.18.300.1');
  await page.getByText('198.18.300.1 is no address').waitFor();
  await page.getByLabel('Peer address').fill(given.peer);
  await page.getByLabel('Pre-shared key', { exact: true }).fill('short');
  await page.getByText('shorter than 16 letters').waitFor();
  await page.getByRole('button', { name: 'Generate' }).click();
  const key = await page.getByLabel('Pre-shared key', { exact: true }).inputValue();
  await accessible(page, 'the wizard’s peer');
  await next();

  await page.getByLabel('Subnets at the peer').fill('10.240.0.128/25');
  await page.getByText(`10.240.0.128/25 overlaps ${given.site}`).waitFor();
  await page.getByLabel('Subnets at the peer').fill(given.block);
  await accessible(page, 'the wizard’s networks');
  await next();

  await page.getByRole('radio', { name: /Custom/ }).check();
  await page.getByLabel('Group', { exact: true }).selectOption({ label: 'group2 (1024-bit MODP)' });
  await page.getByText('group2 is too small').waitFor();
  await accessible(page, 'the wizard’s algorithms');
  await page.getByRole('radio', { name: /Modern/ }).check();
  await next();

  await page.getByText('IPsec site connection').waitFor();
  await accessible(page, 'the wizard’s review');
  await page.getByRole('button', { name: 'Create connection' }).click();

  // It ends on the ladder, live: nobody answers yet.
  await page.getByRole('heading', { name: 'branch' }).waitFor();
  await page.getByText('Peer does not respond').waitFor();
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.getByText(key, { exact: true }).waitFor();
  await accessible(page, 'the ladder of a connection that is down');
  await page.getByRole('button', { name: 'I have it' }).click();

  await link('Peer configuration').click();
  await page.getByLabel('The other side’s program').selectOption({ label: 'strongSwan (swanctl.conf)' });
  await page.getByLabel('With the pre-shared key').check();
  const shown = page.getByRole('region', { name: 'Configuration of the other side' });
  await shown.getByText(key).waitFor();
  await ask('configure', await shown.innerText());
  await page.getByRole('button', { name: 'Restart' }).click();
  const state = (word) => page.getByRole('banner').or(page.getByRole('main')).getByText(word, { exact: true }).first().waitFor();
  await state('Active');

  // A machine, to ping from.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Networks' }).click();
  await page.getByRole('navigation', { name: 'Networks' }).getByRole('link', { name: 'Machines' }).click();
  await page.getByRole('main').getByRole('link', { name: 'Create' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('pinger');
  await dialog.getByLabel('Subnet').selectOption({ index: 1 });
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  const machine = page.getByRole('row').filter({ hasText: 'pinger' });
  await machine.getByText('Running').waitFor();
  const id = (await machine.getByRole('link', { name: 'pinger' }).getAttribute('href')).split('/').at(-1);
  await ask('ping', id);

  // All rungs are taken.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Connections' }).click();
  await link('branch').click();
  await page.getByText('Traffic from the peer: done').waitFor();
  await accessible(page, 'the ladder of a connection that is up');
  await link('Traffic').click();
  await page.getByText(/packets since the tunnel’s worker began/).first().waitFor();
  await page.getByRole('img', { name: 'Traffic in and out over time' }).waitFor();
  await accessible(page, 'traffic');
  await link('SAs').click();
  await page.getByRole('table', { name: 'Child SAs' }).getByText(given.block).first().waitFor();
  await accessible(page, 'SAs');

  // The list says what goes through, and when keys are replaced.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Connections' }).click();
  const row = page.getByRole('row').filter({ hasText: 'branch' });
  await row.getByRole('img', { name: /^Lately at most/ }).waitFor();
  await row.getByText(/^in \d+ (h|min)/).waitFor();
  await page.setViewportSize({ width: 360, height: 740 });
  await fits(page, 'the list, narrow');
  await accessible(page, 'the list, narrow');
  await page.setViewportSize({ width: 1360, height: 860 });
  await link('branch').click();
  await page.getByText('The key was set').waitFor();

  // A wrong key is shown, and mended here.
  const edit = async (change) => {
    await link('Edit').click();
    await change(page.getByRole('dialog'));
    await page.getByRole('dialog').getByRole('button', { name: 'Save changes' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const again = async () => {
    const answered = page.waitForResponse((response) => response.url().endsWith('/restart'));
    await page.getByRole('button', { name: 'Restart' }).click();
    await answered;
  };
  await edit((dialog) => dialog.getByLabel('New pre-shared key').fill('quite another pre-shared key 42'));
  await again();
  await page.getByText('Authentication fails').first().waitFor();
  await page.getByText('Authenticated: stops here').waitFor();
  await edit((dialog) => dialog.getByLabel('New pre-shared key').fill(key));
  await again();
  await state('Active');

  // A proposal that does not match is shown, and mended here.
  const cipher = async (name) => {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'VPNs' }).click();
    await page.getByRole('main').getByRole('link', { name: 'branch' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Encryption Algorithm').selectOption({ label: name });
    await dialog.getByRole('button', { name: 'Save changes' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Connections' }).click();
    await link('branch').click();
  };
  await cipher('chacha20-poly1305');
  await again();
  await page.getByText('IKE policies differ').first().waitFor();
  await page.getByText('IKE SA agreed on: stops here').waitFor();
  await accessible(page, 'the ladder where proposals differ');
  await cipher('aes-256-gcm-16');
  await state('Active');

  // Pausing, resuming, replacing keys.
  await page.getByRole('button', { name: 'Rekey' }).click();
  await page.getByText('The keys are being replaced.').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused').first().waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await state('Active');
  await ask('ping', id);

  // What destroys asks first.
  await page.getByRole('button', { name: 'Delete this connection' }).click();
  await accessible(page, 'the question before deleting');
  // Who looks at it while it goes is told so.
  page.mayFail = (text) => text.includes('404');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete connection' }).click();
  await page.getByText('No connections yet').waitFor();

  // A gateway that is of a router and of no subnet: its connections are between endpoint groups.
  const beside = await api();
  const [subnet] = (await beside.get('subnets?name=branch')).items;
  await beside.patch(`routers/${subnet.router}`, { outside: true });
  await beside.post('gateways', { name: 'of-the-router', router: subnet.router });
  await page.getByRole('main').getByRole('link', { name: 'New connection' }).first().click();
  await page.getByRole('radio', { name: /A gateway that is there/ }).check();
  const gateways = page.getByLabel('Gateway', { exact: true });
  const option = gateways.getByRole('option').filter({ hasText: 'of-the-router' });
  await option.waitFor({ state: 'attached' });
  await gateways.selectOption({ label: await option.innerText() });
  await next();
  await page.getByLabel('Name of the connection').fill('between-groups');
  await page.getByLabel('Peer address').fill('192.0.2.77');
  await page.getByRole('button', { name: 'Generate' }).click();
  await next();
  await page.getByRole('checkbox', { name: /^branch/ }).check();
  await page.getByLabel('Subnets at the peer').fill('10.250.0.0/24, 10.251.0.0/24');
  await accessible(page, 'the wizard’s endpoint groups');
  await next();
  await next();
  await page.getByText('Endpoint group at the peer').waitFor();
  await page.getByRole('button', { name: 'Create connection' }).click();
  await page.getByRole('heading', { level: 1, name: 'between-groups' }).waitFor();
  await page.getByText('10.251.0.0/24').first().waitFor();
  // It goes over to other groups where it is edited.
  await beside.post('endpoint-groups', { name: 'another', kind: 'cidr', endpoints: ['10.252.0.0/24'] });
  await edit((dialog) => dialog.getByLabel('Peer Endpoint Group').selectOption({ label: 'another' }));
  await page.getByText('10.252.0.0/24').first().waitFor();
}
