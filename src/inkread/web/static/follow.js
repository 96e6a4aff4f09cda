/** Keeps an answer up to date with something that changes faster than the server answers. */

/**
 * Sends one request at a time. Changes during a request are noted, and the newest state is sent next. An urgent change
 * does not wait: it cancels the running request. Answers to cancelled requests are ignored.
 */
export class Follower {
  #ask;
  #tell;
  #sequence = 0;
  #out = null;
  #again = false;

  /** `ask(signal)` returns a promise of the answer. `tell(answer, error, urgent)` shows it. */
  constructor(ask, tell) {
    this.#ask = ask;
    this.#tell = tell;
  }

  changed(urgent) {
    if (this.#out && !urgent) this.#again = true;
    else this.#send(urgent);
  }

  /** Cancel the running request. */
  stop() {
    this.#sequence++;
    this.#out?.abort();
    this.#out = null;
    this.#again = false;
  }

  async #send(urgent) {
    this.stop();
    const sequence = this.#sequence;
    this.#out = new AbortController();
    let answer = null;
    let error = null;
    try {
      answer = await this.#ask(this.#out.signal);
    } catch (problem) {
      error = problem;
    }
    if (sequence !== this.#sequence) return;
    this.#out = null;
    this.#tell(answer, error, urgent);
    if (this.#again) this.#send(false);
  }
}
