/** The section "Taught": lists, deletes and exports the taught digits. */

import { element } from "./answer.js";
import { forget, lessons } from "./api.js";
import { count } from "./words.js";

const find = (id) => document.getElementById(id);

/** Lists the lessons whenever the section is opened. */
export class Taught {
  #changed;
  #say;
  #shown = [];

  /** `changed()` is called after a lesson was deleted. */
  constructor(changed, say) {
    this.#changed = changed;
    this.#say = say;
    find("older").addEventListener("click", () => this.#load(this.#shown.at(-1).id));
    new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.again()).observe(find("taught"));
  }

  /** List the lessons again if the section is open. */
  again() {
    if (!find("taught").hidden) this.#load();
  }

  async #load(before) {
    try {
      const { profile, count: all, taught } = await lessons(before);
      this.#shown = [...(before ? this.#shown : []), ...taught];
      if (!before) find("lessons").replaceChildren();
      find("lessons").append(...taught.map((lesson) => this.#card(lesson)));
      find("taught-count").textContent = `${count(all, "correction")}${profile === "default" ? "" : `, profile “${profile}”`}`;
      this.#arrange(all);
      find("taught-notice").textContent = "";
    } catch (problem) {
      find("taught-notice").textContent = problem.message;
    }
  }

  #arrange(all) {
    find("nothing-taught").hidden = all > 0;
    find("export").hidden = all === 0;
    find("older").hidden = this.#shown.length >= all;
  }

  #card(lesson) {
    const { id, label, picture, png, taught } = lesson;
    const card = element("li", "lesson");
    card.id = `lesson-${id}`;
    const image = new Image(28, 28);
    image.alt = "";
    image.src = `data:image/png;base64,${png}`;
    const about = element("p");
    about.append(element("strong", "", label), element("span", "from", picture), element("span", "when", when(taught)));
    const button = element("button", "quiet", "Delete");
    button.type = "button";
    button.setAttribute("aria-label", `Delete number ${id}, the ${label} from ${picture || "a picture"}`);
    button.addEventListener("click", () => this.#forget(lesson, card));
    card.append(image, about, button);
    return card;
  }

  async #forget({ id, label }, card) {
    try {
      await forget(id);
    } catch (problem) {
      if (problem.code !== "not-found") return (find("taught-notice").textContent = problem.message);
    }
    const next = (card.nextElementSibling ?? card.previousElementSibling)?.id;
    this.#say(`The ${label} was deleted.`);
    this.#changed();
    await this.#load();
    (document.getElementById(next)?.querySelector("button") ?? find("taught-count")).focus();
  }
}

/** Return an ISO 8601 time in the user's local format. */
function when(time) {
  return new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
