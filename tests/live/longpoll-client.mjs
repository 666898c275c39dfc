// The stock npm client by long poll alone, in the versions that people have, against the relay behind nginx; with the argument
// `standin` against the handlers, where no relay runs.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import { answered, comesBack, converses, soon, versions } from '../support/client.mjs';
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

for (const name of versions) {
  const client = await import(name);

  test(`${name}: joins, posts, hears, leaves`, () => converses(site, socketOf(client), name));

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

  test(`${name}: comes back by itself when what serves it is killed, and has each message once`, () =>
    comesBack(site, socketOf(client, soon), name, { part: standin ? 'handlers' : 'relay', well: standin ? '/healthz' : '/live/healthz' }),
  );
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
