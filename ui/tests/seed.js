// The dashboard's steps of "VPN as a Service", word by word: from an IKE policy to Active, and a ping.

/** What a table of field and value says, as somebody fills it in. */
async function fill(dialog, fields) {
  for (const [label, value] of Object.entries(fields)) {
    const field = dialog.getByLabel(label, { exact: true });
    const isChoice = await field.evaluate((element) => element.tagName === 'SELECT');
    if (!isChoice) {
      await field.fill(value);
      continue;
    }
    const options = await field.getByRole('option').allTextContents();
    // A choice says more than its word where that helps.
    const option = options.find((one) => one === value) ?? options.find((one) => one.startsWith(`${value} (`));
    if (option === undefined) throw new Error(`${label} has no ${value}: ${options.join(', ')}`);
    await field.selectOption({ label: option });
  }
}

export default async function seed({ told, page: newPage, logIn, ask, api, accessible }) {
  // What the page says that there has to be.
  const beside = await api();
  const router = await beside.post('routers', { name: 'my-router', outside: true });
  const subnet = await beside.post('subnets', { name: 'my-local-subnet', router: router.id, cidr: told.site });
  const machine = await beside.post('machines', { name: 'machine', subnet: subnet.id });

  const page = await newPage();
  await logIn(page);
  const tab = async (name) => {
    // Navigate to Network > VPNs.
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'VPNs' }).click();
    await page.getByRole('navigation', { name: 'VPNs' }).getByRole('link', { name, exact: true }).click();
  };
  const create = async (name, fields, more) => {
    await tab(name);
    await page.getByRole('main').getByRole('link', { name: 'Create' }).first().click();
    const dialog = page.getByRole('dialog');
    await fill(dialog, fields);
    await more?.(dialog);
    await accessible(page, `creating in ${name}`);
    await dialog.getByRole('button', { name: 'Create', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('row').filter({ hasText: fields.Name }).waitFor();
  };

  await create('IKE Policies', {
    Name: 'ike-aes256-sha256',
    'IKE Version': 'v2',
    'Encryption Algorithm': 'aes-256',
    'Auth Algorithm': 'sha256',
    PFS: 'group14',
    'Lifetime Value': '3600',
  });
  await create('IPsec Policies', {
    Name: 'ipsec-aes256-sha256',
    'Transform Protocol': 'esp',
    'Encryption Algorithm': 'aes-256',
    'Auth Algorithm': 'sha256',
    'Encapsulation Mode': 'tunnel',
    PFS: 'group14',
  });
  await create('VPN Gateways', { Name: 'vpn-to-branch-office', Router: 'my-router', Subnet: 'my-local-subnet' });
  await create('VPN Endpoint Groups', { Name: 'local-subnets', Type: 'subnet' }, (dialog) => dialog.getByLabel('my-local-subnet').check());
  await create('VPN Endpoint Groups', { Name: 'remote-subnets', Type: 'cidr', Endpoints: told.block });

  // The remote site is set up for the address that the gateway got.
  await tab('VPN Gateways');
  const row = page.getByRole('row').filter({ hasText: 'vpn-to-branch-office' });
  await row.getByText('Active').waitFor();
  const address = /\d+\.\d+\.\d+\.\d+/.exec(await row.innerText())?.[0];
  const peer = await ask('peer', address);

  await create('IPsec Site Connections', {
    Name: 'connection-to-branch',
    'VPN Service': 'vpn-to-branch-office',
    'IKE Policy': 'ike-aes256-sha256',
    'IPsec Policy': 'ipsec-aes256-sha256',
    'Local Endpoint Group': 'local-subnets',
    'Peer Endpoint Group': 'remote-subnets',
    'Peer Gateway Public Address': peer,
    'Peer ID': peer,
    'Pre-Shared Key(PSK) String': 'your-pre-shared-key',
  });
  // The connection appears in the list with status Active once both sides negotiate successfully.
  await page.getByRole('row').filter({ hasText: 'connection-to-branch' }).getByText('Active', { exact: true }).waitFor();
  await ask('ping', machine.id);

  // And everywhere else it is so too, without a reload.
  await page.getByRole('link', { name: 'Topology' }).click();
  await page.getByRole('link', { name: /^connection-to-branch: Active/ }).waitFor();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByText('The one connection carries traffic.').waitFor();
}
