/** Teaching: a digit's right number is pressed, the server keeps it, and it can be taken back. */

import { element } from "./answer.js";
import { forget, teach } from "./api.js";
import { sentence } from "./words.js";

/** Teaches the digit that is looked at, and says in its way what has come of it. */
export class Teacher {
  #way;
  #ask;
  #changed;
  #say;

  /** `ask()` returns the digit that is looked at, {picture, name, as, box}, or null; `changed()` hears that more is taught, or less. */
  constructor(way, ask, changed, say) {
    this.#way = way;
    this.#ask = ask;
    this.#changed = changed;
    this.#say = say;
  }

  /** Teach that the digit is a number, 0 to 9. */
  async teach(label) {
    const asked = this.#ask();
    if (!asked) return;
    await this.#attempt(async () => {
      const [lesson] = (await teach(asked, label)).taught;
      this.#tell(outcome(lesson), this.#undo(lesson, asked));
    });
  }

  /** Let number keys teach while a digit within `place` has the focus. */
  listen(place) {
    place.addEventListener("keydown", (event) => {
      if (!/^[0-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (this.#way.teachable && event.target.closest("button")) this.teach(Number(event.key));
    });
  }

  #undo(lesson, asked) {
    const button = element("button", "quiet", "Undo");
    button.type = "button";
    button.addEventListener("click", () => this.#attempt(async () => {
      if (lesson.instead_of === null) await forget(lesson.id);
      else await teach(asked, lesson.instead_of);
      this.#way.focus();
      this.#tell(lesson.instead_of === null ? "Taken back." : `Taken back: it is taught as ${lesson.instead_of} again.`);
    }));
    return button;
  }

  async #attempt(act) {
    try {
      await act();
      this.#changed();
    } catch (problem) {
      this.#tell(`Not done. ${sentence(problem.message)}`);
    }
  }

  #tell(text, ...more) {
    this.#way.note(element("span", "", text), ...more);
    this.#say(text);
  }
}

/** Say what was taught, and what speaks against it. */
function outcome({ label, instead_of: before, contradicted }) {
  const said = [`Taught as ${label}.`];
  if (before !== null) said.push(`The same digit was taught as ${before} before; that is forgotten.`);
  for (const { id, picture, label: other } of contradicted) {
    said.push(`Number ${id}${picture && ` (${picture})`} looks nearly the same and is taught as ${other}; one of them may be wrong.`);
  }
  return said.join(" ");
}
