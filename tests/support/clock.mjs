// Confab::Clock for tests in JavaScript: a clock for "at once?" that stands still while the machine does.
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

function stalled() {
  try {
    const bytes = readFileSync(join(process.env.CONFAB_TESTS, 'stalls'));
    return endianness() === 'LE' ? bytes.readDoubleLE() : bytes.readDoubleBE();
  } catch {
    return 0; // nobody measures
  }
}

/** Milliseconds since some time in the past, without those in which the machine stood still. */
export function runningTime() {
  return performance.now() - stalled() * 1000;
}
