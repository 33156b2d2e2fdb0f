/** Keys that spare the way to a button. Those that type or dictate elsewhere are left alone. */

/**
 * Undo and redo anywhere on the page; single letters where the picture is, and nowhere else.
 * @param {{keys: Record<string, () => void>, undo: () => void, redo: () => void, isActive: () => boolean}} actions
 */
export function listenToKeys({ keys, undo, redo, isActive }) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=radio], [type=checkbox], [type=range]), select, textarea");
    if (!isActive() || typing || event.altKey) return;
    const action =
      event.ctrlKey || event.metaKey
        ? withControl(event)
        : event.target.closest(".stage") && keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });

  function withControl(event) {
    const key = event.key.toLowerCase();
    if (key === "y" || (key === "z" && event.shiftKey)) return redo;
    return key === "z" ? undo : null;
  }
}
