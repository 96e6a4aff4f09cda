/** The paper: its strokes, how they are painted on the screen, and the picture that is sent. */

/** The size of the paper in its units, which are also the pixels of the picture. It is large enough for the network. */
export const WIDTH = 400;
export const HEIGHT = 300;

/** Dispatches "change" after every change of the strokes. Its `detail` is true if the pen was lifted. */
export class Paper extends EventTarget {
  #screen;
  #sheet = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  #strokes = [];
  #cleared = [];
  #open = false;

  /** Thickness of new strokes. */
  nib = 14;

  constructor(canvas) {
    super();
    this.#screen = canvas.getContext("2d");
    Object.assign(this.#sheet.canvas, { width: WIDTH, height: HEIGHT });
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#repaint());
  }

  get empty() {
    return this.#strokes.length === 0;
  }

  get undoable() {
    return !this.empty || this.#cleared.length > 0;
  }

  /** The middle of the last stroke, [x, y] in units of the paper. */
  get last() {
    const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
    const stroke = this.#strokes.at(-1) ?? [];
    return [middle(stroke.map(({ x }) => x)), middle(stroke.map(({ y }) => y))];
  }

  /** Put the pen down at a point. `press` is the pressure, usually 1. */
  begin(x, y, press = 1) {
    this.#strokes.push([{ x, y, w: this.nib * press }]);
    this.#open = true;
    dotTo(this.#ink(this.#screen), this.#strokes.at(-1));
    this.#changed(false);
  }

  /** Continue the stroke to more points, [[x, y, press], ...]. */
  extend(points) {
    if (!this.#open || !points.length) return;
    const stroke = this.#strokes.at(-1);
    const from = stroke.length - 1;
    for (const [x, y, press = 1] of points) stroke.push({ x, y, w: this.nib * press });
    curve(this.#ink(this.#screen), stroke, from);
    this.#changed(false);
  }

  /** Lift the pen. */
  end() {
    if (!this.#open) return;
    this.#open = false;
    dotTo(this.#ink(this.#screen), this.#strokes.at(-1));
    this.#cleared = [];
    this.#changed(true);
  }

  /** Undo the last stroke, or the last clearing. */
  undo() {
    if (!this.undoable) return;
    this.#open = false;
    if (this.empty) [this.#strokes, this.#cleared] = [this.#cleared, []];
    else this.#strokes.pop();
    this.#repaint();
    this.#changed(true);
  }

  clear() {
    if (this.empty) return;
    this.#open = false;
    [this.#strokes, this.#cleared] = [[], this.#strokes];
    this.#repaint();
    this.#changed(true);
  }

  /** Return the drawing as PNG, always black on white. */
  picture() {
    const sheet = this.#sheet;
    sheet.fillStyle = "#fff";
    sheet.fillRect(0, 0, WIDTH, HEIGHT);
    sheet.strokeStyle = "#000";
    for (const stroke of this.#strokes) paint(sheet, stroke);
    // `toBlob` waits until the browser is idle, which it is not while the pen moves. `toDataURL` takes 4 ms at once.
    const data = sheet.canvas.toDataURL("image/png").split(",")[1];
    return new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type: "image/png" });
  }

  #changed(lifted) {
    this.dispatchEvent(new CustomEvent("change", { detail: lifted }));
  }

  /** Set the current colour of the ink on a context, and return it. */
  #ink(context) {
    context.strokeStyle = getComputedStyle(context.canvas).color;
    return context;
  }

  #resize() {
    const { canvas } = this.#screen;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    // While the panel is hidden, the width is 0. The strokes are kept.
    if (!width) return;
    Object.assign(canvas, { width, height: Math.round((width * HEIGHT) / WIDTH) });
    this.#screen.scale(width / WIDTH, width / WIDTH);
    this.#repaint();
  }

  #repaint() {
    this.#screen.clearRect(0, 0, WIDTH, HEIGHT);
    for (const stroke of this.#strokes) paint(this.#ink(this.#screen), stroke);
  }
}

function paint(context, stroke) {
  curve(context, stroke, 0);
  dotTo(context, stroke);
}

/**
 * Paint a stroke smoothly, starting at its point `from`. The curve passes through the middles between points, with the
 * points as control points. It ends half a step behind the pen. `dotTo` closes the gap.
 */
function curve(context, stroke, from) {
  for (let at = from; at < stroke.length - 1; at++) {
    const [start, pull, end] = [startOf(stroke, at), stroke[at], startOf(stroke, at + 1)];
    line(context, pull.w, start, () => context.quadraticCurveTo(pull.x, pull.y, end.x, end.y));
  }
}

function dotTo(context, stroke) {
  const end = stroke.at(-1);
  // Some browsers do not paint a line of length 0.
  line(context, end.w, startOf(stroke, stroke.length - 1), () => context.lineTo(end.x + 0.01, end.y));
}

function line(context, width, start, draw) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(start.x, start.y);
  draw();
  context.stroke();
}

function startOf(stroke, at) {
  if (at === 0) return stroke[0];
  const [a, b] = [stroke[at - 1], stroke[at]];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
