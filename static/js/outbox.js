// What was written here and is not known to be stored: one line each, at the end of the list.
//
//   waiting -> sent -> gone (its stored line stands in its place)
//      ^        |
//      +--------+----> failed, with Retry and Discard
//
// 1. A line keeps its client_id through every attempt, so the server stores it once however often it is sent.
// 2. Reply, broadcast and catch-up all end in stored(): whichever comes first takes the line away, the others find none.
// 3. An answer to an attempt that was given up (lost connection) is ignored, unless it says that the line is stored.

import { localTimes } from "./times.js";
import { reasonSentence } from "./rules.js";

const ATTEMPTS = 3; // timeouts in a row before a line is called failed
const STALE_MS = 30000; // a line that failed for want of a connection is sent by itself if that returns within this time

/** RFC 4122 version 4; crypto.randomUUID exists only on https and loopback. */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class Outbox {
  #items = new Map();
  #show;
  #push = null;
  #tell;

  /**
   * `show(line)` puts a new line into the list. `tell` has stored(item), refused(item, errors), failed(item), discarded(item).
   */
  constructor({ me, show, tell }) {
    this.me = me;
    this.#show = show;
    this.#tell = tell;
  }

  get waiting() {
    return [...this.#items.values()].filter((item) => item.state === "waiting");
  }

  has(id) {
    return this.#items.has(id);
  }

  add(text, name) {
    const item = { id: newClientId(), text, name, state: "waiting", attempt: 0, timeouts: 0, since: Date.now() };
    item.line = this.#line(item);
    this.#items.set(item.id, item);
    this.#show(item.line);
    this.flush();
    return item;
  }

  /** `push(item)` sends over the live connection and answers with a phoenix Push; null while there is none. */
  connect(push) {
    this.#push = push;
    if (push) {
      for (const item of this.#items.values()) {
        if (item.state === "failed" && item.offline && Date.now() - item.since < STALE_MS) this.#mark(item, "waiting");
      }
      this.flush();
    } else {
      for (const item of this.#items.values()) {
        if (item.state === "sent") this.#mark(item, "waiting");
      }
    }
  }

  flush() {
    if (!this.#push) return;
    for (const item of this.waiting) this.#send(item);
  }

  /** Sends one waiting line after another by `post(item)`, which answers {stored}, {errors} or {reason}. */
  async flushBy(post) {
    for (const item of this.waiting) {
      if (item.state !== "waiting") continue; // another way was found while the one before was posted
      this.#mark(item, "sent");
      const attempt = ++item.attempt;
      const answer = await post(item);
      if (answer.stored) this.stored(item.id);
      else if (attempt === item.attempt && item.state === "sent") this.#refused(item, answer);
    }
  }

  retry(id) {
    const item = this.#items.get(id);
    if (!item || item.state !== "failed") return;
    item.since = Date.now();
    item.timeouts = 0;
    this.#mark(item, "waiting");
    this.flush();
  }

  /** The server has this one. Safe to call for any client_id, any number of times. */
  stored(id) {
    const item = this.#items.get(id);
    if (!item) return;
    this.#remove(item);
    this.#tell.stored(item);
  }

  discard(id) {
    const item = this.#items.get(id);
    if (!item) return;
    this.#remove(item);
    this.#tell.discarded(item);
  }

  #send(item) {
    this.#mark(item, "sent");
    const attempt = ++item.attempt;
    const current = () => attempt === item.attempt && item.state === "sent";
    this.#push(item)
      .receive("ok", () => this.stored(item.id))
      .receive("error", (answer) => current() && this.#refused(item, answer))
      .receive("timeout", () => current() && this.#timedOut(item));
  }

  #timedOut(item) {
    if (++item.timeouts >= ATTEMPTS) return this.#fail(item, "offline");
    this.#mark(item, "waiting");
    this.flush();
  }

  #refused(item, { errors, reason }) {
    if (errors && this.#tell.refused(item, errors)) return this.#remove(item);
    if (reason === "client_id already used") this.#rename(item);
    this.#fail(item, errors ? "invalid" : reason);
  }

  #fail(item, reason) {
    item.offline = reason === "offline";
    item.reason = reason;
    this.#mark(item, "failed");
    this.#tell.failed(item);
  }

  #rename(item) {
    this.#items.delete(item.id);
    item.id = newClientId();
    this.#items.set(item.id, item);
  }

  #remove(item) {
    this.#items.delete(item.id);
    item.line.remove();
  }

  #mark(item, state) {
    item.state = state;
    const failed = state === "failed";
    item.line.classList.toggle("failed", failed);
    item.line.classList.toggle("pending", !failed);
    const note = item.line.querySelector(".note");
    if (!failed) {
      note.replaceChildren("Sending…");
      return;
    }
    const retry = button("Retry", () => this.retry(item.id));
    const discard = button("Discard", () => this.discard(item.id));
    note.replaceChildren(`Not sent. ${reasonSentence(item.reason)} `, retry, " ", discard);
  }

  #line(item) {
    const line = element("li", "message own pending");
    line.dataset.author = this.me;
    line.setAttribute("aria-live", "off");
    const avatar = element("span", "avatar", (item.name || "").slice(0, 1).toUpperCase());
    avatar.setAttribute("aria-hidden", "true");
    const about = element("p", "about");
    const time = document.createElement("time");
    time.dateTime = new Date().toISOString();
    if (this.me.startsWith("guest:")) about.append(element("span", "guest", "guest"), " ");
    about.append(time);
    const text = element("p", "text");
    text.append(element("b", "", `${item.name}:`), ` ${item.text}`);
    const note = element("p", "note", "Sending…");
    note.setAttribute("role", "status");
    line.append(avatar, about, text, note);
    localTimes(line);
    return line;
  }
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function button(text, action) {
  const made = element("button", "", text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}
