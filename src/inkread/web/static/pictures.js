/** The section "Picture": takes in pictures, reads them and shows one of them. */

import { Answer, element } from "./answer.js";
import { TRYING_AGAIN } from "./api.js";
import { startCamera } from "./camera.js";
import { Tables } from "./cells.js";
import { Editor } from "./edit.js";
import { startIntake } from "./intake.js";
import { Pile } from "./pile.js";
import { decoded } from "./pixels.js";
import { MOST_PAGES, Queue, nameOf } from "./queue.js";
import { annotated, asObject, copy, download, numbersCsv } from "./saving.js";
import { Stage } from "./stage.js";
import { Teacher } from "./teacher.js";
import { Way, lookedAt, middleOf, nearest } from "./way.js";
import { Why } from "./why.js";
import { SURE, announcement, called, count, failure, spoken } from "./words.js";

const HINT = "The text of the picture appears here.";
const find = (id) => document.getElementById(id);

/** Set up the section. `say` announces a text, `reveal` opens the section, `changed` is called after a digit was taught. */
export function startPictures(say, reveal, changed) {
  const pictures = new Pictures(say, reveal, changed);
  startIntake((files) => pictures.add(files), (sentence) => pictures.refuse(sentence));
  startCamera((photos) => pictures.add(photos));
  return pictures;
}

class Pictures {
  #say;
  #reveal;
  #queue = new Queue((item) => this.#done(item));
  #pile = new Pile((item) => this.#choose(item));
  #answer = new Answer(find("text"), (index, byHand) => this.#chosen(index, byHand));
  #tables = new Tables(find("tables"));
  #stage = new Stage(find("stage"), (index, byHand) => this.#chosen(index, byHand), (place) => this.#tell(place));
  #way = new Way(find("picture-way"), (label) => this.#teacher.teach(label));
  #editor;
  #teacher;
  #why;
  // The item on the stage, and its page and ink.
  #staged = null;
  #images = {};
  // The index of the selected digit, and its middle, which finds it again when the picture is read again.
  #at = -1;
  #middle = null;

  constructor(say, reveal, changed) {
    this.#say = say;
    this.#reveal = reveal;
    const looked = () => this.#looked();
    this.#editor = new Editor(find("picture"), {
      ask: () => this.#placed(),
      change: (boxes, near) => this.#place(boxes, near),
      undo: () => this.#place(undefined),
      reset: () => this.#place(null),
    });
    this.#teacher = new Teacher(this.#way, looked, changed, say);
    this.#why = new Why(find("picture"), this.#way.why, looked, say);
    for (const id of ["text", "stage", "picture-way"]) this.#teacher.listen(find(id));
    const on = (id, event, act) => find(id).addEventListener(event, act);
    for (const id of ["as", "print", "sure"]) on(id, "change", () => this.#readAgain());
    on("remove", "click", () => this.#remove());
    for (const button of find("examples").querySelectorAll("button")) button.addEventListener("click", () => this.#addExample(button.dataset.example));
    on("check-previous", "click", () => this.#check(-1));
    on("check-next", "click", () => this.#check(1));
    on("copy", "click", () => this.#copy("copy", { "text/plain": this.#queue.chosen.reading.text }));
    on("copy-table", "click", () => this.#copy("copy-table", this.#tables.contents));
    on("save-picture", "click", () => this.#savePicture());
    on("save-csv", "click", () => download(this.#name("csv"), numbersCsv([this.#queue.chosen]), "text/csv"));
    on("save-json", "click", () => download(this.#name("json"), json(asObject(this.#queue.chosen)), "application/json"));
    on("all-csv", "click", () => download("inkread.csv", numbersCsv(this.#queue.items), "text/csv"));
    on("all-json", "click", () => download("inkread.json", json(this.#queue.items.map(asObject)), "application/json"));
    // Browsers keep the chosen options when the page is reloaded.
    this.#readAgain();
    this.#rest();
  }

  /** The largest picture that the server accepts, in bytes. */
  set limit(bytes) {
    this.#queue.limit = bytes;
  }

  set teachable(can) {
    this.#way.teachable = can;
  }

  /** Read everything again after the taught digits have changed. */
  again() {
    this.#readAgain();
  }

  add(files) {
    this.#reveal();
    find("notice").textContent = "";
    this.#choose(this.#queue.add(files)[0]);
  }

  /** Show why an input is not a picture. */
  refuse(sentence) {
    this.#reveal();
    find("notice").textContent = sentence;
  }

  #choose(item) {
    this.#queue.chosen = item;
    this.#middle = null;
    this.#way.note();
    this.#queue.start();
    this.#pile.show(this.#queue.items, item);
    this.#present();
  }

  #done(item) {
    const { items } = this.#queue;
    const { pages = 1 } = item.reading ?? {};
    if (pages > MOST_PAGES) find("notice").textContent = `${nameOf(item.file)} has ${pages} pages. The first ${MOST_PAGES} are read here; “inkread read --pages” reads the others.`;
    this.#pile.update(item, items, this.#queue.chosen);
    if (item === this.#queue.chosen) this.#present();
    if (items.length > 1 && items.every(({ reading, problem }) => reading || problem)) this.#say(`${count(items.length, "picture")} done.`);
  }

  #readAgain() {
    this.#queue.again({ as: find("as").value, print: find("print").value, sure: find("sure").value });
    this.#pile.show(this.#queue.items, this.#queue.chosen);
    this.#present();
  }

  #remove() {
    this.#queue.clear();
    this.#pile.show([], null);
    this.#rest();
    find("choose").focus();
  }

  async #addExample(name) {
    try {
      const answer = await fetch(`/static/examples/${name}.jpg`);
      this.add([new File([await answer.blob()], `${name}.jpg`, { type: "image/jpeg" })]);
    } catch {
      this.refuse("The example could not be loaded. Is “inkread web” still running?");
    }
  }

  #rest() {
    this.#staged = null;
    find("picture").classList.add("vacant");
    this.#stage.clear();
    find("busy").hidden = true;
    this.#answer.wait(HINT);
    this.#way.clear();
    this.#enable(null);
    this.#why.follow();
  }

  /** Show the current state of the chosen item. */
  async #present() {
    const item = this.#queue.chosen;
    const reading = item?.reading?.steps ? item.reading : null;
    find("busy").hidden = !item || Boolean(reading ?? item.problem);
    if (!item) return;
    find("picture").classList.remove("vacant");
    if (reading) return this.#showReading(item, reading);
    // While a picture is read again, its last reading stays on the page.
    if (this.#staged === item && !item.problem) return;
    this.#staged = item;
    this.#stage.preview(item.file, item.name);
    this.#way.clear();
    this.#enable(null);
    this.#why.follow();
    if (item.problem) this.#fail(item);
    else this.#answer.wait("");
  }

  #fail(item) {
    const again = element("button", "", "Try again");
    again.type = "button";
    again.addEventListener("click", () => {
      item.problem = null;
      this.#queue.retry();
      this.#waitAgain();
    });
    const ways = item.problem.passing ? [again] : item.problem.locked ? [this.#unlocking(item)] : [];
    const more = item.problem.code === "offline" ? ` ${TRYING_AGAIN}` : "";
    this.#answer.fail({ title: "Not read.", detail: failure(item) + more }, ...ways);
    if (item.problem.code === "wrong-password") ways[0].querySelector("input").focus();
    this.#say(`${item.name} was not read. ${failure(item)}`);
  }

  /** Show that the chosen picture, which was not read, is read again. */
  #waitAgain() {
    this.#pile.show(this.#queue.items, this.#queue.chosen);
    this.#staged = null;
    this.#present();
  }

  /** Return a form that asks for the password of an encrypted PDF. */
  #unlocking(item) {
    const form = element("form", "tools unlock");
    const label = element("label", "field", "Password");
    const input = element("input");
    input.type = "password";
    input.autocomplete = "off";
    label.append(input);
    form.append(label, element("button", "", "Open"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#queue.unlock(item, input.value);
      this.#waitAgain();
    });
    return form;
  }

  async #showReading(item, reading) {
    const { picture, ink, size } = reading.steps;
    const images = await Promise.all([decoded(`image/jpeg;base64,${picture.jpeg}`), decoded(`image/png;base64,${ink.png}`)]);
    // Another picture may have been chosen in the meantime.
    if (this.#queue.chosen !== item || item.reading !== reading) return;
    this.#staged = item;
    this.#images = { page: images[0], ink: images[1], size };
    this.#stage.show(reading, images[0]);
    this.#answer.show(reading);
    this.#enable(reading);
    this.#look(this.#middle ? nearest(lookedAt(reading), this.#middle) : leastSure(reading));
    this.#why.again();
    this.#say(announcement(reading));
  }

  /** Return the boxes of the picture that is shown, the index of the chosen one, and the picture's size; null without. */
  #placed() {
    const reading = this.#queue.chosen?.reading;
    return reading?.steps ? { boxes: reading.digits.map(({ box }) => box), index: this.#at, size: reading.steps.size } : null;
  }

  /** Read the chosen picture with its digits at `boxes`, or, for null, where they are found. Undefined takes the last change back. */
  #place(boxes, near) {
    const item = this.#queue.chosen;
    // A change that could not be read can still be taken back.
    if (!item || (boxes && !item.reading?.steps)) return;
    if (boxes !== undefined) item.before.push(item.boxes);
    else boxes = item.before.pop();
    if (near) this.#middle = middleOf({ box: near });
    this.#queue.place(item, boxes);
    this.#pile.show(this.#queue.items, item);
    this.#present();
  }

  /** Select a digit. If the user presses the selected digit again, explain it. */
  #chosen(index, byHand) {
    // There are no steps while the picture is read again.
    if (!this.#queue.chosen?.reading?.steps) return;
    const again = index === this.#at;
    if (!again) this.#way.note();
    this.#look(index);
    if (again && byHand && !this.#editor.on) this.#why.open();
    else this.#why.follow();
  }

  /** Return the selected digit as a request to the server, or null. */
  #looked() {
    const item = this.#queue.chosen;
    const look = item?.reading?.steps && lookedAt(item.reading)[this.#at];
    return look ? { picture: item.file, name: nameOf(item.file), page: item.page, password: item.password, as: find("as").value, print: find("print").value, boxes: item.boxes, box: look.box, look, index: this.#at } : null;
  }

  /** Select one digit. */
  #look(index) {
    const { reading } = this.#queue.chosen;
    const looks = lookedAt(reading);
    this.#at = index;
    this.#stage.mark(index);
    this.#answer.mark(index);
    this.#editor.enable(this.#queue.chosen.before.length > 0);
    if (!looks[index]) return this.#way.clear();
    this.#middle = middleOf(looks[index]);
    this.#way.show(looks[index], called(looks[index], reading), this.#images);
  }

  #enable(reading) {
    this.#tables.show(reading);
    find("copy-table").hidden = !this.#tables.contents;
    find("saving").classList.toggle("idle", !reading?.text);
    find("legend").classList.toggle("idle", !reading?.text);
    const [unsure, all] = [toCheck(reading).length, reading?.digits.length ?? 0];
    find("check").hidden = all < 2;
    const rest = reading?.confidence < SURE ? "Check where the digits begin and end" : `Nothing to check: all ${all} digits are sure`;
    find("to-check").textContent = unsure ? `${unsure} of ${all} to check` : rest;
    for (const id of ["check-previous", "check-next"]) find(id).hidden = !unsure;
    this.#editor.enable(Boolean(this.#queue.chosen?.before.length));
  }

  /** Select the next digit that is unsure, or with -1 the one before. After the last comes the first. */
  #check(step) {
    const unsure = toCheck(this.#queue.chosen?.reading);
    if (!unsure.length) return;
    const [after, before] = [unsure.find((index) => index > this.#at) ?? unsure[0], unsure.findLast((index) => index < this.#at) ?? unsure.at(-1)];
    const index = step > 0 ? after : before;
    this.#chosen(index, false);
    find("text").querySelectorAll(".digit")[index].scrollIntoView({ block: "nearest" });
    const { digit, confidence } = this.#queue.chosen.reading.digits[index];
    this.#say(`${unsure.indexOf(index) + 1} of ${unsure.length}: ${spoken({ digit, confidence })}`);
  }

  /** Show what to do about a place that was not read. */
  #tell({ reason }) {
    const list = find("text").querySelector("details.left");
    list.open = true;
    for (const way of list.querySelectorAll("li")) way.classList.toggle("chosen", way.dataset.reason === reason);
    list.scrollIntoView({ block: "nearest" });
  }

  /** Copy contents, and say so on the button that was pressed. */
  async #copy(button, contents) {
    try {
      await copy(contents);
      this.#flash(find(button), "Copied");
    } catch (error) {
      this.refuse(error.message);
    }
  }

  /** Show a text on a button for a moment. */
  #flash(button, text) {
    button.dataset.done = text;
    this.#say(text);
    setTimeout(() => delete button.dataset.done, 1500);
  }

  async #savePicture() {
    download(this.#name("jpg", "-read"), await annotated(this.#queue.chosen.reading, this.#images.page), "image/jpeg");
  }

  #name(suffix, more = "") {
    return `${this.#queue.chosen.name.replace(/\.[^.]*$/, "")}${more}.${suffix}`;
  }
}

function json(content) {
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** Return the indices of the digits that are unsure. */
function toCheck(reading) {
  return reading ? reading.digits.flatMap(({ confidence }, index) => (confidence < SURE ? [index] : [])) : [];
}

/** Return the index of the digit with the lowest confidence. */
function leastSure({ digits }) {
  const sure = digits.map(({ confidence }) => confidence);
  return Math.max(0, sure.indexOf(Math.min(...sure)));
}
