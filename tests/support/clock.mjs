// Confab::Clock for tests in JavaScript: a clock for "at once?" that stands still while the machine does.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// Seconds of CLOCK_MONOTONIC.
const now = () => Number(process.hrtime.bigint()) / 1e9;

// See stalls.c.
function stalled() {
  try {
    const bytes = readFileSync(join(process.env.CONFAB_TESTS, 'stalls'));
    const [total, late, ...due] = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    if (!late) return 0;
    const overdue = now() - Math.min(...due);
    return total + (overdue > late ? overdue : 0); // that one is not counted yet
  } catch {
    return 0; // nobody measures
  }
}

/** Milliseconds since some time in the past, without those in which the machine stood still. */
export function runningTime() {
  return (now() - stalled()) * 1000;
}
