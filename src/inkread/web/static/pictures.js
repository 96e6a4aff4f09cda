/** The section "Picture": pictures come in, are read, and one of them is looked at. */

import { Answer, element } from "./answer.js";
import { startCamera } from "./camera.js";
import { startIntake } from "./intake.js";
import { Pile } from "./pile.js";
import { decoded } from "./pixels.js";
import { Queue } from "./queue.js";
import { annotated, asObject, copy, digitsCsv, download, picturesCsv } from "./saving.js";
import { Stage } from "./stage.js";
import { Teacher } from "./teacher.js";
import { Way, lookedAt, middleOf, nearest } from "./way.js";
import { Why } from "./why.js";
import { announcement, called, count, failure } from "./words.js";

const HINT = "What the picture says appears here.";
const EXAMPLE = "/static/example.jpg";
const find = (id) => document.getElementById(id);

/** Start the section; `say` reads a text out, `reveal` brings the section before the eye, `changed` hears of what is taught. */
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
  #stage = new Stage(find("stage"), (index, byHand) => this.#chosen(index, byHand));
  #way = new Way(find("picture-way"), (label) => this.#teacher.teach(label));
  #teacher;
  #why;
  #staged = null; // the item on the stage
  #images = {}; // its page and ink
  #at = -1; // the digit that is looked at
  #middle = null; // of that digit, to find it when the picture is read again

  constructor(say, reveal, changed) {
    this.#say = say;
    this.#reveal = reveal;
    const looked = () => this.#looked();
    this.#teacher = new Teacher(this.#way, looked, changed, say);
    this.#why = new Why(find("picture"), this.#way.why, looked, say);
    for (const id of ["text", "stage", "picture-way"]) this.#teacher.listen(find(id));
    const on = (id, event, act) => find(id).addEventListener(event, act);
    for (const id of ["as", "sure"]) on(id, "change", () => this.#readAgain());
    on("remove", "click", () => this.#remove());
    on("example", "click", () => this.#addExample());
    on("copy", "click", () => this.#copy());
    on("save-picture", "click", () => this.#savePicture());
    on("save-csv", "click", () => download(this.#name("csv"), digitsCsv(this.#queue.chosen), "text/csv"));
    on("save-json", "click", () => download(this.#name("json"), json(asObject(this.#queue.chosen)), "application/json"));
    on("all-csv", "click", () => download("inkread.csv", picturesCsv(this.#queue.items), "text/csv"));
    on("all-json", "click", () => download("inkread.json", json(this.#queue.items.map(asObject)), "application/json"));
    this.#readAgain(); // browsers keep what was chosen over a reload
    this.#rest();
  }

  /** The most bytes that the server takes for one picture. */
  set limit(bytes) {
    this.#queue.limit = bytes;
  }

  set teachable(can) {
    this.#way.teachable = can;
  }

  /** Read everything again: more is taught, or less. */
  again() {
    this.#readAgain();
  }

  add(files) {
    this.#reveal();
    find("notice").textContent = "";
    this.#choose(this.#queue.add(files)[0]);
  }

  /** Say why something that was given is no picture. */
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
    this.#pile.update(item, this.#queue.items);
    if (item === this.#queue.chosen) this.#present();
    const { items } = this.#queue;
    if (items.length > 1 && items.every(({ reading, problem }) => reading || problem)) this.#say(`${count(items.length, "picture")} done.`);
  }

  #readAgain() {
    this.#queue.again({ as: find("as").value, sure: find("sure").value });
    this.#pile.show(this.#queue.items, this.#queue.chosen);
    this.#present();
  }

  #remove() {
    this.#queue.clear();
    this.#pile.show([], null);
    this.#rest();
    find("choose").focus();
  }

  async #addExample() {
    try {
      const answer = await fetch(EXAMPLE);
      this.add([new File([await answer.blob()], "example.jpg", { type: "image/jpeg" })]);
    } catch {
      this.refuse("The example did not come. Is “inkread web” still running?");
    }
  }

  #rest() {
    this.#staged = null;
    this.#stage.clear();
    find("busy").hidden = true;
    this.#answer.wait(HINT);
    this.#way.clear();
    this.#enable(null);
    this.#why.follow();
  }

  /** Show the chosen item as far as it is. */
  async #present() {
    const item = this.#queue.chosen;
    const reading = item?.reading?.steps ? item.reading : null;
    find("busy").hidden = !item || Boolean(reading ?? item.problem);
    if (!item) return;
    if (reading) return this.#showReading(item, reading);
    if (this.#staged === item && !item.problem) return; // what it said before stays until it is read again
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
      this.#queue.retry();
      this.#pile.show(this.#queue.items, this.#queue.chosen);
      this.#staged = null;
      this.#present();
    });
    this.#answer.fail({ title: "Not read.", detail: failure(item) }, ...(item.problem.passing ? [again] : []));
    this.#say(`${item.name} was not read. ${failure(item)}`);
  }

  async #showReading(item, reading) {
    const { page, ink, size } = reading.steps;
    const images = await Promise.all([decoded(`image/jpeg;base64,${page.jpeg}`), decoded(`image/png;base64,${ink.png}`)]);
    if (this.#queue.chosen !== item || item.reading !== reading) return; // another one was chosen meanwhile
    this.#staged = item;
    this.#images = { page: images[0], ink: images[1], size };
    this.#stage.show(reading, images[0]);
    this.#answer.show(reading);
    this.#enable(reading);
    this.#look(this.#middle ? nearest(lookedAt(reading), this.#middle) : leastSure(reading));
    this.#why.again();
    this.#say(announcement(reading));
  }

  /** Look at the digit that was chosen; one that is pressed though it is looked at already is explained. */
  #chosen(index, byHand) {
    if (!this.#queue.chosen?.reading?.steps) return; // it is being read again
    const again = index === this.#at;
    if (!again) this.#way.note();
    this.#look(index);
    if (again && byHand) this.#why.open();
    else this.#why.follow();
  }

  /** Return what is looked at, as the server is asked about it. */
  #looked() {
    const item = this.#queue.chosen;
    const look = item?.reading?.steps && lookedAt(item.reading)[this.#at];
    return look ? { picture: item.file, name: item.name, as: find("as").value, box: look.box, index: this.#at } : null;
  }

  /** Look at one digit. */
  #look(index) {
    const { reading } = this.#queue.chosen;
    const looks = lookedAt(reading);
    this.#at = index;
    this.#stage.mark(index);
    this.#answer.mark(index);
    if (!looks[index]) return this.#way.clear();
    this.#middle = middleOf(looks[index]);
    this.#way.show(looks[index], called(looks[index], reading), this.#images);
  }

  #enable(reading) {
    find("saving").classList.toggle("idle", !reading?.text);
    find("legend").classList.toggle("idle", !reading?.text);
  }

  async #copy() {
    try {
      await copy(this.#queue.chosen.reading.text);
      this.#flash(find("copy"), "Copied");
    } catch (error) {
      this.refuse(error.message);
    }
  }

  /** Let a button say for a moment that it is done. */
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

/** Return the index of the digit that is worth a look first. */
function leastSure({ digits }) {
  const sure = digits.map(({ confidence }) => confidence);
  return Math.max(0, sure.indexOf(Math.min(...sure)));
}
