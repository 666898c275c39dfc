// The chat page as it comes: structure, first load, errors, weight, and what it asks of others.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setUp, lines, say, sees, within } from '../support/pages.mjs';

const LOBBY = "(select id from rooms where slug = 'lobby')";
const { site, open } = await setUp();
site.psql(`insert into messages (room_id, name, message) select ${LOBBY}, 'Ada', 'line ' || n from generate_series(1, 90) n`);
site.psql(`insert into messages (room_id, name, message) values (${LOBBY}, 'Eve', '<b>bold</b> & https://example.org/?a=1&b=2')`);
const page = await open();

test('S1 the chat page needs no account, and its HTML is complete', async () => {
  const answer = await fetch(site.url('/'));
  assert.equal(answer.status, 200);
  const html = await answer.text();
  assert.match(html, /<b>Ada:<\/b> line 90\b/);
  assert.match(html, /<meta name="csrf-token" content="[^"]+">/);
});

test('S3 header > section.container > nav > list > h1', async () => {
  assert.equal(await page.locator('header > section.container > nav > ul h1').count(), 1);
});

test('S10 the latest twenty, oldest first', async () => {
  const all = await lines(page);
  assert.equal(all.length, 20);
  assert.equal(all[0], 'Ada: line 72');
  assert.equal(all[18], 'Ada: line 90');
  assert.equal(await page.locator('a#older').textContent(), 'Older messages');
});

test('S11 a line has an id of its own, name, text and time', async () => {
  const ids = await page.$$eval('ul#msg-list > li', (all) => all.map((line) => line.id));
  assert.ok(ids.every((id) => /^msg-\d+$/.test(id)));
  assert.equal(new Set(ids).size, ids.length);
  const time = await page.locator('#msg-list > li:last-child a > time[datetime]');
  assert.match(await time.getAttribute('datetime'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('S11 times are local in the browser', async () => {
  const there = await open({ timezoneId: 'Asia/Kolkata', locale: 'en-GB' });
  const [shown, expected] = await there.$eval('#msg-list > li:last-child time', (time) => [
    time.textContent,
    new Date(time.dateTime).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'Asia/Kolkata' }),
  ]);
  assert.equal(shown, expected);
});

test('S12 everything is escaped, addresses become links', async () => {
  assert.equal(await page.locator('#msg-list .text b', { hasText: 'bold' }).count(), 0);
  const link = page.locator('#msg-list .text a');
  assert.equal(await link.getAttribute('href'), 'https://example.org/?a=1&b=2');
  assert.equal(await link.getAttribute('rel'), 'nofollow ugc noopener');
});

test('S14 the form', async () => {
  assert.equal(await page.getAttribute('form#form input#name', 'placeholder'), 'Your name');
  assert.equal(await page.getAttribute('form#form #msg', 'placeholder'), 'Your message');
  assert.equal(await page.locator('form#form [type=submit]').textContent(), 'Send');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'name');
});

test('S20 an untouched form shows no errors; S15 a touched one shows each beside its field', async () => {
  assert.equal(await page.locator('.invalid-feedback').count(), 0);
  await page.click('form#form [type=submit]');
  for (const id of ['name', 'msg']) {
    const described = await page.getAttribute(`#${id}`, 'aria-describedby');
    assert.equal(await page.locator(`#${described}.invalid-feedback`).textContent(), "can't be blank");
    assert.equal(await page.getAttribute(`#${id}`, 'aria-invalid'), 'true');
  }
  await page.fill('#name', 'Simon');
  await say(page, 'x');
  assert.equal(await page.locator('.invalid-feedback').textContent(), 'should be at least 2 character(s)');
  assert.equal(await page.inputValue('#msg'), 'x');
});

test('a line changed or removed by hand changes and goes live', async () => {
  const id = site.psql(`select max(id) from messages where name = 'Ada'`);
  site.psql(`update messages set message = 'line ninety' where id = ${id}`);
  await sees(page, 'line ninety', 2000);
  assert.equal(await page.locator(`#msg-${id} .edited`).count(), 1);
  site.psql(`update messages set deleted = true where id = ${id}`);
  await within(2000, page.waitForSelector(`#msg-${id}.deleted`));
  const left = await page.locator(`#msg-${id}`).innerText();
  assert.match(left, /Message deleted/);
  assert.doesNotMatch(left, /Ada|ninety/);
});

test('a flood is shown whole, in order, and the page does not grow without end', async () => {
  const reader = await open();
  site.psql(`insert into messages (room_id, name, message) select ${LOBBY}, 'Bob', 'flood ' || n from generate_series(1, 450) n`);
  await sees(reader, 'flood 450');
  const seqs = await reader.$$eval('#msg-list > li', (all) => all.map((line) => Number(line.dataset.seq)));
  assert.ok(seqs.length >= 200 && seqs.length <= 400, `${seqs.length} lines`);
  assert.ok(seqs.every((seq, i) => i === 0 || seq === seqs[i - 1] + 1), 'no hole, nothing twice');
  assert.match(await reader.getAttribute('a#older', 'href'), new RegExp(`before=${seqs[0]}$`));
});

test('the first visit weighs less than 60 KB, all from our own host, and breaks no policy', async () => {
  const fresh = await open({ path: null, live: false });
  const wire = await fresh.context().newCDPSession(fresh);
  await wire.send('Network.enable');
  let bytes = 0;
  const hosts = new Set();
  wire.on('Network.loadingFinished', (event) => { bytes += event.encodedDataLength; });
  wire.on('Network.requestWillBeSent', (event) => hosts.add(new URL(event.request.url).host));
  await fresh.goto(site.url('/'), { waitUntil: 'networkidle' });
  await fresh.waitForSelector('#status[data-state="live"]');
  assert.ok(bytes > 10000 && bytes < 60000, `${bytes} bytes`);
  assert.deepEqual([...hosts], [new URL(site.url('/')).host]);
  assert.deepEqual(fresh.complaints, []);
  assert.deepEqual(page.complaints, []);
});

test('a page that is not there looks like the site', async () => {
  const lost = await open({ path: '/nowhere', live: false });
  assert.equal(await lost.locator('main h2').count(), 1);
  assert.equal(await lost.locator('header h1').count(), 1);
  assert.deepEqual(lost.complaints, []);
});
