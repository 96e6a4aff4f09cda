/** The server's REST interface. Every failure is thrown as a `Problem` with a sentence for people. */

const OFFLINE = "The server does not answer. Is “inkread web” still running? Your drawing and pictures are not lost.";

/** What a part of the page adds to a failure if it tries again by itself. */
export const TRYING_AGAIN = "Trying again every few seconds.";

/** Return after how many milliseconds to try again, the first time, the second, and so on. */
export const waitBefore = (tries) => Math.min(10_000, 1000 * 2 ** tries);

/** A failure: a code for programs and a sentence for people. `passing` tells whether trying again may help. */
export class Problem extends Error {
  constructor(code, message, { status = 0, wait = 1 } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.wait = wait;
  }

  /** Whether the right password may help. */
  get locked() {
    return ["encrypted", "wrong-password"].includes(this.code);
  }

  get passing() {
    return ["offline", "busy", "locked", "too-long", "too-slow"].includes(this.code);
  }
}

/**
 * Read a picture and return the server's reading.
 *
 * `page` is the number of a page, `steps` asks for the steps between picture and answer, `shown` for the upright picture
 * as well. If the server is busy, the request is repeated a few times, after the time that the server names.
 */
export function read(picture, { name = "", password = "", as = "auto", print = "auto", sure = "", boxes = null, page = 1, steps = false, shown = false, signal } = {}) {
  const more = { ...(sure !== "" && { min_confidence: sure }), ...(steps && { steps: 1 }), ...(shown && { picture: 1 }) };
  return send("read", { picture, name, password, as, print, boxes, page, signal }, more);
}

/** Teach the label of the digit in a box, and return the answer: {taught, reading}. */
export const teach = (asked, label) => send("teach", asked, { label, box: asked.box.join(",") });

/** Explain why a digit, counted from 0, is read the way it is. */
export const explain = (asked) => send("explain", asked, { digit: asked.index + 1 });

/** Return lessons, the newest first, optionally only those before an id: {profile, count, taught}. */
export const lessons = (before) => ask(`/api/taught${before ? `?before=${before}` : ""}`);

/** Delete a lesson. */
export const forget = (id) => ask(`/api/taught/${id}`, { method: "DELETE" });

/** Send a picture, {picture, name, password, as, print, boxes, page, signal}. If the server is busy, repeat the request up to `patience` times. */
async function send(what, { picture, name, password, as, print = "auto", boxes = null, page = 1, signal }, more, patience = 5) {
  // URLSearchParams would make each comma three characters.
  const places = boxes ? `&boxes=${boxes.map((box) => box.join(",")).join(";")}` : "";
  const request = {
    method: "POST",
    body: picture,
    headers: {
      "Content-Type": picture.type || "application/octet-stream",
      ...(name && { "X-Picture-Name": encodeURIComponent(name) }),
      ...(password && { "X-Picture-Password": encodeURIComponent(password) }),
    },
    signal,
  };
  for (let tries = 0; ; tries++) {
    try {
      return await ask(`/api/${what}?${new URLSearchParams({ as, ...(print !== "auto" && { print }), page, ...more })}${places}`, request);
    } catch (problem) {
      if (problem.code !== "busy" || tries >= patience) throw problem;
      await pause(1000 * problem.wait, signal);
    }
  }
}

/** Return the server's version and limits, and whether digits can be taught. */
export const health = () => ask("/api/health");

async function ask(address, request) {
  let answer;
  try {
    answer = await fetch(address, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("offline", OFFLINE);
  }
  const content = await answer.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return {};
  });
  if (answer.ok) return content;
  throw new Problem(content.code ?? "failed", content.detail ?? `The server answered with status ${answer.status} and no explanation.`, {
    status: answer.status,
    wait: Number(answer.headers.get("Retry-After")) || 1,
  });
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
