// Who is here, as people see it: the list, who enters and leaves, who is typing; and the list without JavaScript.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { sleep, until } from '../support/site.mjs';
import { addPerson, isLive, say, sees, setUp, signIn } from '../support/pages.mjs';

const { site, open } = await setUp({ CONFAB_LIMITS_SIGN_IN: '1000/1s' });
const ada = addPerson(site, 'Ada');
const bob = addPerson(site, 'Bob');

/** A page of somebody who has signed in. */
async function page(person, options = {}) {
  const made = await open({ path: '/users/log-in', live: false, ...options });
  await signIn(made, person);
  if (options.javaScriptEnabled !== false) await isLive(made);
  return made;
}

const heading = 'People currently using the app:';
const list = (of) => of.$$eval('#people-list > li', (rows) => rows.map((row) => (row.querySelector('.name') ?? row).textContent));
const notices = (of) => of.$$eval('#msg-list > li.notice', (rows) => rows.map((row) => row.textContent));
const typing = (of) => of.textContent('#typing');

/** Waits until it says this. */
async function says(what, of, wanted, ms = 5000) {
  let last;
  await until(async () => JSON.stringify((last = await what(of))) === JSON.stringify(wanted), ms);
  assert.deepEqual(last, wanted);
}

test('S34/S35 guests are one entry, people have names', async () => {
  const guest = await open({ as: 'Ada' });
  assert.equal(await guest.textContent('#people h2'), heading);
  await says(list, guest, ['1 guest']);
  const second = await open({ as: 'guest' });
  await says(list, guest, ['2 guests']);
  await says(list, second, ['2 guests']);
  const one = await page(ada);
  await says(list, guest, ['2 guests', 'Ada']);
  await second.close();
  await says(list, guest, ['1 guest', 'Ada']);
  await guest.close();
  await says(list, one, ['Ada']);
  assert.deepEqual(one.complaints, []);
  await one.close();
});

test('S36 three tabs are one person; S85/S86 who enters and leaves', async () => {
  const watch = await page(bob);
  await says(list, watch, ['Bob']);
  const first = await page(ada);
  await says(notices, watch, ['Ada has entered the chat']);
  assert.deepEqual(await notices(first), [], 'nobody enters for who comes');
  const tabs = [await first.context().newPage(), await first.context().newPage()];
  for (const tab of tabs) {
    await tab.goto(site.url('/'));
    await isLive(tab);
  }
  await says(list, watch, ['Ada', 'Bob']);
  await first.close();
  await tabs[0].reload();
  await isLive(tabs[0]);
  await tabs[0].close();
  await tabs[1].reload();
  await isLive(tabs[1]);
  await sleep(500);
  await says(list, watch, ['Ada', 'Bob']);
  await tabs[1].close();
  await says(list, watch, ['Bob']);
  assert.deepEqual(await notices(watch), ['Ada has entered the chat'], 'not at once: it could be a reload');
  await says(notices, watch, ['Ada has entered the chat', 'Ada has left the chat'], 15000);
  await say(watch, 'after it');
  await sees(watch, 'after it');
  assert.match(await watch.$eval('#msg-list > li:last-child', (line) => line.textContent), /after it/, 'a message comes behind it');
  assert.deepEqual(watch.complaints, []);
  await watch.close();
});

test('a relay that is started again is nobody\'s exit', async () => {
  const [watch, other] = [await page(bob), await page(ada)];
  await says(list, watch, ['Ada', 'Bob']);
  await sleep(500);
  const before = await notices(watch);
  site.kill('relay', 'SIGTERM');
  await watch.waitForSelector('#status:not([data-state="live"])');
  await Promise.all([isLive(watch, 20000), isLive(other, 20000)]);
  await says(list, watch, ['Ada', 'Bob']);
  await sleep(11000);
  assert.deepEqual(await notices(watch), before);
  await Promise.all([watch.close(), other.close()]);
});

test('who is typing', async () => {
  const [watch, other, guest] = [await page(bob), await page(ada), await open({ as: 'Zoe' })];
  await says(list, watch, ['1 guest', 'Ada', 'Bob']);
  await other.locator('#msg').pressSequentially('hello there');
  await says(typing, watch, 'Ada is typing');
  await says(typing, guest, 'Ada is typing');
  assert.equal(await typing(other), '');
  await other.press('#msg', 'Enter');
  await sees(watch, 'hello there');
  await says(typing, watch, '');
  await sleep(1000); // one page is passed on once a second
  await guest.locator('#msg').pressSequentially('me too');
  await other.locator('#msg').pressSequentially('and me');
  await says(typing, watch, 'A guest and Ada are typing');
  await says(typing, watch, '', 8000);
  assert.equal(site.psql("select count(*) from messages where message in ('me too', 'and me')"), '0');
  await Promise.all([watch.close(), other.close(), guest.close()]);
});

test('S49 whoever signs out is gone at once', async () => {
  const [watch, other] = [await page(bob), await page(ada)];
  await says(list, watch, ['Ada', 'Bob']);
  await other.click('text=Log out');
  await says(list, watch, ['1 guest', 'Bob']);
  await Promise.all([watch.close(), other.close()]);
});

test('without JavaScript: the list as of the page', async () => {
  const watch = await page(bob);
  await says(list, watch, ['Bob']);
  await sleep(300);
  const still = await open({ javaScriptEnabled: false });
  assert.equal(await still.textContent('#people h2'), heading);
  assert.deepEqual(await list(still), ['Bob']);
  assert.equal(await still.textContent('#people-list .avatar'), 'B');
  await Promise.all([watch.close(), still.close()]);
});

test('the list is no live region', async () => {
  const guest = await open();
  assert.equal(await guest.locator('#people [aria-live], #people [role], #typing[aria-live], #typing[role]').count(), 0);
  await guest.close();
});
