/** The files that a page gives away. */

import { eraseToFile } from "./api.js";
import { readOptions } from "./options.js";
import { distinctNames, zip } from "./zip.js";

/** @typedef {import("./pages.js").Page} Page */
/** @typedef {{name: string, blob: Blob}} NamedFile */

/**
 * @param {Page} page
 * @param {() => void} onWork called when the page begins and ends to work
 * @returns {Promise<NamedFile>}
 */
export async function imageFile(page, onWork) {
  const blob = await imageOf(page, onWork);
  return { name: page.imageName(blob.type), blob };
}

/** @param {Page} page @returns {Promise<NamedFile>} */
export async function maskFile(page) {
  return { name: page.maskName, blob: page.result.mask };
}

/** Image and mask. @param {Page} page @param {() => void} onWork @returns {Promise<NamedFile>} */
export async function bothFiles(page, onWork) {
  return { name: page.bundleName, blob: await zip([await imageFile(page, onWork), await maskFile(page)]) };
}

/** Every image that is done. @param {Page[]} pages @param {() => void} onWork @returns {Promise<NamedFile>} */
export async function allFiles(pages, onWork) {
  const files = [];
  for (const page of pages) files.push(await imageFile(page, onWork));
  const names = distinctNames(files.map(({ name }) => name));
  return { name: "text-eraser.zip", blob: await zip(files.map(({ blob }, index) => ({ name: names[index], blob }))) };
}

/** In the format that was asked for; one that browsers cannot show has to be made now. */
async function imageOf(page, onWork) {
  if (page.canShowAs(readOptions("apply").format)) return page.result.image;
  page.abort = new AbortController();
  page.status = "working";
  page.wish = "apply";
  page.startedAt = performance.now();
  onWork();
  try {
    const options = readOptions("apply");
    return await eraseToFile(page.file, { mask: page.result.mask, options, signal: page.abort.signal });
  } finally {
    page.settle("done");
    onWork();
  }
}
