// A page goes from the websocket to long poll and back, and nothing is lost or shown twice.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setUp, isLive, isPolling, lines, say, sees } from '../support/pages.mjs';
import { sleep, until } from '../support/site.mjs';

const { site, open } = await setUp();
const insert = (text) => site.psql(`insert into messages (room_id, name, message) values (1, 'Ada', '${text}')`);
const shown = async (page, word) => (await lines(page)).filter((line) => line.includes(`: ${word} `)).map((line) => line.split(': ')[1]);
const relayIsWell = () => fetch(site.url('/live/healthz')).then((answer) => answer.ok, () => false);

// Requests of a page to the long poll, as they begin.
function polls(page) {
  const seen = [];
  page.on('request', (request) => request.url().includes('/live/longpoll') && seen.push(request.method()));
  return seen;
}

test('S88 with websockets blocked a page lives by polling, without a relay and with one', async () => {
  await site.takeAway('relay');
  const page = await open({ path: null, live: false });
  await page.addInitScript(() => {
    window.WebSocket = class WebSocket extends EventTarget {
      constructor() { super(); setTimeout(() => { this.onerror?.({}); this.onclose?.({ code: 1006 }); }, 5); }
      close() {}
    };
  });
  const asked = polls(page);
  await page.goto(site.url('/'));
  await isPolling(page);
  assert.equal(await page.locator('#status').textContent(), 'Live by polling');
  await page.fill('#name', 'Simon');
  await say(page, 'by poll');
  await sees(page, 'by poll');
  const other = await open({ as: 'Ada', live: false });
  await say(other, 'to the poll');
  await sees(page, 'to the poll', 1500);
  await sleep(2000);
  assert.ok(asked.length < 20, `${asked.length} requests`);
  assert.deepEqual(page.complaints, []);
  site.bringBack('relay');
  assert.ok(await until(relayIsWell, 15000));
  await isLive(other, 30000);
  await say(other, 'from a websocket');
  await sees(page, 'from a websocket', 1500);
  await say(page, 'by a poll of the relay');
  await sees(other, 'by a poll of the relay', 2000);
  assert.equal(await page.locator('#status').textContent(), 'Live by polling');
  assert.deepEqual(page.complaints, []);
});

test('S83 relay away: the page goes on by polling; relay back: by websocket within 30 seconds', async () => {
  const page = await open({ as: 'Simon' });
  const asked = polls(page);
  let sent = 0;
  const writer = { going: true };
  const bob = await open({ as: 'Bob' });
  const writing = (async () => {
    while (writer.going) {
      await say(bob, `run ${++sent}`);
      await sleep(250);
    }
  })();
  await sleep(700);
  await site.takeAway('relay');
  await isPolling(page);
  const during = sent;
  assert.ok(await until(async () => (await shown(page, 'run')).length > during + 4, 15000), 'others are seen meanwhile');
  await say(page, 'from the poll');
  await sees(page, 'from the poll');
  site.bringBack('relay');
  assert.ok(await until(relayIsWell, 15000));
  await isLive(page, 30000);
  await sleep(600);
  writer.going = false;
  await writing;
  assert.ok(await until(async () => (await shown(page, 'run')).length === sent, 10000), `${(await shown(page, 'run')).length} of ${sent}`);
  assert.deepEqual(await shown(page, 'run'), Array.from({ length: sent }, (_, i) => `run ${i + 1}`));
  const before = asked.length;
  await sleep(1500);
  assert.equal(asked.length, before, 'no poll any more');
  assert.deepEqual(page.complaints, []);
});

test('one handshake refused while the relay starts anew does not keep a page polling', async () => {
  const page = await open({ as: 'Simon' });
  const old = site.pid('relay');
  site.kill('relay');
  assert.ok(await until(async () => { try { return site.pid('relay') !== old && await relayIsWell(); } catch { return false; } }, 15000));
  await isLive(page);
  insert('after the restart');
  await sees(page, 'after the restart');
});

test('a way on which websockets open and fail throws no page to and fro', async () => {
  await site.takeAway('relay');
  const page = await open({ path: null, live: false });
  let opened = 0;
  await page.routeWebSocket(/\/live\/websocket/, (socket) => {
    opened++;
    socket.onMessage((text) => {
      const [, ref, topic] = JSON.parse(text);
      if (topic !== 'phoenix') return socket.close({ code: 1011 });
      socket.send(JSON.stringify([null, ref, 'phoenix', 'phx_reply', { status: 'ok', response: {} }]));
    });
  });
  await page.goto(site.url('/'));
  await isPolling(page, 15000);
  await sleep(15000);
  const before = opened;
  insert('still heard');
  await sees(page, 'still heard', 15000);
  console.log(`# ${opened} websockets, ${opened - before} at last`);
  assert.ok(opened - before < 3);
  site.bringBack('relay');
});
