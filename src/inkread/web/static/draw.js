/** The section "Draw": the reading follows the pen. */

import { Answer } from "./answer.js";
import { read } from "./api.js";
import { Follower } from "./follow.js";
import { Paper } from "./paper.js";
import { startKeys, startPointers } from "./pens.js";
import { Way, lookedAt } from "./way.js";
import { announcement, called } from "./words.js";

const HINT = "The answer appears here, while you draw.";
const QUIET = 600; // milliseconds without a change after which an answer is read out, once

/** Start the section; `say` reads a text out to those who do not see it. */
export function startDraw(say) {
  const find = (id) => document.getElementById(id);
  const paper = new Paper(find("canvas"));
  const answer = new Answer(find("answer"), choose);
  const way = new Way(find("draw-way"), { short: true });
  const follower = new Follower((signal) => read(paper.picture(), { steps: true, signal }), show);
  let reading = null;
  let saying = 0;

  startPointers(find("canvas"), paper);
  startKeys(find("canvas"), paper, find("pen"));
  find("undo").addEventListener("click", () => paper.undo());
  find("clear").addEventListener("click", () => paper.clear());
  find("nib").addEventListener("input", (event) => (paper.nib = Number(event.target.value)));
  paper.nib = Number(find("nib").value); // browsers keep it over a reload

  paper.addEventListener("change", ({ detail: lifted }) => {
    clearTimeout(saying);
    find("prompt").hidden = !paper.empty;
    find("undo").setAttribute("aria-disabled", !paper.undoable);
    find("clear").setAttribute("aria-disabled", paper.empty);
    if (!paper.empty) return follower.changed(lifted);
    follower.stop();
    rest();
    say("The paper is empty.");
  });

  function rest() {
    reading = null;
    answer.wait(HINT);
    way.clear();
  }

  function show(result, problem, lifted) {
    // A digit that is half drawn is often no digit; that is not worth a sentence.
    if (!lifted && (problem || result.refused)) return;
    reading = result;
    if (problem) {
      answer.fail({ title: "Not read.", detail: problem.message });
      way.clear();
    } else {
      answer.show(reading);
      choose(nearest(reading, paper.last));
    }
    if (lifted) saying = setTimeout(() => say(problem ? problem.message : announcement(reading)), QUIET);
  }

  function choose(index) {
    const looks = lookedAt(reading);
    answer.mark(index);
    if (!looks[index]) return way.clear();
    way.show(looks[index], called(looks[index], reading));
  }

  rest();
}

/** Return the index of the digit whose middle is nearest to where the pen was last. */
function nearest(reading, [x, y]) {
  const far = ({ box: [left, top, w, h] }) => Math.hypot(left + w / 2 - x, top + h / 2 - y);
  const looks = lookedAt(reading);
  return looks.indexOf(looks.reduce((best, look) => (far(look) < far(best) ? look : best), looks[0]));
}
