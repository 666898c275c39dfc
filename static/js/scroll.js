// Where the reader is. The log is a reversed column: it opens at its end, and stays there as it grows, without any script.
// Reversed, scrollTop is 0 at the end and negative above it.

const NEAR = 48;

export class Scroll {
  #log;
  #button;
  #top = 0;
  #moving = false;

  /** `onTop` is called when the reader scrolls up to where older messages would begin. */
  constructor(log, button, onTop) {
    this.#log = log;
    this.#button = button;
    this.#top = log.scrollTop;
    button.addEventListener("click", () => {
      this.toEnd();
      log.focus({ preventScroll: true });
    });
    log.addEventListener("scroll", () => this.#scrolled(onTop), { passive: true });
  }

  get atEnd() {
    return Math.abs(this.#log.scrollTop) < NEAR;
  }

  toEnd() {
    this.#move(0);
    this.#button.hidden = true;
  }

  /**
   * Runs `change`, which adds or removes lines, and keeps what is being read where it is on the screen.
   * At the end, the end is kept. `fresh`: the change brings something new, so a reader further up is told.
   */
  keep(change, fresh = false) {
    const stick = this.atEnd;
    const anchor = stick ? null : this.#firstVisible();
    const before = anchor ? anchor.getBoundingClientRect().top : 0;
    change();
    if (stick) {
      this.#move(0);
    } else if (anchor && anchor.isConnected) {
      const moved = anchor.getBoundingClientRect().top - before;
      if (moved) this.#move(this.#log.scrollTop + moved);
    }
    if (fresh && !stick) this.#button.hidden = false;
  }

  #move(top) {
    const before = this.#log.scrollTop;
    this.#log.scrollTop = top;
    this.#top = this.#log.scrollTop;
    if (this.#top !== before) this.#moving = true; // its scroll event is not the reader's
  }

  #scrolled(onTop) {
    const top = this.#log.scrollTop;
    const up = top < this.#top;
    this.#top = top;
    if (this.atEnd) this.#button.hidden = true;
    if (this.#moving) {
      this.#moving = false;
      return;
    }
    const left = this.#log.scrollHeight - this.#log.clientHeight + top;
    if (up && left < this.#log.clientHeight / 2) onTop();
  }

  #firstVisible() {
    const edge = this.#log.getBoundingClientRect().top;
    for (const line of this.#log.querySelectorAll("li")) {
      if (line.getBoundingClientRect().bottom > edge) return line;
    }
    return null;
  }
}
