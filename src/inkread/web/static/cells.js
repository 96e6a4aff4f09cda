/** The tables of a reading, below its text. What is copied from them pastes into a spreadsheet as cells. */

import { element } from "./answer.js";
import { SURE } from "./words.js";

const MOST_DIGITS = 15;
const EMPTY = { text: "", rows: 1, columns: 1 };

/** The attributes of a cell whose text a spreadsheet must not change: the first is for Excel, the second for LibreOffice. */
const AS_TEXT = String.raw` style="mso-number-format:'\@'" sdnum="1033;0;@"`;

/** Shows tables in `place`. Cells that are selected there are copied as cells; without a selection, all of them. */
export class Tables {
  #place;
  // The cells of each table, and the cell that each <td> shows.
  #tables = [];
  #shown = new Map();

  constructor(place) {
    this.#place = place;
    place.addEventListener("copy", (event) => this.#copySelected(event));
  }

  /** Show the tables of a reading, if there are any. A row of boxes with one number is not shown as a table. */
  show(reading) {
    const tables = (reading?.tables ?? []).filter(({ cells }) => cells.length > 1);
    this.#tables = tables.map(({ cells }) => cells.map((cell) => described(cell, reading)));
    this.#shown.clear();
    this.#place.replaceChildren(...this.#tables.map((cells) => this.#table(cells)));
    this.#place.hidden = !tables.length;
  }

  /** All tables as contents of the clipboard, by type; null if there are none. */
  get contents() {
    return this.#tables.length ? contentsOf(this.#tables) : null;
  }

  #table(cells) {
    const table = element("table", "cells");
    for (const row of gridOf(cells)) {
      const line = table.insertRow();
      for (const cell of row) if (cell) line.append(this.#cell(cell));
    }
    return table;
  }

  #cell(cell) {
    const shown = element("td", cell.state === "unread" ? "missed" : cell.unsure ? "unsure" : "", cell.state === "unread" ? "?" : cell.text);
    [shown.rowSpan, shown.colSpan] = [cell.rows, cell.columns];
    if (cell.state === "unread") shown.title = "not read: unsure";
    this.#shown.set(shown, cell);
    return shown;
  }

  #copySelected(event) {
    const selection = getSelection();
    const chosen = new Set();
    for (const [place, cell] of this.#shown) if (selection.isCollapsed || selection.containsNode(place, true)) chosen.add(cell);
    // A part of one cell is a text.
    if (chosen.size < 2) return;
    const tables = this.#tables.map((cells) => cells.filter((cell) => chosen.has(cell)));
    const contents = contentsOf(tables.filter((cells) => cells.length));
    for (const [type, content] of Object.entries(contents)) event.clipboardData.setData(type, content);
    event.preventDefault();
  }
}

function described({ row, column, rows, columns, state, numbers }, reading) {
  const found = numbers.map((index) => reading.numbers[index]);
  const text = found.map((number) => number.text).join(" ");
  const kept = found.length > 1 || found.some(isChanged);
  return { row, column, rows, columns, state, text, kept, unsure: found.some(({ confidence }) => confidence < SURE) };
}

/** Return whether a spreadsheet would change a text: leading zeros, many digits, dates, sums. */
function isChanged({ text, kind, value }) {
  const number = value !== null && ["integer", "decimal", "percent"].includes(kind);
  return !number || /^[-+]?0\d/.test(text) || text.replaceAll(/\D/g, "").length > MOST_DIGITS;
}

/** Return the smallest grid around some cells of a table, as rows of cells. Null stands where a cell spans. */
function gridOf(cells) {
  const [top, left] = ["row", "column"].map((side) => Math.min(...cells.map((cell) => cell[side])));
  const height = Math.max(...cells.map(({ row, rows }) => row + rows)) - top;
  const width = Math.max(...cells.map(({ column, columns }) => column + columns)) - left;
  const grid = Array.from({ length: height }, () => Array(width).fill(EMPTY));
  for (const cell of cells) {
    for (let row = 0; row < cell.rows; row++) grid[cell.row - top + row].fill(null, cell.column - left, cell.column - left + cell.columns);
    grid[cell.row - top][cell.column - left] = cell;
  }
  return grid;
}

/** Return tables as contents of the clipboard: text with tabs, tables parted by an empty line, and HTML. */
function contentsOf(tables) {
  const grids = tables.map(gridOf);
  const lines = (grid) => grid.map((row) => row.map((cell) => cell?.text ?? "").join("\t")).join("\n");
  return { "text/plain": grids.map(lines).join("\n\n"), "text/html": `<meta charset="utf-8">${grids.map(html).join("<br>")}` };
}

/** Return a grid as HTML. The texts have only digits and signs, none of which HTML gives a meaning. */
function html(grid) {
  const span = ({ rows, columns }) => `${rows > 1 ? ` rowspan="${rows}"` : ""}${columns > 1 ? ` colspan="${columns}"` : ""}`;
  const cells = (row) => row.filter(Boolean).map((cell) => `<td${span(cell)}${cell.kept ? AS_TEXT : ""}>${cell.text}</td>`);
  return `<table>${grid.map((row) => `<tr>${cells(row).join("")}</tr>`).join("")}</table>`;
}
