/** The section "Draw": the reading is updated while the user draws. */

import { Answer } from "./answer.js";
import { TRYING_AGAIN, read, waitBefore } from "./api.js";
import { Follower } from "./follow.js";
import { Paper } from "./paper.js";
import { startKeys, startPointers } from "./pens.js";
import { Teacher } from "./teacher.js";
import { Way, lookedAt, middleOf, nearest } from "./way.js";
import { Why } from "./why.js";
import { announcement, called } from "./words.js";

const HINT = "The answer appears here while you draw.";

/** After this many milliseconds without a change, the answer is announced once. */
const QUIET = 600;

/**
 * Set up the section. `say` announces a text to screen readers. `changed` is called after a digit was taught.
 * Returns `again`, which reads the drawing again, and the setter `teachable`.
 */
export function startDraw(say, changed) {
  const find = (id) => document.getElementById(id);
  const paper = new Paper(find("canvas"));
  const answer = new Answer(find("answer"), chosen);
  const way = new Way(find("draw-way"), (label) => teacher.teach(label), { short: true });
  const teacher = new Teacher(way, looked, changed, say);
  const why = new Why(find("draw"), way.why, looked, say);
  const follower = new Follower((signal) => read((sent = paper.picture()), { steps: true, signal }), show);
  // The picture that was sent last, and the one whose reading is shown.
  let sent = null;
  let picture = null;
  let reading = null;
  // The index of the selected digit, and its middle, which finds it again in a new reading. Without it, the digit at
  // the last stroke is selected.
  let at = -1;
  let middle = null;
  let saying = 0;
  // How often in a row the server did not answer, and the timer of the next try.
  let [silent, timer] = [0, 0];

  for (const place of [find("answer"), find("draw-way")]) teacher.listen(place);

  startPointers(find("canvas"), paper);
  startKeys(find("canvas"), paper, find("pen"));
  find("undo").addEventListener("click", () => paper.undo());
  find("clear").addEventListener("click", () => paper.clear());
  find("nib").addEventListener("input", (event) => (paper.nib = Number(event.target.value)));
  // Browsers keep the value of the slider when the page is reloaded.
  paper.nib = Number(find("nib").value);

  paper.addEventListener("change", ({ detail: lifted }) => {
    clearTimeout(saying);
    clearTimeout(timer);
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
    // A half-drawn digit is often refused. That is not shown until the pen is lifted.
    if (!lifted && (problem || result.refused)) return;
    [reading, picture] = [result, sent];
    const offline = problem?.code === "offline";
    if (offline) timer = setTimeout(again, waitBefore(silent++));
    else silent = 0;
    if (problem) {
      answer.fail({ title: "Not read.", detail: problem.message + (offline ? ` ${TRYING_AGAIN}` : "") });
      way.clear();
    } else {
      answer.show(reading);
      look(nearest(lookedAt(reading), middle ?? paper.last));
    }
    if (lifted) why.follow();
    if (lifted) saying = setTimeout(() => say(problem ? problem.message : announcement(reading)), QUIET);
  }

  /** Select a digit. If the user presses the selected digit again, explain it. */
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

  /** Return the selected digit as a request to the server, or null. */
  function looked() {
    const look = reading && lookedAt(reading)[at];
    return look ? { picture, name: "drawing", as: "auto", box: look.box, look, index: at } : null;
  }

  function again() {
    if (!paper.empty) follower.changed(true);
  }

  rest();
  return { again, set teachable(can) { way.teachable = can; } };
}
