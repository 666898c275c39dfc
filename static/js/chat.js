// The chat page: finds the parts in the page and joins them. What the page knows stands in the data-* of <main id="chat">.

import { Composer } from "./composer.js";
import { History } from "./history.js";
import { Messages } from "./messages.js";
import { Outbox } from "./outbox.js";
import { forget } from "./person.js";
import { People } from "./presence.js";
import { Room } from "./room.js";
import { Scroll } from "./scroll.js";
import { Status } from "./status.js";

const main = document.getElementById("chat");
const log = document.getElementById("log");
const form = document.getElementById("form");
const { live, topic, path, rev, epoch, me, login, limit } = main.dataset;
const guest = me.startsWith("guest:");

const messages = new Messages(document.getElementById("msg-list"), me);
const history = new History({ place: main.querySelector(".older"), log, messages, path });
const scroll = new Scroll(log, document.getElementById("newer"), () => history.more());
history.scroll = scroll;
const status = new Status(document.getElementById("status"));

const composer = new Composer(form, {
  limit: Number(limit) || 4000,
  send(text, name) {
    const item = outbox.add(text, name ?? main.dataset.name);
    room.wake();
    return item;
  },
  retry(id) {
    outbox.retry(id);
    room.wake();
  },
});

const outbox = new Outbox({
  me,
  show(line) {
    messages.appendPending(line);
    messages.dress();
    scroll.toEnd();
  },
  tell: {
    stored: (item) => composer.stored(item),
    refused: (item, errors) => composer.refused(item, errors),
    failed: (item) => composer.failed(item),
    discarded: (item) => composer.discarded(item),
  },
});

const people = new People({
  place: document.getElementById("people-list"),
  line: document.getElementById("typing"),
  text: document.getElementById("msg"),
  me,
  say: (sentence) => scroll.keep(() => {
    messages.notice(sentence);
    messages.dress();
  }),
});

const room = new Room({
  live,
  topic,
  path,
  action: form.action,
  rev: Number(rev),
  epoch,
  me,
  guest,
  messages,
  history,
  scroll,
  outbox,
  people,
  status,
  name: () => form.elements.namedItem("name")?.value.trim(),
  ended(reason) {
    const sentence = ENDED[reason] ?? ENDED.ended;
    if (guest) composer.say(sentence, { href: path, text: "Load the page again" });
    else empty(sentence);
  },
});

// Nothing of whoever was signed in stays; what is left says why, and leads on.
function empty(sentence) {
  const said = document.createElement("div");
  const link = document.createElement("a");
  Object.assign(said, { className: "ended", id: "ended" });
  said.setAttribute("role", "alert");
  Object.assign(link, { href: login, textContent: "Log in" });
  said.append(paragraph(sentence), paragraph(link));
  forget();
  for (const name of ["me", "name", "rev", "epoch"]) delete main.dataset[name];
  main.replaceChildren(said);
}

function paragraph(...content) {
  const made = document.createElement("p");
  made.append(...content);
  return made;
}

const ENDED = {
  ended: "You are not signed in any more.",
  signed_out: "You have been signed out.",
  revoked: "Your session was ended.",
  expired: "Your session has run out.",
  banned: "This account may no longer write here.",
  unauthorized: "You may not read this room.",
};

room.start();
