/** The language of the pages, as somebody chose it here; else it is the browser's. */
import { keep } from "./cookies.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-language]");
  if (!button) return;
  keep("runvane_language", button.dataset.language);
  location.reload();
});
