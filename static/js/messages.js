// The list of lines. A line is the server's own <li>; its data-seq is its place, its data-rev says which of two is newer.
// Lines of the person who reads, not yet stored, stand at the end without a data-seq (outbox.js makes them).

import { dayOf, localTimes, writtenAt } from "./times.js";

const TOGETHER_MS = 5 * 60 * 1000; // lines of one author within this time are drawn as one
const KEPT = 200; // lines kept when a page that is left open grows
const TOO_MANY = 400;
const TINTS = 8;

/** The index at which `seq` belongs among ascending `seqs`. Pure. */
export function placeOf(seqs, seq) {
  let low = 0;
  let high = seqs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seqs[middle] < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A small number that is always the same for the same author. Pure. */
export function tintOf(author) {
  let sum = 0;
  for (let i = 0; i < author.length; i++) sum = (sum * 31 + author.charCodeAt(i)) >>> 0;
  return sum % TINTS;
}

/** The lines in a piece of the server's HTML, or in a whole page of it. */
export function linesIn(html) {
  if (/^\s*<li[\s>]/i.test(html)) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return [...template.content.querySelectorAll("li.message")];
  }
  const page = new DOMParser().parseFromString(html, "text/html");
  return [...page.querySelectorAll("#msg-list > li.message")].map((line) => document.importNode(line, true));
}

export class Messages {
  #list;
  #me;
  #facts = new WeakMap(); // of each line: when, on which day, by whom

  /** The page holds every line from this seq on; what is before it comes with its page of history. */
  floor = 0;

  /** `me` is the data-author of the reader's own lines. */
  constructor(list, me) {
    this.#list = list;
    this.#me = me;
    this.dress();
  }

  get lines() {
    return [...this.#list.children].filter((line) => line.dataset.seq);
  }

  get lastSeq() {
    const lines = this.lines;
    return lines.length ? Number(lines[lines.length - 1].dataset.seq) : 0;
  }

  get firstSeq() {
    const first = this.#list.querySelector("li[data-seq]");
    return first ? Number(first.dataset.seq) : null;
  }

  /**
   * Puts a line in its place, or in place of the same line of a lower rev; leaves out what is below the floor.
   * Returns "added", "changed" or "".
   */
  upsert(line) {
    const there = document.getElementById(line.id);
    if (there && this.#list.contains(there)) {
      if (Number(there.dataset.rev) >= Number(line.dataset.rev)) return "";
      const focused = there.contains(document.activeElement);
      there.replaceWith(line);
      if (focused) line.querySelector("a")?.focus();
      return "changed";
    }
    const seq = Number(line.dataset.seq);
    if (seq < this.floor) return "";
    const lines = this.lines;
    const place = placeOf(lines.map((each) => Number(each.dataset.seq)), seq);
    this.#list.insertBefore(line, lines[place] ?? this.#firstPending());
    return "added";
  }

  /** Puts these lines in place of all stored ones. */
  replaceAll(lines) {
    for (const line of [...this.lines, ...this.#notices]) line.remove();
    this.floor = 0;
    for (const line of lines) this.upsert(line);
  }

  /** Drops the oldest lines of a page that has grown long. True if it did. */
  trim() {
    const lines = this.lines;
    if (lines.length <= TOO_MANY) return false;
    const first = lines[lines.length - KEPT];
    for (const line of lines.slice(0, lines.length - KEPT)) line.remove();
    for (const notice of this.#notices) if (notice.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING) notice.remove();
    return true;
  }

  /** Puts a sentence at the end that is no message: it is shown here, and stored nowhere. */
  notice(sentence) {
    const line = Object.assign(document.createElement("li"), { className: "notice", textContent: sentence });
    this.#list.insertBefore(line, this.#firstPending());
  }

  appendPending(line) {
    this.#list.append(line);
  }

  /** Sets what only the browser can know: own lines, local times and days, lines that belong together, colours. */
  dress() {
    let before = { who: "", at: NaN, day: "" };
    for (const line of this.#list.children) {
      if (line.className === "notice") {
        before = { ...before, who: "" };
        continue;
      }
      if (!this.#facts.has(line)) this.#facts.set(line, this.#dressOne(line));
      const facts = this.#facts.get(line);
      const sameDay = facts.day === before.day;
      if (sameDay) delete line.dataset.day;
      else if (line.dataset.day !== facts.day) line.dataset.day = facts.day;
      const follows = sameDay && facts.who !== "" && facts.who === before.who && facts.at - before.at < TOGETHER_MS;
      line.classList.toggle("follows", follows);
      before = facts;
    }
  }

  #dressOne(line) {
    const by = line.dataset.author ?? "";
    const name = line.querySelector("b")?.textContent ?? "";
    localTimes(line);
    if (by !== "" && by === this.#me) line.classList.add("own");
    line.querySelector(".avatar")?.classList.add(`tint-${tintOf(by)}`);
    return { at: writtenAt(line), day: dayOf(line), who: name && by ? `${by} ${name}` : "" };
  }

  get #notices() {
    return [...this.#list.querySelectorAll("li.notice")];
  }

  #firstPending() {
    return this.#list.querySelector("li.message:not([data-seq])");
  }
}
