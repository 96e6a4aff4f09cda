/** Starts the page without a server: the section "Draw" of the page of `inkread web`, with `local.js` for its server. */

import { startDraw } from "./draw.js";

const status = document.getElementById("status");

startDraw((text) => (status.textContent = text), () => {});
