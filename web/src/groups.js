/** Groups of a table are folded away one by one; they stay so while the page is open. */
const folded = new Set();

function fold() {
  let hidden = false;
  for (const row of document.querySelectorAll("[data-runs] tbody tr")) {
    const button = row.querySelector("[data-fold]");
    if (button) {
      hidden = folded.has(button.dataset.fold);
      button.setAttribute("aria-expanded", !hidden);
    } else {
      row.hidden = hidden;
    }
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (!button) return;
  const { fold: name } = button.dataset;
  if (!folded.delete(name)) folded.add(name);
  fold();
});
document.addEventListener("htmx:after:swap", () => folded.size && fold());
