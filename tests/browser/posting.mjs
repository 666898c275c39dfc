// Writing and seeing each other, live.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setUp, lines, say, sees } from '../support/pages.mjs';

const LOBBY = "(select id from rooms where slug = 'lobby')";
const { site, open } = await setUp();
const simon = await open({ as: 'Simon' });
const ada = await open({ as: 'Ada' });

test('S13, S21 a message is at the end of the list, in every page at once', async () => {
  await say(simon, 'hello');
  await Promise.all([sees(simon, 'hello'), sees(ada, 'hello')]);
  assert.equal((await lines(ada)).at(-1), 'Simon: hello');
});

test('S16 without a reload; S18 the message is emptied, the name kept and remembered', async () => {
  await simon.evaluate(() => { window.same = true; });
  await say(simon, 'by enter');
  await sees(ada, 'by enter');
  await simon.fill('#msg', 'by button');
  await simon.click('form#form [type=submit]');
  await sees(ada, 'by button');
  await simon.waitForFunction(() => document.getElementById('msg').value === '');
  assert.equal(await simon.inputValue('#name'), 'Simon');
  assert.equal(await simon.evaluate(() => window.same), true);
  const next = await simon.context().newPage();
  await next.goto(site.url('/'));
  await next.waitForFunction(() => document.getElementById('name').value === 'Simon');
  await next.close();
});

test('Shift+Enter breaks the line, and line breaks stay', async () => {
  await simon.fill('#msg', 'one');
  await simon.press('#msg', 'Shift+Enter');
  await simon.type('#msg', 'two');
  await simon.press('#msg', 'Enter');
  await sees(ada, 'one\ntwo');
});

test('S17 what is invalid is not sent, and stays', async () => {
  const count = site.psql('select count(*) from messages');
  await ada.fill('#name', '');
  await say(ada, 'nobody says this');
  assert.equal(await ada.locator('#name-error').textContent(), "can't be blank");
  assert.equal(await ada.inputValue('#msg'), 'nobody says this');
  assert.equal(await ada.locator('.pending, .failed').count(), 0);
  assert.equal(site.psql('select count(*) from messages'), count);
  await ada.fill('#name', 'Ada');
  assert.equal(await ada.locator('#name-error').count(), 0);
  await ada.fill('#msg', '');
});

test('S19 an input that has the focus is not overwritten', async () => {
  await ada.focus('#msg');
  await ada.type('#msg', 'half a sen');
  await say(simon, 'in between');
  await sees(ada, 'in between');
  assert.equal(await ada.inputValue('#msg'), 'half a sen');
  assert.equal(await ada.evaluate(() => document.activeElement.id), 'msg');
  await ada.fill('#msg', '');
});

test('S19 who writes on while a message is on its way keeps what is written', async () => {
  await ada.type('#msg', 'first');
  await ada.press('#msg', 'Enter');
  await ada.type('#msg', 'second');
  await sees(ada, 'first');
  assert.equal(await ada.inputValue('#msg'), 'second');
  await ada.press('#msg', 'Enter');
  await sees(simon, 'second');
});

test('S23 what psql inserts is in both pages within a second', async () => {
  const shown = Promise.all([sees(simon, 'from psql', 3000), sees(ada, 'from psql', 3000)]);
  site.psql(`insert into messages (room_id, name, message) values (${LOBBY}, 'Operator', 'from psql')`);
  const stored = Date.now();
  await shown;
  assert.ok(Date.now() - stored < 1000, `${Date.now() - stored} ms`);
});

test('S82 the own line is there at once, and is one line when it is stored', async () => {
  await simon.evaluate(() => {
    window.seen = [];
    new MutationObserver((changes) => {
      for (const change of changes) for (const node of change.addedNodes) if (node.matches?.('li')) window.seen.push(node.className);
    }).observe(document.getElementById('msg-list'), { childList: true });
  });
  await say(simon, 'pending, then stored');
  await sees(simon, 'pending, then stored');
  await sees(ada, 'pending, then stored');
  const seen = await simon.evaluate(() => window.seen);
  assert.match(seen[0], /\bown\b.*\bpending\b/);
  assert.equal((await lines(simon)).filter((line) => line.endsWith('pending, then stored')).length, 1);
  assert.equal(await simon.locator('#msg-list > li:last-child.own').count(), 1);
  assert.equal(await ada.locator('#msg-list > li:last-child.own').count(), 0);
});

test('two browsers see each other within 100 ms (median of 20)', async () => {
  const took = [];
  for (let i = 0; i < 20; i++) {
    const [from, to] = i % 2 ? [simon, ada] : [ada, simon];
    await from.fill('#msg', `timed ${i}`);
    const seen = sees(to, `timed ${i}`);
    const start = performance.now();
    await from.press('#msg', 'Enter');
    await seen;
    took.push(performance.now() - start);
    await from.waitForFunction(() => document.getElementById('msg').value === '');
  }
  took.sort((a, b) => a - b);
  assert.ok(took[10] < 100, `median ${took[10].toFixed(1)} ms`);
});

test('the keyboard alone is enough', async () => {
  const page = await open();
  const at = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
  await page.focus('h1 a');
  await page.keyboard.press('Shift+Tab');
  assert.equal(await at(), 'Skip to writing a message');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await at(), 'name');
  await page.keyboard.type('Grace');
  await page.keyboard.press('Tab');
  assert.equal(await at(), 'msg');
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Tab');
  assert.equal(await at(), 'Send');
  await page.keyboard.press('Enter');
  await sees(simon, 'by keyboard');
});

test('nothing was complained about', () => {
  assert.deepEqual([...simon.complaints, ...ada.complaints], []);
});
