/** Lines of tables close together or not: how this browser wants them, and nobody else. */
const NAME = "runvane.density";
const root = document.documentElement;

function show(dense) {
  root.toggleAttribute("data-dense", dense);
  for (const button of document.querySelectorAll("[data-density]")) button.setAttribute("aria-pressed", dense);
}

show(localStorage.getItem(NAME) === "dense");
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-density]")) return;
  const dense = !root.hasAttribute("data-dense");
  if (dense) localStorage.setItem(NAME, "dense");
  else localStorage.removeItem(NAME);
  show(dense);
});
