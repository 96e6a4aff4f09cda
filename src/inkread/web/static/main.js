/** Starts the page. */

import { health, model } from "./api.js";
import { startDraw } from "./draw.js";
import { startPictures } from "./pictures.js";
import { startTabs } from "./tabs.js";

const status = document.getElementById("status");

/** Read a text out to those who do not see the page. */
function say(text) {
  status.textContent = text;
}

/** Say in the footer which inkread and which model answer; the page works without knowing. */
async function introduce(limits) {
  const [server, card] = await Promise.all([health(), model()]);
  const name = card.name ?? card.recipe;
  document.getElementById("about").textContent = `inkread ${server.version}${name ? ` · model ${name}` : ""}`;
  limits(server.limits);
}

const open = startTabs(document.querySelector("[role=tablist]"));
startDraw(say);
const pictures = startPictures(say, () => open("picture"));
introduce((limits) => (pictures.limit = limits.bytes)).catch(() => {});
