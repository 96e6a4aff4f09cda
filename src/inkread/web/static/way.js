/** The steps of one digit: from the picture to its ink, to what the network sees, to ten probabilities. */

import { element } from "./answer.js";
import { rest, startRoving } from "./roving.js";
import { digitsOf, percent } from "./words.js";

/** An image of one transparent pixel. */
const NO_IMAGE = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";

/** The margin that is shown around a digit, as a share of its longer side. */
const MARGIN = 0.25;

/** Return one entry for each digit of a reading: the digit and its glyph. Refused ink has an entry without a digit. */
export function lookedAt(reading) {
  return reading.steps.glyphs.map((glyph, index) => ({ ...glyph, ...digitsOf(reading)[index] }));
}

/** Return the index of the entry of `lookedAt` whose middle is nearest to a point; -1 if there is none. */
export function nearest(looks, [x, y]) {
  const far = (look) => Math.hypot(middleOf(look)[0] - x, middleOf(look)[1] - y);
  return looks.indexOf(looks.reduce((best, look) => (far(look) < far(best) ? look : best), looks[0]));
}

/** Return the middle of a digit's box. */
export const middleOf = ({ box: [x, y, w, h] }) => [x + w / 2, y + h / 2];

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

export class Way {
  #root = document.getElementById("way-template").content.firstElementChild.cloneNode(true);
  #bars = [];
  #teach;

  /** `short` hides picture and ink, for drawings. `teach(label)` is called with the digit that was pressed. */
  constructor(place, teach, { short = false } = {}) {
    this.#root.classList.toggle("short", short);
    startRoving(this.#find(".correct"), { choose: false });
    this.#teach = teach;
    for (const name of DIGITS) this.#find(".correct").append(this.#number(name));
    for (const name of [...DIGITS, "none"]) this.#addBar(name);
    place.append(this.#root);
    this.clear();
  }

  /** The button "Why?". */
  get why() {
    return this.#find(".ask");
  }

  /** Whether its digits can be pressed to teach. Until this is set, their row keeps its room, so that nothing moves. */
  set teachable(can) {
    this.#root.classList.toggle("teachable", can);
    this.#root.classList.toggle("unteachable", !can);
    this.#enable();
  }

  get teachable() {
    return this.#root.classList.contains("teachable") && !this.#root.classList.contains("nothing");
  }

  /** Move the focus to the digit that is the stop of the Tab key. */
  focus() {
    this.#root.querySelector('.correct button[tabindex="0"]').focus();
  }

  /** Show a note about the digit, as texts or elements. Without arguments, show none. */
  note(...parts) {
    this.#find(".note").replaceChildren(...parts);
  }

  clear() {
    this.#root.classList.add("nothing");
    this.why.disabled = true;
    this.#find(".which").textContent = "How it is read";
    this.#find(".glyph img").src = NO_IMAGE;
    this.#find(".glyph img").alt = "";
    for (const canvas of this.#root.querySelectorAll("canvas")) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    this.#fill([]);
  }

  /** Show an entry of `lookedAt`, called `name`. `page` and `ink` are images of the whole picture, `size` its width and height. */
  show(look, name, { page, ink, size } = {}) {
    this.#root.classList.remove("nothing");
    this.why.disabled = false;
    this.#root.classList.toggle("refused", look.digit === undefined);
    this.#find(".which").textContent = `How ${name} was read`;
    const glyph = this.#find(".glyph img");
    glyph.src = `data:image/png;base64,${look.png}`;
    glyph.alt = `The ${look.digit === undefined ? "ink" : `digit ${look.digit}`} as the network sees it: 28 by 28 pixels, white on black`;
    if (page) crop(this.#find(".crop canvas"), page, look.box, size);
    if (ink) crop(this.#find(".ink canvas"), ink, look.box, size);
    this.#fill(look.probabilities, look.digit);
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #addBar(name) {
    const row = element("li", name === "none" ? "bar none" : "bar");
    const fill = element("span", "fill");
    const track = element("span", "track");
    track.append(fill);
    const share = element("span", "share");
    row.append(element("span", "name", name === "none" ? "other" : name), track, share);
    this.#bars.push({ row, fill, share });
    this.#find(".bars").append(row);
  }

  /** Return the button that teaches a digit. */
  #number(name) {
    const button = element("button", "", name);
    button.type = "button";
    button.setAttribute("aria-label", `It is a ${name}`);
    button.addEventListener("click", () => this.#teach(Number(name)));
    return button;
  }

  #enable() {
    const buttons = [...this.#root.querySelectorAll(".correct button")];
    for (const button of buttons) button.disabled = !this.teachable;
    if (buttons.every(({ tabIndex }) => tabIndex === 0)) rest(buttons, 0);
  }

  /** Fill the bars. The eleventh, for a non-digit, is only shown if no digit was read. */
  #fill(probabilities, digit) {
    this.#enable();
    this.#bars.forEach(({ row, fill, share }, at) => {
      const probability = probabilities[at];
      row.classList.toggle("top", at === digit);
      row.classList.toggle("absent", at === 10 && probability === undefined);
      fill.style.transform = `scaleX(${probability ?? 0})`;
      share.textContent = probability === undefined ? "" : percent(probability);
    });
  }
}

/** Draw the square around a digit's box from an image of the whole picture, which may have any size. */
function crop(canvas, image, [x, y, w, h], [width, height]) {
  const side = Math.max(w, h) * (1 + 2 * MARGIN);
  const [across, down] = [image.naturalWidth / width, image.naturalHeight / height];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  // An enlarged image shows its pixels.
  context.imageSmoothingEnabled = side * across > canvas.width;
  const [left, top] = [x + w / 2 - side / 2, y + h / 2 - side / 2];
  context.drawImage(image, left * across, top * down, side * across, side * down, 0, 0, canvas.width, canvas.height);
}
