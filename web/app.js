/** The page: images come in, go to the service one by one, are looked at, mended and taken home. */

import { Problem, erase, eraseToFile, fetchInfo, hasDocs, useToken } from "./api.js";
import { bitmapOf } from "./canvas.js";
import { fillOptions, listenToOptions, optionsAreValid, optionsName, readOptions } from "./options.js";
import { Page, megabytes, megapixels, refusalOf, wordFor } from "./pages.js";
import { RegionView } from "./regions.js";
import { Rail } from "./rail.js";
import { say, showNotice, saveAs, whenFilesCome } from "./surroundings.js";
import { Tools } from "./tools.js";
import { Viewer } from "./viewer.js";
import { distinctNames, zip } from "./zip.js";

const FIDELITY = {
  exact: "Outside the mask, every pixel is the upload’s.",
  blocks: "JPEG blocks that the mask does not touch are the upload’s, bit for bit.",
  reencoded: "This file format is encoded anew; outside the mask, values may differ slightly.",
};

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
const rail = new Rail({ onChoose: open, onRemove: remove });

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
    $("files").accept = formats.input.join(",");
    $("accepts").textContent =
      `${formats.input.map(wordFor).join(", ")} · up to ${megabytes(limits.max_bytes)} and ` +
      `${megapixels(limits.max_pixels)} each. Images go to this server only, and it keeps none.`;
    $("token").hidden = true;
  } catch (error) {
    if (error.status === 401) askForToken();
    else showNotice(error.title, error.detail);
  }
}

function askForToken() {
  $("token").hidden = false;
  $("token-word").focus();
}

// Images in

/** @param {File[]} files */
async function add(files) {
  if (!info) await learn();
  if (!info) return;
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
  await open(taken[0]);
  pump();
}

/** @param {Page} page */
function remove(page) {
  page.abort.abort();
  const index = pages.indexOf(page);
  pages.splice(index, 1);
  rail.remove(page);
  say(`${page.name} removed.`);
  if (page === current) open(pages[Math.min(index, pages.length - 1)] ?? null);
  render();
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

// Work

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
    const state = applying ? page.mask.state : null;
    const mask = applying ? await page.mask.toBlob() : null;
    const options = readOptions(page.wish);
    if (!page.canShow && options.format === "same") options.format = "png"; // only to be looked at
    const result = await erase(page.file, { mask, options, signal: page.abort.signal });
    page.take(result, name, state);
    page.status = "done";
    say(`${page.name}: done, ${count(page.regions.length, "region")}.`);
    if (page === current) await lay({ fresh: false });
  } catch (error) {
    failed(page, error);
  }
  render();
}

/** @param {Page} page @param {unknown} error */
function failed(page, error) {
  if (error instanceof DOMException && error.name === "AbortError") {
    page.status = page.result ? "done" : "stopped";
    say("Cancelled.");
    return;
  }
  if (!(error instanceof Problem)) console.error(error);
  page.problem = error instanceof Problem ? error : new Problem({ title: "This did not work.", detail: String(error) });
  page.retryAt = Date.now() + page.problem.retryAfterS * 1000;
  page.status = "failed";
  if (page.problem.status === 401) askForToken();
}

/** @param {"find" | "apply"} wish */
function ask(wish) {
  if (!current || current.status === "working" || !optionsAreValid()) return;
  current.wish = wish;
  current.status = "waiting";
  render();
  return pump();
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

// Images out

/** The current page's files as they should be; what is not applied yet is applied first. */
async function upToDate() {
  const page = current;
  if (isStale(page)) await ask("apply");
  return page.status === "done" && !isStale(page) ? page : null;
}

/** @param {Page} page @returns {Promise<Blob>} in the format that was asked for */
async function imageOf(page) {
  if (page.canShow || readOptions("apply").format !== "same") return page.result.image;
  page.abort = new AbortController();
  const mask = page.result.mask;
  return eraseToFile(page.file, { mask, options: readOptions("apply"), signal: page.abort.signal });
}

/** @param {(page: Page) => Promise<{name: string, blob: Blob}>} make */
async function download(make) {
  try {
    const page = await upToDate();
    if (!page) return;
    const { name, blob } = await make(page);
    saveAs(name, blob);
    say(`${name} downloaded.`);
  } catch (error) {
    if (error instanceof Problem) showNotice(error.title, error.detail);
    else throw error;
  }
}

async function imageFile(page) {
  const blob = await imageOf(page);
  return { name: page.imageName(blob.type), blob };
}

async function bothFiles(page) {
  return { name: page.bundleName, blob: await zip([await imageFile(page), { name: page.maskName, blob: page.result.mask }]) };
}

async function downloadAll() {
  const files = [];
  for (const page of pages.filter(({ result }) => result)) files.push(await imageFile(page));
  const names = distinctNames(files.map(({ name }) => name));
  saveAs("text-eraser.zip", await zip(files.map(({ blob }, index) => ({ name: names[index], blob }))));
}

// What is seen

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
  renderPanel(page);
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
  if ($("problem-detail").textContent !== (page.problem?.detail ?? "")) $("problem-detail").textContent = page.problem?.detail ?? "";
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

/** @param {Page} page */
function renderPanel(page) {
  const { result } = page;
  const done = result !== null;
  $("page-name").textContent = page.name;
  $("page-facts").textContent = done
    ? [`${result.width} × ${result.height}`, count(page.regions.length, "region"), `${(result.maskShare * 100).toFixed(1)} % erased`].join(" · ")
    : megabytes(page.file.size);
  $("page-note").hidden = !done;
  if (done) $("page-note").textContent = noteOn(page);
  $("regions").hidden = !done || page.regions.length === 0;
  $("actions").hidden = !done;
  const kept = page.mask?.kept ?? new Set();
  regionView.mark(kept);
  $("all-regions").textContent = kept.size === page.regions.length ? "Erase all" : "Keep all";
  $("region-count").textContent = String(page.regions.length);
  const stale = isStale(page);
  $("pending").hidden = !stale;
  $("pending-text").textContent = page.isRepainted ? "The mask has changed." : "The options have changed.";
  const idle = page.status === "done";
  for (const id of ["apply", "get-image", "get-mask", "get-both"]) $(id).disabled = !idle;
  $("get-image").classList.toggle("primary", !stale);
}

/** @param {Page} page */
function noteOn(page) {
  if (page.regions.length === 0) {
    return "No text was found. Lower the threshold in Options, or paint over it with the brush.";
  }
  if (!page.canShow) {
    const kind = wordFor(page.file.type || "image/file");
    return `This browser cannot show ${kind} files: only the result is shown, as PNG. The download is ${kind}, as uploaded.`;
  }
  return FIDELITY[page.result.fidelity] ?? "";
}

/** @param {number} number @param {string} noun */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

// Hands

function listen() {
  whenFilesCome(add);
  $("choose").addEventListener("click", () => $("files").click());
  $("add").addEventListener("click", () => $("files").click());
  $("token").addEventListener("submit", (event) => {
    event.preventDefault();
    useToken($("token-word").value);
    $("token").hidden = true;
    learn();
  });
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
    if (current?.status === "waiting") current.status = current.result ? "done" : "stopped";
    current?.abort.abort();
    render();
  });
  $("retry").addEventListener("click", () => ask(current.wish));
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
  $("get-image").addEventListener("click", () => download(imageFile));
  $("get-mask").addEventListener("click", () => download(async (page) => ({ name: page.maskName, blob: page.result.mask })));
  $("get-both").addEventListener("click", () => download(bothFiles));
  $("download-all").addEventListener("click", downloadAll);
  listenToOptions({ onChange: render, onFind: () => ask("find") });
  document.addEventListener("keydown", shortcut);
  setInterval(tick, 250);
}

/** @param {"compare" | "brush" | "rubber" | "box"} tool */
function chooseTool(tool) {
  tools.choose(tool);
  render();
}

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

/** @param {number} stepPx */
function resizeBrush(stepPx) {
  $("size").value = String(Number($("size").value) + stepPx);
  $("size").dispatchEvent(new Event("input"));
}

/** @param {KeyboardEvent} event */
function shortcut(event) {
  const typing = event.target.matches("input:not([type=radio], [type=checkbox], [type=range]), select, textarea");
  if (!current || typing || event.altKey) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "z" || key === "y") {
      event.preventDefault();
      step(key === "y" || event.shiftKey ? "redo" : "undo");
    }
    return;
  }
  if (KEYS[key] && current.result) {
    event.preventDefault();
    KEYS[key]();
  }
}
