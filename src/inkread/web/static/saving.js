/** Exports readings: text, JSON, CSV, and the picture with its boxes. */

import { lookedAt } from "./way.js";
import { SURE } from "./words.js";

const COLUMNS = ["picture", "page", "line", "row", "column", "field", "text", "value", "kind", "confidence", "x", "y", "w", "h", "refused", "error"];
const [CERTAIN, DOUBTFUL, UNREAD] = ["#087a90", "#a85400", "#6b737c"];

/** Return a picture's result as the object that the command line prints, without the steps. */
export function asObject({ name, reading, problem }) {
  if (problem) return { picture: name, error: { code: problem.code, message: problem.message } };
  const { steps: _, pages: __, ...rest } = reading;
  return { ...rest, picture: name };
}

/** Return the numbers of pictures as CSV, as the command line prints them. A picture without numbers has one row. */
export function numbersCsv(items) {
  return csv([COLUMNS, ...items.flatMap(numberRows)]);
}

function numberRows({ name, page, reading, problem }) {
  const alone = (refused, error) => [[name, problem ? "" : page, ...COLUMNS.slice(2, -2).map(() => ""), refused, error]];
  if (problem) return alone("", problem.code);
  if (reading.refused) return alone(reading.refused.code, "");
  const from1 = (place) => (place === null ? "" : place + 1);
  return reading.numbers.map(({ text, value, kind, confidence, box, line, row, column }) => [
    name, page, line + 1, from1(row), from1(column), "", text, value ?? "", kind, confidence, ...box, "", "",
  ]);
}

function csv(rows) {
  // A spreadsheet would see a formula in the name =cmd.png; an apostrophe in front makes it a text.
  const plain = (value) => (/^[=+\-@\t\r](?!\d[\d.,]*%?$)/.test(value) ? `'${value}` : String(value));
  const cell = (value) => (/[",\r\n]/.test(plain(value)) ? `"${plain(value).replaceAll('"', '""')}"` : plain(value));
  return `${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** Return a picture with its boxes drawn on it, as JPEG. */
export function annotated(reading, image) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const scale = canvas.width / reading.steps.size[0];
  const line = Math.max(1, Math.round(Math.hypot(canvas.width, canvas.height) / 500));
  for (const { box } of reading.unread) dash(context, box.map((side) => side * scale), line);
  for (const look of lookedAt(reading)) mark(context, look, look.box.map((side) => side * scale), line);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

/** Draw the outline of a place that was not read. */
function dash(context, [x, y, w, h], line) {
  context.strokeStyle = UNREAD;
  context.lineWidth = Math.max(1, 0.6 * line);
  context.setLineDash([2 * line, 2 * line]);
  context.strokeRect(x, y, w, h);
}

function mark(context, { digit, confidence }, [x, y, w, h], line) {
  const certain = confidence >= SURE;
  context.fillStyle = context.strokeStyle = certain ? CERTAIN : DOUBTFUL;
  context.lineWidth = line;
  context.setLineDash(certain ? [] : [3 * line, 2 * line]);
  context.strokeRect(x, y, w, h);
  if (digit === undefined) return;
  const tag = `${digit}${certain ? "" : "?"}`;
  const size = Math.max(9, Math.min(0.35 * h, 12 * line));
  context.font = `600 ${size}px sans-serif`;
  const width = context.measureText(tag).width + 0.5 * size;
  const top = Math.max(0, y - 1.2 * size);
  context.fillRect(x - line / 2, top, width, 1.2 * size);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(tag, x + 0.25 * size, top + 0.64 * size);
}

/** Let the browser download a file. */
export function download(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  // Some browsers start the download late.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Copy contents, {type: content} with one for "text/plain". The event works on all pages and keeps HTML as it is. The
 * clipboard API is only there for local pages and https, and removes from HTML what it does not know.
 */
export async function copy(contents) {
  const area = document.createElement("textarea");
  const focus = document.activeElement;
  const fill = (event) => {
    for (const [type, content] of Object.entries(contents)) event.clipboardData.setData(type, content);
    event.preventDefault();
  };
  // The command is only possible where something is selected.
  area.value = contents["text/plain"];
  area.className = "hidden";
  document.body.append(area);
  area.select();
  area.addEventListener("copy", fill);
  const done = document.execCommand("copy");
  area.remove();
  focus?.focus();
  if (done) return;
  const blobs = Object.entries(contents).map(([type, content]) => [type, new Blob([content], { type })]);
  try {
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
  } catch {
    throw new Error("The browser does not let this page copy.");
  }
}
