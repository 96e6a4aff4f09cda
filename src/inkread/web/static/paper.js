/** The paper: strokes of ink, how they look on the screen, and the picture of them that is sent. */

/** The paper's own units, and the pixels of the picture: enough for the network, quick to send. */
export const WIDTH = 400;
export const HEIGHT = 300;

/** Tells "change" after every change of the ink; its `detail` is true when the pen has been lifted. */
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

  /** The middle of the last stroke, [x, y] in the paper's units. */
  get last() {
    const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
    const stroke = this.#strokes.at(-1) ?? [];
    return [middle(stroke.map(({ x }) => x)), middle(stroke.map(({ y }) => y))];
  }

  /** Put the pen down at a point. `press` is how hard, 1 as usual. */
  begin(x, y, press = 1) {
    this.#strokes.push([{ x, y, w: this.nib * press }]);
    this.#open = true;
    dotTo(this.#ink(this.#screen), this.#strokes.at(-1));
    this.#changed(false);
  }

  /** Draw on to further points, [[x, y, press], ...]. */
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

  /** Take the last stroke back, or what was cleared last. */
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

  /** Return what is drawn as PNG, black on white whatever the screen shows. */
  picture() {
    const sheet = this.#sheet;
    sheet.fillStyle = "#fff";
    sheet.fillRect(0, 0, WIDTH, HEIGHT);
    sheet.strokeStyle = "#000";
    for (const stroke of this.#strokes) paint(sheet, stroke);
    // `toBlob` waits until the browser is idle, which it is not while a pen moves; this takes 4 ms, now.
    const data = sheet.canvas.toDataURL("image/png").split(",")[1];
    return new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type: "image/png" });
  }

  #changed(lifted) {
    this.dispatchEvent(new CustomEvent("change", { detail: lifted }));
  }

  /** Return a context in the ink's colour of the moment. */
  #ink(context) {
    context.strokeStyle = getComputedStyle(context.canvas).color;
    return context;
  }

  #resize() {
    const { canvas } = this.#screen;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    if (!width) return; // the panel is hidden; nothing is lost, the strokes are kept
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
 * Paint a stroke from its point `from` on, smoothly: the curve goes through the middles between points and is pulled
 * by the points themselves. It ends half a step behind the pen, where nobody sees it; `dotTo` closes the gap.
 */
function curve(context, stroke, from) {
  for (let at = from; at < stroke.length - 1; at++) {
    const [start, pull, end] = [startOf(stroke, at), stroke[at], startOf(stroke, at + 1)];
    line(context, pull.w, start, () => context.quadraticCurveTo(pull.x, pull.y, end.x, end.y));
  }
}

function dotTo(context, stroke) {
  const end = stroke.at(-1);
  // A hair's breadth longer than nothing: some browsers paint no line of no length.
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
