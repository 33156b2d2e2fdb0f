/** The panel beside the picture: what was done, what is pending, what can be taken home. */

import { fileSize, wordFor } from "./pages.js";

/** @typedef {import("./pages.js").Page} Page */

const FIDELITY = {
  exact: "Outside the mask, every pixel is the upload’s.",
  blocks: "JPEG blocks that the mask does not touch are the upload’s, bit for bit.",
  reencoded: "This file format is encoded anew; outside the mask, values may differ slightly.",
};

const $ = (id) => document.getElementById(id);

/**
 * @param {Page} page
 * @param {{stale: boolean, view: import("./regions.js").RegionView}} how `stale`: the file is not what mask and options say
 */
export function renderPanel(page, { stale, view }) {
  const { result } = page;
  const done = result !== null;
  $("page-name").textContent = page.name;
  $("discard").setAttribute("aria-label", `Remove ${page.name}`);
  $("page-facts").textContent = done
    ? [
        `${result.width} × ${result.height}`,
        count(page.regions.length, "region"),
        `${(result.maskShare * 100).toFixed(1)} % erased`,
      ].join(" · ")
    : fileSize(page.file.size);
  $("page-note").hidden = !done;
  if (done) $("page-note").textContent = noteOn(page);
  $("regions").hidden = !done || page.regions.length === 0;
  $("actions").hidden = !done;
  const kept = page.mask?.kept ?? new Set();
  view.mark(kept);
  $("all-regions").textContent = kept.size === page.regions.length ? "Erase all" : "Keep all";
  $("region-count").textContent = String(page.regions.length);
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
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
