/** Reads pictures, a few at a time, the chosen one first. */

import { Problem, read } from "./api.js";

const AT_ONCE = 3;

/**
 * Items are {name, file, reading, problem}. When an item is done, either `reading` or `problem` is set. Steps are only
 * requested for the chosen item, since they are much larger than the reading.
 */
export class Queue {
  items = [];
  chosen = null;
  options = {};

  /** The largest picture that the server accepts, in bytes. */
  limit = Infinity;

  #tell;
  #running = 0;
  #stopper = new AbortController();

  /** `tell(item)` is called for every item that is done. */
  constructor(tell) {
    this.#tell = tell;
  }

  add(files) {
    const items = files.map((file) => ({ name: file.name || "picture", file, reading: null, problem: null, out: false }));
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
    for (const item of this.items) Object.assign(item, { reading: null, problem: null, out: false });
    this.start();
  }

  /** Try again to read the items that failed for a temporary reason. */
  retry() {
    for (const item of this.items) if (item.problem?.passing) item.problem = null;
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
    return !item.out && !item.problem && (!item.reading || (item === this.chosen && !item.reading.steps));
  }

  async #read(item) {
    const { signal } = this.#stopper;
    const steps = item === this.chosen;
    this.#running++;
    item.out = true;
    let [reading, problem] = [null, null];
    try {
      reading = await read(await this.#content(item), { name: item.name, ...this.options, steps, page: steps, signal });
    } catch (error) {
      problem = error;
    }
    this.#running--;
    if (!signal.aborted) {
      Object.assign(item, { reading, problem, out: false });
      this.#tell(item);
    }
    this.start();
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

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)}\u00a0MB`;
}
