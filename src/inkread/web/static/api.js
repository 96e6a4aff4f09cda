/** The server's REST interface. Every failure becomes a `Problem` with a sentence for people. */

const OFFLINE = "The server does not answer. Is “inkread web” still running? Your drawing and pictures are still here.";

/** A failure: a code for programs, a sentence for people, and whether trying again can help. */
export class Problem extends Error {
  constructor(code, message, { status = 0, wait = 1 } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.wait = wait;
  }

  get passing() {
    return ["offline", "busy", "too-long", "too-slow"].includes(this.code);
  }
}

/**
 * Read a picture and return the server's reading.
 *
 * `steps` asks for what lies between picture and answer, `page` for the upright picture as well. A server that is busy
 * is asked again, after the time that it names, at most `patience` times.
 */
export async function read(picture, { name = "", as = "auto", sure = "", steps = false, page = false, signal, patience = 5 } = {}) {
  const query = new URLSearchParams({ as });
  if (sure !== "") query.set("min_confidence", sure);
  if (steps) query.set("steps", "1");
  if (page) query.set("page", "1");
  const request = {
    method: "POST",
    body: picture,
    headers: { "Content-Type": picture.type || "application/octet-stream", ...(name && { "X-Picture-Name": encodeURIComponent(name) }) },
    signal,
  };
  for (let tries = 0; ; tries++) {
    try {
      return await ask(`/api/read?${query}`, request);
    } catch (problem) {
      if (problem.code !== "busy" || tries >= patience) throw problem;
      await pause(1000 * problem.wait, signal);
    }
  }
}

/** Return the server's version and limits. */
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
  throw new Problem(content.code ?? "failed", content.detail ?? `The server answered ${answer.status} and did not say why.`, {
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
