// Where the reader is, and history.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setUp, say, sees } from '../support/pages.mjs';

const LOBBY = "(select id from rooms where slug = 'lobby')";
const fromEnd = (page) => page.$eval('#log', (log) => Math.abs(log.scrollTop));
const count = (page) => page.locator('#msg-list > li').count();

const { site, open } = await setUp();
site.psql(`insert into messages (room_id, name, message)
           select ${LOBBY}, case when n % 3 = 0 then 'Ada' else 'Bob' end, 'line ' || n || repeat(E'\\nmore', n % 3) from generate_series(1, 130) n`);
const page = await open({ as: 'Simon' });
const other = await open({ as: 'Ada' });

// Turns the wheel, and waits until the log has moved and come to rest.
async function wheel(page, pixels) {
  const from = await page.evaluate(() => document.getElementById('log').scrollTop);
  await page.mouse.wheel(0, pixels);
  await page.waitForFunction((from) => new Promise((rests) => {
    const log = document.getElementById('log');
    let [last, still] = [from, 0];
    const look = () => {
      still = log.scrollTop !== from && log.scrollTop === last ? still + 1 : 0;
      last = log.scrollTop;
      if (still === 12) rests(true);
      else requestAnimationFrame(look);
    };
    look();
  }), from);
}

test('the page opens at its end, also without JavaScript', async () => {
  assert.equal(await fromEnd(page), 0);
  const plain = await open({ javaScriptEnabled: false });
  assert.ok(await plain.locator('#msg-list > li:last-child').isVisible());
  const box = await plain.locator('#msg-list > li:last-child').boundingBox();
  assert.ok(box.y + box.height <= 700, 'the last line is inside the window');
});

test('S88 at the end, a new line is scrolled to', async () => {
  await say(other, 'scrolled to');
  await sees(page, 'scrolled to');
  assert.equal(await fromEnd(page), 0);
  assert.equal(await page.locator('#newer').isVisible(), false);
});

test('S88 further up, the place is kept and a button says "New messages"', async () => {
  await page.mouse.move(500, 300);
  await wheel(page, -150);
  const mark = page.locator('#msg-list > li').nth(12);
  const before = (await mark.boundingBox()).y;
  await say(other, 'not scrolled to');
  await sees(page, 'not scrolled to');
  await page.locator('#newer').waitFor({ state: 'visible' });
  assert.equal(await page.locator('#newer').textContent(), 'New messages');
  assert.ok(Math.abs((await mark.boundingBox()).y - before) < 2, 'what is read does not move');
  await page.click('#newer');
  await page.waitForFunction(() => Math.abs(document.getElementById('log').scrollTop) < 2);
  assert.equal(await page.locator('#newer').isVisible(), false);
});

test('S10 scrolling up brings older messages, and what is read stays in its place', async () => {
  const before = await count(page);
  await page.evaluate(() => {
    const log = document.getElementById('log');
    log.scrollTop = -(log.scrollHeight - log.clientHeight) + 30;
  });
  await page.waitForFunction((was) => document.querySelectorAll('#msg-list > li').length > was, before);
  assert.equal(await count(page), before + 50);
  const seqs = await page.$$eval('#msg-list > li', (all) => all.map((line) => Number(line.dataset.seq)));
  assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
  assert.equal(new Set(seqs).size, seqs.length);
  assert.ok(await fromEnd(page) > 300, 'the reader is still further up');
});

test('S10 the link brings the rest, and goes when there is no more', async () => {
  const again = await open();
  for (let i = 0; i < 4 && await again.locator('a#older').count(); i++) {
    const before = await count(again);
    await again.locator('a#older').evaluate((link) => link.click());
    await again.waitForFunction((was) => document.querySelectorAll('#msg-list > li').length > was, before);
    await again.waitForTimeout(50);
  }
  assert.equal(await again.locator('a#older').count(), 0);
  assert.equal(await again.locator('#msg-list > li').first().getAttribute('data-seq'), '1');
  assert.equal(await count(again), 132);
});

test('own lines are scrolled to from anywhere', async () => {
  await wheel(page, -400);
  await say(page, 'own line');
  await sees(page, 'own line');
  assert.ok(await fromEnd(page) < 2);
  assert.deepEqual(page.complaints, []);
});
