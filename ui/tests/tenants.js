// Two users of two projects see nothing of each other; names that are meant to hurt are only text.

const HOSTILE = {
  markup: '<img src=x onerror="document.title=\'hurt\'"><script>alert(1)</script>',
  'right to left': '\u202eהחיבור של הסניף\u202c \u202egnol',
  long: 'W'.repeat(255),
};

export default async function tenants({ told, page: newPage, logIn, api, accessible, fits, context }) {
  const [ann, ben] = told.users;
  const beside = await api(ann);
  const made = await beside.post('connections', {
    name: 'of-ann',
    gateway: { network: { cidr: '10.50.0.0/24' } },
    peer: { address: '192.0.2.7', cidrs: ['10.51.0.0/24'] },
  });
  for (const [number, name] of Object.values(HOSTILE).entries()) {
    const peer = { address: `192.0.2.${20 + number}`, cidrs: [`10.6${number}.0.0/24`] };
    await beside.post('connections', { name, description: name, gateway: { id: made.gateway }, peer, ike_policy: { id: made.ike_policy?.id ?? (await policy(beside, name)) } });
  }

  const page = await newPage();
  await logIn(page, ann);
  await page.getByRole('link', { name: 'Connections', exact: true }).click();
  const table = page.getByRole('table', { name: 'Connections' });
  for (const [kind, name] of Object.entries(HOSTILE)) {
    await table.getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1 }).filter({ hasText: name }).waitFor();
    await fits(page, `a connection with a name that is ${kind}`);
    await page.setViewportSize({ width: 360, height: 740 });
    await fits(page, `a connection with a name that is ${kind}, on a small screen`);
    await page.setViewportSize({ width: 1360, height: 860 });
    await page.getByRole('main').getByRole('link', { name: 'Connections', exact: true }).click();
  }
  await page.getByRole('link', { name: 'Topology' }).click();
  await page.getByRole('link', { name: /^of-ann/ }).waitFor();
  await fits(page, 'the map with hostile names');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('<img');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1 }).filter({ hasText: '<img' }).waitFor();
  if ((await page.title()).startsWith('hurt')) throw new Error('markup in a name was run');

  // What is refused names its field, and nothing that was typed is lost.
  await page.getByRole('link', { name: 'Edit', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Description').fill('kept');
  await dialog.getByLabel('Name').fill('x'.repeat(256));
  page.mayFail = (text) => text.includes('400');
  await dialog.getByRole('button', { name: 'Save changes' }).click();
  await dialog.getByText(/Nothing was changed. Request/).waitFor();
  const field = dialog.getByLabel('Name');
  if ((await field.getAttribute('aria-invalid')) !== 'true') throw new Error('the name is not marked as wrong');
  if ((await dialog.getByLabel('Description').inputValue()) !== 'kept') throw new Error('what was typed is lost');
  // Nor when the session ends meanwhile: one logs in again, and goes on.
  await dialog.getByLabel('Name').fill('renamed by ann');
  await context.clearCookies();
  page.mayFail = (text) => text.includes('401');
  await dialog.getByRole('button', { name: 'Save changes' }).click();
  const over = page.getByRole('dialog', { name: 'Your session is over' });
  await accessible(page, 'the end of a session');
  await over.getByLabel('Password').fill(ann.password);
  await over.getByRole('button', { name: 'Log in' }).click();
  await over.waitFor({ state: 'detached' });
  page.mayFail = undefined;
  if ((await dialog.getByLabel('Description').inputValue()) !== 'kept') throw new Error('what was typed is lost with the session');
  await dialog.getByRole('button', { name: 'Save changes' }).click();
  await page.getByRole('heading', { level: 1, name: 'renamed by ann' }).waitFor();
  // In another project there are other things.
  await page.getByRole('button', { name: `Project: ${ann.project}` }).click();
  await page.getByRole('button', { name: /^shared/ }).click();
  await page.getByText('Connect the first site').waitFor();
  await page.getByRole('link', { name: 'Connections', exact: true }).click();
  await page.getByText('No connections yet').waitFor();
  await page.getByRole('button', { name: 'Project: shared' }).click();
  await page.getByRole('button', { name: new RegExp(`^${ann.project}`) }).click();
  await page.getByRole('link', { name: 'Connections', exact: true }).click();
  await table.getByText('of-ann').waitFor();
  await page.getByRole('button', { name: `Account and settings: ${ann.user}` }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in to Adit' }).waitFor();
  await page.close();

  const other = await newPage();
  await logIn(other, ben);
  await other.getByText('Connect the first site').waitFor();
  for (const path of ['/ui/connections', '/ui/vpns/ike-policies', '/ui/vpns/gateways', '/ui/networks/subnets', '/ui/networks/routers']) {
    await other.goto(`${other.base}${path}`);
    await other.getByText(/No .* yet|None yet/).first().waitFor();
  }
  // A link to what is somebody else's says no more than one to what never was.
  const says = async (id) => {
    await other.goto(`${other.base}/ui/connections/${id}`);
    await other.getByRole('heading', { name: 'This connection is not here' }).waitFor();
    return (await other.getByRole('main').innerText()).replaceAll(id, '');
  };
  const foreign = await says(made.id);
  const nowhere = await says('00000000-0000-4000-8000-000000000000');
  if (foreign !== nowhere) throw new Error(`${foreign} is not ${nowhere}`);
  // Somebody else changes something while this one looks: nothing of it comes.
  await beside.patch(`connections/${made.id}`, { name: 'of-ann-renamed' });
  await other.goto(`${other.base}/ui/`);
  await other.getByText('Nothing happened lately.').or(other.getByText('Connect the first site')).first().waitFor();
  if ((await other.getByRole('main').innerText()).includes('of-ann')) throw new Error('one project’s events come to another');
  await other.close();
  if (context.pages().length === 0) await newPage();
}

async function policy(beside, name) {
  const made = await beside.post('ike-policies', { name, parameters: { encryption: ['aes256'], authentication: ['sha256'], groups: [14] } });
  return made.id;
}
