/** Brush, unmask and box: from pointer and keys to strokes on the mask. */

const $ = (id) => document.getElementById(id);
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LEAST_BOX_PX = 2;

export class Tools {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{onPainted: () => void, say: (text: string) => void}} listeners
   */
  constructor(viewer, { onPainted, say }) {
    this.viewer = viewer;
    this.onPainted = onPainted;
    this.say = say;
    this.layer = $("drawing");
    this.cursor = this.layer.appendChild(Object.assign(document.createElement("div"), { className: "cursor" }));
    this.frame = this.layer.appendChild(
      Object.assign(document.createElement("div"), { className: "frame", hidden: true }),
    );
    /** @type {"compare" | "brush" | "rubber" | "box"} */
    this.tool = "compare";
    this.sizePx = 28;
    this.at = [0, 0];
    this.corner = null;
    this.#listen();
  }

  /** @param {"compare" | "brush" | "rubber" | "box"} tool */
  choose(tool) {
    this.tool = tool;
    this.layer.hidden = tool === "compare";
    this.layer.tabIndex = tool === "compare" ? -1 : 0;
    this.layer.dataset.tool = tool;
    this.#dropCorner();
    this.#showCursor();
  }

  /** @param {number} sizePx of the brush, image px */
  resize(sizePx) {
    this.sizePx = sizePx;
    this.#showCursor();
  }

  get #mask() {
    return this.viewer.pictures.mask;
  }

  #listen() {
    const { layer } = this;
    layer.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.#mask) return;
      event.preventDefault();
      layer.focus({ preventScroll: true });
      layer.setPointerCapture(event.pointerId);
      this.#move(event);
      this.#begin();
    });
    layer.addEventListener("pointermove", (event) => {
      const holding = layer.hasPointerCapture(event.pointerId);
      for (const step of event.getCoalescedEvents?.() ?? [event]) {
        const from = this.at;
        this.#move(step);
        if (holding && this.tool !== "box") this.#paint(from);
      }
    });
    layer.addEventListener("pointerup", (event) => {
      if (layer.hasPointerCapture(event.pointerId)) this.#end();
    });
    layer.addEventListener("pointercancel", () => this.#end());
    layer.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = Math.max(1, Math.round(this.sizePx / 4)) * (event.shiftKey ? 5 : 1);
      const { width, height } = this.viewer.size;
      this.at = [clamp(this.at[0] + arrow[0] * step, width), clamp(this.at[1] + arrow[1] * step, height)];
      this.viewer.reveal([this.at[0] - 20, this.at[1] - 20, this.at[0] + 20, this.at[1] + 20]);
      this.#showCursor();
    } else if (event.key === " " || event.key === "Enter") {
      const where = this.at.map(Math.round).join(", ");
      if (this.tool === "box" && !this.corner) {
        this.corner = this.at;
        this.say(`First corner at ${where}.`);
      } else {
        if (this.tool !== "box") this.#begin();
        this.#end();
        this.say(this.tool === "rubber" ? `Unmasked at ${where}.` : `Painted at ${where}.`);
      }
    } else if (event.key === "Escape" && this.corner) {
      this.#dropCorner();
    } else {
      return;
    }
    event.preventDefault();
  }

  #begin() {
    if (!this.#mask) return;
    if (this.tool === "box") {
      this.corner = this.at;
    } else {
      this.#mask.begin();
      this.#paint(this.at);
    }
  }

  #paint(from) {
    this.#mask?.stroke(from, this.at, { sizePx: this.sizePx, erasing: this.tool === "brush" });
  }

  #end() {
    if (!this.#mask) return;
    if (this.tool === "box") {
      const rect = this.#rect();
      this.#dropCorner();
      if (!rect || rect.width < LEAST_BOX_PX || rect.height < LEAST_BOX_PX) return;
      this.#mask.begin();
      this.#mask.fill(rect);
    }
    this.#mask.commit();
    this.onPainted();
  }

  #move(event) {
    this.at = this.viewer.locate({ x: event.clientX, y: event.clientY });
    this.#showCursor();
  }

  #rect() {
    if (!this.corner) return null;
    const { width, height } = this.viewer.size;
    const xs = [this.corner[0], this.at[0]].map((x) => Math.round(clamp(x, width))).sort((a, b) => a - b);
    const ys = [this.corner[1], this.at[1]].map((y) => Math.round(clamp(y, height))).sort((a, b) => a - b);
    return { x: xs[0], y: ys[0], width: xs[1] - xs[0], height: ys[1] - ys[0] };
  }

  #dropCorner() {
    this.corner = null;
    this.frame.hidden = true;
  }

  #showCursor() {
    const { zoom } = this.viewer;
    const size = this.tool === "box" ? 0 : this.sizePx * zoom;
    this.cursor.style.width = this.cursor.style.height = `${size}px`;
    this.cursor.style.translate = `${this.at[0] * zoom - size / 2}px ${this.at[1] * zoom - size / 2}px`;
    const rect = this.#rect();
    this.frame.hidden = !rect;
    if (!rect) return;
    this.frame.style.translate = `${rect.x * zoom}px ${rect.y * zoom}px`;
    this.frame.style.width = `${rect.width * zoom}px`;
    this.frame.style.height = `${rect.height * zoom}px`;
  }
}

function clamp(value, limit) {
  return Math.min(limit, Math.max(0, value));
}
