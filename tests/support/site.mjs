// A real site for one test in JavaScript, as Confab::Site is for Perl: `./dev up -d` in a state folder and on a port of
// its own, from the build under test.
//
//     const site = await startSite({ CONFAB_LIMITS_RATE: '1000/1s' });
//     await page.goto(site.url('/rooms/lobby'));
//     site.psql("insert into messages (room_id, name, message) values (1, 'Simon', 'hi')");
//     site.kill('relay');
//     site.end();                                  // also when the process ends
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runningTime } from './clock.mjs';

const source = process.env.CONFAB_SOURCE ?? resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const build = process.env.CONFAB_BUILD ?? join(source, 'build/test');

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export async function until(question, ms = 10000) {
  const [running, wall] = [runningTime() + ms, performance.now() + 10 * ms]; // some machines never run
  for (; runningTime() < running && performance.now() < wall; await sleep(20)) if (await question()) return true;
  return false;
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

// What a site takes from the environment of the test: nothing of another confab.
function environment() {
  const kept = ([name]) => !name.startsWith('CONFAB_') || name === 'CONFAB_TESTS' || name === 'CONFAB_PGBIN';
  return Object.fromEntries(Object.entries(process.env).filter(kept));
}

class Site {
  constructor(state, port, base, env) {
    Object.assign(this, { state, port, base, env, ended: false });
  }

  dev(...words) {
    const env = {
      ...environment(),
      CONFAB_STATE: this.state,
      CONFAB_PORT: String(this.port),
      CONFAB_BUILD: build,
      CONFAB_FSYNC: 'off',
      CONFAB_SITE_URL: this.url('/'),
      ...this.env,
    };
    const ran = spawnSync(join(source, 'dev'), words, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    if (ran.status !== 0) throw new Error(`./dev ${words[0]}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  url(path = '/') {
    return `http://127.0.0.1:${this.port}${this.base}${path.replace(/^\//, '')}`;
  }

  // Rows by newline, columns by `|`.
  psql(sql) {
    return this.dev('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', sql).trimEnd();
  }

  // postgres, handlers, relay, nginx
  pid(part) {
    return Number(readFileSync(join(this.state, 'run', `${part}.pid`), 'utf8'));
  }

  kill(part, signal = 'SIGKILL') {
    process.kill(this.pid(part), signal);
  }

  // End a part, and let nobody start it again before bringBack.
  async takeAway(part, signal = 'SIGKILL') {
    const pid = this.pid(part);
    writeFileSync(join(this.state, 'run', `${part}.off`), '');
    process.kill(pid, signal);
    await until(() => !existsSync(`/proc/${pid}/stat`));
  }

  bringBack(part) {
    rmSync(join(this.state, 'run', `${part}.off`));
  }

  log(part) {
    return readFileSync(join(this.state, 'log', `${part}.log`), 'utf8');
  }

  // Stop and clean up; a finding of a sanitizer is shown and fails the test.
  end() {
    if (this.ended) return;
    this.ended = true;
    this.dev('down');
    for (const name of readdirSync(join(this.state, 'log')).filter((each) => each.startsWith('asan.'))) {
      process.stderr.write(readFileSync(join(this.state, 'log', name)));
      process.exitCode = 99;
    }
    if (!process.env.CONFAB_KEEP) rmSync(this.state, { recursive: true, force: true });
  }
}

// A started site; `base: '/chat/'` puts it below that path.
export async function startSite({ base = '/', ...env } = {}) {
  const state = mkdtempSync(join(process.env.CONFAB_TESTS ?? tmpdir(), 'site'));
  chmodSync(state, 0o711); // Postgres may have another account
  const site = new Site(state, await freePort(), base, env);
  process.on('exit', () => site.end());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  site.dev('up', '-d');
  return site;
}

// How a browser test starts Debian's Chromium by playwright-core: chromium.launch(browser).
export const browser = {
  executablePath: process.env.CONFAB_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
};
