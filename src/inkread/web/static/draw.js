/** The section "Draw": the reading follows the pen. */

import { Answer } from "./answer.js";
import { read } from "./api.js";
import { Follower } from "./follow.js";
import { Paper } from "./paper.js";
import { startKeys, startPointers } from "./pens.js";
import { Teacher } from "./teacher.js";
import { Way, lookedAt, middleOf, nearest } from "./way.js";
import { Why } from "./why.js";
import { announcement, called } from "./words.js";

const HINT = "The answer appears here, while you draw.";
const QUIET = 600; // milliseconds without a change after which an answer is read out, once

/**
 * Start the section; `say` reads a text out to those who do not see it, `changed` hears that something was taught.
 * Return what reads the drawing again, and what lets it be taught.
 */
export function startDraw(say, changed) {
  const find = (id) => document.getElementById(id);
  const paper = new Paper(find("canvas"));
  const answer = new Answer(find("answer"), chosen);
  const way = new Way(find("draw-way"), (label) => teacher.teach(label), { short: true });
  const teacher = new Teacher(way, looked, changed, say);
  const why = new Why(find("draw"), way.why, looked, say);
  const follower = new Follower((signal) => read((sent = paper.picture()), { steps: true, signal }), show);
  let sent = null; // the picture that was asked about last
  let picture = null; // the one that is shown as read
  let reading = null;
  let at = -1; // the digit that is looked at
  let middle = null; // of the digit that was looked at, to find it again; the pen is where to look otherwise
  let saying = 0;

  for (const place of [find("answer"), find("draw-way")]) teacher.listen(place);

  startPointers(find("canvas"), paper);
  startKeys(find("canvas"), paper, find("pen"));
  find("undo").addEventListener("click", () => paper.undo());
  find("clear").addEventListener("click", () => paper.clear());
  find("nib").addEventListener("input", (event) => (paper.nib = Number(event.target.value)));
  paper.nib = Number(find("nib").value); // browsers keep it over a reload

  paper.addEventListener("change", ({ detail: lifted }) => {
    clearTimeout(saying);
    way.note();
    middle = null;
    find("prompt").hidden = !paper.empty;
    find("undo").setAttribute("aria-disabled", !paper.undoable);
    find("clear").setAttribute("aria-disabled", paper.empty);
    if (!paper.empty) return follower.changed(lifted);
    follower.stop();
    rest();
    say("The paper is empty.");
  });

  function rest() {
    reading = picture = null;
    answer.wait(HINT);
    way.clear();
    why.follow();
  }

  function show(result, problem, lifted) {
    // A digit that is half drawn is often no digit; that is not worth a sentence.
    if (!lifted && (problem || result.refused)) return;
    [reading, picture] = [result, sent];
    if (problem) {
      answer.fail({ title: "Not read.", detail: problem.message });
      way.clear();
    } else {
      answer.show(reading);
      look(nearest(lookedAt(reading), middle ?? paper.last));
    }
    if (lifted) why.follow();
    if (lifted) saying = setTimeout(() => say(problem ? problem.message : announcement(reading)), QUIET);
  }

  /** Look at the digit that was chosen; one that is pressed though it is looked at already is explained. */
  function chosen(index, byHand) {
    const again = index === at;
    if (!again) way.note();
    look(index);
    if (again && byHand) why.open();
    else why.follow();
  }

  function look(index) {
    const looks = lookedAt(reading);
    at = index;
    answer.mark(index);
    if (!looks[index]) return way.clear();
    middle = middleOf(looks[index]);
    way.show(looks[index], called(looks[index], reading));
  }

  /** Return what is looked at, as the server is asked about it. */
  function looked() {
    const look = reading && lookedAt(reading)[at];
    return look ? { picture, name: "drawing", as: "auto", box: look.box, index: at } : null;
  }

  function again() {
    if (!paper.empty) follower.changed(true);
  }

  rest();
  return { again, set teachable(can) { way.teachable = can; } };
}
