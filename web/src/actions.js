/** What is done to a run from its page: renamed, described, tagged, canceled, deleted, restored. */
import { Refusal, change } from "./asking.js";
import { isLive } from "./live.js";

const page = () => document.querySelector("[data-actions]");

/** What each form means, as a document and its variables without the run's id. */
const MEANINGS = {
  rename: ({ name }) => ["update_run", { input: { name } }],
  describe: ({ description }) => ["update_run", { input: { description } }],
  tag: ({ key, value }) => ["update_run", { input: { setTags: { [key.trim()]: value.trim() || null } } }],
  untag: ({ key }) => ["update_run", { input: { removeTags: [key] } }],
  cancel: ({ reason }) => ["cancel_run", { reason }],
  delete: () => ["delete_run", {}],
  restore: () => ["restore_run", {}],
};

async function act(meaning, values, said) {
  const { run, documents } = JSON.parse(page().dataset.actions);
  const [name, variables] = MEANINGS[meaning](values);
  said.hidden = true;
  try {
    await change(documents[name], { runId: run, ...variables });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    said.textContent = error.message;
    said.hidden = false;
    return false;
  }
  // The stream brings what is new now; without it the page has to ask.
  if (!isLive()) location.reload();
  return true;
}

function open(name) {
  const form = document.querySelector(`form[data-act="${name}"]`);
  form.reset();
  form.querySelector("[data-said]").hidden = true;
  for (const field of form.querySelectorAll("[data-from]")) {
    field.value = document.getElementById(field.dataset.from).dataset.value;
  }
  const dialog = form.closest("dialog");
  if (dialog) return dialog.showModal();
  form.hidden = false;
  const text = form.querySelector("textarea");
  text.setSelectionRange(0, 0);
  text.focus();
}

function close(form) {
  const dialog = form.closest("dialog");
  if (dialog) return dialog.close();
  form.hidden = true;
  document.querySelector(`[data-open="${form.dataset.act}"]`)?.focus();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-open], [data-leave], [data-do]");
  if (!button || !page()) return;
  const { open: name, do: meaning } = button.dataset;
  if (name) open(name);
  else if (meaning) act(meaning, button.dataset, document.getElementById("said"));
  else close(button.form);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const said = form.querySelector("[data-said]");
  if (await act(form.dataset.act, Object.fromEntries(new FormData(form)), said)) close(form);
  button.disabled = false;
});

document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-act]");
  if (!form || form.closest("dialog")) return;
  if (event.key === "Escape") close(form);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
