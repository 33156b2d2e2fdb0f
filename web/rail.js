/** The images on the desk, as a row of thumbnails. */

/** @typedef {import("./pages.js").Page} Page */

const STATES = { waiting: "waiting", working: "being worked on", done: "done", failed: "failed", stopped: "cancelled" };

export class Rail {
  /** @param {{onChoose: (page: Page) => void, onRemove: (page: Page) => void}} listeners */
  constructor({ onChoose, onRemove }) {
    this.list = document.getElementById("pages");
    this.onChoose = onChoose;
    this.onRemove = onRemove;
    /** @type {Map<Page, {row: HTMLElement, choose: HTMLButtonElement, state: HTMLElement}>} */
    this.rows = new Map();
  }

  /** @param {Page} page @param {ImageBitmap | null} thumbnail */
  add(page, thumbnail) {
    const row = document.createElement("li");
    const choose = Object.assign(document.createElement("button"), {
      type: "button",
      className: "thumb",
      title: page.name,
    });
    choose.append(pictureOf(page, thumbnail));
    const state = Object.assign(document.createElement("span"), { className: "unseen" });
    choose.append(state);
    choose.addEventListener("click", () => this.onChoose(page));
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "discard" });
    remove.innerHTML = '<svg aria-hidden="true"><use href="#i-close"/></svg>';
    remove.setAttribute("aria-label", `Remove ${page.name}`);
    remove.addEventListener("click", () => this.onRemove(page));
    row.append(choose, remove);
    this.list.append(row);
    this.rows.set(page, { row, choose, state });
  }

  /** @param {Page} page */
  remove(page) {
    this.rows.get(page)?.row.remove();
    this.rows.delete(page);
  }

  /** @param {Page[]} pages @param {Page | null} current */
  show(pages, current) {
    this.list.closest(".desk").classList.toggle("single", pages.length < 2);
    for (const [page, { row, choose, state }] of this.rows) {
      row.dataset.status = page.status;
      if (page === current) choose.setAttribute("aria-current", "true");
      else choose.removeAttribute("aria-current");
      state.textContent = `${page.name}, ${STATES[page.status]}`;
    }
  }
}

function pictureOf(page, thumbnail) {
  if (!thumbnail) {
    const [ending] = /[^.]*$/.exec(page.name) ?? [""];
    return Object.assign(document.createElement("span"), {
      className: "no-picture",
      textContent: ending.slice(0, 4).toUpperCase(),
    });
  }
  const canvas = Object.assign(document.createElement("canvas"), { width: thumbnail.width, height: thumbnail.height });
  canvas.getContext("2d").drawImage(thumbnail, 0, 0);
  thumbnail.close();
  return canvas;
}
