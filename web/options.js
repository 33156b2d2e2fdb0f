/** The options form: filled from what the service says, read as form fields. */

import { wordFor } from "./pages.js";

const form = document.getElementById("option-form");
const LOOKING_ONLY = ["threshold", "dilate_px", "sfx"]; // these find text; a given mask needs none

/** @param {any} info */
export function fillOptions(info) {
  const { format } = form.elements;
  format.replaceChildren(...info.formats.output.map((name) => new Option(wordFor(name), name)));
  for (const [name, value] of Object.entries(info.defaults.erase)) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value ?? "";
  }
}

/** Whether every field is in its range; shows the first that is not. */
export function optionsAreValid() {
  if (form.checkValidity()) return true;
  document.getElementById("options").open = true;
  return form.reportValidity();
}

/** What to send. @param {"find" | "apply"} wish @returns {Record<string, string>} */
export function readOptions(wish) {
  const filled = [...new FormData(form)].filter(([, value]) => value !== "");
  return Object.fromEntries(filled.filter(([name]) => wish === "find" || !LOOKING_ONLY.includes(name)));
}

/** Names the options that shape the result for a given mask; equal names, equal results. */
export function optionsName() {
  return JSON.stringify(readOptions("apply"));
}

/** @param {{onChange: () => void, onFind: () => void}} listeners */
export function listenToOptions({ onChange, onFind }) {
  form.addEventListener("change", onChange);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onFind();
  });
}
