// A session ends, and the pages that are open with it know it at once; all others stay.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { addPerson, isLive, say, sees, setUp, signIn, within } from '../support/pages.mjs';

const { site, open } = await setUp({ CONFAB_LIMITS_SIGN_IN: '1000/1s' });
const ENDED = {
  signed_out: 'You have been signed out.',
  revoked: 'Your session was ended.',
  expired: 'Your session has run out.',
  banned: 'This account may no longer write here.',
};
let people = 0;

// A new device of somebody: signed in, in the lobby, live.
async function device(person) {
  const page = await open({ path: '/users/log-in', live: false });
  await signIn(page, person);
  await isLive(page);
  return page;
}

async function tab(page, path = '/') {
  const other = await page.context().newPage();
  await other.goto(site.url(path));
  if (path === '/') await isLive(other);
  return other;
}

const someone = () => addPerson(site, `Person${++people}`);
const ended = (page) => within(10000, page.waitForSelector('#ended'));
const live = (page) => page.getAttribute('#status', 'data-state').then((state) => state === 'live');

// Nothing of the person is left, and the way in is shown.
async function isEmpty(page, reason) {
  await ended(page);
  assert.equal(await page.textContent('#ended p'), ENDED[reason] ?? reason);
  assert.equal(await page.locator('#msg-list, #form, header .name, header form').count(), 0);
  assert.equal(await page.getAttribute('meta[name="csrf-token"]', 'content'), '');
  assert.equal(await page.getAttribute('#ended a', 'href'), '/login?return_to=/rooms/lobby');
  assert.equal(await page.textContent('#status'), 'Signed out');
}

test('three tabs and two devices: "end all others" ends exactly the others', async () => {
  const [ada, bob] = [someone(), someone()];
  const [laptop, telephone] = [await device(ada), await device(ada)];
  const [second, third] = [await tab(laptop), await tab(laptop)];
  const pocket = await tab(telephone);
  const [stranger, guest] = [await device(bob), await open()];
  const settings = await tab(laptop, '/users/settings/sessions');
  assert.equal(await settings.locator('.devices > li').count(), 2);
  await settings.click('text=Sign out everywhere else');
  await isEmpty(telephone, 'revoked');
  await isEmpty(pocket, 'revoked');
  await settings.waitForSelector('.flash');
  assert.equal(await settings.locator('.devices > li').count(), 1);
  for (const page of [laptop, second, third, stranger, guest]) assert.ok(await live(page));
  await say(third, 'still here');
  for (const page of [laptop, second, third, stranger, guest]) await sees(page, 'still here');
  assert.deepEqual([laptop, second, third, telephone, pocket].flatMap((page) => page.complaints ?? []), []);
});

test('S49 signing out ends all tabs of this device, and no other device', async () => {
  const ada = someone();
  const [laptop, telephone] = [await device(ada), await device(ada)];
  const second = await tab(laptop);
  await second.click('header >> text=Log out');
  await isEmpty(laptop, 'signed_out');
  await second.waitForSelector('header >> text=Log in');
  assert.ok(await live(telephone));
});

test('S51 an ended page does not try again, and its link leads to the sign-in page and back', async () => {
  const ada = someone();
  const page = await device(ada);
  site.psql(`delete from tokens where user_id = (select id from users where userid = '${ada.userid}')`);
  await isEmpty(page, 'revoked');
  let asked = 0;
  page.on('websocket', () => asked++);
  page.on('request', () => asked++);
  await page.waitForTimeout(3000);
  assert.equal(asked, 0);
  await page.click('#ended a');
  await signIn(page, ada);
  await isLive(page);
  assert.equal(new URL(page.url()).pathname, '/rooms/lobby');
});

test('banned by hand', async () => {
  const ada = someone();
  const page = await device(ada);
  site.psql(`update users set banned_at = now() where userid = '${ada.userid}'`);
  await isEmpty(page, 'banned');
});

test('signing in again in one tab: the others stay live, and their forms hold', async () => {
  const ada = someone();
  const page = await device(ada);
  const settings = await tab(page, '/users/settings/sessions');
  site.psql(`update tokens set authenticated_at = now() - interval '11 minutes' where user_id = (select id from users where userid = '${ada.userid}')`);
  await settings.reload();
  await signIn(settings, ada);
  await settings.waitForSelector('.devices');
  await page.waitForTimeout(300);
  await isLive(page);
  await say(page, 'through the new session');
  await sees(page, 'through the new session');
  assert.equal(await page.locator('#ended').count(), 0);
  assert.equal(await page.textContent('header .name'), ada.name);
});

test('a page that slept through the end learns it when it cannot connect', async () => {
  const ada = someone();
  const page = await device(ada);
  site.kill('relay', 'SIGSTOP');
  site.psql(`update tokens set ended_as = 'signed_out' where user_id = (select id from users where userid = '${ada.userid}')`);
  site.kill('relay', 'SIGKILL');
  await isEmpty(page, 'You are not signed in any more.');
});

test('a page whose relay is away for a while is not ended by that', async () => {
  const page = await device(someone());
  site.kill('relay', 'SIGKILL');
  await page.waitForTimeout(200);
  await isLive(page);
  assert.equal(await page.locator('#ended').count(), 0);
});
