/** Takes the place of the server: reads drawings in the browser, and gives the answers of `POST /api/read?steps=1`. */

import { cutOut, inkOf, joined, normalised, partsOf } from "./glyph.js";
import { Network } from "./network.js";
import { paintedGlyph } from "./pixels.js";
import { percent } from "./words.js";

const DIGITS = 10;

const network = new Network(JSON.parse(document.getElementById("network").textContent));

/** Return the reading of a drawing, a PNG. */
export async function read(picture) {
  const image = await createImageBitmap(picture);
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  return readDrawing(context.getImageData(0, 0, image.width, image.height));
}

/** Return the reading of an ImageData, black on white. */
export function readDrawing(image) {
  const ink = inkOf(image);
  const lines = partsOf(ink).map((line) => likeliest(line.map((part) => look(ink, part)), ink));
  const looks = lines.flatMap((line, at) => line.map((seen) => ({ ...seen, line: at })));
  return readingOf(looks);
}

/** Return what the network sees in a part of a drawing. */
function look(ink, part) {
  const glyph = normalised(cutOut(ink, part));
  const probabilities = network.classify(glyph.data);
  return { part, box: part.box, glyph, probabilities, likely: Math.max(...probabilities.slice(0, DIGITS)) };
}

/** Return a line in which neighbours that are likelier one digit than two are one, as a 4 whose strokes do not touch. */
function likeliest(line, ink) {
  const kept = [];
  for (const next of line) {
    const last = kept.at(-1);
    const whole = last && touching(last.box, next.box) ? look(ink, joined(last.part, next.part)) : null;
    if (whole && whole.likely > Math.sqrt(last.likely * next.likely)) kept[kept.length - 1] = whole;
    else kept.push(next);
  }
  return kept;
}

/** Return whether two boxes are as close as the parts of a digit. The share is that of `inkread.layout.single_digit`. */
const touching = ([x, , w, h], [left, , width, height]) => left - x - w <= 0.12 * Math.max(w, h, width, height);

/** Return the reading of what was seen. Beside digits, what is none is left out, and told. */
function readingOf(looks) {
  const { no_digit: limit, min_confidence: least, text_power: power } = network.card;
  const legible = looks.filter(({ probabilities }) => probabilities[DIGITS] <= limit);
  const shown = legible.length ? legible : looks;
  const rows = [...new Set(legible.map(({ line }) => line))];
  const digits = legible.map(({ box, line, probabilities, likely }) => {
    const given = probabilities.slice(0, DIGITS).map((share) => share / (1 - probabilities[DIGITS]));
    const digit = given.indexOf(Math.max(...given));
    const confidence = given[digit] ** (legible.length > 1 ? power : 1);
    return { digit, confidence, probabilities: given, box, line: rows.indexOf(line), likely };
  });
  const texts = rows.map((_, at) => digits.filter(({ line }) => line === at).map(({ digit }) => digit).join(""));
  const confidence = digits.reduce((product, digit) => product * digit.confidence, 1);
  const minimum = least ** digits.length;
  const refused = !looks.length ? "blank" : !digits.length ? "no-digit" : confidence < minimum ? "unsure" : null;
  return {
    text: refused ? "" : texts.join("\n"),
    lines: refused ? [] : texts,
    confidence,
    refused: refused && { code: refused, message: refused === "unsure" ? unsure(digits, confidence, minimum) : "" },
    digits: refused ? [] : digits,
    signs: [],
    unread: looks.filter((seen) => !shown.includes(seen)).map(({ box }) => ({ box, reason: "drawing" })),
    steps: { glyphs: shown.map(({ box, glyph, probabilities }) => ({ box, probabilities, png: pngOf(glyph) })) },
  };
}

function unsure(digits, confidence, minimum) {
  const { probabilities } = digits.reduce((least, digit) => (digit.confidence < least.confidence ? digit : least));
  const [first, second] = probabilities.map((share, digit) => [share, digit]).sort(([one], [other]) => other - one);
  return `${first[1]} or ${second[1]}, but only ${percent(confidence)} sure; the minimum is ${percent(minimum)}`;
}

/** Return a glyph as PNG in base64. */
const pngOf = ({ width, data }) => paintedGlyph(Array.from({ length: width }, (_, row) => [...data.subarray(row * width, (row + 1) * width)])).toDataURL().split(",")[1];

/** Nothing is taught and explained without a server: these take the places of the two classes of the page. */
export class Teacher {
  listen() {}
}

export class Why {
  open() {}
  follow() {}
}
