// The stock npm client, in the versions that people have, against the relay behind nginx.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { comesBack, converses, soon, versions } from '../support/client.mjs';
import { startSite, until } from '../support/site.mjs';

const site = await startSite({ CONFAB_LIMITS_RATE: '1000/1s' });
after(() => site.end());

const live = site.url('/live').replace(/^http/, 'ws');

const socketOf = ({ Socket }, options = {}) => {
  const socket = new Socket(live, { transport: WebSocket, ...options });
  socket.connect();
  return socket;
};

for (const name of versions) {
  const client = await import(name);

  test(`${name}: joins, posts, hears, leaves`, () => converses(site, socketOf(client), name));

  test(`${name}: comes back by itself when the relay is killed, and has each message once`, () =>
    comesBack(site, socketOf(client, soon), name, { part: 'relay', well: '/live/healthz', rejoins: 3000 }),
  );
}

test('a token that does not hold is refused', async () => {
  const { Socket } = await import('phoenix');
  const socket = new Socket(live, { transport: WebSocket, authToken: 'not.a.token' });
  let errors = 0;
  socket.onError(() => errors++);
  socket.connect();
  assert.ok(await until(() => errors > 0));
  assert.ok(!socket.isConnected());
  socket.disconnect();
});
