// Older messages, taken from the same page that the link "Older messages" leads to.

import { linesIn } from "./messages.js";

export class History {
  #place;
  #log;
  #messages;
  #scroll;
  #path;
  #busy = false;

  constructor({ place, log, messages, path }) {
    this.#place = place;
    this.#log = log;
    this.#messages = messages;
    this.#path = path;
    this.#setFloor();
    place.addEventListener("click", (event) => {
      if (!event.target.closest("a") || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.more();
    });
  }

  set scroll(scroll) {
    this.#scroll = scroll;
  }

  /** Fetches the page before the first line shown. If that fails the link stays, and may be followed or tried again. */
  async more() {
    const link = this.#place.querySelector("a");
    if (!link || this.#busy) return;
    this.#busy = true;
    const focused = link === document.activeElement;
    try {
      const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const html = await answer.text();
      this.#show(html);
      if (focused) (this.#place.querySelector("a") ?? this.#log).focus({ preventScroll: true });
    } catch {
      // No connection: the link is still there.
    } finally {
      this.#busy = false;
    }
  }

  /** Points the link at what comes before the first line shown, after lines were dropped or all were replaced. */
  relink() {
    const first = this.#messages.firstSeq;
    this.#link(first && first > 1 ? `${this.#path}/messages?before=${first}` : null);
  }

  #show(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const older = page.querySelector("#older");
    this.#quietly(() => {
      this.#scroll.keep(() => {
        this.#messages.floor = 0;
        for (const line of linesIn(html).reverse()) this.#messages.upsert(line);
        this.#link(older ? older.getAttribute("href") : null);
        this.#messages.dress();
      });
    });
  }

  // A screen reader should not read fifty old messages out.
  #quietly(change) {
    this.#log.setAttribute("aria-live", "off");
    change();
    setTimeout(() => this.#log.removeAttribute("aria-live"), 500);
  }

  #link(href) {
    const link = this.#place.querySelector("a");
    if (!href) {
      link?.remove();
    } else if (link) {
      link.href = href;
    } else {
      const made = document.createElement("a");
      Object.assign(made, { id: "older", href, rel: "prev", textContent: "Older messages" });
      this.#place.append(made);
    }
    this.#setFloor();
  }

  #setFloor() {
    this.#messages.floor = this.#place.querySelector("a") ? (this.#messages.firstSeq ?? 0) : 0;
  }
}
