/** The list of pictures, one row each. It is shown if there are several. */

import { element } from "./answer.js";
import { rest, startRoving } from "./roving.js";
import { count, failure, percent, refusal } from "./words.js";

const find = (id) => document.getElementById(id);

export class Pile {
  #choose;
  #rows = new Map();
  #place = find("pile");
  #body = find("rows");

  /** `choose(item)` is called with the chosen picture. */
  constructor(choose) {
    this.#choose = choose;
    startRoving(this.#body);
  }

  /** Show all items and mark the chosen one. */
  show(items, chosen) {
    this.#place.hidden = items.length < 2;
    for (const [item, row] of this.#rows) if (!items.includes(item)) this.#drop(item, row);
    for (const [at, item] of items.entries()) {
      if (!this.#rows.has(item)) this.#add(item, at);
      this.#fill(item);
      this.#rows.get(item).classList.toggle("chosen", item === chosen);
      this.#rows.get(item).querySelector("button").setAttribute("aria-pressed", item === chosen);
    }
    rest([...this.#body.querySelectorAll("button")], items.indexOf(chosen));
    if (chosen) bringToView(this.#rows.get(chosen));
    this.#advance(items);
  }

  /** Show the result of one item, and items that came with it. */
  update(item, items, chosen) {
    if (items.length !== this.#rows.size) return this.show(items, chosen);
    this.#fill(item);
    this.#advance(items);
  }

  #advance(items) {
    const done = items.filter(({ reading, problem }) => reading || problem);
    const unread = done.filter(({ reading }) => !reading?.text).length;
    find("count").textContent = count(items.length, "picture") + (unread ? `, ${unread} not read` : "");
    Object.assign(find("progress"), { max: items.length, value: done.length });
    find("progress").classList.toggle("idle", done.length === items.length);
    for (const id of ["all-csv", "all-json"]) find(id).disabled = done.length < items.length;
  }

  #fill(item) {
    const [name, text, sure] = this.#rows.get(item).cells;
    name.firstChild.textContent = item.name;
    text.textContent = rowText(item);
    text.className = item.reading?.text ? "" : "why";
    sure.textContent = item.reading?.text ? percent(item.reading.confidence) : "";
  }

  #drop(item, row) {
    row.remove();
    this.#rows.delete(item);
  }

  #add(item, at) {
    const row = document.createElement("tr");
    const name = element("th");
    name.scope = "row";
    const button = element("button");
    button.type = "button";
    row.addEventListener("click", () => this.#choose(item));
    name.append(button);
    row.append(name, element("td"), element("td", "number"));
    this.#rows.set(item, row);
    this.#body.insertBefore(row, this.#body.rows[at] ?? null);
  }
}

/** Scroll the list, and not the page, until a row is visible. */
function bringToView(row) {
  const list = row.closest(".rows");
  const head = row.closest("table").tHead.offsetHeight;
  const [highest, lowest] = [row.offsetTop + row.offsetHeight - list.clientHeight, row.offsetTop - head];
  list.scrollTop = Math.min(lowest, Math.max(highest, list.scrollTop));
}

/** Return the text of a picture's row: its lines joined as on the command line, or the first sentence of a failure. */
function rowText(item) {
  const { reading, problem } = item;
  if (problem) return failure(item).replace(/([.!?]) .*/s, "$1");
  if (!reading) return "…";
  return reading.refused ? refusal(reading.refused).title : reading.lines.join(" | ");
}
