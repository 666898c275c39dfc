// The stock npm client by long poll alone, in the versions that people have, against the relay behind nginx; with the argument
// `standin` against the handlers, where no relay runs.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import { startSite, until } from '../support/site.mjs';
import { XMLHttpRequest } from '../support/xhr.mjs';

globalThis.self = globalThis; // where versions before 1.8 look
globalThis.XMLHttpRequest = XMLHttpRequest;

const site = await startSite({ CONFAB_LIMITS_RATE: '1000/1s', CONFAB_RELAY_POLL_WINDOW: '2 s' });
after(() => site.end());
const standin = process.argv.includes('standin');
if (standin) await site.takeAway('relay');

const socketOf = ({ Socket, LongPoll }, options = {}) => {
  const socket = new Socket(site.url('/live'), { transport: LongPoll, ...options });
  socket.connect();
  return socket;
};

// Resolves with { status, response }.
const answered = (push) =>
  new Promise((done) => {
    for (const status of ['ok', 'error', 'timeout']) push.receive(status, (response) => done({ status, response }));
  });

for (const name of ['phoenix', 'phoenix-1.8.12', 'phoenix-1.8.1', 'phoenix-1.7']) {
  const client = await import(name);

  test(`${name}: joins, posts, hears, leaves`, async () => {
    const socket = socketOf(client);
    let closes = 0;
    socket.onClose(() => closes++);
    const lobby = socket.channel('room:lobby', {});
    const heard = [];
    lobby.on('new_message', (message) => heard.push(message));
    const joined = await answered(lobby.join());
    assert.equal(joined.status, 'ok');
    assert.match(joined.response.epoch, /^[0-9a-f]{16}$/);
    const posted = await answered(lobby.push('new_message', { name: 'Bob', message: `from ${name}` }));
    assert.equal(posted.status, 'ok');
    assert.ok(await until(() => heard.length === 1));
    assert.deepEqual(heard[0], posted.response.message);
    const refused = await answered(lobby.push('new_message', { name: '', message: 'x' }));
    assert.deepEqual(refused, {
      status: 'error',
      response: { errors: { name: ["can't be blank"], message: ['should be at least 2 character(s)'] } },
    });
    assert.deepEqual((await answered(lobby.push('nonsense', {}))).response, { reason: 'unknown event' });
    const nowhere = socket.channel('room:nowhere', {});
    assert.deepEqual((await answered(nowhere.join())).response, { reason: 'unmatched topic' });
    nowhere.leave();
    site.psql(`insert into messages (room_id, name, message) values (1, 'Op', 'later, ${name}')`);
    assert.ok(await until(() => heard.length === 2));
    assert.equal(heard[1].message, `later, ${name}`);
    let closed = false;
    lobby.onClose(() => (closed = true));
    await answered(lobby.leave());
    assert.ok(closed);
    assert.equal(closes, 0, 'and the connection never broke');
    socket.disconnect();
  });

  test(`${name}: hears a hundred in order while nothing breaks, over several windows`, async () => {
    const socket = socketOf(client);
    let closes = 0;
    socket.onClose(() => closes++);
    const lobby = socket.channel('room:lobby', {});
    const heard = [];
    lobby.on('new_message', (message) => heard.push(message.rev));
    const { response } = await answered(lobby.join());
    for (let i = 0; i < 5; i++) {
      site.psql(`insert into messages (room_id, name, message) select 1, 'Op', 'number ' || n from generate_series(1, 20) n`);
      await until(() => false, i === 2 ? 2600 : 100);
    }
    assert.ok(await until(() => heard.length >= 100));
    assert.deepEqual(heard, Array.from({ length: 100 }, (_, i) => response.rev + 1 + i));
    assert.equal(closes, 0);
    socket.disconnect();
  });

  test(`${name}: comes back by itself when what serves it is killed, and has each message once`, async () => {
    const socket = socketOf(client, { reconnectAfterMs: () => 100, rejoinAfterMs: () => 100 });
    const shown = [];
    let cursor = {};
    const take = (message) => {
      shown.push(message.message);
      if (!(cursor.last_rev >= message.rev)) cursor = { ...cursor, last_rev: message.rev };
    };
    const lobby = socket.channel('room:lobby', () => cursor);
    lobby.on('new_message', take);
    let joins = 0;
    lobby.join().receive('ok', ({ rev, epoch, messages }) => {
      if (joins++) messages.forEach(take);
      cursor = { last_rev: rev, epoch };
    });
    assert.ok(await until(() => joins === 1));
    const say = (text) => site.psql(`insert into messages (room_id, name, message) values (1, 'Op', '${name} ${text}')`);
    say('before');
    assert.ok(await until(() => shown.length === 1));
    site.kill(standin ? 'handlers' : 'relay');
    say('meanwhile');
    const well = () => fetch(site.url(standin ? '/healthz' : '/live/healthz')).then((answer) => answer.ok, () => false);
    assert.ok(await until(well, 20000));
    say('after');
    assert.ok(await until(() => shown.length === 3, 15000));
    assert.deepEqual(shown, ['before', 'meanwhile', 'after'].map((text) => `${name} ${text}`));
    socket.disconnect();
  });
}

test('a bearer that does not hold is refused', async () => {
  const client = await import('phoenix');
  const socket = socketOf(client, { authToken: 'not.a.token' });
  let errors = 0;
  socket.onError(() => errors++);
  assert.ok(await until(() => errors > 0));
  assert.ok(!socket.isConnected());
  socket.disconnect();
});
