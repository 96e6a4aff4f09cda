/** Reads pictures, a few at a time, the chosen one first. */

import { Problem, read, waitBefore } from "./api.js";

const AT_ONCE = 3;

/** The pages of one file that are read. */
export const MOST_PAGES = 200;

/**
 * Items are {name, file, page, password, boxes, before, reading, problem}. `boxes` are those of the digits if somebody has
 * chosen them, and `before` earlier ones; a server that does not answer is asked again. When an item is done, either `reading` or `problem` is set. Steps are
 * only requested for the chosen item, since they are much larger than the reading. A file with several pages becomes an
 * item for each of them as soon as its first page is read.
 */
export class Queue {
  items = [];
  chosen = null;
  options = {};

  /** The largest picture that the server accepts, in bytes. */
  limit = Infinity;

  #tell;
  #running = 0;
  // How often in a row the server did not answer, and the timer of the next try.
  #silent = 0;
  #timer = 0;
  #stopper = new AbortController();

  /** `tell(item)` is called for every item that is done. */
  constructor(tell) {
    this.#tell = tell;
  }

  add(files) {
    const items = files.map((file) => itemOf(file, nameOf(file)));
    this.items.push(...items);
    return items;
  }

  /** Read the items that are not read yet, the chosen one first. */
  start() {
    while (this.#running < AT_ONCE) {
      const item = [this.chosen, ...this.items].find((item) => item && this.#wants(item));
      if (!item) return;
      this.#read(item);
    }
  }

  /** Read everything again, with other options. */
  again(options) {
    this.#stop();
    this.options = options;
    for (const item of this.items) Object.assign(item, { reading: null, problem: null, out: false, again: false });
    this.start();
  }

  /** Try again to read the items that failed for a temporary reason. Their problems stay until then. */
  retry() {
    for (const item of this.items) item.again = Boolean(item.problem?.passing);
    this.start();
  }

  /** Read an item again with its digits at `boxes`, or, for null, where they are found. */
  place(item, boxes) {
    this.#stop();
    for (const other of this.items) other.out = false;
    Object.assign(item, { boxes, reading: null, problem: null });
    this.start();
  }

  /** Try again to read an encrypted PDF. */
  unlock(item, password) {
    Object.assign(item, { password, problem: null });
    this.start();
  }

  clear() {
    this.#stop();
    this.items = [];
    this.chosen = null;
  }

  #stop() {
    this.#stopper.abort();
    this.#stopper = new AbortController();
  }

  #wants(item) {
    return !item.out && (!item.problem || item.again) && (!item.reading || (item === this.chosen && !item.reading.steps));
  }

  async #read(item) {
    const { signal } = this.#stopper;
    const steps = item === this.chosen;
    this.#running++;
    Object.assign(item, { out: true, again: false });
    let [reading, problem] = [null, null];
    try {
      const name = nameOf(item.file);
      reading = await read(await this.#content(item), { name, page: item.page, password: item.password, boxes: item.boxes, ...this.options, steps, shown: steps, signal });
    } catch (error) {
      problem = error;
    }
    this.#running--;
    if (!signal.aborted) {
      const same = problem && problem.message === item.problem?.message;
      Object.assign(item, { reading, problem, out: false });
      this.#unfold(item);
      if (!same) this.#tell(item);
      this.#heed(problem);
    }
    this.start();
  }

  /** If the server did not answer, try again later. */
  #heed(problem) {
    if (problem?.code !== "offline") {
      this.#silent = 0;
    } else if (!this.#timer) {
      this.#timer = setTimeout(() => {
        this.#timer = 0;
        this.retry();
      }, waitBefore(this.#silent++));
    }
  }

  /** Add the other pages of a file whose first page was read. */
  #unfold(item) {
    const pages = Math.min(item.reading?.pages ?? 1, MOST_PAGES);
    if (pages < 2 || item.name !== nameOf(item.file)) return;
    item.name = pageName(item.file, 1);
    const others = Array.from({ length: pages - 1 }, (_, at) => itemOf(item.file, pageName(item.file, at + 2), at + 2, item.password));
    this.items.splice(this.items.indexOf(item) + 1, 0, ...others);
  }

  /** Return a file's bytes. Reading them now shows whether the file can be read at all. */
  async #content({ name, file }) {
    if (file.size > this.limit) throw new Problem("too-large", `${name}: this file has ${megabytes(file.size)}, and the limit is ${megabytes(this.limit)}. Reduce the picture first.`);
    try {
      return new Blob([await file.arrayBuffer()], { type: file.type });
    } catch {
      throw new Problem("unreadable", `${name}: this file cannot be read. It may have been moved or changed. Choose it again.`);
    }
  }
}

/** Return the name of a file, as the server is told. */
export const nameOf = (file) => file.name || "picture";

const pageName = (file, page) => `${nameOf(file)}#${page}`;

const itemOf = (file, name, page = 1, password = "") => ({ name, file, page, password, boxes: null, before: [], reading: null, problem: null, out: false, again: false });

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)}\u00a0MB`;
}
