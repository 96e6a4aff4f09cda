/** The answer in large type: the digits and signs that were read, or a sentence that says why there are none. */

import { rest, startRoving } from "./roving.js";
import { SURE, digitsOf, notRead, percent, refusal, spoken, whatToDo } from "./words.js";

const DOUBT = "Each digit is clear. The doubt is whether these are all digits, and where one ends and the next begins.";

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
    const rest = reading.unread.length ? [unreadList(reading)] : [];
    if (reading.pages > 1) rest.push(element("p", "left", `Page ${reading.page} of ${reading.pages}`));
    if (reading.refused) return this.fail(refusal(reading.refused), ...rest);
    const all = reading.digits.length;
    const facts = [element("p", "sure", `${percent(reading.confidence)} sure${all > 1 ? ` of all ${all} digits` : ""}`)];
    // Each digit is sure, and their text is not.
    const sure = [...digitsOf(reading), ...reading.signs].every(({ confidence }) => confidence >= SURE);
    if (sure && reading.confidence < SURE) facts.push(element("p", "left", DOUBT));
    this.#fill(this.#text(reading), ...facts, ...rest);
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
    const digits = digitsOf(reading);
    let [digit, sign] = [0, 0];
    for (const line of reading.lines) {
      const row = element("p", "line");
      for (const letter of line) {
        if (letter === " ") row.append(" ");
        else if (/[0-9]/.test(letter)) row.append(this.#digit(digits[digit], digit++));
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

/** Return how many places were not read, unfolding to what to do about them. */
function unreadList(reading) {
  const list = element("details", "left");
  const ways = element("ul");
  for (const { reason, name, what } of whatToDo(reading)) {
    const way = element("li");
    way.dataset.reason = reason;
    way.append(element("strong", "", name[0].toUpperCase() + name.slice(1)), ` ${what}`);
    ways.append(way);
  }
  list.append(element("summary", "", notRead(reading)), ways);
  return list;
}

/** Return a new element with a class and a text. */
export function element(name, kind = "", text = "") {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}
