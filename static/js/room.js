// The live connection of one room, and the stand-in while there is none.
//
// The cursor is (rev, epoch) of what was applied in order: the page from the server, then each join's answer, then each
// event. An answer to an own message does not move it, since changes before it may still be on their way. Every join says
// the cursor and is answered with all that changed since, so nothing is lost over a disconnection, and every line is an
// upsert, so nothing is shown twice.

import { Socket } from "../vendor/phoenix.mjs";
import { linesIn } from "./messages.js";
import { forAnother, stillMe } from "./person.js";
import { FALLBACK_MS, Transport } from "./transport.js";

const STAND_IN_AFTER_MS = 4000; // without a joined room for so long, messages go and come by ordinary requests
const POLL_MS = 8000;
const PING_MS = 2500;
const FLOOD_MS = 40;
const DOUBT_MS = 500; // a sign-in in another tab needs a moment until its cookie is here
const DOUBT_AGAIN_MS = 3000;

/** Milliseconds before attempt number `tries`: soon, never more than a second, never all pages at once. */
export function retryAfter(tries) {
  const most = Math.min(1000, 100 * 2 ** tries);
  return most / 2 + Math.random() * (most / 2);
}

export class Room {
  #page;
  #rev;
  #epoch;
  #socket;
  #transport;
  #channel;
  #joined = false;
  #ended = false;
  #standIn = 0;
  #queue = []; // changes that came and are not shown yet
  #cooling = 0;
  #doubting = false;

  /** `page`: path, action, live, topic, rev, epoch, me, guest; messages, history, scroll, outbox, people, status; name(), ended(reason). */
  constructor(page) {
    this.#page = page;
    this.#rev = page.rev;
    this.#epoch = page.epoch;
  }

  start() {
    this.#page.status.show("connecting");
    this.#socket = new Socket(this.#page.live, {
      params: () => ({ _csrf_token: csrfToken() }),
      reconnectAfterMs: retryAfter,
      rejoinAfterMs: retryAfter,
      heartbeatIntervalMs: 15000,
      longPollFallbackMs: FALLBACK_MS,
    });
    this.#socket.onError(() => this.#doubt());
    this.#transport = new Transport(this.#socket);
    this.#channel = this.#socket.channel(this.#page.topic, () => this.#cursor());
    this.#channel.onError(() => this.#lost());
    this.#channel.onClose(() => this.#lost());
    for (const event of ["new_message", "message_edited", "message_deleted"]) {
      this.#channel.on(event, (message) => this.#changed(message));
    }
    this.#channel.on("session_ended", ({ reason }) => this.#sessionEnded(reason));
    this.#page.people.listen(this.#channel);
    this.#channel.join()
      .receive("ok", (answer) => this.#caughtUp(answer))
      .receive("error", ({ reason }) => reason === "unauthorized" && this.#sessionEnded("unauthorized"));
    this.#socket.connect();
    this.#expectJoin();
    this.#watch();
  }

  #cursor() {
    const name = this.#page.name();
    return { last_rev: this.#rev, epoch: this.#epoch, ...(name ? { name } : {}) };
  }

  // ---- what the server says

  #caughtUp({ rev, epoch, messages, reset }) {
    if (this.#ended) return;
    this.#joined = true;
    clearTimeout(this.#standIn);
    this.#drain();
    this.#apply(messages.flatMap(lineOf), { reset, ids: messages.map((message) => message.client_id) });
    this.#rev = rev;
    this.#epoch = epoch;
    this.#transport.joined();
    this.#showLive();
    this.#page.outbox.connect((item) => this.#push(item));
  }

  #showLive() {
    this.#page.status.show(this.#transport.polling ? "polling" : "live");
  }

  // A change alone is shown at once; in a flood, what came in the meantime is shown together.
  #changed(message) {
    if (this.#ended) return;
    this.#queue.push(message);
    if (!this.#cooling) this.#drain();
  }

  #drain() {
    clearTimeout(this.#cooling);
    this.#cooling = 0;
    if (!this.#queue.length) return;
    const changes = this.#queue.splice(0);
    this.#apply(changes.flatMap(lineOf), { ids: changes.map((message) => message.client_id) });
    this.#rev = Math.max(this.#rev, ...changes.map((message) => message.rev));
    this.#cooling = setTimeout(() => this.#drain(), FLOOD_MS);
  }

  #apply(lines, { reset = false, ids = [] } = {}) {
    const { messages, history, scroll, outbox } = this.#page;
    const last = messages.lastSeq;
    const fresh = lines.some((line, i) => Number(line.dataset.seq) > last && !outbox.has(ids[i]));
    scroll.keep(() => {
      if (reset) messages.replaceAll(lines);
      else for (const line of lines) messages.upsert(line);
      for (const id of ids) if (id) outbox.stored(id);
      if (reset || (scroll.atEnd && messages.trim())) history.relink();
      messages.dress();
    }, fresh);
  }

  #push(item) {
    const payload = { message: item.text, client_id: item.id };
    if (this.#page.guest) payload.name = item.name;
    return this.#channel.push("new_message", payload).receive("ok", ({ message }) => {
      if (message) this.#apply(lineOf(message), { ids: [message.client_id] });
    });
  }

  #sessionEnded(reason) {
    if (reason === "replaced" || this.#ended) return; // signed in anew: the connection that is closed now comes back by itself
    this.#ended = true;
    clearTimeout(this.#standIn);
    clearTimeout(this.#cooling);
    this.#queue = [];
    this.#page.outbox.connect(null);
    this.#transport.stop();
    this.#socket.disconnect();
    this.#page.status.show("ended");
    this.#page.ended(reason);
  }

  // A refused handshake looks like any other failure. Whoever slept through the end of the session learns it here.
  async #doubt() {
    if (this.#doubting || this.#ended || this.#page.guest) return;
    this.#doubting = true;
    await new Promise((done) => setTimeout(done, DOUBT_MS));
    if (!this.#joined && await stillMe() === "other") this.#sessionEnded("ended");
    setTimeout(() => { this.#doubting = false; }, DOUBT_AGAIN_MS);
  }

  // ---- when the connection is gone

  #lost() {
    if (this.#ended) return;
    if (this.#joined) {
      this.#joined = false;
      this.#page.outbox.connect(null);
      this.#page.status.show(navigator.onLine ? "connecting" : "offline");
      this.#expectJoin();
    }
  }

  #expectJoin() {
    this.#transport.lost();
    clearTimeout(this.#standIn);
    this.#standIn = setTimeout(() => this.#standInOnce(), STAND_IN_AFTER_MS);
  }

  // Sends what waits and fetches what is new by ordinary requests, again and again until the room is joined.
  async #standInOnce() {
    if (document.visibilityState === "visible") {
      await this.#page.outbox.flushBy((item) => this.#post(item));
      const html = await this.#fetchPage();
      if (!this.#joined && !this.#ended) this.#page.status.show(html ? "polling" : "offline");
    }
    if (this.#joined || this.#ended) return;
    clearTimeout(this.#standIn);
    this.#standIn = setTimeout(() => this.#standInOnce(), POLL_MS * (0.75 + Math.random() / 2));
  }

  /** Called when a message was written: if the stand-in is at work it should not wait for its next turn. */
  wake() {
    const { status } = this.#page;
    if (this.#joined || this.#ended || (status.now !== "polling" && status.now !== "offline")) return;
    clearTimeout(this.#standIn);
    this.#standIn = setTimeout(() => this.#standInOnce(), 0);
  }

  async #fetchPage() {
    try {
      const answer = await fetch(this.#page.path, { headers: { Accept: "text/html" } });
      if (!answer.ok) return "";
      const html = await answer.text();
      if (this.#endedBy(html)) return "";
      this.#takePage(html);
      return html;
    } catch {
      return "";
    }
  }

  #endedBy(html) {
    if (forAnother(html)) this.#sessionEnded("ended");
    return this.#ended;
  }

  #takePage(html) {
    takeCsrfToken(html);
    this.#page.people.take(new DOMParser().parseFromString(html, "text/html"));
    this.#apply(linesIn(html));
  }

  async #post(item, again = true) {
    const fields = { message: item.text, client_id: item.id, _csrf: csrfToken() };
    if (this.#page.guest) fields.name = item.name;
    try {
      const answer = await fetch(this.#page.action, { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "text/html" } });
      const html = await answer.text();
      if (this.#endedBy(html)) return { reason: "offline" };
      if (answer.ok) {
        this.#takePage(html);
        return { stored: true };
      }
      takeCsrfToken(html);
      if (answer.status === 403 && again) return this.#post(item, false);
      if (answer.status === 422) return { errors: errorsIn(html) };
      if (answer.status === 429) return { reason: "rate_limited" };
      return { reason: answer.status >= 500 ? "offline" : "refused" };
    } catch {
      return { reason: "offline" };
    }
  }

  // ---- waking up: a page that was hidden, frozen or asleep does not know that its connection died

  // (The socket itself connects again when a hidden page is shown or comes out of the back-forward cache.)

  #watch() {
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible" || this.#ended) return;
      if (this.#joined) this.#check();
      else this.#expectJoin();
    });
    addEventListener("online", () => {
      if (this.#joined) this.#check();
      else this.#reconnect();
    });
    addEventListener("offline", () => {
      if (this.#ended) return;
      this.#page.status.show("offline");
      if (this.#joined) this.#check();
    });
  }

  // Asks for an answer over the connection, and makes a new one if none comes.
  #check() {
    if (this.#ended) return;
    const late = setTimeout(() => this.#reconnect(), PING_MS);
    const sent = this.#socket.ping(() => {
      clearTimeout(late);
      if (this.#joined) this.#showLive();
    });
    if (!sent) {
      clearTimeout(late);
      this.#reconnect();
    }
  }

  #reconnect() {
    if (this.#ended) return;
    this.#page.status.show(navigator.onLine ? "connecting" : "offline");
    this.#socket.disconnect(() => !this.#ended && this.#socket.connect());
  }
}

function lineOf(message) {
  return linesIn(message.html).slice(0, 1);
}

function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]').content;
}

// A page brings a token that fits its cookie: the old cookie can have run out, which a refused handshake cannot tell us.
function takeCsrfToken(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const token = page.querySelector('meta[name="csrf-token"]')?.content;
  if (!token) return;
  document.querySelector('meta[name="csrf-token"]').content = token;
  document.querySelector('#form input[name="_csrf"]').value = token;
}

/** The errors of a page that refused the form, in the shape in which the live connection gives them. */
function errorsIn(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const errors = {};
  for (const [id, field] of [["name-error", "name"], ["msg-error", "message"], ["form-error", "form"]]) {
    const sentence = page.getElementById(id)?.textContent.trim();
    if (sentence) errors[field] = [sentence];
  }
  return errors;
}
