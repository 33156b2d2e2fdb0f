/** One image on the desk: its file, what the service made of it, and what is to be done with it next. */

import { bitmapOf, measure } from "./canvas.js";
import { MaskEditor, keyOf } from "./mask.js";

/** @typedef {import("./api.js").Region} Region */
/** @typedef {import("./api.js").Erased} Erased */
/** @typedef {"waiting" | "working" | "done" | "failed" | "stopped"} Status */

const THUMBNAIL_PX = 160;
const MULTIPART_BYTES = 8192;
const ENDINGS = {
  "image/jpeg": "jpg",
  "image/tiff": "tif",
  "image/vnd.adobe.photoshop": "psd",
  "image/openraster": "ora",
};
/** What browsers call files that the service knows by another name. */
const ALIASES = { "image/heif": "image/heic" };
const LAYERED = new Set(["psd", "ora"]);

/**
 * Why the service would refuse this file; null if it would not.
 * @param {File} file
 * @param {any} info
 * @returns {Promise<string | null>}
 */
export async function refusalOf(file, info) {
  const { limits, formats } = info;
  if (file.type && !formats.input.includes(ALIASES[file.type] ?? file.type)) {
    return `${wordFor(file.type)} is not read here. Send ${listOf(formats.input.map(wordFor))}.`;
  }
  if (file.size === 0) return "The file is empty.";
  if (file.size + MULTIPART_BYTES > limits.max_bytes) {
    return `The file has ${fileSize(file.size)}; at most ${fileSize(limits.max_bytes)} are accepted.`;
  }
  const size = await measure(file);
  if (size && size.width * size.height > limits.max_pixels) {
    return `The image has ${megapixels(size.width * size.height)}; at most ${megapixels(limits.max_pixels)} are accepted.`;
  }
  return null;
}

export class Page {
  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.name = file.name || "pasted.png";
    /** @type {Status} */
    this.status = "waiting";
    /** @type {"find" | "apply"} what is asked of the service next: look for text, or take the mask as it is */
    this.wish = "find";
    this.problem = null;
    this.retryAt = 0;
    /** @type {Erased | null} */
    this.result = null;
    /** @type {MaskEditor | null} */
    this.mask = null;
    /** @type {Region[]} those of the result, and those that were kept */
    this.regions = [];
    /** The mask's state and the options that the result was made with. */
    this.applied = { state: 0, options: "" };
    this.canShow = true;
    this.startedAt = 0;
    this.abort = new AbortController();
    /** @type {(() => void)[]} called once the present wish is granted, refused or dropped */
    this.waiters = [];
  }

  /** Resolves once nothing is asked of the service any more. @returns {Promise<void>} */
  settled() {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** The present wish is granted, refused or dropped. @param {Status} status */
  settle(status) {
    this.status = status;
    this.waiters.splice(0).forEach((resolve) => resolve());
  }

  /** Look at the file. @returns {Promise<ImageBitmap | null>} a thumbnail */
  async look() {
    const size = await measure(this.file);
    this.canShow = size !== null;
    if (!size) return null;
    const scale = Math.min(1, THUMBNAIL_PX / Math.min(size.width, size.height));
    return bitmapOf(this.file, { resizeWidth: Math.max(1, Math.round(size.width * scale)), resizeQuality: "high" });
  }

  /**
   * Take what came back.
   * @param {Erased} result
   * @param {string} options those it was made with
   * @param {number | null} state the mask's state that was sent; null if text was looked for
   */
  take(result, options, state) {
    const kept = state === null ? [] : this.regions.filter((region) => this.mask?.kept.has(keyOf(region)));
    this.result = result;
    this.regions = [...result.regions, ...kept];
    if (state === null) this.mask = null;
    else this.mask?.settle();
    this.applied = { state: state ?? 0, options };
  }

  /** Whether the browser can show what comes back in this format. @param {string} format */
  canShowAs(format) {
    return !LAYERED.has(format) && (this.canShow || format !== "same");
  }

  /** The mask, ready to be painted on. @returns {Promise<MaskEditor | null>} */
  async openMask() {
    if (!this.result) return null;
    if (!this.mask) {
      const { width, height, mask } = this.result;
      const editor = new MaskEditor(width, height);
      await editor.load(mask);
      this.mask = editor;
      this.applied.state = editor.state;
    }
    return this.mask;
  }

  /** Nobody looks: an untouched mask can be made again from its file. */
  rest() {
    if (this.mask && this.mask.done.length + this.mask.undone.length === 0) this.mask = null;
  }

  /** Whether the mask was changed since the result was made. */
  get isRepainted() {
    return this.mask !== null && this.mask.state !== this.applied.state;
  }

  /** `page-01.clean.png` for `page-01.png`. @param {string} type media type */
  imageName(type) {
    return `${this.#stem}.clean.${ENDINGS[type] ?? type.replace("image/", "")}`;
  }

  get maskName() {
    return `${this.#stem}.mask.png`;
  }

  get bundleName() {
    return `${this.#stem}.zip`;
  }

  get #stem() {
    return this.name.replace(/\.[^.]*$/, "") || this.name;
  }
}

/** What a file dialog is to offer. @param {string[]} types those that the service reads @returns {string} */
export function acceptOf(types) {
  const others = Object.entries(ALIASES).filter(([, type]) => types.includes(type));
  return [...types, ...others.map(([alias]) => alias)].join(",");
}

/** `PNG` for `image/png`. @param {string} type */
export function wordFor(type) {
  const word = type.replace("image/", "");
  return { webp: "WebP", same: "As uploaded", "svg+xml": "SVG" }[word] ?? word.toUpperCase();
}

/** @param {string[]} words @returns {string} `a, b or c` */
function listOf(words) {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** @param {number} bytes */
export function fileSize(bytes) {
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} KB` : `${rounded(bytes / 2 ** 20)} MB`;
}

/** @param {number} pixels */
export function megapixels(pixels) {
  return `${rounded(pixels / 1e6)} megapixels`;
}

function rounded(value) {
  return value < 10 ? value.toFixed(1).replace(".0", "") : String(Math.round(value));
}
