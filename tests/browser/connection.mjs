// The connection comes and goes, the page stays.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setUp, isLive, isPolling, lines, say, sees, within } from '../support/pages.mjs';
import { until } from '../support/site.mjs';

const LOBBY = "(select id from rooms where slug = 'lobby')";
const { site, open } = await setUp();

const times = async (page, text) => (await lines(page)).filter((line) => line.endsWith(`: ${text}`)).length;

// Answers of the relay that are kept from a page: which events, up or down, is decided by `lost`.
async function between(page, lost) {
  await page.routeWebSocket(/\/live\/websocket/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => lost(text, 'up', socket, server) || server.send(text));
    server.onMessage((text) => lost(text, 'down', socket, server) || socket.send(text));
  });
  await page.reload();
  await isLive(page);
}

async function caughtUp(page) {
  await isLive(page);
  for (let n = 1; n <= 5; n++) await sees(page, `missed ${n}`);
}

test('a page catches up within 3 seconds after the relay was killed, each message once', async () => {
  const page = await open({ as: 'Simon' });
  const old = site.pid('relay');
  site.kill('relay');
  site.psql(`insert into messages (room_id, name, message) select ${LOBBY}, 'Ada', 'missed ' || n from generate_series(1, 5) n`);
  assert.ok(await until(async () => {
    if (site.pid('relay') === old) return false;
    return (await fetch(site.url('/live/healthz'))).ok;
  }), 'the relay is back');
  await within(3000, caughtUp(page));
  for (let n = 1; n <= 5; n++) assert.equal(await times(page, `missed ${n}`), 1);
  await say(page, 'after the kill');
  await sees(page, 'after the kill');
  assert.deepEqual(page.complaints, []);
});

test('S82 a message whose answer was lost with the connection is one message', async () => {
  const page = await open({ as: 'Simon' });
  let cut = false;
  await between(page, (text, way, socket) => {
    const mine = way === 'down' && text.includes('answer lost');
    if (!mine || cut) return false;
    cut = true;
    socket.close({ code: 1011 });
    return true;
  });
  await page.fill('#name', 'Simon');
  await say(page, 'answer lost');
  await sees(page, 'answer lost');
  await isLive(page);
  await page.waitForTimeout(300);
  assert.equal(cut, true);
  assert.equal(await times(page, 'answer lost'), 1);
  assert.equal(await page.locator('.pending, .failed').count(), 0);
  assert.equal(site.psql("select count(*) from messages where message = 'answer lost'"), '1');
  assert.equal(await page.inputValue('#msg'), '');
});

test('S82 whichever of answer and broadcast is first, there is one line', async () => {
  const page = await open({ as: 'Simon' });
  await between(page, (text, way, socket) => {
    if (way !== 'down' || !text.includes('"phx_reply"') || !text.includes('answer late')) return false;
    setTimeout(() => socket.send(text), 300);
    return true;
  });
  await page.fill('#name', 'Simon');
  await say(page, 'answer late');
  await sees(page, 'answer late');
  await page.waitForTimeout(500);
  assert.equal(await times(page, 'answer late'), 1);
});

test('S82 what the server refuses is marked failed, with a retry that stores it once', async () => {
  const page = await open({ as: 'Simon' });
  let refusals = 1;
  await between(page, (text, way, socket) => {
    if (way !== 'up' || !text.includes('"new_message"') || !refusals) return false;
    refusals--;
    const [join, ref, topic] = JSON.parse(text);
    socket.send(JSON.stringify([join, ref, topic, 'phx_reply', { status: 'error', response: { reason: 'rate_limited' } }]));
    return true;
  });
  await page.fill('#name', 'Simon');
  await say(page, 'too fast');
  await page.waitForSelector('#msg-list > li.own.failed');
  await page.click('#msg-list > li.failed >> text=Retry');
  await sees(page, 'too fast');
  assert.equal(await times(page, 'too fast'), 1);
  assert.equal(site.psql("select count(*) from messages where message = 'too fast'"), '1');
});

test('S89 without any socket the page says so, sends by the form and sees what others say', async () => {
  const page = await open();
  await page.routeWebSocket(/\/live\/websocket/, (socket) => socket.close({ code: 1011 }));
  await page.reload();
  await isPolling(page, 15000);
  assert.equal(await page.locator('#status').textContent(), 'Live by polling');
  await page.fill('#name', 'Simon');
  await say(page, 'by ordinary request');
  await sees(page, 'by ordinary request', 8000);
  assert.equal(await times(page, 'by ordinary request'), 1);
  site.psql(`insert into messages (room_id, name, message) values (${LOBBY}, 'Ada', 'seen by polling')`);
  await sees(page, 'seen by polling', 15000);
  assert.deepEqual(page.complaints, []);
});

test('S89 offline it says so, loses nothing, and goes on when it is back', async () => {
  const page = await open({ as: 'Simon' });
  await page.context().setOffline(true);
  await page.routeWebSocket(/\/live\/websocket/, (socket) => socket.close({ code: 1011 }));
  await page.waitForSelector('#status[data-state="offline"]');
  await page.context().setOffline(false);
  await isLive(page);
  await say(page, 'back again');
  await sees(page, 'back again');
});

test('a page out of the back-forward cache catches up', async () => {
  const page = await open();
  await page.goto(site.url('/nowhere'));
  site.psql(`insert into messages (room_id, name, message) values (${LOBBY}, 'Ada', 'while away')`);
  await page.goBack();
  await sees(page, 'while away');
  assert.equal(await times(page, 'while away'), 1);
});

test('a database that is another one makes the page begin anew with the latest lines', async () => {
  site.psql(`insert into messages (room_id, name, message) select ${LOBBY}, 'Ada', 'missed ' || n from generate_series(1, 30) n`);
  const page = await open();
  await page.routeWebSocket(/\/live\/websocket/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => server.send(text.replace(/"epoch":"[^"]*"/, '"epoch":"another"')));
    server.onMessage((text) => socket.send(text));
  });
  await page.locator('a#older').evaluate((link) => link.click()); // a mouse would scroll there first, which loads them as well
  await page.waitForFunction(() => document.querySelectorAll('#msg-list > li').length > 20);
  await page.reload();
  await page.evaluate(() => document.querySelector('#msg-list > li').remove());
  await isLive(page);
  assert.equal((await lines(page)).length, 20);
  const first = await page.getAttribute('#msg-list > li:first-child', 'data-seq');
  assert.match(await page.getAttribute('a#older', 'href'), new RegExp(`before=${first}$`));
  assert.deepEqual(page.complaints, []);
});

test('a refused token of a session that ran out is replaced, and the message is sent', async () => {
  const page = await open({ as: 'Simon' });
  await page.context().clearCookies();
  await page.routeWebSocket(/\/live\/websocket/, (socket) => socket.close({ code: 1011 }));
  await page.evaluate(() => { document.querySelector('meta[name="csrf-token"]').content = 'old'; });
  site.kill('relay');
  await say(page, 'with a new token');
  await sees(page, 'with a new token', 20000);
  assert.equal(await times(page, 'with a new token'), 1);
});

test('S51 an ended session is said, and is not retried', async () => {
  const page = await open();
  let connections = 0;
  await page.routeWebSocket(/\/live\/websocket/, (socket) => {
    connections++;
    const server = socket.connectToServer();
    server.onMessage((text) => {
      socket.send(text);
      const [join, , topic, event] = JSON.parse(text);
      if (event !== 'phx_reply' || topic === 'phoenix') return;
      socket.send(JSON.stringify([join, null, topic, 'session_ended', { reason: 'revoked' }]));
      socket.close({ code: 1001 });
    });
  });
  await page.reload();
  await page.waitForSelector('#status[data-state="ended"]');
  assert.equal(await page.locator('#form-error a').count(), 1);
  await page.waitForTimeout(2500);
  assert.equal(connections, 1);
});
