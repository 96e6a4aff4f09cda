/** The stage: shows the picture with a box around each digit, and an outline around each place that was not read. */

import { element } from "./answer.js";
import { rest, startRoving } from "./roving.js";
import { lookedAt } from "./way.js";
import { SURE, spoken, unreadName } from "./words.js";
import { Zoom } from "./zoom.js";

/** Pictures smaller than this are enlarged, and their pixels stay visible. */
const TINY = 160;

/** If most boxes are lower than this, in sizes of the usual text, tags would hide the writing and are not shown. */
const DENSE = 1;

export class Stage {
  #place;
  #frame;
  #choose;
  #told;
  #zoom;
  #boxes = [];
  #preview = "";
  // Whether a box had the focus before it was replaced.
  #focused = false;

  /**
   * `choose(index, byHand)` is called with the index of the chosen box; `byHand` is true for a real click. `told(place)` is
   * called with the place that was not read and was clicked.
   */
  constructor(place, choose, told) {
    this.#place = place;
    this.#frame = place.querySelector(".frame");
    this.#choose = choose;
    this.#told = told;
    this.#zoom = new Zoom(place.querySelector(".window"), this.#frame);
    startRoving(this.#frame);
    new ResizeObserver(() => this.#thin()).observe(this.#frame);
  }

  clear() {
    this.#zoom.fit();
    this.#fill();
    this.#frame.hidden = true;
    this.#place.classList.add("vacant");
    this.#place.querySelector(".empty").hidden = false;
  }

  /** Show a file as the browser decodes it until it is read. If the browser cannot decode it, show `name`. */
  async preview(file, name) {
    const image = new Image();
    image.alt = name;
    this.#zoom.fit();
    this.#fill(image);
    image.src = this.#preview = URL.createObjectURL(file);
    try {
      await image.decode();
    } catch {
      if (image.isConnected) this.#fill(element("p", "nameless", name));
    }
  }

  /** Show the upright picture of a reading with its boxes. `image` is that picture, decoded. */
  show(reading, image) {
    const [width, height] = reading.steps.size;
    const boxes = lookedAt(reading).map((look, index) => this.#box(look, index, width, height));
    const outlines = reading.unread.map((place) => this.#outline(place, width, height));
    image.alt = reading.text ? `The picture, with the text ${reading.text.replaceAll("\n", ", ")}` : "The picture";
    image.classList.toggle("tiny", Math.max(width, height) < TINY);
    // Digits come last, so that they are on top and can be clicked.
    this.#fill(image, ...outlines, ...boxes);
    this.#boxes = boxes;
    this.#thin();
  }

  /** Mark the chosen box. */
  mark(index) {
    this.#boxes.forEach((box, at) => {
      box.classList.toggle("chosen", at === index);
      box.setAttribute("aria-pressed", at === index);
    });
    rest(this.#boxes, index);
    if (this.#focused) this.#boxes[index]?.focus({ preventScroll: true });
    this.#focused = false;
    if (this.#boxes[index]) this.#zoom.reveal(this.#boxes[index]);
  }

  #thin() {
    const heights = this.#boxes.map((box) => box.offsetHeight).sort((a, b) => a - b);
    const size = parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#frame.classList.toggle("dense", heights[heights.length >> 1] < DENSE * size);
  }

  #box(look, index, width, height) {
    const box = element("button", "box");
    box.type = "button";
    box.classList.toggle("unsure", !(look.confidence >= SURE));
    box.setAttribute("aria-label", spoken(look));
    put(box, look.box, width, height);
    if (look.digit !== undefined) box.append(element("span", "tag", `${look.digit}${look.confidence < SURE ? "?" : ""}`));
    box.append(element("span", "corner"));
    box.addEventListener("click", ({ isTrusted }) => this.#choose(index, isTrusted));
    return box;
  }

  /** Return the outline of a place that was not read. Its title says why; the list below the text says it to screen readers. */
  #outline(place, width, height) {
    const made = element("span", "unread");
    made.title = unreadName(place);
    made.ariaHidden = "true";
    made.addEventListener("click", () => this.#told(place));
    put(made, place.box, width, height);
    return made;
  }

  #fill(...parts) {
    URL.revokeObjectURL(this.#preview);
    this.#focused ||= this.#frame.contains(document.activeElement);
    this.#boxes = [];
    this.#frame.replaceChildren(...parts);
    this.#frame.hidden = false;
    this.#place.classList.remove("vacant");
    this.#place.querySelector(".empty").hidden = true;
  }
}

/** Put an element at a box of the picture, which has this width and height. */
function put(made, [x, y, w, h], width, height) {
  const share = (part, whole) => `${(100 * part) / whole}%`;
  Object.assign(made.style, { left: share(x, width), top: share(y, height), width: share(w, width), height: share(h, height) });
}
