// XMLHttpRequest as far as the stock client's long poll uses it, made of fetch: Node has none, and versions before 1.8
// know nothing else. What happens is told from a task of its own, as in browsers.
export class XMLHttpRequest {
  readyState = 0;
  status = 0;
  responseText = '';
  #headers = {};
  #abort = new AbortController();

  open(method, url) {
    Object.assign(this, { method, url, readyState: 1 });
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  send(body) {
    const timer = this.timeout && setTimeout(() => this.#end(() => this.ontimeout?.()), this.timeout);
    fetch(this.url, { method: this.method, headers: this.#headers, body: body ?? undefined, signal: this.#abort.signal })
      .then(async (answer) => [answer.status, await answer.text()])
      .then(
        ([status, text]) => {
          clearTimeout(timer);
          Object.assign(this, { status, responseText: text, readyState: 4 });
          setTimeout(() => this.onreadystatechange?.());
        },
        () => {
          clearTimeout(timer);
          setTimeout(() => this.#end(() => this.onerror?.()));
        },
      );
  }

  abort() {
    this.#end(() => {});
    this.#abort.abort();
  }

  #end(tell) {
    if (this.readyState === 4 || this.readyState === 0) return;
    this.readyState = 0;
    tell();
  }
}
