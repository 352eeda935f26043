/** `/` goes to the filter of the page and Escape leaves it; a filter without a form hides what does not fit. */
import { recall, remember } from "./address.js";

document.addEventListener("keydown", (event) => {
  // The browser itself takes the first Escape, to empty the field.
  if (event.key === "Escape" && event.target.id === "filter" && !event.target.value) event.target.blur();
  if (event.key !== "/" || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = document.getElementById("filter");
  if (!field) return;
  event.preventDefault();
  field.focus();
  // What is there goes on.
  field.setSelectionRange(field.value.length, field.value.length);
});

function apply() {
  for (const field of document.querySelectorAll("[data-filter]")) {
    const wanted = field.value.trim().toLowerCase();
    for (const each of document.querySelectorAll(field.dataset.filter)) {
      each.hidden = !each.dataset.words.toLowerCase().includes(wanted);
    }
  }
}

// The filter of a page is in its address; those of its forms are not.
const own = document.querySelector("#filter[data-filter]");
if (own) {
  own.value = recall("q") ?? own.value;
  apply();
}
document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-filter]")) return;
  if (target.id === "filter") remember({ q: target.value.trim() });
  apply();
});
document.addEventListener("htmx:after:swap", apply);
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
