/** Keeps an answer up to date with something that changes faster than it can be asked about. */

/**
 * Asks one question at a time; while it is out, changes are only noted, and the newest is asked about next. An urgent
 * change does not wait: it drops the question that is out. Answers that come late are never told.
 */
export class Follower {
  #ask;
  #tell;
  #sequence = 0;
  #out = null;
  #again = false;

  /** `ask(signal)` returns a promise of the answer, `tell(answer, error, urgent)` shows it. */
  constructor(ask, tell) {
    this.#ask = ask;
    this.#tell = tell;
  }

  changed(urgent) {
    if (this.#out && !urgent) this.#again = true;
    else this.#send(urgent);
  }

  /** Forget the question that is out. */
  stop() {
    this.#sequence++;
    this.#out?.abort();
    this.#out = null;
    this.#again = false;
  }

  async #send(urgent) {
    this.stop();
    const own = this.#sequence;
    this.#out = new AbortController();
    let answer = null;
    let error = null;
    try {
      answer = await this.#ask(this.#out.signal);
    } catch (problem) {
      error = problem;
    }
    if (own !== this.#sequence) return;
    this.#out = null;
    this.#tell(answer, error, urgent);
    if (this.#again) this.#send(false);
  }
}
