/** The answer in large type: the digits and signs that were read, or a sentence that says why there are none. */

import { rest, startRoving } from "./roving.js";
import { SURE, notRead, percent, refusal, spoken } from "./words.js";

/** Shows readings in `place`. Each digit is a button that calls `choose(index, byHand)`; `byHand` is true for a real click. */
export class Answer {
  #place;
  #choose;
  // Whether a digit had the focus before it was replaced.
  #focused = false;

  constructor(place, choose) {
    this.#place = place;
    this.#choose = choose;
    startRoving(place);
  }

  /** Show a hint while there is no answer yet. */
  wait(hint) {
    this.#fill(element("p", "hint", hint));
  }

  /** Show why there is no answer. */
  fail({ title, detail = "" }, ...more) {
    const parts = [element("p", "title", title)];
    if (detail) parts.push(element("p", "detail", detail));
    this.#fill(...parts, ...more);
  }

  /** Show a reading. */
  show(reading) {
    const left = notRead(reading);
    const rest = left ? [element("p", "left", left)] : [];
    if (reading.pages > 1) rest.push(element("p", "left", `Page ${reading.page} of ${reading.pages}`));
    if (reading.refused) return this.fail(refusal(reading.refused), ...rest);
    const unsure = reading.digits.filter(({ confidence }) => confidence < SURE).length;
    const all = reading.digits.length;
    const facts = [`${percent(reading.confidence)} sure${all > 1 ? ` of all ${all} digits` : ""}`];
    if (unsure && all > 1) facts.push(`${unsure} below 90%`);
    this.#fill(this.#text(reading), element("p", "sure", facts.join(" · ")), ...rest);
  }

  /** Mark the chosen digit. */
  mark(index) {
    const digits = this.#place.querySelectorAll(".digit");
    digits.forEach((digit, at) => {
      digit.classList.toggle("chosen", at === index);
      digit.setAttribute("aria-pressed", at === index);
    });
    rest(digits, index);
    if (this.#focused) digits[index]?.focus();
    this.#focused = false;
  }

  #text(reading) {
    const longest = Math.max(...reading.lines.map((line) => line.length));
    const size = longest <= 4 && reading.lines.length === 1 ? "large" : longest <= 10 ? "middle" : "small";
    const text = element("div", `digits ${size}`);
    text.classList.toggle("alone", reading.digits.length === 1);
    let [digit, sign] = [0, 0];
    for (const line of reading.lines) {
      const row = element("p", "line");
      for (const letter of line) {
        if (letter === " ") row.append(" ");
        else if (/[0-9]/.test(letter)) row.append(this.#digit(reading.digits[digit], digit++));
        else row.append(element("span", `sign${reading.signs[sign++].confidence < SURE ? " unsure" : ""}`, letter));
      }
      text.append(row);
    }
    return text;
  }

  #digit(digit, index) {
    const mark = digit.confidence < SURE ? " unsure" : "";
    const button = element("button", `digit${mark}`, digit.digit);
    button.type = "button";
    button.setAttribute("aria-label", spoken(digit));
    button.addEventListener("click", ({ isTrusted }) => this.#choose(index, isTrusted));
    return button;
  }

  #fill(...parts) {
    this.#focused ||= this.#place.contains(document.activeElement);
    this.#place.replaceChildren(...parts);
  }
}

/** Return a new element with a class and a text. */
export function element(name, kind = "", text = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}
