/** Teaching: the user presses the right digit, the server stores it, and it can be undone. */

import { element } from "./answer.js";
import { forget, teach } from "./api.js";
import { SURE, percent, sentence } from "./words.js";

/** Teaches the selected digit, and shows the result in its panel. */
export class Teacher {
  #way;
  #ask;
  #changed;
  #say;

  /** `ask()` returns the selected digit, {picture, name, as, box, look}, or null. `changed()` is called after each change. */
  constructor(way, ask, changed, say) {
    this.#way = way;
    this.#ask = ask;
    this.#changed = changed;
    this.#say = say;
  }

  /** Teach the label of the selected digit, 0 to 9. */
  async teach(label) {
    const asked = this.#ask();
    if (!asked) return;
    await this.#attempt(async () => {
      const [lesson] = (await teach(asked, label)).taught;
      this.#tell(outcome(lesson, asked.look), this.#undo(lesson, asked));
    });
  }

  /** Let number keys teach while a digit in `place` has the focus. */
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
      this.#tell(lesson.instead_of === null ? "Undone." : `Undone. It is a ${lesson.instead_of} again.`);
    }));
    return button;
  }

  async #attempt(act) {
    try {
      await act();
      this.#changed();
    } catch (problem) {
      this.#tell(`That did not work. ${sentence(problem.message)}`);
    }
  }

  #tell(text, ...more) {
    this.#way.note(element("span", "", text), ...more);
    this.#say(text);
  }
}

/** Return what was taught, and what contradicts it, in words: a sure reading, and other lessons. */
function outcome({ label, instead_of: before, contradicted }, { digit, confidence }) {
  const said = [`Corrected to ${label}.`];
  if (before === null && digit !== undefined && digit !== label && confidence >= SURE) {
    said.push(`It was read as ${digit}, ${percent(confidence)} sure. If that is right, press Undo.`);
  }
  if (before !== null) said.push(`It was corrected to ${before} before.`);
  for (const { id, picture, label: other } of contradicted) {
    said.push(`Number ${id}${picture && ` (${picture})`} looks nearly the same and was corrected to ${other}. One of them may be wrong.`);
  }
  return said.join(" ");
}
