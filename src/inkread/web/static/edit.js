/** Boxes by hand: they are added, moved, made larger, merged, split and deleted, and the text follows. */

/** Movements of the mouse shorter than this, in pixels of the screen, are clicks. */
const CLICK = 4;

/** The smallest box, in pixels of the picture. */
const SMALLEST = 3;

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const find = (id) => document.getElementById(id);

export class Editor {
  #place;
  #frame;
  #ask;
  #change;
  #drag = null;

  /**
   * `ask()` returns {boxes, index, size} of the picture that is shown: its boxes, the index of the chosen one, and the
   * width and height of the picture; or null. `change(boxes, near)` is called with new boxes and the box to choose.
   */
  constructor(place, { ask, change, undo, reset }) {
    this.#place = place;
    this.#frame = place.querySelector(".frame");
    this.#ask = ask;
    this.#change = change;
    const on = (id, act) => find(id).addEventListener("click", act);
    on("edit", () => this.toggle());
    on("box-merge", () => this.#merge());
    on("box-split", () => this.#split());
    on("box-delete", () => this.#delete());
    on("box-undo", undo);
    on("box-reset", reset);
    this.#frame.addEventListener("pointerdown", (event) => this.#begin(event));
    this.#frame.addEventListener("pointermove", (event) => this.#follow(event));
    this.#frame.addEventListener("pointerup", (event) => this.#end(event));
    this.#frame.addEventListener("pointercancel", () => this.#stop());
    // A box that was dragged was not clicked. This comes before the listener of the box.
    this.#frame.addEventListener("click", (event) => {
      if (this.#drag?.moved) event.stopPropagation();
      this.#drag = null;
    }, { capture: true });
    this.#frame.addEventListener("keydown", (event) => this.#key(event), { capture: true });
  }

  get on() {
    return this.#place.classList.contains("editing");
  }

  /** Start or end editing. */
  toggle(on = !this.on) {
    this.#place.classList.toggle("editing", on);
    find("edit").setAttribute("aria-pressed", on);
    find("edit-tools").hidden = !on;
  }

  /** Say which edits are possible. `edited` tells whether boxes were changed. */
  enable(edited) {
    const { boxes, index } = this.#asked();
    find("box-delete").disabled = find("box-split").disabled = !boxes[index];
    find("box-merge").disabled = !boxes[index] || boxes.length < 2;
    find("box-undo").disabled = find("box-reset").disabled = !edited;
  }

  #asked() {
    return this.#ask() ?? { boxes: [], index: -1 };
  }

  #merge() {
    const { boxes, index } = this.#asked();
    if (!boxes[index] || boxes.length < 2) return;
    const [one, other] = index + 1 < boxes.length ? [index, index + 1] : [index - 1, index];
    const whole = hull(boxes[one], boxes[other]);
    this.#change([...boxes.slice(0, one), whole, ...boxes.slice(other + 1)], whole);
  }

  #split() {
    const { boxes, index } = this.#asked();
    if (!boxes[index]) return;
    const [x, y, w, h] = boxes[index];
    const half = Math.max(1, Math.round(w / 2));
    const parts = [[x, y, half, h], [x + half, y, Math.max(1, w - half), h]];
    this.#change([...boxes.slice(0, index), ...parts, ...boxes.slice(index + 1)], parts[0]);
  }

  #delete({ boxes, index } = this.#asked()) {
    if (!boxes[index]) return;
    const rest = boxes.filter((_, at) => at !== index);
    this.#change(rest, rest[Math.min(index, rest.length - 1)]);
  }

  /** Ctrl and arrows move the box with the focus, Shift and arrows move its right lower corner, Delete deletes it. */
  #key(event) {
    const box = this.on ? event.target.closest(".box") : null;
    if (!box) return;
    const asked = { ...this.#asked(), index: this.#indexOf(box) };
    if (!asked.boxes[asked.index]) return;
    const [x, y, w, h] = asked.boxes[asked.index];
    const [across, down] = MOVES[event.key] ?? [0, 0];
    // Large pictures need longer steps.
    const step = Math.max(1, Math.round(asked.size[0] / 400));
    if (event.key === "Delete") this.#delete(asked);
    else if (MOVES[event.key] && event.ctrlKey) this.#replace(asked, [x + step * across, y + step * down, w, h]);
    else if (MOVES[event.key] && event.shiftKey) this.#replace(asked, [x, y, w + step * across, h + step * down]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #indexOf(box) {
    return [...this.#frame.querySelectorAll(".box")].indexOf(box);
  }

  #replace({ boxes, index, size }, box) {
    const fitting = inside(box, size);
    this.#change(boxes.map((old, at) => (at === index ? fitting : old)), fitting);
  }

  /** Begin to draw a new box, to move a box, or to move its corner. */
  #begin(event) {
    const asked = this.on && !event.button && this.#ask();
    if (!asked) return;
    const element = event.target.closest(".box");
    const index = this.#indexOf(element);
    if (index < 0) event.preventDefault();
    this.#drag = { asked, index, corner: Boolean(event.target.closest(".corner")), from: this.#point(event, asked.size), at: [event.clientX, event.clientY], moved: false };
    this.#frame.setPointerCapture(event.pointerId);
  }

  #follow(event) {
    const drag = this.#drag;
    if (!drag || !this.#frame.hasPointerCapture(event.pointerId)) return;
    drag.moved ||= Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) >= CLICK;
    if (!drag.moved) return;
    drag.box = this.#dragged(event);
    this.#draft(drag.box, drag.asked.size);
  }

  #end(event) {
    const drag = this.#drag;
    if (!drag || !this.#frame.hasPointerCapture(event.pointerId)) return;
    this.#frame.releasePointerCapture(event.pointerId);
    this.#draft(null);
    if (!drag.moved) {
      // The captured pointer has kept the click from the box.
      if (drag.index >= 0) this.#frame.querySelectorAll(".box")[drag.index].click();
      this.#drag = null;
      return;
    }
    const { boxes } = drag.asked;
    if (drag.index >= 0) this.#replace({ ...drag.asked, index: drag.index }, drag.box);
    else if (Math.min(...drag.box.slice(2)) >= SMALLEST) this.#change([...boxes, drag.box], drag.box);
  }

  #stop() {
    this.#drag = null;
    this.#draft(null);
  }

  /** Return the box that a drag makes. */
  #dragged(event) {
    const { asked: { boxes, size }, index, corner, from: [x, y] } = this.#drag;
    const [right, bottom] = this.#point(event, size);
    if (index < 0) return inside(hull([x, y, 0, 0], [right, bottom, 0, 0]), size);
    const [left, top, w, h] = boxes[index];
    const [across, down] = [right - x, bottom - y];
    return inside(corner ? [left, top, w + across, h + down] : [left + across, top + down, w, h], size);
  }

  /** Return where the pointer is, in pixels of the picture. */
  #point({ clientX, clientY }, [width, height]) {
    const { left, top, width: across, height: down } = this.#frame.getBoundingClientRect();
    return [Math.round(((clientX - left) * width) / across), Math.round(((clientY - top) * height) / down)];
  }

  /** Show the box that a drag makes; null for none. */
  #draft(box, [width, height] = [1, 1]) {
    this.#frame.querySelector(".draft")?.remove();
    if (!box) return;
    const made = document.createElement("span");
    made.className = "draft";
    const [left, top, w, h] = [box[0] / width, box[1] / height, box[2] / width, box[3] / height].map((share) => `${100 * share}%`);
    Object.assign(made.style, { left, top, width: w, height: h });
    this.#frame.append(made);
  }
}

/** Return the smallest box around two boxes. */
function hull([x, y, w, h], [left, top, width, height]) {
  const [from, to] = [[Math.min(x, left), Math.min(y, top)], [Math.max(x + w, left + width), Math.max(y + h, top + height)]];
  return [...from, to[0] - from[0], to[1] - from[1]];
}

/** Return a box after moving it into a picture, where it has an area. */
function inside([x, y, w, h], [width, height]) {
  const [across, down] = [Math.min(width, Math.max(1, w)), Math.min(height, Math.max(1, h))];
  return [Math.min(width - across, Math.max(0, x)), Math.min(height - down, Math.max(0, y)), across, down];
}
