/** What moves on the paper: mouse, pen and finger, and the arrow keys. */

import { HEIGHT, WIDTH } from "./paper.js";

const STEP = 8; // of the paper's units, for one press of an arrow key
const FINE = 2; // with Shift

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Let mouse, pen and finger draw. */
export function startPointers(canvas, paper) {
  let drawing = null; // the pointer that draws; a second finger or the palm of the hand does not

  function point(event) {
    const box = canvas.getBoundingClientRect();
    // Only pens feel pressure; mice and fingers say 0, 0.5 or 1 without meaning it.
    const press = event.pointerType === "pen" && event.pressure > 0 ? 0.5 + event.pressure : 1;
    return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT, press];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing); // strokes may leave the paper and come back
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

/** Let the arrow keys draw; `pen` is the element that shows where they are. */
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
    // Two arrows held together go slanting, although only the last one repeats.
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
    event.preventDefault(); // arrows and Space would scroll the page
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
