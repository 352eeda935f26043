/** An experiment is left out of lists, or listed again. */
import { Refusal, change } from "./asking.js";

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-archive]");
  if (!button) return;
  button.disabled = true;
  try {
    await change(button.dataset.archive, { name: button.dataset.name });
    location.reload();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const said = document.getElementById("archive-said");
    said.textContent = error.message;
    said.hidden = false;
    button.disabled = false;
  }
});
