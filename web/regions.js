/** The regions twice: as outlines on the picture, and as a list of checkboxes. */

import { keyOf } from "./mask.js";

/** @typedef {import("./api.js").Region} Region */

const SVG = "http://www.w3.org/2000/svg";
const CROP_PX = 88;
const METHODS = {
  flat: "Plain colour",
  gradient: "Smooth gradient",
  tone: "Screentone continued",
  copy: "Continued from nearby",
  inpaint: "Redrawn",
  white: "White",
  skip: "Left alone",
};

const $ = (id) => document.getElementById(id);

export class RegionView {
  /** @param {{onToggle: (region: Region, keep: boolean) => void, onPoint: (region: Region) => void}} listeners */
  constructor({ onToggle, onPoint }) {
    this.onToggle = onToggle;
    this.onPoint = onPoint;
    this.outlines = $("outlines");
    this.list = $("region-list");
    /** @type {Map<string, {path: SVGPathElement, row: HTMLElement, box: HTMLInputElement}>} */
    this.drawn = new Map();
  }

  /**
   * @param {Region[]} regions @param {{width: number, height: number}} size px
   * @param {ImageBitmap | null} picture where the crops are cut from
   */
  show(regions, size, picture) {
    this.outlines.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    this.outlines.replaceChildren();
    this.list.replaceChildren();
    this.drawn.clear();
    regions.forEach((region, index) => this.#add(region, index + 1, picture));
  }

  /** Tick what is erased. @param {Set<string>} kept keys of the others */
  mark(kept) {
    for (const [key, { path, row, box }] of this.drawn) {
      const keeps = kept.has(key);
      path.classList.toggle("kept", keeps);
      row.classList.toggle("kept", keeps);
      box.checked = !keeps;
    }
  }

  #add(region, number, picture) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", `M${region.polygon.map((point) => point.join(" ")).join("L")}Z`);
    const title = document.createElementNS(SVG, "title");
    title.textContent = `Region ${number}: click to keep or erase`;
    path.append(title);

    const row = element("li");
    const label = element("label");
    const box = Object.assign(element("input"), { type: "checkbox", checked: true });
    const words = element("span", "words-of");
    words.append(
      element("span", "unseen", `Erase region ${number}: `),
      element("span", "method", METHODS[region.method] ?? "Erased"),
      element("span", "reason", region.reason ?? ""),
    );
    label.append(box, cropOf(region, picture), words);
    row.append(label);

    const key = keyOf(region);
    const light = (on) => [path, row].forEach((part) => part.classList.toggle("hot", on));
    path.addEventListener("click", () => this.onToggle(region, !path.classList.contains("kept")));
    box.addEventListener("change", () => this.onToggle(region, !box.checked));
    box.addEventListener("focus", () => {
      light(true);
      this.onPoint(region);
    });
    box.addEventListener("blur", () => light(false));
    for (const part of [path, row]) {
      part.addEventListener("pointerenter", () => light(true));
      part.addEventListener("pointerleave", () => light(false));
    }
    this.outlines.append(path);
    this.list.append(row);
    this.drawn.set(key, { path, row, box });
  }
}

/** The region as a small picture, whole. */
function cropOf(region, picture) {
  const canvas = Object.assign(element("canvas", "crop"), { width: CROP_PX, height: CROP_PX });
  canvas.setAttribute("aria-hidden", "true");
  if (!picture) return canvas;
  const [x0, y0, x1, y1] = region.box;
  const scale = Math.min(2, CROP_PX / Math.max(x1 - x0, y1 - y0));
  const [width, height] = [(x1 - x0) * scale, (y1 - y0) * scale];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, x0, y0, x1 - x0, y1 - y0, (CROP_PX - width) / 2, (CROP_PX - height) / 2, width, height);
  return canvas;
}

function element(name, className = "", text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}
