// The pure parts of the page's scripts, without a browser.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { length, messageError, nameError, tidy } from '../../static/js/rules.js';
import { placeOf, tintOf } from '../../static/js/messages.js';
import { newClientId } from '../../static/js/outbox.js';

globalThis.crypto ??= webcrypto; // Debian 12's node has it only by name

test('S7 a name is required, and has at most 60 characters', () => {
  assert.equal(nameError('  \n'), "can't be blank");
  assert.equal(nameError('S'), null);
  assert.equal(nameError('😀'.repeat(60)), null);
  assert.equal(nameError('x'.repeat(61)), 'should be at most 60 character(s)');
});

test('S8, S9 a message has 2 to 4000 characters, counted after trimming', () => {
  assert.equal(messageError(' \r\n\t'), "can't be blank");
  assert.equal(messageError(' a '), 'should be at least 2 character(s)');
  assert.equal(messageError('ab'), null);
  assert.equal(messageError('😀'), 'should be at least 2 character(s)');
  assert.equal(messageError('😀'.repeat(4000)), null);
  assert.equal(messageError('x'.repeat(4001)), 'should be at most 4000 character(s)');
});

test('S9 CRLF and CR count as LF', () => {
  assert.equal(tidy('\r\na\r\nb\rc \n'), 'a\nb\nc');
  assert.equal(length('a\nb'), 3);
});

test('a line finds its place by seq', () => {
  assert.equal(placeOf([], 5), 0);
  assert.equal(placeOf([2, 4, 6], 1), 0);
  assert.equal(placeOf([2, 4, 6], 5), 2);
  assert.equal(placeOf([2, 4, 6], 7), 3);
});

test('an author always has the same colour', () => {
  assert.equal(tintOf('guest:abc'), tintOf('guest:abc'));
  assert.ok(tintOf('guest:abc') >= 0 && tintOf('guest:abc') < 8);
});

test('client ids are UUIDs of their own', () => {
  assert.match(newClientId(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(newClientId(), newClientId());
});
