// What a message and a name must be: the server's rules, word for word, so that a mistake is shown at once.
// The server decides all the same; whatever it answers is shown in the same places.
// No DOM here: tests/browser/rules.mjs runs this file under Node.

/** The text as the server will count it: line ends are LF, the ends are trimmed. */
export function tidy(text) {
  return text.replace(/\r\n?/g, "\n").trim();
}

/** Code points, not UTF-16 units. */
export function length(text) {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The sentence that is wrong about a message, or null. */
export function messageError(text, limit = 4000) {
  const count = length(tidy(text));
  if (count === 0) return "can't be blank";
  if (count < 2) return "should be at least 2 character(s)";
  if (count > limit) return `should be at most ${limit} character(s)`;
  return null;
}

/** The sentence that is wrong about a name, or null. */
export function nameError(name) {
  const count = length(tidy(name));
  if (count === 0) return "can't be blank";
  if (count > 60) return "should be at most 60 character(s)";
  return null;
}

/** What to say for a refusal that belongs to no field. */
export function reasonSentence(reason) {
  switch (reason) {
    case "rate_limited": return "That was too fast. Wait a moment, then try again.";
    case "unauthorized": return "You may not write here.";
    case "offline": return "No connection.";
    default: return "It could not be sent.";
  }
}
