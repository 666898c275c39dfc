// The same page with JavaScript switched off.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setUp, lines, within } from '../support/pages.mjs';

async function send(name, message) {
  await page.fill('#name', name);
  await page.fill('#msg', message);
  await page.click('form#form [type=submit]');
}

const { site, open } = await setUp();
site.psql(`insert into messages (room_id, name, message)
           select (select id from rooms where slug = 'lobby'), 'Ada', 'line ' || n from generate_series(1, 75) n`);
const page = await open({ javaScriptEnabled: false });

test('a message is sent by the form, and is there after the redirect', async () => {
  await send('Simon', 'hello without a script');
  assert.equal((await lines(page)).at(-1), 'Simon: hello without a script');
  assert.match(page.url(), /\/rooms\/lobby$|\/$/);
  assert.equal(await page.inputValue('#msg'), '');
});

test('S15, S17 errors stand beside their fields, what was typed is kept', async () => {
  await send('', 'kept text');
  assert.equal(await page.locator('#name-error.invalid-feedback').textContent(), "can't be blank");
  assert.equal(await page.getAttribute('#name', 'aria-describedby'), 'name-error');
  assert.equal(await page.inputValue('#msg'), 'kept text');
  await send('Simon', 'x');
  assert.equal(await page.locator('#msg-error.invalid-feedback').textContent(), 'should be at least 2 character(s)');
  assert.equal(await page.inputValue('#name'), 'Simon');
});

test('there is a way to see what is new', async () => {
  await page.click('noscript .refresh a'); // text=Refresh would not look into a noscript
  assert.equal((await lines(page)).length, 20);
});

test('older messages are pages of their own, and one leads back', async () => {
  await page.click('a#older');
  assert.equal((await lines(page)).length, 50);
  await page.click('a#older');
  assert.equal((await lines(page))[0], 'Ada: line 1');
  await page.click('text=Back to');
  assert.equal((await lines(page)).length, 20);
});

test("a line's time leads to the message's own page", async () => {
  await page.click('#msg-list > li:last-child a.when');
  assert.deepEqual(await lines(page), ['Simon: hello without a script']);
});

test('everything that the page asks for is there', async () => {
  const missing = [];
  const watched = await open({ javaScriptEnabled: false, path: '/' });
  watched.on('response', (answer) => answer.status() >= 400 && missing.push(answer.url()));
  await watched.reload();
  await watched.waitForTimeout(1500); // the stream has begun
  assert.deepEqual(missing, []);
});

test('a message of another shows in the frame, and one goes on writing', async () => {
  const page = await open({ javaScriptEnabled: false });
  const frame = page.frameLocator('iframe.live');
  await frame.locator('ul#msg-list').waitFor({ state: 'attached' });
  site.psql(`insert into messages (room_id, name, message)
             select (select id from rooms where slug = 'lobby'), 'Ada', 'to whom has no script ' || n from generate_series(1, 30) n`);
  await frame.locator('text=to whom has no script 30').waitFor();
  const heard = await frame.locator('.message .text').allTextContents();
  assert.deepEqual(heard, Array.from({ length: 30 }, (_, i) => `Ada: to whom has no script ${i + 1}`));
  const last = frame.locator('.message').last();
  const [line, box] = [await last.boundingBox(), await page.locator('iframe.live').boundingBox()];
  assert.ok(line.y >= box.y && line.y + line.height <= box.y + box.height, 'the newest is in sight');
  await page.fill('#name', 'Simon');
  await page.fill('#msg', 'answered without a script');
  await page.click('form#form [type=submit]');
  assert.equal((await lines(page)).at(-1), 'Simon: answered without a script');
});

test('where the relay goes for a while the frame comes back, and has what came meanwhile once', async () => {
  const page = await open({ javaScriptEnabled: false });
  const frame = page.frameLocator('iframe.live');
  await frame.locator('ul#msg-list').waitFor({ state: 'attached' });
  await page.waitForTimeout(300);
  site.kill('relay', 'SIGTERM');
  site.psql("insert into messages (room_id, name, message) values (1, 'Ada', 'while it was away')");
  await frame.locator('text=while it was away').waitFor();
  assert.equal(await frame.locator('text=while it was away').count(), 1);
});

test('where the relay is killed the frame comes back too, and not before', async () => {
  const page = await open({ javaScriptEnabled: false });
  const asked = [];
  page.on('request', (request) => /stream\?after=\d+$/.test(request.url()) && asked.push(request.url()));
  const frame = page.frameLocator('iframe.live');
  await frame.locator('ul#msg-list').waitFor({ state: 'attached' });
  site.psql("insert into messages (room_id, name, message) values (1, 'Ada', 'before it was killed')");
  await frame.locator('text=before it was killed').waitFor();
  await page.waitForTimeout(12000);
  assert.equal(asked.length, 1, 'a stream that goes on is left alone');
  site.kill('relay');
  site.psql("insert into messages (room_id, name, message) values (1, 'Ada', 'after it was killed')");
  await within(20000, frame.locator('text=after it was killed').waitFor({ timeout: 60000 }));
  assert.equal(await frame.locator('text=before it was killed').count(), 1);
});
