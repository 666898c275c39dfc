// Signing in and out as a person does it, with JavaScript and without, by keyboard, on a telephone and at a desk.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { addPerson, isLive, lines, PASSWORD, say, sees, setUp, signIn } from '../support/pages.mjs';

const { site, open } = await setUp({ CONFAB_LIMITS_SIGN_IN: '1000/1s' });
const ada = addPerson(site, 'Ada');
const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };
const flash = (page) => page.textContent('.flash').then((text) => text.trim());

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? '' : ', without JavaScript';

  test(`in by the menu, and out again${how}`, async () => {
    const page = await open({ path: '/', live: false, javaScriptEnabled });
    await page.click('header >> text=Log in');
    await signIn(page, ada);
    assert.equal(new URL(page.url()).pathname, '/');
    assert.equal(await flash(page), 'Welcome back!');
    assert.equal(await page.textContent('header .name'), 'Ada');
    assert.equal(await page.locator('#name').count(), 0, 'S32 no field for the name');
    await page.click('header >> text=Log out');
    await page.waitForSelector('header >> text=Log in');
    assert.equal(await flash(page), 'Logged out successfully.');
    assert.equal(await page.locator('header .name').count(), 0);
    assert.deepEqual(page.complaints, []);
  });

  test(`a mistake is said, and the way back is kept${how}`, async () => {
    const page = await open({ path: '/users/settings/sessions', live: false, javaScriptEnabled });
    assert.equal(await flash(page), 'You must log in to access this page.');
    await signIn(page, ada, { password: 'wrong' });
    assert.equal(await page.textContent('#form-error'), 'Invalid email or password');
    assert.equal(await page.inputValue('#email'), ada.email);
    assert.equal(await page.inputValue('#password'), '');
    await signIn(page, ada);
    assert.equal(await page.locator('.devices .own').count(), 1);
    assert.match(await page.textContent('.devices .own'), /Chrome on Linux\s+This device/);
    await page.click('.devices .own button');
    assert.equal(await flash(page), 'Logged out successfully.');
  });
}

test('by keyboard alone: from the first tab to signed in and out', async () => {
  const page = await open({ path: '/users/log-in', live: false });
  await page.keyboard.type(ada.email);
  await page.keyboard.press('Tab');
  await page.keyboard.insertText(PASSWORD); // as a paste, or a password manager
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await isLive(page);
  const cookie = (await page.context().cookies()).find(({ name }) => name === 'confab');
  assert.ok(cookie.expires > Date.now() / 1000 + 13 * 86400, 'remembered for two weeks');
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Lax');
  for (let tries = 0; tries < 20; tries++) {
    await page.keyboard.press('Shift+Tab');
    if (await page.evaluate(() => document.activeElement.textContent === 'Log out')) break;
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector('header >> text=Log in');
});

test('S32 a member writes live, sees the own line as own, and others see the name', async () => {
  const [page, guest] = [await open({ path: '/users/log-in', live: false }), await open({ as: 'Guest' })];
  await signIn(page, ada);
  await isLive(page);
  await say(page, 'from an account');
  await sees(page, 'from an account');
  await sees(guest, 'from an account');
  assert.equal((await lines(guest)).at(-1), 'Ada: from an account');
  assert.equal(await guest.locator('#msg-list > li:last-child .guest').count(), 0);
  assert.match(await page.getAttribute('#msg-list > li:last-child', 'class'), /\bown\b/);
  assert.doesNotMatch(await guest.getAttribute('#msg-list > li:last-child', 'class'), /\bown\b/);
});

test('nothing is wider than a small telephone, and what is touched is large enough', async () => {
  const page = await open({ path: '/users/log-in', live: false, ...phone });
  const fits = async () => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), page.url());
  await fits();
  await signIn(page, ada);
  await isLive(page);
  await fits();
  for (const part of ['header .me a', 'header .out button', '#form button[type=submit]']) {
    const { height } = await page.locator(part).boundingBox();
    assert.ok(height >= 40, `${part}: ${height}`);
  }
  assert.equal(await page.textContent('header .room'), 'Lobby');
  assert.ok(await page.evaluate(() => { const room = document.querySelector('header .room'); return room.scrollWidth <= room.clientWidth; }), 'the name of the room is whole');
  await page.goto(site.url('/users/settings/sessions'));
  await fits();
});

test('signing in again where it was long ago: the e-mail is there, the password is asked', async () => {
  const page = await open({ path: '/users/log-in', live: false });
  await signIn(page, ada);
  site.psql("update tokens set authenticated_at = now() - interval '11 minutes' where ended_as is null");
  await page.goto(site.url('/users/settings'));
  assert.equal(await flash(page), 'You must re-authenticate to access this page.');
  assert.equal(await page.inputValue('#email'), ada.email);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'password');
  await signIn(page, ada);
  assert.match(page.url(), /\/users\/settings$|\/users\/settings\/sessions$/);
  assert.equal(await page.locator('.devices .own').count(), 1);
});

test('the back button does not bring back what was shown before the sign-out', async () => {
  const page = await open({ path: '/users/log-in', live: false });
  await signIn(page, ada);
  await page.goto(site.url('/users/settings/sessions'));
  await page.click('header >> text=Log out');
  await page.waitForSelector('header >> text=Log in');
  await page.goBack();
  await page.waitForSelector('#email');
  assert.equal(await page.locator('.devices, header .name').count(), 0);
});
