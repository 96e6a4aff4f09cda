// The page of a review: one value at a time, by keyboard. An answer is on the disk before the next value is shown.

const at = (id) => document.getElementById(id);
const ANSWERS = { e: "empty", s: "struck", u: "unreadable" };
const BACK = `inkread-back ${location.pathname}`;

// The places that this window has answered, kept when the page is loaded again.
const answered = JSON.parse(sessionStorage.getItem(BACK) ?? "[]");
let item = null;
let typed = false;
let sure = false;
let busy = false;
// Whether to go on with values that need no check, the least certain first.
let more = false;

async function ask(address, options) {
  if (busy) return;
  busy = true;
  try {
    const reply = await fetch(address, options);
    const said = await reply.json();
    if (!reply.ok) throw new Error(said.detail);
    return said;
  } catch (error) {
    at("message").textContent = error instanceof TypeError ? "inkread does not answer. Start it again, and press the key again: what you answered before is kept." : error.message;
  } finally {
    busy = false;
  }
}

function show(said) {
  if (!said) return;
  if (said.stopped) {
    at("message").textContent = said.stopped;
    return;
  }
  at("data").textContent = said.data;
  at("user").textContent = said.user;
  at("left").textContent = `${said.left} left; ${said.expected.toFixed(1)} errors expected in the rest`;
  at("progress").value = said.values ? 1 - said.left / said.values : 1;
  document.title = `${said.left} left: ${said.data}`;
  at("item").hidden = !said.item;
  at("done").hidden = Boolean(said.item);
  item = said.item;
  at("message").textContent = said.note ?? "";
  if (item) showItem();
  else at("done").focus();
}

function showItem() {
  const [sheet, , row] = item.place;
  at("what").textContent = `${item.label}, sheet ${sheet}${item.line.length ? `, row ${row + 1}` : ""}`;
  at("crops").replaceChildren(...item.crops.map((name) => picture(name, `${item.label}, as it is written`)));
  at("reading").replaceChildren(...reading());
  at("value").value = item.value;
  at("around").hidden = !item.line.length;
  at("line").replaceChildren(...item.line.map(neighbour));
  for (const back of document.querySelectorAll("[data-key=Backspace]")) back.disabled = !answered.length;
  typed = sure = false;
  at("value").focus();
  at("value").select();
}

function reading() {
  const parts = ["Read: ", strong(item.value || item.read || item.outcome), ` (${Math.round(100 * item.confidence)}% sure)`];
  if (item.reviewed_by) parts.push(`, answered by ${item.reviewed_by}`);
  if (item.second) parts.push(". Second choice: ", strong(item.second), " ↓");
  if (item.choices.length) parts.push(`. Choices: ${item.choices.map((text, number) => `${number + 1} ${text}`).join(", ")}`);
  return parts;
}

function strong(text) {
  const made = document.createElement("strong");
  made.textContent = text;
  return made;
}

function picture(name, words) {
  const made = new Image();
  made.src = `crops/${encodeURIComponent(name)}`;
  made.alt = words;
  return made;
}

function neighbour({ label, cell, crop }) {
  const made = document.createElement("li");
  made.append(picture(crop, ""), `${label}: ${cell}`);
  return made;
}

async function answer(outcome, value = "") {
  if (!item || busy) return;
  const place = item.place;
  const body = JSON.stringify({ place, seen: item.seen, outcome, value, sure, more });
  const said = await ask("answers", { method: "POST", body });
  if (said?.refused) {
    at("message").textContent = said.refused;
    sure = true;
    return;
  }
  if (said && !said.note && !said.stopped) remember([...answered, place]);
  show(said);
}

function remember(places) {
  answered.splice(0, answered.length, ...places);
  sessionStorage.setItem(BACK, JSON.stringify(answered));
}

async function back() {
  const place = answered.at(-1);
  if (!place || busy) return;
  const said = await ask(`answers?place=${encodeURIComponent(JSON.stringify(place))}`);
  if (!said) return;
  remember(answered.slice(0, -1));
  show(said);
}

async function goOn() {
  if (item) return;
  more = true;
  show(await ask("answers?more"));
}

function written() {
  const text = at("value").value.trim();
  const number = Number(text);
  return item.choices.length && typed && item.choices[number - 1] ? item.choices[number - 1] : text;
}

function press(key) {
  if (ANSWERS[key]) answer(ANSWERS[key]);
  else if (key === "Backspace") back();
  else if (key === "?") at("keys").showModal();
  else if (key === "m") goOn();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || at("keys").open) return;
  const known = ANSWERS[event.key] || event.key === "?" || (event.key === "m" && !item) || (event.key === "Backspace" && !(typed && at("value").value));
  if (known) {
    event.preventDefault();
    if (!event.repeat) press(event.key);
  } else if (event.key === "ArrowDown" && item?.second) {
    event.preventDefault();
    at("value").value = item.second;
    typed = true;
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-key]");
  if (button) press(button.dataset.key);
});
at("value").addEventListener("input", () => {
  typed = true;
  sure = false;
});
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const kept = !typed && item && Object.values(ANSWERS).includes(item.outcome);
  answer(kept ? item.outcome : "value", kept ? "" : written());
});

at("tables").hidden = location.pathname === "/";
show(await ask("answers"));
