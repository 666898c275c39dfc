// Who is here: the list of people, "X has entered / has left the chat", and "X is typing".
//
// 1. The list is the server's: the guests' entry shows its count, the names are those of the stock Presence. Above 200 it
//    names fifty, and says how many more there are.
// 2. Who is missing has left when ten seconds have passed without them: a page that is loaded again, or a relay that is
//    started again, is neither an entrance nor an exit. The first list, and one after a long absence of our own, is no news.
// 3. In a crowd (more than are named) nobody enters or leaves: what is named changes with the names.

import { Presence } from "../vendor/phoenix.mjs";
import { tintOf } from "./messages.js";

const byName = new Intl.Collator(undefined, { numeric: true });

const NAMED_MOST = 200;
const RETURN_MS = 10000; // back within so long: never away
const SETTLE_MS = 60; // list and count come one after the other
const DRAW_MS = 200;
const TYPING_SHOWN_MS = 5000;
const TYPING_SAID_MS = 2500;

/** "1 guest", "3 guests", or "" for none. Pure. */
export function guestsEntry(count) {
  if (!count) return "";
  return count === 1 ? "1 guest" : `${count} guests`;
}

/** The sentence under the list about those who are typing, or "". Pure. */
export function typingSentence(names) {
  if (!names.length) return "";
  if (names.length > 2) return "Several people are typing";
  return names.length === 2 ? `${names[0]} and ${names[1]} are typing` : `${names[0]} is typing`;
}

/** Who entered and who left between two lists, each a Map by user. Pure. */
export function comings(before, after) {
  return {
    entered: [...after.keys()].filter((user) => !before.has(user)),
    left: [...before.keys()].filter((user) => !after.has(user)),
  };
}

export class People {
  #place;
  #line;
  #me;
  #say;
  #presence;
  #channel;
  #members = null; // what is shown: userID -> {name, picture}
  #known = null; // what entrances and exits are measured by
  #leaving = new Map(); // userID -> timer
  #count = { people: 0, guests: 0 };
  #rows = new Map(); // userID -> <li>
  #typing = new Map(); // key -> {name, timer}
  #typed = 0;
  #lostAt = 0;
  #drawn = 0;
  #drawing = 0;
  #settling = 0;

  /**
   * `place` is the list, `line` the typing line, `text` the box of the form; `me` as in data-me. `say(sentence)` puts a line
   * among the messages.
   */
  constructor({ place, line, text, me, say }) {
    this.#place = place;
    this.#line = line;
    this.#me = me.startsWith("user:") ? me.slice("user:".length) : "";
    this.#say = say;
    text.addEventListener("input", () => this.#write(text.value));
    text.form.addEventListener("submit", () => { this.#typed = 0; });
  }

  listen(channel) {
    this.#channel = channel;
    this.#presence = new Presence(channel);
    this.#presence.onSync(() => this.#synced());
    channel.on("presence_count", (count) => {
      this.#count = count;
      this.#changed();
    });
    channel.on("typing", ({ key, name }) => this.#isTyping(key, name));
    channel.on("new_message", ({ name }) => this.#spoke(name));
    channel.onError(() => this.#lost());
    channel.onClose(() => this.#lost());
  }

  /** Shows the list of a whole page of the server's, for as long as nothing better is known. */
  take(page) {
    const list = page.getElementById(this.#place.id);
    if (!list) return;
    this.#rows.clear();
    this.#place.replaceChildren(...[...list.children].map((row) => document.importNode(row, true)));
  }

  // ---- the list

  #synced() {
    const metas = this.#presence.list((key, presence) => presence.metas[0]).filter(({ guest }) => !guest);
    metas.sort((a, b) => byName.compare(a.name, b.name));
    this.#members = new Map(metas.map(({ userID, name, picture }) => [userID, { name, picture }]));
    this.#changed();
  }

  #changed() {
    if (!this.#settling) this.#settling = setTimeout(() => this.#settle(), SETTLE_MS);
    if (!this.#drawing) this.#drawing = setTimeout(() => this.#draw(), Math.max(0, this.#drawn + DRAW_MS - Date.now()));
  }

  #draw() {
    this.#drawing = 0;
    this.#drawn = Date.now();
    if (!this.#members) return;
    const rows = [];
    const guests = guestsEntry(this.#count.guests);
    if (guests) rows.push(entry("guests", guests));
    const before = this.#rows;
    this.#rows = new Map();
    for (const [user, person] of this.#members) {
      const row = sameRow(before.get(user), person) ?? personRow(user, person);
      this.#rows.set(user, row);
      rows.push(row);
    }
    const more = this.#count.people - this.#members.size;
    if (more > 0) rows.push(entry("more", `and ${more} more`));
    this.#place.replaceChildren(...rows);
  }

  // ---- entering and leaving

  #settle() {
    this.#settling = 0;
    if (!this.#members) return;
    const longAway = this.#lostAt && Date.now() - this.#lostAt > RETURN_MS;
    this.#lostAt = 0;
    if (this.#crowded() || longAway) this.#forget();
    else if (this.#known) this.#compare(comings(this.#known, this.#members));
    this.#known = this.#crowded() ? null : this.#members;
  }

  #crowded() {
    return this.#count.people + this.#count.guests > NAMED_MOST;
  }

  #compare({ entered, left }) {
    for (const user of left) this.#leave(user, this.#known.get(user).name);
    for (const user of entered) {
      const returned = this.#leaving.has(user);
      clearTimeout(this.#leaving.get(user));
      this.#leaving.delete(user);
      if (!returned && user !== this.#me) this.#say(`${this.#members.get(user).name} has entered the chat`);
    }
  }

  #leave(user, name) {
    if (user === this.#me) return;
    const timer = setTimeout(() => {
      this.#leaving.delete(user);
      this.#say(`${name} has left the chat`);
    }, RETURN_MS);
    this.#leaving.set(user, timer);
  }

  #forget() {
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
    this.#known = null;
  }

  #lost() {
    this.#lostAt ||= Date.now();
    for (const { timer } of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
    this.#drawTyping();
  }

  // ---- typing

  #write(text) {
    if (!text.trim()) {
      this.#typed = 0; // it was taken back: the next one is news
      return;
    }
    if (Date.now() - this.#typed < TYPING_SAID_MS || this.#channel?.state !== "joined") return;
    this.#typed = Date.now();
    this.#channel.push("typing", {});
  }

  #isTyping(key, name) {
    const meta = this.#presence.state[key]?.metas[0];
    if (this.#me && meta?.userID === this.#me) return;
    const guest = key.startsWith("guest:");
    clearTimeout(this.#typing.get(key)?.timer);
    const timer = setTimeout(() => this.#stopTyping(key), TYPING_SHOWN_MS);
    this.#typing.set(key, { name, shown: guest ? (name ? `${name} (guest)` : "A guest") : name, timer });
    this.#drawTyping();
  }

  #stopTyping(key) {
    clearTimeout(this.#typing.get(key)?.timer);
    this.#typing.delete(key);
    this.#drawTyping();
  }

  #spoke(by) {
    for (const [key, { name }] of [...this.#typing]) if (!name || name === by) this.#stopTyping(key);
  }

  #drawTyping() {
    const sentence = typingSentence([...this.#typing.values()].map(({ shown }) => shown));
    if (this.#line.textContent !== sentence) this.#line.textContent = sentence;
  }
}

function entry(kind, text) {
  return Object.assign(document.createElement("li"), { className: kind, textContent: text });
}

/** A row is kept as long as it says the same. */
function sameRow(row, { name, picture }) {
  return row && row.dataset.name === name && (row.dataset.picture ?? "") === (picture ?? "") ? row : null;
}

function personRow(user, { name, picture }) {
  const row = entry("person", "");
  row.dataset.user = user;
  row.dataset.name = name;
  if (picture) row.dataset.picture = picture;
  row.append(face(user, name, picture), Object.assign(document.createElement("span"), { className: "name", textContent: name }));
  return row;
}

function face(user, name, picture) {
  if (picture) {
    return Object.assign(document.createElement("img"), { className: "avatar", src: picture, width: 28, height: 28, alt: "", loading: "lazy" });
  }
  const letter = Object.assign(document.createElement("span"), { className: "avatar", textContent: [...name][0] ?? "" });
  letter.classList.add(`tint-${tintOf(`user:${user}`)}`);
  letter.setAttribute("aria-hidden", "true");
  return letter;
}
