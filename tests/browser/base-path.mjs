// The whole page below a path of its own: every address that a page, a script or a style uses stays below it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setUp, say, sees } from '../support/pages.mjs';

const { site, open } = await setUp({ base: '/chat/' });
site.psql(`insert into messages (room_id, name, message)
           select (select id from rooms where slug = 'lobby'), 'Ada', 'line ' || n from generate_series(1, 30) n`);
const page = await open({ path: null, live: false });
const outside = [];
page.on('request', (request) => {
  if (!new URL(request.url()).pathname.startsWith('/chat/')) outside.push(request.url());
});
page.on('websocket', (socket) => {
  if (!new URL(socket.url()).pathname.startsWith('/chat/live/')) outside.push(socket.url());
});

test('the page is live below its path', async () => {
  await page.goto(site.url('/'));
  await page.waitForSelector('#status[data-state="live"]');
  await page.fill('#name', 'Simon');
  await say(page, 'below a path');
  await sees(page, 'below a path');
});

test('history is below it as well', async () => {
  await page.locator('a#older').evaluate((link) => link.click());
  await page.waitForFunction(() => document.querySelectorAll('#msg-list > li').length === 31);
});

test('so are the links', async () => {
  const links = await page.$$eval('a[href], link[href], script[src], form[action]', (all) =>
    all.map((each) => each.getAttribute('href') ?? each.getAttribute('src') ?? each.getAttribute('action')));
  assert.deepEqual(links.filter((link) => !link.startsWith('/chat/') && !link.startsWith('#')), []);
  assert.deepEqual(outside, []);
  assert.deepEqual(page.complaints, []);
});
