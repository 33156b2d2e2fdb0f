/** What the page does with the browser around it: files in, files out, words to the reader. */

const $ = (id) => document.getElementById(id);

/** Say something to screen readers. @param {string} text */
export function say(text) {
  $("live").textContent = text;
}

/** A message that stays until it is put away. @param {string} title @param {string} detail @returns {HTMLElement} */
export function showNotice(title, detail) {
  const notice = document.createElement("div");
  notice.className = "notice";
  const words = document.createElement("p");
  words.append(Object.assign(document.createElement("strong"), { textContent: title }), ` ${detail}`);
  const close = Object.assign(document.createElement("button"), { type: "button", className: "icon" });
  close.innerHTML = '<svg aria-hidden="true"><use href="#i-close"/></svg><span class="unseen">Dismiss</span>';
  close.addEventListener("click", () => notice.remove());
  notice.append(words, close);
  $("notices").append(notice);
  return notice;
}

/** @param {string} name @param {Blob} blob */
export function saveAs(name, blob) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}

/** Chosen, dropped or pasted. @param {(files: File[]) => void} take */
export function whenFilesCome(take) {
  const input = $("files");
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  });
  let depth = 0; // enter and leave come for every element on the way
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth += 1;
    $("drop").hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (holdsFiles(event) && (depth -= 1) <= 0) $("drop").hidden = true;
  });
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    depth = 0;
    $("drop").hidden = true;
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}
