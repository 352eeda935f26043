/** What is to be seen of a structured metric: which of its lines, counts or shares, or its table. */

function press(button, isPressed) {
  button.setAttribute("aria-pressed", String(isPressed));
}

document.addEventListener("click", ({ target }) => {
  const card = target.closest(".figured");
  const table = target.closest("[data-figure-table]");
  const view = target.closest("[data-figure-view]");
  if (table) {
    const place = card.querySelector(".shown-table");
    place.hidden = !place.hidden;
    card.querySelector(".pictured").hidden = !place.hidden;
    press(table, !place.hidden);
  }
  if (view) {
    for (const each of view.parentElement.children) press(each, each === view);
    for (const each of card.querySelectorAll("[data-view]")) {
      each.classList.toggle("off", each.dataset.view !== view.dataset.figureView);
    }
  }
});

document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-figure-line]")) return;
  const line = target.closest(".figured").querySelector(`[data-line="${target.dataset.figureLine}"]`);
  line.setAttribute("visibility", target.checked ? "visible" : "hidden");
});
