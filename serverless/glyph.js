/**
 * From a drawing to glyphs, as `inkread.ink`, `inkread.layout` and `inkread.glyphs` do it.
 *
 * A map is {width, height, data}, with a Float32Array of ink in 0..1, row by row. A drawing is black on white and its
 * strokes are wide, so ink is found without the steps that Python needs for paper, light and noise. The numbers
 * without a comment are explained in the Python modules.
 */

const SIDE = 28;
const INNER = 20;
const CENTRE = 14;
const STROKE = [2, 2.8];
const FINE = 4;
const FINEST = 16 * FINE;
const RIM = 2;

const SPECK = 6;
const CRUMB = 0.02;

/** Parts that overlap by this share of the narrower one, and are no further apart than the other of the height, are one digit. */
const OVERLAP = 0.5;
const APART = 0.25;

const mapOf = (width, height) => ({ width, height, data: new Float32Array(width * height) });

/** Return the ink of a drawing, an ImageData that is black on white: what `find_ink` gives for it. */
export function inkOf({ width, height, data }) {
  const depth = mapOf(width, height);
  for (let at = 0; at < width * height; at++) depth.data[at] = 1 - data[4 * at] / 255;
  const soft = blurred(blurred(depth, 1, 0), 0, 1);
  return filled(width, height, (x, y) => {
    const value = unit((soft.data[y * width + x] - 0.45) / 0.225 + 0.5);
    return value > 0.25 ? value : 0;
  });
}

/** Blur a map along one axis, with a standard deviation of 0.7. */
function blurred(map, dx, dy) {
  const kernel = [-3, -2, -1, 0, 1, 2, 3].map((step) => Math.exp((-step * step) / (2 * 0.7 ** 2)));
  const sum = kernel.reduce((total, weight) => total + weight);
  // The pixels outside mirror those inside.
  const inside = (at, length) => (at < 0 ? -at : at >= length ? 2 * length - 2 - at : at);
  return filled(map.width, map.height, (x, y) => {
    let value = 0;
    for (let step = -3; step <= 3; step++) {
      value += kernel[step + 3] * map.data[inside(y + step * dy, map.height) * map.width + inside(x + step * dx, map.width)];
    }
    return value / sum;
  });
}

/** Return the parts of a drawing in lines from left to right, [[{box, pieces}, ...], ...]; `cutOut` gives their ink. */
export function partsOf(ink) {
  const pieces = piecesOf(ink).filter(({ area }) => area >= SPECK);
  const largest = Math.max(...pieces.map(({ area }) => area));
  const parts = pieces.filter(({ area }) => area >= CRUMB * largest).map((piece) => ({ box: piece.box, pieces: [piece] }));
  for (let pair; (pair = firstPair(parts)); ) {
    const [one, other] = pair;
    parts.splice(parts.indexOf(other), 1);
    parts[parts.indexOf(one)] = joined(one, other);
  }
  return linesOf(parts);
}

/** Return two parts of a drawing as one. */
export function joined(one, other) {
  const [x, y] = [0, 1].map((axis) => Math.min(one.box[axis], other.box[axis]));
  const [right, bottom] = [0, 1].map((axis) => Math.max(one.box[axis] + one.box[axis + 2], other.box[axis] + other.box[axis + 2]));
  return { box: [x, y, right - x, bottom - y], pieces: [...one.pieces, ...other.pieces] };
}

function firstPair(parts) {
  for (const one of parts) {
    for (const other of parts) if (one !== other && stacked(one.box, other.box)) return [one, other];
  }
  return null;
}

/** Return whether two boxes are above each other, as the parts of a 5. */
function stacked([x, y, w, h], [left, top, width, height]) {
  const shared = Math.min(x + w, left + width) - Math.max(x, left);
  const gap = Math.max(y, top) - Math.min(y + h, top + height);
  return shared >= OVERLAP * Math.min(w, width) && gap <= APART * Math.max(h, height);
}

function linesOf(parts) {
  const lines = [];
  for (const part of parts.sort((one, other) => other.box[3] - one.box[3])) {
    const middle = part.box[1] + part.box[3] / 2;
    const line = lines.find(([{ box }]) => middle >= box[1] && middle <= box[1] + box[3]);
    if (line) line.push(part);
    else lines.push([part]);
  }
  for (const line of lines) line.sort((one, other) => one.box[0] - other.box[0]);
  return lines.sort(([one], [other]) => one.box[1] - other.box[1]);
}

/** Return the connected pieces of ink, {box, area, pixels}. Pixels that touch at a corner are connected. */
function piecesOf({ width, height, data }) {
  const seen = new Uint8Array(width * height);
  const pieces = [];
  for (let first = 0; first < data.length; first++) {
    if (data[first] <= 0.5 || seen[first]) continue;
    const pixels = [first];
    seen[first] = 1;
    for (const pixel of pixels) {
      for (const next of around(pixel, width, height)) {
        if (data[next] <= 0.5 || seen[next]) continue;
        seen[next] = 1;
        pixels.push(next);
      }
    }
    pieces.push({ box: boxOf(pixels, width), area: pixels.length, pixels });
  }
  return pieces;
}

/** Return a pixel and its neighbours. */
function* around(pixel, width, height) {
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) yield row * width + column;
  }
}

function boxOf(pixels, width) {
  let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
  for (const pixel of pixels) {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x + 1), Math.max(bottom, y + 1)];
  }
  return [left, top, right - left, bottom - top];
}

/** Return the ink of a part of a drawing, with its soft edge, but without other ink in its box. */
export function cutOut(ink, { box: [x, y, w, h], pieces }) {
  const cut = mapOf(w, h);
  for (const pixel of pieces.flatMap(({ pixels }) => pixels)) {
    for (const near of around(pixel, ink.width, ink.height)) {
      const [column, row] = [(near % ink.width) - x, Math.floor(near / ink.width) - y];
      if (column >= 0 && row >= 0 && column < w && row < h) cut.data[row * w + column] = ink.data[near];
    }
  }
  return cut;
}

/** Return the glyph of the ink of a digit, 28x28, by MNIST's conventions. */
export function normalised(ink) {
  const cropped = padded(ink, RIM);
  const factor = factorOf(cropped);
  const size = (side) => Math.max(1, rounded(side * factor));
  const resize = factor < 1 ? areaWeights : cubicWeights;
  const fine = resized(cropped, resize(cropped.width, size(cropped.width)), resize(cropped.height, size(cropped.height)));
  const most = fine.data.reduce((largest, value) => Math.max(largest, value), 0);
  if (most <= 0.5) fine.data.forEach((value, at) => (fine.data[at] = value / most));
  return placed(withStroke(fine, (factor * (Math.max(cropped.width, cropped.height) - 2 * RIM)) / INNER));
}

function factorOf(ink) {
  const scale = INNER / (Math.max(ink.width, ink.height) - 2 * RIM);
  return Math.max(scale * FINE, Math.min(1, 1.5 / strokeWidth(ink), scale * FINEST));
}

/**
 * Return the mean width of the strokes: twice the area divided by the length of the outline. The outline connects the
 * middles of the outer pixels, so each square of four pixels tells its length within it.
 */
export function strokeWidth({ width, height, data }) {
  const solid = (at) => (data[at] > 0.5 ? 1 : 0);
  let [area, outline] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      area += solid(at);
      if (x === width - 1 || y === height - 1) continue;
      const [one, two, three, four] = [solid(at), solid(at + 1), solid(at + width), solid(at + width + 1)];
      const count = one + two + three + four;
      if (count === 3) outline += Math.SQRT2;
      else if (count === 2) outline += one === four ? 2 * Math.SQRT2 : 1;
    }
  }
  return (2 * area) / Math.max(outline, 1);
}

/** Widen or narrow strokes to MNIST's, evenly on both sides. `pixels`: how many of them are a pixel of the glyph. */
function withStroke(fine, pixels) {
  const map = padded(fine, Math.floor(3 * pixels));
  const solid = map.data.map((value) => (value > 0.5 ? 1 : 0));
  const width = strokeWidth(map) / pixels;
  const wanted = Math.min(STROKE[1], Math.max(STROKE[0], width));
  let outwards = ((wanted - width) * (1 + wanted / INNER) * pixels) / 2;
  if (outwards < 0) {
    const inside = depthWithin(map, (at) => solid[at]);
    outwards = Math.min(0, Math.max(outwards, 0.2 * pixels - thinnest(map, inside)));
    map.data = inside.map((depth, at) => solid[at] * unit(depth + outwards + 0.5));
  } else if (outwards <= 0.5) map.data = solid;
  else map.data = depthWithin(map, (at) => !solid[at]).map((depth) => unit(outwards + 0.5 - depth));
  return map;
}

/** Return the distance of every pixel of a mask to the nearest pixel outside it: along columns, then along rows. */
function depthWithin({ width, height }, mask) {
  const far = width + height;
  const down = new Float64Array(width * height);
  for (let x = 0; x < width; x++) {
    for (let [y, depth] = [0, far]; y < height; y++) down[y * width + x] = depth = mask(y * width + x) ? depth + 1 : 0;
    for (let [y, depth] = [height - 1, far]; y >= 0; y--) {
      depth = mask(y * width + x) ? depth + 1 : 0;
      down[y * width + x] = Math.min(depth, down[y * width + x]);
    }
  }
  return filled(width, height, (x, y) => {
    let least = down[y * width + x] ** 2;
    for (let step = 1; step * step < least && step < width; step++) {
      if (x >= step) least = Math.min(least, step * step + down[y * width + x - step] ** 2);
      if (x + step < width) least = Math.min(least, step * step + down[y * width + x + step] ** 2);
    }
    return Math.round(Math.sqrt(least) * 1024) / 1024;
  }).data;
}

/** Return half the width of the thin parts of strokes: a tenth of the distances on their ridges are smaller. */
function thinnest({ width, height }, inside) {
  const ridge = [];
  inside.forEach((depth, at) => {
    if (depth > 0 && [...around(at, width, height)].every((near) => inside[near] <= depth)) ridge.push(depth);
  });
  ridge.sort((one, other) => one - other);
  const at = 0.1 * (ridge.length - 1);
  const [low, high] = [ridge[Math.floor(at)], ridge[Math.min(Math.floor(at) + 1, ridge.length - 1)]];
  return low + (high - low) * (at % 1);
}

/** Reduce ink to 20 pixels along its longer side, and put its centre of mass at the middle. */
function placed(fine) {
  const { width, data } = fine;
  const solid = [];
  let [mass, across, down] = [0, 0, 0];
  data.forEach((value, at) => {
    if (value > 0.5) solid.push(at);
    mass += value;
    across += value * (at % width);
    down += value * Math.floor(at / width);
  });
  const [, , w, h] = boxOf(solid, width);
  const scale = (INNER / Math.max(w, h)) * FINE;
  const centre = (CENTRE + 0.5) * FINE - 0.5;
  const samples = filled(SIDE * FINE, SIDE * FINE, (x, y) => between(fine, (x - centre) / scale + across / mass, (y - centre) / scale + down / mass));
  return filled(SIDE, SIDE, (x, y) => {
    let sum = 0;
    for (let row = FINE * y; row < FINE * (y + 1); row++) {
      for (let column = FINE * x; column < FINE * (x + 1); column++) sum += samples.data[row * samples.width + column];
    }
    return unit(sum / FINE ** 2);
  });
}

/** Return the value of a map between its pixels; 0 outside. */
function between({ width, height, data }, x, y) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const value = (column, row) => (column < 0 || row < 0 || column >= width || row >= height ? 0 : data[row * width + column]);
  const along = (row) => value(left, row) + (value(left + 1, row) - value(left, row)) * (x - left);
  return along(top) + (along(top + 1) - along(top)) * (y - top);
}

/** Resize a map. For each new column and row, the weights have the old ones that it is made of, [[index, weight], ...]. */
function resized(map, columns, rows) {
  const wide = filled(columns.length, map.height, (x, y) => columns[x].reduce((sum, [at, weight]) => sum + weight * map.data[y * map.width + at], 0));
  return filled(wide.width, rows.length, (x, y) => rows[y].reduce((sum, [at, weight]) => sum + weight * wide.data[at * wide.width + x], 0));
}

/** Return the weights that reduce `from` pixels to `to`: the share of each that is covered. */
function areaWeights(from, to) {
  return Array.from({ length: to }, (_, at) => {
    const [start, end] = [(at * from) / to, Math.min(from, ((at + 1) * from) / to)];
    const weights = [];
    for (let pixel = Math.floor(start); pixel < end - 1e-3; pixel++) {
      const covered = Math.min(pixel + 1, end) - Math.max(pixel, start);
      weights.push([pixel, covered / (end - start)]);
    }
    return weights;
  });
}

/** Return the weights that enlarge `from` pixels to `to` by cubic interpolation, as OpenCV does. */
function cubicWeights(from, to) {
  const bend = -0.75;
  return Array.from({ length: to }, (_, at) => {
    const place = ((at + 0.5) * from) / to - 0.5;
    const first = Math.floor(place);
    return [-1, 0, 1, 2].map((step) => {
      const far = Math.abs(place - first - step);
      const near = ((bend + 2) * far - (bend + 3)) * far * far + 1;
      const weight = far <= 1 ? near : bend * (((far - 5) * far + 8) * far - 4);
      return [Math.min(from - 1, Math.max(0, first + step)), weight];
    });
  });
}

function padded(map, rim) {
  const wide = mapOf(map.width + 2 * rim, map.height + 2 * rim);
  for (let y = 0; y < map.height; y++) wide.data.set(map.data.subarray(y * map.width, (y + 1) * map.width), (y + rim) * wide.width + rim);
  return wide;
}

/** Return a map of `value(x, y)`. */
function filled(width, height, value) {
  const map = mapOf(width, height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) map.data[y * width + x] = value(x, y);
  return map;
}

/** Round to the nearest whole number, and a half to the even one, as Python does. */
function rounded(value) {
  const whole = Math.round(value);
  return whole - value === 0.5 && whole % 2 ? whole - 1 : whole;
}

const unit = (value) => Math.min(1, Math.max(0, value));
