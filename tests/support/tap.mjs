// What a test in JavaScript prints: plain TAP, a line for each test, and why one failed on stderr, as Perl's Test::More
// does. Node's own `tap` has that in YAML, of which prove's reader knows a part only: it stopped at a failure with
// several lines and said nothing of it.
//
//     exec tests/support/node-test tests/browser/x.mjs
import { inspect } from 'node:util';

const comment = (text) => text.replace(/^/gm, '# ');
const plain = (name) => name.replace(/[#\\]/g, '\\$&').replace(/\s+/g, ' ');

// The error a test ended with; node wraps it in one of its own.
function reason({ error }) {
  const cause = error?.cause ?? error;
  return cause?.stack ?? inspect(cause);
}

function line({ name, skip, testNumber }, result) {
  return `${result} ${testNumber} - ${plain(name)}${skip === undefined ? '' : ` # SKIP ${skip}`}\n`;
}

export default async function* tap(events) {
  yield 'TAP version 13\n';
  for await (const { type, data } of events) {
    if (type === 'test:fail') process.stderr.write(`${comment(`Failed: ${data.name}\n${reason(data.details)}`)}\n`);
    if (type === 'test:pass' && data.nesting === 0) yield line(data, 'ok');
    if (type === 'test:fail' && data.nesting === 0) yield line(data, 'not ok');
    if (type === 'test:plan' && data.nesting === 0) yield `1..${data.count}\n`;
    if (type !== 'test:diagnostic') continue;
    if (/^(Error|Warning):/.test(data.message)) process.stderr.write(`${comment(data.message)}\n`); // after the test's end
    else yield `${comment(data.message)}\n`;
  }
}
