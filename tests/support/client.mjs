// What the stock npm client does, in the versions that people have, whatever its transport is. `socket` is connected; each
// leaves it disconnected.
//
//     for (const name of versions) test(name, async () => converses(site, socketOf(await import(name)), name));
import assert from 'node:assert/strict';
import { until } from './site.mjs';

export const versions = ['phoenix', 'phoenix-1.8.12', 'phoenix-1.8.1', 'phoenix-1.7'];

// For a socket that is made to come back soon.
export const soon = { reconnectAfterMs: () => 100, rejoinAfterMs: () => 100 };

// Resolves with { status, response }.
export const answered = (push) =>
  new Promise((done) => {
    for (const status of ['ok', 'error', 'timeout']) push.receive(status, (response) => done({ status, response }));
  });

// It joins, posts, hears and leaves, and its connection does not break.
export async function converses(site, socket, name) {
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
}

// It comes back by itself when that part of the site is killed, and has each message once. rejoins: milliseconds that it may
// take to join again after the part is well.
export async function comesBack(site, socket, name, { part, well, rejoins }) {
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
  site.kill(part);
  say('meanwhile');
  assert.ok(await until(() => fetch(site.url(well)).then((answer) => answer.ok, () => false), 20000));
  if (rejoins) assert.ok(await until(() => joins === 2, rejoins), `within ${rejoins} ms of its return`);
  say('after');
  assert.ok(await until(() => shown.length === 3, 15000));
  assert.deepEqual(shown, ['before', 'meanwhile', 'after'].map((text) => `${name} ${text}`));
  socket.disconnect();
}
