/** What the page asks of the service. Knows nothing of the document. */

/**
 * @typedef {object} Region
 * @property {number} id 1, 2, 3 ... in reading order
 * @property {[number, number, number, number]} box x0, y0, x1, y1 px, half-open
 * @property {[number, number][]} polygon points px, clockwise
 * @property {number} area erased pixels
 * @property {string | null} method how it was filled
 * @property {string | null} reason why that method
 */

/**
 * @typedef {object} Erased
 * @property {Blob} image the cleaned file
 * @property {Blob} mask a PNG, 255 = erased
 * @property {number} width upright, px
 * @property {number} height upright, px
 * @property {Region[]} regions
 * @property {string} fidelity exact, blocks or reencoded
 * @property {number} maskShare 0 to 1
 */

/** A refusal, in the words of the service where it has any. */
export class Problem extends Error {
  /** @param {{title: string, detail: string, status?: number, retryAfterS?: number}} facts */
  constructor({ title, detail, status = 0, retryAfterS = 0 }) {
    super(title);
    this.title = title;
    this.detail = detail;
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

let token = "";

/** @param {string} word sent as a bearer token from now on; kept in this tab's memory only */
export function useToken(word) {
  token = word;
}

/** Whether a token is sent. @returns {boolean} */
export function hasToken() {
  return token !== "";
}

/** Limits, formats and defaults. @returns {Promise<any>} @throws {Problem} */
export async function fetchInfo() {
  return (await ask("v1/info", {})).json();
}

/** Whether this server shows its API documentation. @returns {Promise<boolean>} */
export async function hasDocs() {
  try {
    return (await fetch("openapi.json", { method: "HEAD" })).ok;
  } catch {
    return false;
  }
}

/**
 * Erase the text of `file`, or with `mask` what is white in it.
 * @param {Blob} file
 * @param {{mask?: Blob | null, options: Record<string, string>, signal: AbortSignal}} how
 * @returns {Promise<Erased>}
 * @throws {Problem} and an AbortError if `signal` says so
 */
export async function erase(file, { mask = null, options, signal }) {
  const response = await ask("v1/erase", {
    method: "POST",
    headers: { Accept: "application/json" },
    body: formOf(file, mask, { ...options, output: "both" }),
    signal,
  });
  const answer = await response.json();
  return {
    image: blobOf(answer.image, answer.media_type),
    mask: blobOf(answer.mask, "image/png"),
    width: answer.width,
    height: answer.height,
    regions: answer.regions,
    fidelity: response.headers.get("X-Fidelity") ?? "",
    maskShare: Number(response.headers.get("X-Mask-Share")),
  };
}

/**
 * The cleaned file alone, for formats that a browser cannot show.
 * @param {Blob} file
 * @param {{mask: Blob, options: Record<string, string>, signal: AbortSignal}} how
 * @returns {Promise<Blob>}
 * @throws {Problem} and an AbortError if `signal` says so
 */
export async function eraseToFile(file, { mask, options, signal }) {
  const response = await ask("v1/erase", {
    method: "POST",
    headers: { Accept: "image/*" },
    body: formOf(file, mask, { ...options, output: "image" }),
    signal,
  });
  return response.blob();
}

/** @returns {FormData} */
function formOf(file, mask, options) {
  const form = new FormData();
  form.append("image", file, "image");
  if (mask) {
    form.append("mask", mask, "mask.png");
    form.append("mask_mode", "replace");
  }
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  return form;
}

/** @returns {Promise<Response>} one that is ok @throws {Problem} */
async function ask(address, { headers = {}, ...request }) {
  const authorization = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(address, { ...request, headers: { ...headers, ...authorization } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem({
      title: "The service does not answer.",
      detail: "It may be starting, or the connection was lost. Nothing was changed.",
    });
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

/** @returns {Promise<Problem>} */
async function problemOf(response) {
  const told = await response.json().catch(() => ({})); // a proxy in between may answer with a page of its own
  return new Problem({
    title: told.title ?? `The server answered ${response.status}.`,
    detail: told.detail ?? response.statusText,
    status: response.status,
    retryAfterS: Number(response.headers.get("Retry-After")) || 0,
  });
}

/** @returns {Blob} */
function blobOf(base64, type) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  // Uint8Array.from makes an object of each letter first: seconds, and a page that stands still, for a large result.
  for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
  return new Blob([bytes], { type });
}
