/** The network: a chain of convolutions and one dense layer, and how its outputs become probabilities. */

const DIGITS = 10;

/**
 * Reads glyphs with the network that `serverless/static_page.py` takes out of the shipped model.
 *
 * layers: its layers in order, {maps, kernel: [height, width], stride, pad: [top, left, bottom, right]}, or {units} for
 *     the dense layer at its end.
 * weights: float16 in base64: of each layer the kernels, [map][input map][row][column], or [unit][input]; then one number
 *     to add for each map or unit.
 * card: `temperature`, and the thresholds of the model's card.
 */
export class Network {
  #layers = [];

  constructor({ layers, weights, card }) {
    this.card = card;
    const numbers = halves(weights);
    let [inputs, side, at] = [1, 28, 0];
    const next = (count) => numbers.subarray(at, (at += count));
    for (const { maps, kernel, stride, pad, units } of layers) {
      if (units) {
        this.#layers.push({ run: dense, weights: next(units * inputs * side * side), add: next(units) });
        continue;
      }
      const after = Math.floor((side + pad[0] + pad[2] - kernel[0]) / stride) + 1;
      this.#layers.push({ run: convolved, weights: next(maps * inputs * kernel[0] * kernel[1]), add: next(maps), inputs, side, after, size: kernel[0], stride, pad: pad[0] });
      [inputs, side] = [maps, after];
    }
  }

  /** Return the eleven probabilities of a glyph's 784 pixels: of the ten digits and, last, of a non-digit. */
  classify(glyph) {
    const outputs = softmax(this.#layers.reduce((values, layer) => layer.run(values, layer), glyph));
    const nonDigit = outputs[DIGITS];
    const logits = outputs.slice(0, DIGITS).map((share) => Math.log(Math.max(share / (1 - nonDigit || 1e-30), 1e-30)) / this.card.temperature);
    return [...softmax(logits).map((share) => share * (1 - nonDigit)), nonDigit];
  }
}

/** Return a convolution followed by ReLU. A map is `side` pixels wide and high before it, and `after` behind it. */
function convolved(values, layer) {
  const { weights, add, after } = layer;
  const result = new Float32Array(add.length * after * after);
  const patch = new Float32Array(weights.length / add.length);
  for (let at = 0; at < after * after; at++) {
    cutPatch(patch, values, at % after, Math.floor(at / after), layer);
    for (let map = 0; map < add.length; map++) {
      let sum = add[map];
      for (let from = map * patch.length, step = 0; step < patch.length; step++) sum += weights[from + step] * patch[step];
      result[map * after * after + at] = Math.max(0, sum);
    }
  }
  return result;
}

/** Copy what a pixel of a convolution's result depends on, [input map][row][column]; it is 0 outside. */
function cutPatch(patch, values, x, y, { inputs, side, size, stride, pad }) {
  let at = 0;
  for (let input = 0; input < inputs; input++) {
    for (let row = y * stride - pad, last = row + size; row < last; row++) {
      for (let column = x * stride - pad, end = column + size; column < end; column++) {
        const inside = row >= 0 && row < side && column >= 0 && column < side;
        patch[at++] = inside ? values[(input * side + row) * side + column] : 0;
      }
    }
  }
}

function dense(values, { weights, add }) {
  return Float32Array.from(add, (sum, unit) => values.reduce((total, value, at) => total + value * weights[unit * values.length + at], sum));
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = [...logits].map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

/** Return the numbers of 16 bits in a base64 text. Few browsers have a Float16Array yet. */
function halves(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return Float32Array.from(new Uint16Array(bytes.buffer), (bits) => {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024);
    return bits >> 15 ? -size : size;
  });
}
