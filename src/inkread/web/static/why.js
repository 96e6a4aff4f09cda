/** Why a digit was read the way it was: the pixels that decide, the smallest change, and the maps of every layer. */

import { element } from "./answer.js";
import { explain } from "./api.js";
import { Follower } from "./follow.js";
import { decoded, paintedChange, paintedEvidence, paintedGlyph, tinted } from "./pixels.js";
import { count, percent } from "./words.js";

/** The number of maps of a layer that are shown at first. */
const SHOWN = 16;

/** The number of values in a line of a strip. */
const ACROSS = 128;

/** The panel of one section, opened and closed by the button "Why?". */
export class Why {
  #root = document.getElementById("why-template").content.firstElementChild.cloneNode(true);
  #button;
  #ask;
  #say;
  #asked = null;
  #follower = new Follower((signal) => this.#explained(signal), (found, problem) => this.#told(found, problem));

  /** `ask()` returns the selected digit, {picture, name, as, index}, or null. */
  constructor(place, button, ask, say) {
    this.#button = button;
    this.#ask = ask;
    this.#say = say;
    this.#root.id = `${place.id}-why`;
    button.setAttribute("aria-controls", this.#root.id);
    button.addEventListener("click", () => (this.#root.hidden ? this.open() : this.close()));
    place.append(this.#root);
  }

  /** Open the panel and explain the selected digit. */
  open() {
    this.#root.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.follow();
    this.#find(".said").scrollIntoView({ block: "nearest" });
  }

  close() {
    this.#root.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
    this.#follower.stop();
    this.#asked = null;
  }

  /** If the panel is open, explain the selected digit. */
  follow() {
    if (this.#root.hidden) return;
    const asked = this.#ask();
    if (!asked) return this.#rest("There is no digit to explain.");
    if (asked.picture === this.#asked?.picture && asked.page === this.#asked.page && asked.index === this.#asked.index && asked.as === this.#asked.as) return;
    this.#asked = asked;
    this.#root.setAttribute("aria-busy", "true");
    this.#follower.changed(true);
  }

  /** Explain again, even if the digit is the same. */
  again() {
    this.#asked = null;
    this.follow();
  }

  #explained(signal) {
    return explain({ ...this.#asked, signal });
  }

  #rest(text) {
    this.#follower.stop();
    this.#asked = null;
    this.#root.removeAttribute("aria-busy");
    this.#find(".said").replaceChildren(text);
    this.#find(".told").hidden = this.#find(".layers").hidden = true;
  }

  async #told(found, problem) {
    if (problem) return this.#rest(problem.message);
    const asked = this.#asked;
    const layers = await Promise.all(found.layers.map((layer) => shownLayer(layer, found)));
    // Another digit may have been selected in the meantime.
    if (asked !== this.#asked) return;
    this.#root.removeAttribute("aria-busy");
    const said = sentences(found);
    this.#find(".said").replaceChildren(...said.map((text) => element("span", "", `${text} `)));
    this.#find(".figures").replaceChildren(...figures(found));
    this.#find(".told").hidden = false;
    this.#find(".layers").hidden = !layers.length;
    this.#find(".layers ul").replaceChildren(...layers);
    this.#say(said.join(" "));
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

/** Return sentences about the answer of the network, and whether taught digits change it. */
function sentences({ answer, read_as: readAs, runner_up: next }) {
  const said = [`The network reads ${named(answer)}. The runner-up is ${named(next)}.`];
  if (readAs !== answer) said.push(`With its surroundings and taught digits it is read as ${named(readAs)}. This explains the network alone.`);
  return said;
}

const named = (answer) => `${answer === "8" ? "an" : "a"} ${answer}`;

function figures({ glyph, answer, evidence, change, runner_up: next, probabilities }) {
  const pixels = [
    figure(paintedGlyph(glyph), "What the network sees", "28 × 28 pixels"),
    figure(paintedEvidence(evidence.ink, glyph), `Ink for ${answer}`, `if erased, ${fall(evidence.ink)}`),
    figure(paintedEvidence(evidence.paper, glyph), `Paper for ${answer}`, `if filled, ${fall(evidence.paper)}`),
  ];
  const would = change
    ? figure(paintedChange(glyph, change.glyph), `To be read as ${next}`, `${change.words}: ${percent(change.probability)}`)
    : figure(paintedGlyph(glyph), `To be read as ${next}`, "more than a few dots of ink would have to change");
  would.classList.toggle("impossible", !change);
  return [...pixels, would];
}

function figure(canvas, title, detail) {
  const made = element("figure", "look");
  const caption = element("figcaption");
  caption.append(element("strong", "", title), " ", detail);
  // The caption already says what it shows.
  canvas.setAttribute("aria-hidden", "true");
  made.append(canvas, caption);
  return made;
}

/** Return how far the odds of the answer fall at the strongest pixel, in words. */
function fall(values) {
  const times = Math.exp(Math.min(20, Math.max(0, ...values.flat())));
  if (times < 1.05) return "hardly anything changes";
  if (times > 1e6) return "the odds fall to under 1/1,000,000";
  return `the odds fall to 1/${times >= 10 ? Math.round(times).toLocaleString("en") : times.toFixed(1)}`;
}

/** Return a layer's name and shape, with its maps or its numbers. */
async function shownLayer(layer, found) {
  const shown = element("li", "layer");
  const head = element("p", "layer-name");
  head.append(element("strong", "", [layer.kind, layer.window.join(" × ")].join(" ").trim()), " ", shapeOf(layer, found));
  shown.append(head);
  if (layer.values) shown.append(classes(layer));
  else if (layer.largest) shown.append(...(await maps(layer, head.textContent)));
  else shown.append(await strip(layer));
  return shown;
}

function shapeOf({ kind, shape: [first, ...sides], values }, { probability }) {
  if (sides.length) return `${first} maps of ${sides.join(" × ")}`;
  const tempered = kind === "softmax" && Math.abs(Math.max(...values) - probability) > 0.0005;
  return `${first.toLocaleString("en")} numbers${tempered ? ", before calibration" : ""}`;
}

/** Return a layer's maps, the largest response first, and the button that shows the rest. */
async function maps({ largest, png, shape: [all, height, width] }, name) {
  const image = await decoded(`image/png;base64,${png}`);
  const list = element("ol", "maps");
  list.setAttribute("aria-label", `${name}, the largest responses first`);
  const add = (from, to) => largest.slice(from, to).forEach((number, at) => {
    const item = element("li");
    item.append(tinted(image, [0, (from + at) * height, width, height]), element("span", "", number));
    list.append(item);
  });
  add(0, SHOWN);
  if (all <= SHOWN) return [list];
  const more = element("button", "quiet", `Show all ${all}`);
  more.type = "button";
  more.addEventListener("click", () => {
    add(SHOWN);
    more.remove();
    list.tabIndex = -1;
    list.focus();
  });
  return [list, more];
}

async function strip({ png, shape: [numbers] }) {
  const image = await decoded(`image/png;base64,${png}`);
  const canvas = tinted(image, [0, 0, numbers, 1], Math.min(numbers, ACROSS));
  canvas.className = "strip";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${count(numbers, "number")} as a strip; white is the largest`);
  return canvas;
}

/** Return the numbers of a layer that has one for each class. */
function classes({ kind, values }) {
  const list = element("ol", "classes");
  const most = Math.max(...values);
  values.forEach((value, at) => {
    const item = element("li", value === most ? "top" : "");
    item.append(element("span", "", at === 10 ? "other" : at), " ", kind === "softmax" ? percent(value) : value.toFixed(1));
    list.append(item);
  });
  return list;
}
