/** Zooms the picture in its window, which scrolls, and moves it with the mouse. */

const MOST = 8;
const STEP = 1.5;

export class Zoom {
  #window;
  #frame;
  #factor = 1;

  /** `window` is the part that scrolls, and `frame` in it holds the picture. */
  constructor(window, frame) {
    this.#window = window;
    this.#frame = frame;
    const on = (id, act) => document.getElementById(id).addEventListener("click", act);
    on("zoom-in", () => this.#to(this.#factor * STEP));
    on("zoom-out", () => this.#to(this.#factor / STEP));
    on("zoom-fit", () => this.fit());
    window.addEventListener("wheel", (event) => {
      // The browser sends a pinch as a wheel with Ctrl.
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.#to(this.#factor * Math.exp(-event.deltaY / 300), event);
    }, { passive: false });
    window.addEventListener("keydown", (event) => {
      const act = { "+": () => this.#to(this.#factor * STEP), "-": () => this.#to(this.#factor / STEP), 0: () => this.fit() }[event.key];
      if (event.target !== window || event.ctrlKey || event.metaKey || !act) return;
      event.preventDefault();
      act();
    });
    this.#startPanning();
  }

  /** Show the whole picture. */
  fit() {
    this.#to(1);
  }

  /** Scroll the window, and not the page, until an element of the picture is visible. */
  reveal(element) {
    if (this.#factor === 1) return;
    const [part, whole] = [element, this.#window].map((each) => each.getBoundingClientRect());
    const beyond = (low, high, from, to) => (low < from ? low - from : high > to ? high - to : 0);
    this.#window.scrollLeft += beyond(part.left, part.right, whole.left, whole.right);
    this.#window.scrollTop += beyond(part.top, part.bottom, whole.top, whole.bottom);
  }

  /** Zoom by a factor from 1 to MOST. What is at a point of the screen, by default the middle, stays there. */
  #to(factor, point) {
    const window = this.#window;
    const { left, top, width, height } = window.getBoundingClientRect();
    const [x, y] = point ? [point.clientX - left, point.clientY - top] : [width / 2, height / 2];
    const before = this.#factor;
    if (before === 1 && factor > 1) window.style.height = `${window.offsetHeight}px`;
    if (before === 1) this.#frame.style.setProperty("--fit", `${this.#frame.offsetWidth}px`);
    const [across, down] = [(window.scrollLeft + x) / before, (window.scrollTop + y) / before];
    this.#factor = Math.min(MOST, Math.max(1, factor));
    if (this.#factor === 1) window.style.height = "";
    this.#frame.style.setProperty("--zoom", this.#factor);
    window.classList.toggle("zoomed", this.#factor > 1);
    // Only a window that scrolls is a stop of the Tab key.
    window.tabIndex = this.#factor > 1 ? 0 : -1;
    [window.scrollLeft, window.scrollTop] = [across * this.#factor - x, down * this.#factor - y];
    document.getElementById("zoom").value = `${Math.round(100 * this.#factor)}%`;
    document.getElementById("zoom-out").disabled = document.getElementById("zoom-fit").disabled = this.#factor === 1;
    document.getElementById("zoom-in").disabled = this.#factor === MOST;
  }

  /** Let the mouse move the picture. Fingers scroll it. */
  #startPanning() {
    const window = this.#window;
    window.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button || this.#factor === 1 || event.target.closest("button") || window.closest(".editing")) return;
      event.preventDefault();
      window.setPointerCapture(event.pointerId);
      window.classList.add("panning");
    });
    window.addEventListener("pointermove", ({ movementX, movementY }) => {
      if (!window.classList.contains("panning")) return;
      window.scrollLeft -= movementX;
      window.scrollTop -= movementY;
    });
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => window.classList.remove("panning"));
  }
}
