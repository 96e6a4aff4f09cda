/** How the page speaks: of probabilities, readings and refusals. */

/** Digits below this confidence are marked: people should look at them again. */
export const SURE = 0.9;

const REFUSALS = {
  blank: "Nothing is written here.",
  "no-digit": "This does not look like a digit.",
  unsure: "Not sure enough to say.",
};

/** "99.8 %"; no probability is ever certain, so none is rounded to 100 or, unless it is tiny, to 0. */
export function percent(probability) {
  if (probability >= 0.9995) return "> 99.9\u00a0%";
  return `${(100 * probability).toFixed(1)}\u00a0%`;
}

/** What is said of one digit, for labels: "7, 99.8 % sure". */
export function spoken({ digit, confidence }) {
  if (digit === undefined) return "not read as a digit";
  return `${digit}, ${confidence < SURE ? "only " : ""}${percent(confidence)} sure`;
}

/** How a digit among others is called: "the 7 in line 2". */
export function called({ digit, line }, { digits, lines }) {
  if (digits.length < 2) return "it";
  return `the ${digit}${lines.length > 1 ? ` in line ${line + 1}` : ""}`;
}

/** A refusal as a short line for the eye and a sentence that says more. */
export function refusal({ code, message }) {
  const detail = code === "unsure" ? sentence(message) : "";
  return { title: REFUSALS[code] ?? "Not read.", detail: REFUSALS[code] ? detail : sentence(message) };
}

/** What a screen reader says of a whole reading. */
export function announcement(reading) {
  if (reading.refused) return Object.values(refusal(reading.refused)).join(" ");
  return `Read ${reading.text.replaceAll("\n", ", ")}, ${percent(reading.confidence)} sure`;
}

/** "1 digit", "2 digits". */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** What went wrong with a picture, for a place where its name stands already. */
export function failure({ name, problem }) {
  const { message } = problem;
  return sentence(message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message);
}

/** Programs begin messages in small letters and end them without a stop; people do not. */
export function sentence(message) {
  const text = message.trim();
  return text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
