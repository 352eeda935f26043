/** Lines of tables close together or not: how this browser wants them, and nobody else. */
const NAME = "runvane.density";
const root = document.documentElement;

function show(dense) {
  root.toggleAttribute("data-dense", dense);
  for (const button of document.querySelectorAll("[data-density]")) button.setAttribute("aria-pressed", dense);
  for (const button of document.querySelectorAll("[data-density-choice]")) {
    button.setAttribute("aria-pressed", String((button.dataset.densityChoice === "dense") === dense));
  }
}

function choose(dense) {
  if (dense) localStorage.setItem(NAME, "dense");
  else localStorage.removeItem(NAME);
  show(dense);
}

show(localStorage.getItem(NAME) === "dense");
document.addEventListener("click", ({ target }) => {
  const choice = target.closest("[data-density-choice]");
  if (choice) choose(choice.dataset.densityChoice === "dense");
  else if (target.closest("[data-density]")) choose(!root.hasAttribute("data-dense"));
});
