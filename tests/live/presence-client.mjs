// The Presence class of the stock npm client, in the versions that people have, against our presence events.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { soon, versions } from '../support/client.mjs';
import { startSite, until } from '../support/site.mjs';

const site = await startSite();
after(() => site.end());
const live = site.url('/live').replace(/^http/, 'ws');

for (const name of versions) {
  const { Presence, Socket } = await import(name);

  const page = () => {
    const socket = new Socket(live, { transport: WebSocket, ...soon });
    const channel = socket.channel('room:lobby', {});
    const presence = new Presence(channel);
    const made = { socket, channel, presence, joins: 0, leaves: 0, count: null };
    presence.onJoin(() => made.joins++);
    presence.onLeave(() => made.leaves++);
    channel.on('presence_count', (count) => (made.count = count));
    socket.connect();
    channel.join();
    return made;
  };
  const owners = () => site.psql('select count(distinct owner) from presences');
  const here = ({ presence }) => presence.list((key, { metas }) => `${key.split(':')[0]} ${metas.length}`);

  test(`${name}: Presence follows who comes and goes, also over a disconnection`, async () => {
    const one = page();
    assert.ok(await until(() => here(one).length === 1), 'alone');
    const two = page();
    assert.ok(await until(() => here(one).length === 2 && here(two).length === 2), 'both see both');
    assert.deepEqual(here(one), ['guest 1', 'guest 1']);
    assert.deepEqual(one.count, { people: 0, guests: 2 });
    site.kill('relay');
    assert.ok(await until(() => owners() === '2', 20000), 'both come back, beside ghosts of the killed relay');
    assert.ok(await until(() => owners() === '1', 30000), 'which go');
    assert.ok(await until(() => here(one).length === 2 && here(two).length === 2), 'both see both again');
    two.socket.disconnect();
    assert.ok(await until(() => here(one).length === 1), 'one is gone');
    assert.ok(one.leaves > 0);
    one.socket.disconnect();
    assert.ok(await until(() => site.psql('select count(*) from presences') === '0'));
  });
}
