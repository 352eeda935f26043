/** The run that is pointed at, in a table or by its name over the charts, stands out in all of these. */

/** @param {Element} target */
function runAt(target) {
  const cell = target.closest("[data-beside] :is(td, th)");
  const place = cell
    ? cell.closest("table").tHead.rows[0].cells[cell.cellIndex]
    : target.closest("[data-runs] tr[data-run], .names [data-run]");
  return place?.dataset.run ?? null;
}

/** Its name and the head of its column say so, too. */
export function nameLit(run) {
  for (const each of document.querySelectorAll(".names [data-run], [data-beside] th[data-run]")) {
    each.classList.toggle("lit", each.dataset.run === run);
  }
}

/** @param {import("./board.js").Board} board */
export function startLighting(board) {
  const light = ({ target }) => {
    const run = runAt(target);
    if (run || !target.closest(".chart")) board.light(run);
  };
  document.addEventListener("pointerover", light);
  document.addEventListener("focusin", light);
}
