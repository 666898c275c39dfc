// Pages of a site in Chromium, for tests/browser. Whatever a page complains about is kept in `page.complaints`: errors of
// scripts, and refusals of the Content-Security-Policy.
//
//     const { site, open } = await setUp({ CONFAB_LIMITS_RATE: '1000/1s' });
//     const simon = await open({ as: 'Simon' });
//     await say(simon, 'hello');
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { runningTime } from './clock.mjs';
import { browser, startSite } from './site.mjs';

/** A started site and a browser; both end with the test file. open() is a new person's page in the lobby, or an empty one
 * where path is null. */
export async function setUp(env = {}) {
  const site = await startSite({ CONFAB_LIMITS_RATE: '1000/1s', ...env });
  const chrome = await chromium.launch(browser);
  after(async () => {
    await chrome.close();
    site.end();
  });

  async function open({ as = '', path = '/', live = true, ...options } = {}) {
    const context = await chrome.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    const page = await context.newPage();
    page.complaints = [];
    page.on('pageerror', (error) => page.complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) page.complaints.push(message.text());
    });
    if (path) await page.goto(site.url(path));
    if (live && options.javaScriptEnabled !== false) await isLive(page);
    if (as) await page.fill('#name', as);
    return page;
  }

  return { site, open };
}

// How long it waits for what should come, so that a machine that stands still meanwhile does not decide.
const PATIENCE = 60000;

/** Waits for `ready`, a promise, which has to be kept within some milliseconds of running time. */
export async function within(ms, ready) {
  const began = runningTime();
  await ready;
  const took = runningTime() - began;
  assert.ok(took < ms, `${took.toFixed()} ms instead of ${ms}`);
}

const hasState = (page, state, ms) => within(ms, page.waitForSelector(`#status[data-state="${state}"]`, { timeout: PATIENCE }));
export const isLive = (page, ms = 10000) => hasState(page, 'live', ms);
export const isPolling = (page, ms = 10000) => hasState(page, 'polling', ms);

/** Writes a message and sends it by Enter. */
export async function say(page, text) {
  await page.fill('#msg', text);
  await page.press('#msg', 'Enter');
}

/** Waits for a stored line with this very text. */
export function sees(page, text, ms = 5000) {
  const known = (wanted) => [...document.querySelectorAll('#msg-list > li[data-seq] .text')]
    .some((line) => line.textContent.endsWith(`: ${wanted}`));
  return within(ms, page.waitForFunction(known, text, { timeout: PATIENCE, polling: 'raf' }));
}

/** What stands in the lines, "Name: text", oldest first. */
export function lines(page) {
  return page.$$eval('#msg-list > li .text', (all) => all.map((line) => line.textContent));
}

// ---- people with an account: all have the same password, whose hash is made beforehand

export const PASSWORD = 'correct horse battery';
const KEPT = readFileSync(new URL('kept-password', import.meta.url), 'utf8').trim();

/** Somebody who can sign in. */
export function addPerson(site, name) {
  const userid = name.toLowerCase();
  const email = `${userid}@example.org`;
  site.psql(`insert into users (userid, name, email, password_hash, confirmed_at) values ('${userid}', '${name}', '${email}', '${KEPT}', now())`);
  return { userid, name, email };
}

/** Fills in the form of the sign-in page that is open, and sends it. */
export async function signIn(page, person, { remember = false, password = PASSWORD } = {}) {
  if (await page.isEditable('#email')) await page.fill('#email', person.email);
  await page.fill('#password', password);
  if (remember) await page.check('#remember_me');
  await page.press('#password', 'Enter');
  await page.waitForLoadState();
}
