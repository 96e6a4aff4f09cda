/** Starts the page. */

import { health } from "./api.js";
import { startDraw } from "./draw.js";
import { startPictures } from "./pictures.js";
import { startTabs } from "./tabs.js";

const status = document.getElementById("status");

/** Read a text out to those who do not see the page. */
function say(text) {
  status.textContent = text;
}

/** Say in the footer which inkread answers, and heed its limits; the page works without knowing. */
async function introduce(pictures) {
  const { version, limits } = await health();
  document.getElementById("about").textContent = `inkread ${version}`;
  pictures.limit = limits.bytes;
}

const open = startTabs(document.querySelector("[role=tablist]"));
startDraw(say);
introduce(startPictures(say, () => open("picture"))).catch(() => {});
