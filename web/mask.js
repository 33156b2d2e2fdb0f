/** The mask of one picture as a canvas: painted, undone, sent. An opaque pixel is erased, a clear one is kept. */

import { canvasOf, encode, polygonPath } from "./canvas.js";

/** @typedef {import("./api.js").Region} Region */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

const TINT = [226, 59, 34];
const HISTORY_BYTES = 96 * 1024 * 1024;

/** @param {Region} region @returns {string} the same for the same place, whatever its number */
export function keyOf(region) {
  return region.box.join(",");
}

export class MaskEditor {
  /** @param {number} width @param {number} height upright size of the picture, px */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    /** What will be erased. */
    this.canvas = canvasOf(width, height);
    /** All that the service ever erased here, so that a kept region can come back. */
    this.found = canvasOf(width, height);
    /** @type {Set<string>} keys of the regions that stay */
    this.kept = new Set();
    /** Names the present state; two equal names are the same mask. */
    this.state = 0;
    this.done = [];
    this.undone = [];
    this.states = 0;
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.scratch = null;
  }

  /** Take the service's mask as the present one; forgets the history. @param {Blob} mask */
  async load(mask) {
    const bitmap = await createImageBitmap(mask);
    this.context.globalCompositeOperation = "source-over";
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const pixels = this.context.getImageData(0, 0, this.width, this.height);
    const words = new Uint32Array(pixels.data.buffer);
    const [red, green, blue] = TINT;
    const erased = new Uint32Array(new Uint8Array([red, green, blue, 255]).buffer)[0];
    for (let i = 0; i < words.length; i += 1) words[i] = pixels.data[4 * i] > 127 ? erased : 0;
    this.context.putImageData(pixels, 0, 0);
    this.found.getContext("2d").drawImage(this.canvas, 0, 0);
    this.kept.clear();
    this.done = [];
    this.undone = [];
    this.state = this.states += 1;
  }

  /** The service has erased all of the present mask. */
  settle() {
    this.found.getContext("2d").drawImage(this.canvas, 0, 0);
  }

  /** The mask as the service reads it: white = erase, black = keep. @returns {Promise<Blob>} */
  async toBlob() {
    const pixels = this.context.getImageData(0, 0, this.width, this.height);
    const words = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < words.length; i += 1) words[i] = pixels.data[4 * i + 3] > 127 ? 0xffffffff : 0xff000000;
    const sent = canvasOf(this.width, this.height);
    sent.getContext("2d").putImageData(pixels, 0, 0);
    return encode(sent);
  }

  /** Remember what is there, since painting begins. */
  begin() {
    this.scratch ??= canvasOf(this.width, this.height);
    const context = this.scratch.getContext("2d", { willReadFrequently: true });
    context.clearRect(0, 0, this.width, this.height);
    context.drawImage(this.canvas, 0, 0);
    this.touched = null;
    this.keptBefore = new Set(this.kept);
  }

  /**
   * One stretch of a stroke.
   * @param {[number, number]} from @param {[number, number]} to px
   * @param {{sizePx: number, erasing: boolean}} brush `erasing` adds to the mask; else it takes away
   */
  stroke(from, to, { sizePx, erasing }) {
    const radius = sizePx / 2 + 1;
    this.context.save();
    this.context.globalCompositeOperation = erasing ? "source-over" : "destination-out";
    this.context.strokeStyle = `rgb(${TINT.join(" ")})`;
    this.context.lineWidth = sizePx;
    this.context.lineCap = "round";
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(to[0] + 0.01, to[1]); // a line of no length would draw no dot
    this.context.stroke();
    this.context.restore();
    const [left, right] = [Math.min(from[0], to[0]) - radius, Math.max(from[0], to[0]) + radius];
    const [top, bottom] = [Math.min(from[1], to[1]) - radius, Math.max(from[1], to[1]) + radius];
    this.touch({ x: left, y: top, width: right - left, height: bottom - top });
  }

  /** Erase a rectangle. @param {Rect} rect */
  fill(rect) {
    this.context.fillStyle = `rgb(${TINT.join(" ")})`;
    this.context.fillRect(rect.x, rect.y, rect.width, rect.height);
    this.touch(rect);
  }

  /** Painting is over: it can be undone from now on. */
  commit() {
    if (!this.touched) return;
    const { x, y, width, height } = this.touched;
    const before = this.scratch.getContext("2d").getImageData(x, y, width, height);
    this.done.push({ rect: this.touched, pixels: before, kept: this.keptBefore, state: this.state });
    this.undone = [];
    this.state = this.states += 1;
    let bytes = 0;
    const first = this.done.findLastIndex((entry) => (bytes += entry.pixels.data.length) > HISTORY_BYTES);
    this.done.splice(0, first + 1);
  }

  /**
   * Keep regions, or erase them again.
   * @param {Region[]} regions those to change @param {boolean} keep
   * @param {Region[]} all every region of the picture; where two overlap, the smaller one owns the pixels
   */
  keep(regions, keep, all) {
    this.begin();
    for (const region of regions) {
      const [x0, y0, x1, y1] = region.box;
      const rect = { x: x0 - 2, y: y0 - 2, width: x1 - x0 + 4, height: y1 - y0 + 4 };
      const shape = shapeOf(region, rect, all);
      if (keep) {
        this.context.globalCompositeOperation = "destination-out";
        this.context.drawImage(shape, rect.x, rect.y);
        this.kept.add(keyOf(region));
      } else {
        const context = shape.getContext("2d");
        context.globalCompositeOperation = "source-in";
        context.drawImage(this.found, -rect.x, -rect.y);
        this.context.globalCompositeOperation = "source-over";
        this.context.drawImage(shape, rect.x, rect.y);
        this.kept.delete(keyOf(region));
      }
      this.context.globalCompositeOperation = "source-over";
      this.touch(rect);
    }
    this.commit();
  }

  /** @returns {boolean} whether there was anything to undo */
  undo() {
    return this.#swap(this.done, this.undone);
  }

  /** @returns {boolean} whether there was anything to redo */
  redo() {
    return this.#swap(this.undone, this.done);
  }

  #swap(from, to) {
    const entry = from.pop();
    if (!entry) return false;
    const { x, y, width, height } = entry.rect;
    to.push({
      rect: entry.rect,
      pixels: this.context.getImageData(x, y, width, height),
      kept: this.kept,
      state: this.state,
    });
    this.context.putImageData(entry.pixels, x, y);
    this.kept = entry.kept;
    this.state = entry.state;
    return true;
  }

  /** @param {Rect} rect grows what `commit` remembers, cut at the border */
  touch(rect) {
    const before = this.touched;
    const left = Math.max(0, Math.min(Math.floor(rect.x), before?.x ?? Infinity));
    const top = Math.max(0, Math.min(Math.floor(rect.y), before?.y ?? Infinity));
    const right = Math.min(this.width, Math.max(Math.ceil(rect.x + rect.width), before ? before.x + before.width : 0));
    const bottom = Math.min(
      this.height,
      Math.max(Math.ceil(rect.y + rect.height), before ? before.y + before.height : 0),
    );
    if (right > left && bottom > top) this.touched = { x: left, y: top, width: right - left, height: bottom - top };
  }
}

/** The pixels that belong to `region`, opaque, on a canvas of the size of `rect`. */
function shapeOf(region, rect, all) {
  const shape = canvasOf(rect.width, rect.height);
  const context = shape.getContext("2d");
  context.translate(-rect.x, -rect.y);
  const own = polygonPath(region.polygon);
  context.lineWidth = 3; // the edge pixels are only half covered by the fill
  context.lineJoin = "round";
  context.fill(own);
  context.stroke(own);
  context.globalCompositeOperation = "destination-out";
  for (const other of all) {
    if (other !== region && other.area < region.area && overlap(other.box, region.box)) {
      context.fill(polygonPath(other.polygon));
    }
  }
  context.resetTransform();
  return shape;
}

function overlap(a, b) {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}
