/** Decodes images from the server, and paints maps of numbers in colours. */

const INK_FOR = [11, 114, 133];
const INK_AGAINST = [217, 72, 15];
const TAKEN = [159, 211, 220];

/** Return the decoded image of a data URL, given without its scheme. */
export async function decoded(data) {
  const image = new Image();
  image.src = `data:${data}`;
  await image.decode();
  return image;
}

/** Return a canvas with a map of numbers, [row][column]. `colour(value, at)` gives the colour, [r, g, b] from 0 to 255. */
export function painted(rows, colour) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [rows[0].length, rows.length];
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, at) => image.data.set([...colour(value, at), 255], 4 * at));
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Return a glyph, white on black. */
export const paintedGlyph = (glyph) => painted(glyph, (ink) => Array(3).fill(255 * ink));

/** Return the pixels that support or contradict an answer over the faint glyph. The strongest pixel is the darkest. */
export function paintedEvidence(values, glyph) {
  const most = Math.max(1e-6, ...values.flat().map(Math.abs));
  const ink = glyph.flat();
  return painted(values, (value, at) => {
    const strength = Math.abs(value) / most;
    return (value > 0 ? INK_FOR : INK_AGAINST).map((tone) => tone * strength + (255 - 51 * ink[at]) * (1 - strength));
  });
}

/** Return a changed glyph, with added and erased ink in colours. */
export function paintedChange(before, after) {
  const old = before.flat();
  return painted(after, (now, at) => {
    const [added, taken] = [Math.max(now - old[at], 0), Math.max(old[at] - now, 0)];
    return [0, 1, 2].map((tone) => 255 - 255 * Math.min(now, old[at]) - added * (255 - INK_AGAINST[tone]) - taken * (255 - TAKEN[tone]));
  });
}

/** Return a part of a grey image, [x, y, width, height], tinted from black to teal to white, in lines of `across` pixels. */
export function tinted(image, [x, y, width, height], across = width) {
  const canvas = document.createElement("canvas");
  const lines = Math.ceil(width / across);
  [canvas.width, canvas.height] = [across, height * lines];
  const context = canvas.getContext("2d");
  for (let line = 0; line < lines; line++) {
    context.drawImage(image, x + line * across, y, across, height, 0, line * height, across, height);
  }
  // With "overlay", black stays black and white stays white.
  context.globalCompositeOperation = "overlay";
  context.fillStyle = "#22a6bd";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return canvas;
}
