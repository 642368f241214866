// A ticket's text goes in, a sheet comes out; the key goes to one person, once; the test passes, and the request is closed.

export default async function onboarding({ told, page: newPage, logIn, api, ask, accessible, fits }) {
  const beside = await api();
  const router = await beside.post('routers', { name: 'middle' });
  await beside.post('subnets', { name: 'inside', router: router.id, cidr: told.site });

  const page = await newPage();
  await logIn(page);
  await page.getByRole('link', { name: 'Onboarding' }).click();
  await page.getByRole('main').getByRole('link', { name: 'New request' }).first().click();
  await page.getByRole('button', { name: 'From a ticket’s text' }).click();
  const ticket = (name) => `Subject: Power VS VPNaaS Beta Setup: Loc: dal10
a. Gateway IP: ${told.peer}
${name}
c. Subnets to be reached at customer location in CIDR notation: ${told.block}
d. Subnets to be reached in Power VS environment in CIDR form: ${told.site}
e. Authorized recipient: Ann`;
  // What can't be read is said, and what was typed stays.
  page.mayFail = (text) => text.includes('400');
  await page.getByLabel('The ticket').fill(ticket('b. Something else: branch'));
  await page.getByRole('button', { name: 'Submit request' }).click();
  await page.getByText(/Connection Name is missing/).first().waitFor();
  page.mayFail = undefined;
  await page.getByLabel('The ticket').fill(ticket('b. Connection Name: branch'));
  await page.getByRole('button', { name: 'Submit request' }).click();
  await page.getByRole('heading', { level: 1, name: 'branch' }).waitFor();
  await accessible(page, 'a request that was just made');
  const said = (label) => page.getByRole('term').filter({ hasText: label }).locator('+ dd').locator('code').innerText();
  const [link, passphrase] = [await said('Link'), await said('Passphrase')];

  // Who has the link is not logged in, and needs no script.
  const other = await newPage();
  other.mayFail = (text) => /40[0-9]|410/.test(text);
  await other.goto(link);
  await other.getByLabel('Passphrase').fill('not this one');
  await other.getByRole('button', { name: 'Show the key' }).click();
  await other.getByText(/passphrase/i).last().waitFor();
  await other.getByLabel('Passphrase').fill(passphrase);
  await other.getByRole('button', { name: 'Show the key' }).click();
  await other.getByText('It is not shown again').waitFor();
  await accessible(other, 'a key that was opened');
  await fits(other, 'a key that was opened');
  const key = await other.getByRole('code').innerText();
  await other.goto(link);
  await accessible(other, 'the page that asks for a passphrase');
  await other.getByLabel('Passphrase').fill(passphrase);
  await other.getByRole('button', { name: 'Show the key' }).click();
  await other.getByText(/used already/).first().waitFor();
  await other.close();

  // The other end is set up from the sheet and the key alone.
  await page.getByRole('button', { name: 'I have both' }).click();
  const sheet = await page.getByRole('region', { name: 'Sheet', exact: true }).innerText();
  if (sheet.includes(key)) throw new Error('the key is on the sheet');
  const part = sheet.split('----- strongSwan (swanctl.conf) -----\n')[1].split('\n-----')[0];
  await ask('configure', part.replace('PUT-THE-PRE-SHARED-KEY-HERE', key));
  await page.getByRole('main').getByText('Active', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Test connectivity' }).click();
  await page.getByText('a Child SA carries it', { exact: true }).waitFor();
  await page.getByText('answers', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByText('The request is closed.').waitFor();
  await accessible(page, 'a closed request');
}
