/** The page of saved views: one is deleted after a question. */
import { Refusal, change, renew } from "./asking.js";

const dialog = document.getElementById("view-delete");
const said = dialog.querySelector("[data-said]");
let deleting = "";

async function refresh() {
  await renew("#saved-views").catch(() => location.reload());
  document.getElementById("views-title").focus();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-view-delete]");
  if (!button) return;
  deleting = button.dataset.viewDelete;
  dialog.querySelector("[data-name]").textContent = button.dataset.name;
  said.hidden = true;
  dialog.showModal();
});

dialog.addEventListener("click", ({ target }) => target.closest("[data-shut]") && dialog.close());

dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = dialog.querySelector("[type=submit]");
  button.disabled = true;
  try {
    await change(document.querySelector("[data-saved-views]").dataset.savedViews, { id: deleting });
    dialog.close();
    await refresh();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    said.textContent = error.message;
    said.hidden = false;
  } finally {
    button.disabled = false;
  }
});
