/** The section "Review": lists the tables that were named at the start, and opens their reviews. */

import { element } from "./answer.js";
import { count } from "./words.js";

const find = (id) => document.getElementById(id);

/** List the tables whenever the section is opened. */
export function startReviews() {
  new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && list()).observe(find("review"));
}

async function list() {
  try {
    const reply = await fetch("/review/tables");
    if (!reply.ok) throw new Error((await reply.json()).detail);
    find("reviews").replaceChildren(...(await reply.json()).map(entry));
    find("review-notice").textContent = "";
  } catch (error) {
    find("review-notice").textContent = error instanceof TypeError ? "inkread does not answer. Start it again." : error.message;
  }
}

function entry({ data, address, left, values, expected, stopped }) {
  const made = element("li", "row");
  const link = element("a", "button", data);
  link.href = `/review/${address}`;
  made.append(link, element("span", "hint", stopped ?? `${left} of ${count(values, "value")} left; ${expected.toFixed(1)} errors expected in the rest`));
  return made;
}
