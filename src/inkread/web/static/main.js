/** Starts the page. */

import { health } from "./api.js";
import { startDraw } from "./draw.js";
import { startPictures } from "./pictures.js";
import { startTabs } from "./tabs.js";
import { Taught } from "./taught.js";

const status = document.getElementById("status");

/** Read a text out to those who do not see the page. */
function say(text) {
  status.textContent = text;
}

/** Return what reads texts out while a section is open: behind another, its readings are no news. */
function sayIn(section) {
  return (text) => document.getElementById(section).hidden || say(text);
}

/** Read again what is shown: more is taught, or less. */
function again() {
  draw.again();
  pictures.again();
}

/** Say in the footer which inkread answers, and heed its limits; the page works without knowing. */
async function introduce() {
  const { version, teaching, limits } = await health();
  document.getElementById("about").textContent = `inkread ${version}`;
  pictures.limit = limits.bytes;
  draw.teachable = pictures.teachable = teaching;
  document.getElementById("taught-tab").hidden = !teaching;
  if (!teaching && location.hash === "#taught") open("draw");
}

const open = startTabs(document.querySelector("[role=tablist]"));
const draw = startDraw(sayIn("draw"), again);
const pictures = startPictures(sayIn("picture"), () => open("picture"), again);
new Taught(again, say);
introduce().catch(() => {});
