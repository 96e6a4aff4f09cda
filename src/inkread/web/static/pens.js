/** Drawing on the paper with mouse, pen and finger, or with the arrow keys. */

import { HEIGHT, WIDTH } from "./paper.js";

/** How far an arrow key moves the pen, and how far with Shift, in units of the paper. */
const STEP = 8;
const FINE = 2;

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Let mouse, pen and finger draw. */
export function startPointers(canvas, paper) {
  // The pointer that draws. A second finger or the palm of the hand is ignored.
  let drawing = null;

  function point(event) {
    const box = canvas.getBoundingClientRect();
    // Only pens measure pressure. Mice and fingers report a constant 0, 0.5 or 1.
    const press = event.pointerType === "pen" && event.pressure > 0 ? 0.5 + event.pressure : 1;
    return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT, press];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    // Strokes may leave the paper and come back.
    canvas.setPointerCapture(drawing);
    paper.begin(...point(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const events = event.getCoalescedEvents?.() ?? [];
    paper.extend((events.length ? events : [event]).map(point));
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      paper.end();
    });
  }
}

/** Let the arrow keys draw. `pen` is the element that shows the position. */
export function startKeys(canvas, paper, pen) {
  const held = new Set();
  let [x, y] = [WIDTH / 2, HEIGHT / 4];
  let down = false;

  function show() {
    pen.hidden = !canvas.matches(":focus-visible");
    pen.classList.toggle("down", down);
    pen.style.left = `${(100 * x) / WIDTH}%`;
    pen.style.top = `${(100 * y) / HEIGHT}%`;
  }

  function lift() {
    if (down) paper.end();
    down = false;
  }

  function move(step) {
    // Two arrows held together move diagonally, although only the last one repeats.
    const ways = [...held].map((key) => ARROWS[key]);
    const [dx, dy] = [0, 1].map((axis) => ways.reduce((sum, way) => sum + way[axis], 0));
    x = Math.min(WIDTH, Math.max(0, x + step * dx));
    y = Math.min(HEIGHT, Math.max(0, y + step * dy));
    if (down) paper.extend([[x, y]]);
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.key in ARROWS && !event.ctrlKey && !event.metaKey && !event.altKey) {
      held.add(event.key);
      move(event.shiftKey ? FINE : STEP);
    } else if (event.key === " ") {
      if (event.repeat) return event.preventDefault();
      if (down) lift();
      else {
        down = true;
        paper.begin(x, y);
      }
    } else if (event.key === "Escape" || event.key === "Delete") {
      down = false;
      paper.clear();
    } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) {
      down = false;
      paper.undo();
    } else return;
    // By default, arrows and Space scroll the page.
    event.preventDefault();
    show();
  });
  canvas.addEventListener("keyup", (event) => held.delete(event.key));
  canvas.addEventListener("focus", show);
  canvas.addEventListener("pointerdown", () => {
    lift();
    pen.hidden = true;
  });
  canvas.addEventListener("blur", () => {
    held.clear();
    lift();
    show();
  });
}
