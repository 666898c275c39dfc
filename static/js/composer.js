// The form. With JavaScript it sends without a reload; what it shows and says is the same as the page from the server.
//
// The text stays in its box, drawn pale, until the server has it; only then the box is emptied (S19). Who writes on in the
// meantime starts with an empty box: the line in the list holds the text.

import { messageError, nameError, tidy } from "./rules.js";

const NAME_KEY = "confab.name";

export class Composer {
  #form;
  #name;
  #text;
  #limit;
  #send;
  #sending = null; // {id, raw}: the line whose text still stands in the box

  /** `send(text, name)` hands a valid message on and answers with its item; `retry(id)` tries a failed one again. */
  constructor(form, { limit, send, retry }) {
    this.#form = form;
    this.#name = form.querySelector("#name");
    this.#text = form.querySelector("#msg");
    this.#limit = limit;
    this.#send = { send, retry };
    this.#recallName();
    this.#grow();
    this.#takeFocus();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("beforeinput", (event) => {
      if (event.inputType.startsWith("insert")) this.#startAnew();
    });
    this.#text.addEventListener("compositionstart", () => this.#startAnew());
    form.addEventListener("input", (event) => this.#typed(event.target));
  }

  focus() {
    this.#text.focus();
  }

  /** The server has the message: empties the box if it still holds it, and remembers the name. */
  stored(item) {
    if (this.#name && item.name) rememberName(item.name);
    if (this.#sending?.id !== item.id) return;
    if (this.#text.value === this.#sending.raw) this.#empty();
    this.#settle();
  }

  /**
   * The server wants other input: says so beside the fields. True if the text is in the box again, so that the line may go;
   * false if something else is being written there.
   */
  refused(item, errors) {
    const kept = this.#sending?.id === item.id;
    if (!kept && this.#text.value !== "") return false;
    if (!kept) this.#text.value = item.text;
    this.#settle();
    this.#showErrors(errors);
    return true;
  }

  /** Could not be sent: the line offers to try again, and so does sending the same text once more. */
  failed(item) {
    if (this.#sending?.id === item.id) this.#text.classList.remove("sending");
  }

  discarded(item) {
    if (this.#sending?.id === item.id) this.#settle();
  }

  #submit() {
    if (this.#sending && this.#text.value === this.#sending.raw) {
      this.#send.retry(this.#sending.id);
      return;
    }
    const name = this.#name ? tidy(this.#name.value) : undefined;
    const errors = {};
    const wrongName = this.#name ? nameError(name) : null;
    const wrongText = messageError(this.#text.value, this.#limit);
    if (wrongName) errors.name = [wrongName];
    if (wrongText) errors.message = [wrongText];
    this.#showErrors(errors);
    if (wrongName || wrongText) return;
    const item = this.#send.send(tidy(this.#text.value), name);
    if (!item) return;
    this.#sending = { id: item.id, raw: this.#text.value };
    this.#text.classList.add("sending");
    if (document.activeElement === this.#name) this.#text.focus();
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.isComposing || event.keyCode === 229) return; // this Enter ends a composition, it sends nothing
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #startAnew() {
    if (!this.#sending) return;
    if (this.#text.value === this.#sending.raw) this.#empty();
    this.#settle();
  }

  #typed(input) {
    if (input === this.#text) {
      if (this.#sending && this.#text.value !== this.#sending.raw) this.#settle();
      this.#grow();
    }
    if (input.getAttribute("aria-invalid")) this.#setError(input, null);
    document.getElementById("form-error")?.remove();
  }

  #settle() {
    this.#sending = null;
    this.#text.classList.remove("sending");
    this.#grow();
  }

  #empty() {
    this.#text.value = "";
    this.#setError(this.#text, null);
    this.#grow();
  }

  // Where CSS cannot do it (field-sizing), the box grows by hand; its bounds are in the style sheet.
  #grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }

  #showErrors(errors) {
    if (this.#name) this.#setError(this.#name, errors.name?.[0]);
    this.#setError(this.#text, errors.message?.[0]);
    const others = Object.keys(errors).filter((key) => key !== "message" && !(key === "name" && this.#name));
    this.say(others.length ? errors[others[0]][0] : null);
    if (errors.name && this.#name) this.#name.focus();
    else if (errors.message) this.#text.focus();
  }

  /** A sentence that belongs to no field, with a link if there is one to follow. */
  say(sentence, link = null) {
    document.getElementById("form-error")?.remove();
    if (!sentence) return;
    const made = feedback("form-error", sentence);
    made.setAttribute("role", "alert");
    if (link) made.append(" ", Object.assign(document.createElement("a"), { href: link.href, textContent: link.text }));
    this.#form.append(made);
  }

  #setError(input, sentence) {
    const id = `${input.id}-error`;
    document.getElementById(id)?.remove();
    if (!sentence) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      return;
    }
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", id);
    input.closest(".field").append(feedback(id, sentence));
  }

  // Only an empty box is filled, so nothing that is being typed is overwritten.
  #recallName() {
    if (!this.#name || this.#name.value !== "") return;
    this.#name.value = recalledName();
    if (this.#name.value !== "" && document.activeElement === this.#name) this.#text.focus();
  }

  // Where there is a keyboard anyway. On a telephone it would cover half the page.
  #takeFocus() {
    const named = !this.#name || this.#name.value !== "";
    const idle = document.activeElement === null || document.activeElement === document.body;
    if (named && idle && !location.hash && matchMedia("(pointer: fine)").matches) this.#text.focus({ preventScroll: true });
  }
}

function feedback(id, sentence) {
  const made = document.createElement("p");
  made.className = "invalid-feedback";
  made.id = id;
  made.textContent = sentence;
  return made;
}

function recalledName() {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return ""; // storage is switched off
  }
}

function rememberName(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // Storage is switched off: the name is asked for again next time.
  }
}
