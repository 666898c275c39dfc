// Writing and seeing each other, live.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { runningTime } from '../support/clock.mjs';
import { setUp, lines, say, sees, within } from '../support/pages.mjs';

const LOBBY = "(select id from rooms where slug = 'lobby')";
const { site, open } = await setUp();
const simon = await open({ as: 'Simon' });
const ada = await open({ as: 'Ada' });

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

// Milliseconds of running time from Enter in one page until the other shows the message.
async function timed(from, to, text) {
  await from.fill('#msg', text);
  const seen = sees(to, text);
  const start = runningTime();
  await from.press('#msg', 'Enter');
  await seen;
  const took = runningTime() - start;
  await from.waitForFunction(() => document.getElementById('msg').value === '');
  return took;
}

// What this machine's browsers need by themselves: a page like ours whose WebSocket ends in this process, which passes on
// what it is sent. No server, no nginx, no database.
const bareSockets = [];
async function barePage() {
  const page = await open({ path: null, live: false });
  await page.routeWebSocket('ws://bare/', (socket) => {
    bareSockets.push(socket);
    socket.onMessage((text) => bareSockets.forEach((each) => each.send(text)));
  });
  await page.goto('about:blank');
  await page.setContent('<ol id="msg-list"></ol><input id="msg">');
  await page.evaluate(() => {
    const socket = new WebSocket('ws://bare/');
    const input = document.getElementById('msg');
    input.onkeydown = ({ key }) => {
      if (key !== 'Enter') return;
      socket.send(input.value);
      input.value = '';
    };
    socket.onmessage = ({ data }) => {
      const line = document.createElement('li');
      line.dataset.seq = '1';
      line.innerHTML = '<span class="text"></span>';
      line.firstChild.textContent = `Bare: ${data}`;
      document.getElementById('msg-list').append(line);
    };
    return new Promise((open) => { socket.onopen = open; });
  });
  return page;
}

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
  const shown = Promise.all([sees(simon, 'from psql'), sees(ada, 'from psql')]);
  site.psql(`insert into messages (room_id, name, message) values (${LOBBY}, 'Operator', 'from psql')`);
  await within(1000, shown);
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

test('two browsers see each other within 100 ms, or twice what browsers alone need (medians of 20)', async () => {
  const [near, far] = [await barePage(), await barePage()];
  const took = [], bare = [];
  for (let i = 0; i < 20; i++) {
    took.push(await timed(...(i % 2 ? [simon, ada] : [ada, simon]), `timed ${i}`));
    bare.push(await timed(...(i % 2 ? [near, far] : [far, near]), `timed ${i}`));
  }
  const [ours, theirs] = [median(took), median(bare)];
  console.log(`# ${ours.toFixed(1)} ms, with nothing between the browsers ${theirs.toFixed(1)} ms`);
  assert.ok(ours < Math.max(100, 2 * theirs), `median ${ours.toFixed(1)} ms; with nothing between the browsers ${theirs.toFixed(1)} ms`);
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
