/** The texts of the page about probabilities, readings and refusals. */

/** Digits below this confidence are marked, so that people check them. */
export const SURE = 0.9;

const REFUSALS = {
  blank: "Nothing is written here.",
  "no-digit": "This does not look like a digit.",
  unsure: "Not sure enough to read it.",
  unfit: "Nothing here fits what is expected.",
};

/**
 * Return the digits of a reading as the page shows them. A digit alone on its picture is as sure as the picture's text, so
 * that the page has one number for both. The other probabilities share what is left.
 */
export function digitsOf({ digits, confidence }) {
  if (digits.length !== 1) return digits;
  const [digit] = digits;
  const rest = 1 - digit.probabilities[digit.digit];
  const share = (probability) => (rest > 0 ? (probability * (1 - confidence)) / rest : 0);
  return [{ ...digit, confidence, probabilities: digit.probabilities.map((probability, at) => (at === digit.digit ? confidence : share(probability))) }];
}

/** Return a probability as "99.8%". It is never rounded up to 100%, since no answer is certain. */
export function percent(probability) {
  if (probability >= 0.9995) return "> 99.9%";
  return `${(100 * probability).toFixed(1)}%`;
}

/** Return the label of one digit: "7, 99.8% sure". */
export function spoken({ digit, confidence }) {
  if (digit === undefined) return "not read as a digit";
  return `${digit}, ${confidence < SURE ? "only " : ""}${percent(confidence)} sure`;
}

/** Return the name of a digit among others: "the 7 in line 2". */
export function called({ digit, line }, { digits, lines }) {
  if (digits.length < 2) return "it";
  return `the ${digit}${lines.length > 1 ? ` in line ${line + 1}` : ""}`;
}

/** Return a refusal as a short title and a sentence with details. */
export function refusal({ code, message }) {
  const detail = code === "unsure" ? sentence(message) : "";
  return { title: REFUSALS[code] ?? "Not read.", detail: REFUSALS[code] ? detail : sentence(message) };
}

const BOXES = "“Edit boxes” below the picture adds digits by hand.";

/** What one place that was not read, and several of them, are called, by reason, and what to do if it is a number. */
const UNREAD = {
  word: ["word", "words", `Words are left out. If it is a number: ${BOXES}`],
  print: ["printed text", "printed texts", "Print beside handwriting is left out. To read it, set Print to “Read it”."],
  drawing: ["drawing", "drawings", `Lines, ticks and pictures are left out. If it is a number: ${BOXES}`],
  struck: ["struck out", "struck out", `Digits that were struck out are left out. To keep them: ${BOXES}`],
  unsure: ["unsure", "unsure", `A digit may be here. Look at it: ${BOXES}`],
};

/** Return what a place that was not read is called, and what to do: "not read: word. Words are left out. ..." */
export const unreadName = ({ reason }) => ["not read: " + (UNREAD[reason]?.[0] ?? reason), UNREAD[reason]?.[2]].filter(Boolean).join(". ");

/** Return for each reason why places were not read: its name, their number, and what to do. */
export function whatToDo({ unread }) {
  const reasons = Object.entries(UNREAD).map(([reason, [one, , what]]) => ({ reason, name: one, what, number: unread.filter((place) => place.reason === reason).length }));
  return reasons.filter(({ number }) => number);
}

/** Return how many places were not read, by reason: "Not read: 2 words, 1 drawing". It is empty if there are none. */
export function notRead({ unread }) {
  const counts = Object.entries(UNREAD).map(([reason, names]) => [unread.filter((place) => place.reason === reason).length, names]);
  const parts = counts.filter(([number]) => number).map(([number, [one, several]]) => `${number} ${number === 1 ? one : several}`);
  return parts.length ? `Not read: ${parts.join(", ")}` : "";
}

/** Return the announcement of a whole reading for screen readers. */
export function announcement(reading) {
  const left = notRead(reading);
  if (reading.refused) return [...Object.values(refusal(reading.refused)), left].filter(Boolean).join(" ");
  return `Read ${reading.text.replaceAll("\n", ", ")}, ${percent(reading.confidence)} sure${left && `. ${left}`}`;
}

/** Return a number with its noun: "1 digit", "2 digits". */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return why a picture could not be read, without its name, which is already shown. */
export function failure({ name, problem }) {
  if (problem.code === "encrypted") return "This PDF is encrypted. Enter its password.";
  const { message } = problem;
  return sentence(message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message);
}

/** Return a message of a program as a sentence, with a capital letter and a full stop. */
export function sentence(message) {
  const text = message.trim();
  return text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
