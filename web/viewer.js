/** The picture on the table: before and after, how large, and where one becomes the other. */

import { canvasOf } from "./canvas.js";

const STEP = 1.25;
const LARGEST = 8;
const SMALLEST = 0.04;
const READABLE_WIDTH_PX = 320; // a strip that would be narrower as a whole is fitted by its width

const $ = (id) => document.getElementById(id);

export class Viewer {
  /** @param {{onZoom: (percent: number, fits: boolean) => void}} listeners */
  constructor({ onZoom }) {
    this.viewport = $("viewport");
    this.sheet = $("sheet");
    this.canvases = { before: $("before"), after: $("after") };
    this.handle = $("handle");
    this.onZoom = onZoom;
    this.size = { width: 1, height: 1 };
    this.fits = true;
    this.zoom = 1;
    this.share = 50;
    this.pictures = { before: null, after: null, mask: null };
    new ResizeObserver(() => this.fits && this.fit()).observe(this.viewport);
    this.#listen();
  }

  /**
   * Put pictures on the table; those that are null are not shown.
   * @param {{before: ImageBitmap | null, after: ImageBitmap | null, mask: import("./mask.js").MaskEditor | null}} pictures
   * @param {{width: number, height: number}} size px @param {{fresh: boolean}} how `fresh`: another page than before
   */
  show(pictures, size, { fresh }) {
    this.pictures = pictures;
    this.size = size;
    this.canvases.before.hidden = !pictures.before;
    this.canvases.after.hidden = !pictures.after;
    if (fresh) this.fits = true;
    if (this.fits) this.fit();
    else this.#scaleTo(this.zoom);
  }

  /** Draw again, at the resolution of the screen; `mask` may have changed. */
  draw() {
    const { width, height } = this.size;
    const scale = Math.min(1, this.zoom * window.devicePixelRatio);
    const pictures = { before: this.pictures.before, after: this.#afterNow() };
    for (const [name, canvas] of Object.entries(this.canvases)) {
      if (!pictures[name]) continue;
      canvas.width = Math.max(1, Math.round(width * scale));
      canvas.height = Math.max(1, Math.round(height * scale));
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(pictures[name], 0, 0, canvas.width, canvas.height);
    }
  }

  /** As the result will be: the upload's own pixels where the mask no longer is. */
  #afterNow() {
    const { before, after, mask } = this.pictures;
    if (!before || !after || !mask || mask.done.length === 0) return after;
    const restored = canvasOf(mask.width, mask.height);
    const context = restored.getContext("2d");
    context.drawImage(mask.found, 0, 0);
    context.globalCompositeOperation = "destination-out";
    context.drawImage(mask.canvas, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.drawImage(before, 0, 0);
    context.globalCompositeOperation = "destination-over";
    context.drawImage(after, 0, 0);
    return restored;
  }

  /** As large as the window lets it be whole, never larger than it is. */
  fit() {
    this.fits = true;
    const { clientWidth, clientHeight } = this.viewport;
    const style = getComputedStyle(this.viewport);
    const across = (clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)) / this.size.width;
    const down = (clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom)) / this.size.height;
    const readable = Math.min(across, READABLE_WIDTH_PX / this.size.width);
    this.#scaleTo(Math.min(1, across, Math.max(down, readable)));
  }

  /**
   * Larger or smaller by so many steps, around a point of the window.
   * @param {number} steps
   * @param {{x: number, y: number}} [at]
   */
  zoomBy(steps, at) {
    this.zoomTo(this.zoom * STEP ** steps, at);
  }

  /** @param {number} zoom 1 = one image pixel is one CSS pixel @param {{x: number, y: number}} [at] */
  zoomTo(zoom, at) {
    const view = this.viewport.getBoundingClientRect();
    const point = at ?? { x: view.left + view.width / 2, y: view.top + view.height / 2 };
    const [x, y] = this.locate(point);
    this.fits = false;
    this.#scaleTo(Math.min(LARGEST, Math.max(SMALLEST, zoom)));
    const sheet = this.sheet.getBoundingClientRect();
    this.viewport.scrollLeft += sheet.left + x * this.zoom - point.x;
    this.viewport.scrollTop += sheet.top + y * this.zoom - point.y;
  }

  /**
   * The pixel of the picture under a point of the window.
   * @param {{x: number, y: number}} point
   * @returns {[number, number]}
   */
  locate(point) {
    const sheet = this.sheet.getBoundingClientRect();
    return [(point.x - sheet.left) / this.zoom, (point.y - sheet.top) / this.zoom];
  }

  /** Bring a box of the picture into sight. @param {[number, number, number, number]} box px */
  reveal([x0, y0, x1, y1]) {
    const view = this.viewport.getBoundingClientRect();
    const sheet = this.sheet.getBoundingClientRect();
    const left = sheet.left + x0 * this.zoom - view.left;
    const top = sheet.top + y0 * this.zoom - view.top;
    const [width, height] = [(x1 - x0) * this.zoom, (y1 - y0) * this.zoom];
    if (left < 0 || left + width > view.width) this.viewport.scrollLeft += left - (view.width - width) / 2;
    if (top < 0 || top + height > view.height) this.viewport.scrollTop += top - (view.height - height) / 2;
  }

  /** How much of the width shows the upload. @param {number} percent 0 to 100 */
  divide(percent) {
    this.share = Math.min(100, Math.max(0, percent));
    const shown = Math.round(this.share);
    this.sheet.style.setProperty("--cut", `${this.share}%`);
    this.handle.setAttribute("aria-valuenow", String(shown));
    this.handle.setAttribute("aria-valuetext", `${shown} % before, ${100 - shown} % after`);
  }

  #scaleTo(zoom) {
    this.zoom = zoom;
    this.sheet.style.width = `${this.size.width * zoom}px`;
    this.sheet.style.height = `${this.size.height * zoom}px`;
    this.sheet.classList.toggle("magnified", zoom >= 3);
    this.draw();
    this.onZoom(Math.round(zoom * 100), this.fits);
  }

  #listen() {
    const steps = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -10,
      PageUp: 10,
      Home: -100,
      End: 100,
    };
    this.handle.addEventListener("keydown", (event) => {
      const step = steps[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.divide(Math.round(this.share) + step * (event.shiftKey ? 10 : 1));
    });
    const divider = this.handle.parentElement;
    divider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      divider.setPointerCapture(event.pointerId);
      this.handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      this.divide((this.locate({ x: event.clientX, y: 0 })[0] / this.size.width) * 100);
    });
    this.viewport.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        this.zoomBy(event.deltaY < 0 ? 1 : -1, { x: event.clientX, y: event.clientY });
      },
      { passive: false },
    );
  }
}
