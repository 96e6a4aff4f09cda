/** The way of one digit: from the picture to its ink, to what the network sees, to ten probabilities. */

import { element } from "./answer.js";
import { percent } from "./words.js";

const NO_IMAGE = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="; // one clear pixel
const MARGIN = 0.25; // of the digit's longer side, shown around it

/** One entry for each digit of a reading, or for what was looked at and refused: what was read, and its glyph. */
export function lookedAt(reading) {
  return reading.steps.glyphs.map((glyph, index) => ({ ...glyph, ...reading.digits[index] }));
}

export class Way {
  #root = document.getElementById("way-template").content.firstElementChild.cloneNode(true);
  #bars = [];

  /** `short` leaves out picture and ink, where they say nothing new. */
  constructor(place, { short = false } = {}) {
    this.#root.classList.toggle("short", short);
    for (const name of ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "none"]) this.#addBar(name);
    place.append(this.#root);
    this.clear();
  }

  clear() {
    this.#root.classList.add("nothing");
    this.#find(".which").textContent = "How it is read";
    this.#find(".glyph img").src = NO_IMAGE;
    this.#find(".glyph img").alt = "";
    for (const canvas of this.#root.querySelectorAll("canvas")) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    this.#fill([]);
  }

  /** Show one of `lookedAt`, called `name`; `page` and `ink` are images of the whole picture, `size` its width and height in pixels. */
  show(look, name, { page, ink, size } = {}) {
    this.#root.classList.remove("nothing");
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
    row.append(element("span", "name", name), track, share);
    this.#bars.push({ row, fill, share });
    this.#find(".bars").append(row);
  }

  /** Fill the bars; the eleventh, "none", only says something where no digit was read. */
  #fill(probabilities, digit) {
    this.#bars.forEach(({ row, fill, share }, at) => {
      const probability = probabilities[at];
      row.classList.toggle("top", at === digit);
      row.classList.toggle("absent", at === 10 && probability === undefined);
      fill.style.transform = `scaleX(${probability ?? 0})`;
      share.textContent = probability === undefined ? "" : percent(probability);
    });
  }
}

/** Draw a square around a digit's box from an image of the whole picture, of whatever size. */
function crop(canvas, image, [x, y, w, h], [width, height]) {
  const side = Math.max(w, h) * (1 + 2 * MARGIN);
  const [across, down] = [image.naturalWidth / width, image.naturalHeight / height];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = side * across > canvas.width; // enlarged, pixels are shown as they are
  const [left, top] = [x + w / 2 - side / 2, y + h / 2 - side / 2];
  context.drawImage(image, left * across, top * down, side * across, side * down, 0, 0, canvas.width, canvas.height);
}
