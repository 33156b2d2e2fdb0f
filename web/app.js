/** The page: images come in, go to the service one by one, are looked at, mended and taken home. */

import { Problem, erase, fetchInfo, hasDocs } from "./api.js";
import { bitmapOf } from "./canvas.js";
import { allFiles, bothFiles, imageFile, maskFile } from "./downloads.js";
import { fillOptions, listenToOptions, optionsAreValid, optionsName, readOptions } from "./options.js";
import { Page, acceptOf, fileSize, megapixels, refusalOf, wordFor } from "./pages.js";
import { count, renderPanel } from "./panel.js";
import { Rail } from "./rail.js";
import { RegionView } from "./regions.js";
import { listenToKeys } from "./shortcuts.js";
import { say, showNotice, saveAs, whenFilesCome } from "./surroundings.js";
import { TokenForm } from "./token.js";
import { Tools } from "./tools.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);

/** @type {Page[]} */
const pages = [];
/** @type {Page | null} */
let current = null;
let info = null;
let working = false;

const viewer = new Viewer({
  onZoom(percent) {
    $("zoom-value").textContent = `${percent} %`;
  },
});
const tools = new Tools(viewer, { onPainted: maskChanged, say });
const regionView = new RegionView({
  onToggle: (region, keep) => keepRegions([region], keep),
  onPoint: (region) => viewer.reveal(region.box),
});
const tokenForm = new TokenForm({ onGiven: add });
const rail = new Rail({ onChoose: open, onRemove: remove });

const KEYS = {
  c: () => chooseTool("compare"),
  b: () => chooseTool("brush"),
  e: () => chooseTool("rubber"),
  x: () => chooseTool("box"),
  r: () => $("show-regions").click(),
  m: () => $("show-mask").click(),
  "+": () => viewer.zoomBy(1),
  "=": () => viewer.zoomBy(1),
  "-": () => viewer.zoomBy(-1),
  0: () => viewer.fit(),
  1: () => viewer.zoomTo(1),
  "[": () => resizeBrush(-4),
  "]": () => resizeBrush(4),
};

start();

async function start() {
  listen();
  hasDocs().then((shown) => ($("docs-link").hidden = !shown));
  await learn();
}

/** Ask the service what it accepts; ask for a token first if it wants one. */
async function learn() {
  try {
    info = await fetchInfo();
    const { limits, formats } = info;
    fillOptions(info);
    $("files").accept = acceptOf(formats.input);
    $("accepts").textContent =
      `${formats.input.map(wordFor).join(", ")} · up to ${fileSize(limits.max_bytes)} and ` +
      `${megapixels(limits.max_pixels)} each. Images go to this server only, and it keeps none.`;
    tokenForm.close();
  } catch (error) {
    if (error.status === 401) tokenForm.open();
    else showNotice(error.title, error.detail);
  }
}

/** @param {File[]} files */
async function add(files) {
  if (!info) await learn();
  if (info) await take(files);
  else if (tokenForm.isOpen) tokenForm.keep(files);
}

/** @param {File[]} files */
async function take(files) {
  const taken = [];
  for (const file of files) {
    const refusal = await refusalOf(file, info);
    if (refusal) showNotice(`${file.name || "The pasted image"} was not taken.`, refusal);
    else taken.push(new Page(file));
  }
  for (const page of taken) {
    pages.push(page);
    rail.add(page, await page.look());
  }
  if (taken.length === 0) return;
  say(`${taken.length} ${taken.length === 1 ? "image" : "images"} added.`);
  const focusGoes = $("welcome").contains(document.activeElement);
  const opened = open(taken[0]);
  if (focusGoes) $("add").focus({ preventScroll: true });
  await opened;
  pump();
}

/** @param {Page} page */
function remove(page) {
  page.abort.abort();
  page.settle("stopped");
  const index = pages.indexOf(page);
  pages.splice(index, 1);
  rail.remove(page);
  say(`${page.name} removed.`);
  if (page === current) open(pages[Math.min(index, pages.length - 1)] ?? null);
  render();
  $(pages.length > 0 ? "add" : "choose").focus(); // what had the focus is gone
}

/** Put a page on the table. @param {Page | null} page */
async function open(page) {
  if (current && current !== page) current.rest();
  current = page;
  render();
  await lay({ fresh: true });
}

/** Show the current page's pictures and regions. @param {{fresh: boolean}} how */
async function lay({ fresh }) {
  const page = current;
  if (!page) return;
  const [before, after, mask] = await Promise.all([
    page.canShow ? bitmapOf(page.file) : null,
    page.result ? bitmapOf(page.result.image) : null,
    page.openMask(),
  ]);
  if (page !== current) return;
  const size = after ?? before ?? { width: 4, height: 3 };
  const fitting = before && after && (before.width !== after.width || before.height !== after.height) ? null : before;
  for (const old of [viewer.pictures.before, viewer.pictures.after]) old?.close();
  viewer.show({ before: fitting, after, mask }, { width: size.width, height: size.height }, { fresh });
  regionView.show(page.regions, size, before ?? after);
  $("tint").replaceChildren(...(mask ? [mask.canvas] : []));
  render();
}

/** Send what waits, one image at a time, the one that is looked at first. */
async function pump() {
  if (working) return;
  working = true;
  for (;;) {
    const page = current?.status === "waiting" ? current : pages.find(({ status }) => status === "waiting");
    if (!page) break;
    await send(page);
  }
  working = false;
  render();
}

/** @param {Page} page */
async function send(page) {
  page.status = "working";
  page.problem = null;
  page.startedAt = performance.now();
  page.abort = new AbortController();
  render();
  try {
    const applying = page.wish === "apply";
    const name = optionsName();
    const editor = applying ? await page.openMask() : null;
    const state = editor?.state ?? null;
    const mask = editor ? await editor.toBlob() : null;
    const options = readOptions(page.wish);
    if (!page.canShowAs(options.format)) options.format = "png"; // only to be looked at
    const result = await erase(page.file, { mask, options, signal: page.abort.signal });
    page.take(result, name, state);
    if (page === current) await lay({ fresh: false });
    page.settle("done");
    say(`${page.name}: done, ${count(page.regions.length, "region")}.`);
  } catch (error) {
    failed(page, error);
  }
  render();
}

/** @param {Page} page @param {unknown} error */
function failed(page, error) {
  if (error instanceof DOMException && error.name === "AbortError") {
    page.settle(page.result ? "done" : "stopped");
    say("Cancelled.");
    return;
  }
  if (!(error instanceof Problem)) console.error(error);
  page.problem = error instanceof Problem ? error : new Problem({ title: "This did not work.", detail: String(error) });
  page.retryAt = Date.now() + page.problem.retryAfterS * 1000;
  page.settle("failed");
  if (page.problem.status === 401) tokenForm.open();
}

/** Resolves when it is done, or will not be. @param {"find" | "apply"} wish @returns {Promise<void>} */
async function ask(wish) {
  if (current && current.status !== "working" && optionsAreValid()) await queue(current, wish);
}

/** @param {Page} page @param {"find" | "apply"} wish @returns {Promise<void>} */
async function queue(page, wish) {
  page.wish = wish;
  page.status = "waiting";
  const settled = page.settled();
  render();
  pump();
  await settled;
}

/** @param {import("./api.js").Region[]} regions @param {boolean} keep */
function keepRegions(regions, keep) {
  if (!current?.mask || current.status === "working") return regionView.mark(current?.mask?.kept ?? new Set());
  current.mask.keep(regions, keep, current.regions);
  say(`${count(regions.length, "region")} ${keep ? "kept" : "erased"}. Apply to take it into the file.`);
  maskChanged();
}

function maskChanged() {
  viewer.draw();
  render();
}

/** @param {"undo" | "redo"} way */
function step(way) {
  if (current?.mask?.[way]()) maskChanged();
}

/** Give away what `make` makes of these pages; what is not applied yet is applied first. */
async function download(chosen, make) {
  try {
    if (!(await upToDate(chosen))) return;
    const { name, blob } = await make();
    saveAs(name, blob);
    say(`${name} downloaded.`);
  } catch (error) {
    if (error instanceof Problem) showNotice(error.title, error.detail);
    else if (error.name !== "AbortError") throw error;
  }
}

/** @param {Page[]} chosen @returns {Promise<boolean>} whether their files are what masks and options say */
async function upToDate(chosen) {
  const stale = chosen.filter(isStale);
  if (stale.length > 0 && !optionsAreValid()) return false;
  await Promise.all(stale.map((page) => queue(page, "apply")));
  return chosen.every((page) => page.status === "done" && !isStale(page));
}

/** @param {Page | null} page whether the file is not what mask and options say */
function isStale(page) {
  return Boolean(page?.result) && (page.isRepainted || page.applied.options !== optionsName());
}

function render() {
  const page = current;
  $("welcome").hidden = pages.length > 0;
  $("desk").hidden = pages.length === 0;
  $("add").hidden = pages.length === 0;
  $("download-all").hidden = pages.filter(({ status, result }) => result && status === "done").length < 2;
  rail.show(pages, page);
  document.title = page ? `${page.name} – Text Eraser` : "Text Eraser";
  if (!page) return;
  renderStage(page);
  renderPanel(page, { stale: isStale(page), view: regionView });
}

/** @param {Page} page */
function renderStage(page) {
  const idle = page.status === "done";
  const comparing = tools.tool === "compare" || !idle;
  const both = Boolean(viewer.pictures.before && viewer.pictures.after) && page.result !== null;
  const sheet = $("sheet");
  sheet.classList.toggle("split", comparing && both);
  sheet.classList.toggle("original", !comparing && both);
  $("divider").hidden = !(comparing && both);
  $("captions").hidden = !(comparing && both);
  $("drawing").hidden = comparing;
  $("editing").hidden = comparing;
  $("size-field").hidden = tools.tool === "box";
  $("tools").disabled = !page.result;
  for (const radio of $("tools").elements) radio.checked = radio.value === tools.tool;
  $("outlines").classList.toggle("off", $("show-regions").ariaPressed !== "true");
  $("tint").hidden = comparing && $("show-mask").ariaPressed !== "true";
  $("undo").disabled = !page.mask?.done.length;
  $("redo").disabled = !page.mask?.undone.length;

  const busy = page.status === "working" || page.status === "waiting";
  $("busy").hidden = !busy;
  $("busy-text").textContent = page.status === "waiting" ? "Waiting" : page.wish === "find" ? "Erasing" : "Applying";
  const failing = page.status === "failed" || page.status === "stopped";
  if ($("problem").hidden === failing) $("problem").hidden = !failing;
  if (failing) renderProblem(page);
}

/** @param {Page} page */
function renderProblem(page) {
  const title = page.problem?.title ?? "Cancelled.";
  if ($("problem-title").textContent !== title) $("problem-title").textContent = title; // an alert is read when it changes
  if ($("problem-detail").textContent !== (page.problem?.detail ?? ""))
    $("problem-detail").textContent = page.problem?.detail ?? "";
  $("remove").textContent = page.result ? "Back to the picture" : "Remove image";
  tick();
}

/** What the clock changes: seconds of work, seconds until a retry is welcome. */
function tick() {
  if (!current) return;
  if (current.status === "working") {
    $("busy-time").textContent = `${Math.floor((performance.now() - current.startedAt) / 1000)} s`;
  } else {
    $("busy-time").textContent = "";
  }
  const waitS = Math.ceil((current.retryAt - Date.now()) / 1000);
  $("retry").disabled = current.status === "failed" && waitS > 0;
  $("retry").textContent = $("retry").disabled ? `Try again in ${waitS} s` : "Try again";
}

function listen() {
  whenFilesCome(add);
  $("choose").addEventListener("click", () => $("files").click());
  $("add").addEventListener("click", () => $("files").click());
  $("tools").addEventListener("change", (event) => chooseTool(event.target.value));
  $("size").addEventListener("input", () => {
    tools.resize(Number($("size").value));
    $("size-value").textContent = `${$("size").value} px`;
  });
  for (const id of ["show-regions", "show-mask"]) {
    $(id).addEventListener("click", () => {
      $(id).ariaPressed = String($(id).ariaPressed !== "true");
      render();
    });
  }
  $("undo").addEventListener("click", () => step("undo"));
  $("redo").addEventListener("click", () => step("redo"));
  $("zoom-in").addEventListener("click", () => viewer.zoomBy(1));
  $("zoom-out").addEventListener("click", () => viewer.zoomBy(-1));
  $("zoom-one").addEventListener("click", () => viewer.zoomTo(1));
  $("zoom-fit").addEventListener("click", () => viewer.fit());
  $("cancel").addEventListener("click", () => {
    if (current?.status === "waiting") current.settle(current.result ? "done" : "stopped");
    current?.abort.abort();
    render();
  });
  $("retry").addEventListener("click", () => ask(current.wish));
  $("discard").addEventListener("click", () => remove(current));
  $("remove").addEventListener("click", () => {
    if (!current.result) return remove(current);
    current.status = "done";
    render();
  });
  $("all-regions").addEventListener("click", () => {
    const keep = current.mask.kept.size < current.regions.length;
    keepRegions(current.regions, keep);
  });
  $("apply").addEventListener("click", () => ask("apply"));
  const given = { image: imageFile, mask: maskFile, both: bothFiles };
  for (const [what, make] of Object.entries(given)) {
    $(`get-${what}`).addEventListener("click", () => {
      const page = current;
      download([page], () => make(page, render));
    });
  }
  $("download-all").addEventListener("click", () => {
    const chosen = pages.filter(({ result, status }) => result && status === "done");
    download(chosen, () => allFiles(chosen, render));
  });
  listenToOptions({ onChange: render, onFind: () => ask("find") });
  listenToKeys({
    keys: KEYS,
    undo: () => step("undo"),
    redo: () => step("redo"),
    isActive: () => Boolean(current?.result),
  });
  setInterval(tick, 250);
}

/** @param {"compare" | "brush" | "rubber" | "box"} tool */
function chooseTool(tool) {
  tools.choose(tool);
  render();
}

/** @param {number} stepPx */
function resizeBrush(stepPx) {
  $("size").value = String(Number($("size").value) + stepPx);
  $("size").dispatchEvent(new Event("input"));
}
