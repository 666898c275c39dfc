// Which way the live connection goes. The client falls back to long poll by itself, at the first handshake that fails, and
// stays there. Here it is brought back: while it polls, a plain WebSocket is tried in the background, and when that answers a
// heartbeat, the connection moves. Nothing is lost by moving: the channel joins anew and says how far it came.
//
// 1. A page that nobody looks at, or that is offline, does not try.
// 2. Each try waits longer, up to 20 seconds, never all pages at once.
// 3. A page that went back and did not get as far as a joined room that stays waits 40 seconds the next time, and then twice as
//    long each time, so that a way on which WebSockets open and then fail does not throw it to and fro.
// 4. A WebSocket that opens again and again, but over which the room is never joined, is given up for polling.

import { LongPoll } from "../vendor/phoenix.mjs";

export const FALLBACK_MS = 2500;
const FIRST_MS = 1000;
const MOST_MS = 20000;
const PROBE_MS = 4000;
const SETTLED_MS = 5000; // a room that was joined for so long after the return is no failure any more
const PATIENT = 10; // tries after which the wait is the longest
const UNJOINED_MS = 6000;
const UNJOINED_AGAIN_MS = 2000; // after a return
const MEMO = "phx:fallback:LongPoll";

/** Milliseconds before try number `tries`, times the penalty for those that did not hold. */
export function probeAfter(tries, penalty) {
  return Math.min(MOST_MS, FIRST_MS * 2 ** tries) * penalty * (0.7 + Math.random() * 0.3);
}

export class Transport {
  #socket;
  #tries = 0;
  #penalty = 1;
  #returned = false; // it went back to WebSocket, and that has not held yet
  #settling = 0;
  #timer = 0;
  #probe = null;
  #unjoined = 0;
  #stopped = false;

  constructor(socket) {
    this.#socket = socket;
    socket.onOpen(() => this.#look());
    socket.onError(() => setTimeout(() => this.#look())); // after the client has made up its mind
    document.addEventListener("visibilitychange", () => this.#soon());
    addEventListener("online", () => this.#soon());
  }

  get polling() {
    return this.#socket.transport === LongPoll;
  }

  /** The room is joined. */
  joined() {
    clearTimeout(this.#unjoined);
    if (this.polling) return;
    this.#end();
    this.#settling = setTimeout(() => this.#settled(), SETTLED_MS);
  }

  /** The room is not joined any more. */
  lost() {
    clearTimeout(this.#unjoined);
    clearTimeout(this.#settling);
    this.#unjoined = setTimeout(() => this.#giveUp(), this.#returned ? UNJOINED_AGAIN_MS : UNJOINED_MS);
  }

  /** The session has ended. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#unjoined);
    clearTimeout(this.#settling);
    this.#end();
  }

  #settled() {
    this.#returned = false;
    this.#penalty = 1;
    this.#tries = 0;
  }

  // Does it poll by now?
  #look() {
    if (this.#stopped || !this.polling || this.#timer || this.#probe) return;
    this.#judge();
    this.#schedule();
  }

  #end() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#probe?.close();
    this.#probe = null;
  }

  // Did the last return hold?
  #judge() {
    if (!this.#returned) return;
    this.#returned = false;
    this.#penalty = Math.min(8, this.#penalty * 2);
    this.#tries = PATIENT;
  }

  #schedule() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#try(), probeAfter(this.#tries++, this.#penalty));
  }

  // Somebody looks at the page again, or the network is back: what was not tried in the meantime is tried soon.
  #soon() {
    if (this.#stopped || !this.polling || this.#probe || (this.#timer && this.#penalty > 1) || document.visibilityState !== "visible") return;
    this.#tries = this.#penalty > 1 ? PATIENT : Math.min(this.#tries, 1);
    this.#schedule();
  }

  #try() {
    this.#timer = 0;
    if (this.#stopped || !this.polling) return;
    if (document.visibilityState !== "visible" || !navigator.onLine) return; // #soon or #look comes
    const probe = new WebSocket(this.#socket.endPointURL());
    const late = setTimeout(() => probe.close(), PROBE_MS);
    this.#probe = probe;
    probe.onopen = () => probe.send('[null,"1","phoenix","heartbeat",{}]');
    probe.onmessage = () => {
      this.#probe = null;
      this.#goBack();
      probe.close(1000);
    };
    probe.onclose = () => {
      clearTimeout(late);
      if (this.#probe !== probe) return;
      this.#probe = null;
      if (!this.#stopped && this.polling) this.#schedule();
    };
  }

  #goBack() {
    if (this.#stopped || !this.polling) return;
    this.#returned = true;
    this.#move(WebSocket);
  }

  #giveUp() {
    if (this.#stopped || this.polling || !navigator.onLine || document.visibilityState !== "visible") return;
    this.#returned = true;
    this.#move(LongPoll);
  }

  #move(transport) {
    try {
      sessionStorage.removeItem(MEMO);
    } catch {
      // No storage, no memory of the fallback.
    }
    this.#socket.replaceTransport(transport);
    this.#socket.connect();
  }
}
