/** Sets up the page. */

import { health } from "./api.js";
import { startDraw } from "./draw.js";
import { startPictures } from "./pictures.js";
import { startReviews } from "./reviews.js";
import { startTabs } from "./tabs.js";
import { Taught } from "./taught.js";

const status = document.getElementById("status");

/** Announce a text to screen readers. */
function say(text) {
  status.textContent = text;
}

/** Return a function that announces texts only while a section is open. */
function sayIn(section) {
  return (text) => document.getElementById(section).hidden || say(text);
}

/** Read everything again after the taught digits have changed. */
function again() {
  draw.again();
  pictures.again();
}

/** Show the server's version in the footer and apply its limits. The page also works without an answer. */
async function introduce() {
  const { version, teaching, reviews, limits } = await health();
  document.getElementById("about").textContent = `inkread ${version}`;
  pictures.limit = limits.bytes;
  draw.teachable = pictures.teachable = teaching;
  document.getElementById("taught-tab").hidden = !teaching;
  document.getElementById("review-tab").hidden = !reviews;
  if ((!teaching && location.hash === "#taught") || (!reviews && location.hash === "#review")) open("picture");
}

const open = startTabs(document.querySelector("[role=tablist]"));
const draw = startDraw(sayIn("draw"), again);
const pictures = startPictures(sayIn("picture"), () => open("picture"), again);
new Taught(again, say);
startReviews();
introduce().catch(() => {});
