// The status line: connecting, live, live by polling, or offline. It is a role=status, so changes are read out.

const SAYS = {
  connecting: "Connecting…",
  live: "Live",
  polling: "Live by polling",
  offline: "Offline",
  ended: "Signed out",
};

export class Status {
  #line;
  #now = "";

  constructor(line) {
    this.#line = line;
  }

  get now() {
    return this.#now;
  }

  show(state) {
    if (state === this.#now) return;
    this.#now = state;
    this.#line.dataset.state = state;
    this.#line.textContent = SAYS[state];
  }
}
