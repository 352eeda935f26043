/** What is done to the selected runs at once: tagged, canceled, deleted, restored; and what was not. */
import { Refusal, changeMany } from "./asking.js";
import { isLive } from "./live.js";
import { deselect, selectedRuns } from "./shown.js";
import { word } from "./words.js";

const NAMED_MAX = 3;
// What goes out of the list that shows it.
const LEAVING = ["delete", "restore"];

/** What each form means, as a document and its variables without the runs. */
const MEANINGS = {
  tag: ({ key, value, remove }) =>
    remove
      ? ["tag_runs", { removeTags: [key.trim()] }]
      : ["tag_runs", { setTags: { [key.trim()]: value.trim() || null } }],
  cancel: ({ reason }) => ["cancel_runs", { reason }],
  delete: () => ["delete_runs", {}],
  restore: () => ["restore_runs", {}],
};

const dock = () => document.querySelector("[data-dock]");
const done = () => document.querySelector("[data-done]");
let undone = [];

/** Changes them; says which runs it did, and why not the others. */
async function change(meaning, values, runs) {
  const [name, variables] = MEANINGS[meaning](values);
  const ids = [...runs.keys()];
  const { userErrors } = await changeMany(JSON.parse(dock().dataset.dock)[name], { runIds: ids, ...variables });
  const kept = new Map();
  for (const { message, path } of userErrors) {
    const run = ids[Number(path.at(-1))];
    // What is wrong with all of it is of no run.
    if (run === undefined) throw new Refusal(message);
    kept.set(run, message);
  }
  return { changed: ids.filter((run) => !kept.has(run)), kept };
}

/** @param {string[]} lines what is said; of what was deleted there is a way back */
function say(lines, { bad, deleted = [] }) {
  const box = done();
  box.querySelector("p").textContent = lines.join(" ");
  box.classList.toggle("bad", bad);
  undone = deleted;
  box.querySelector("[data-undo]").hidden = !deleted.length;
  box.hidden = false;
}

function tell(meaning, runs, { changed, kept }) {
  const why = [...kept].slice(0, NAMED_MAX).map(([run, said]) => word("bulk.kept", { name: runs.get(run), why: said }));
  const more = kept.size - why.length;
  const lines = [
    ...(changed.length ? [word(`bulk.done.${meaning}`, { count: changed.length })] : []),
    ...why,
    ...(more > 0 ? [word("bulk.more", { count: more })] : []),
  ];
  say(lines, { bad: kept.size > 0, deleted: meaning === "delete" ? changed : [] });
}

async function act(meaning, values, runs) {
  const became = await change(meaning, values, runs);
  tell(meaning, runs, became);
  if (LEAVING.includes(meaning)) deselect(became.changed);
  // The stream brings what is new now; without it the page has to ask.
  if (became.changed.length && !isLive()) location.reload();
}

/** For what is asked without a form: what goes wrong is said where it would say what was done. */
async function actAtOnce(meaning, runs) {
  try {
    await act(meaning, {}, runs);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say([error.message], { bad: true });
  }
}

function open(meaning) {
  const form = document.querySelector(`form[data-bulk="${meaning}"]`);
  form.reset();
  form.querySelector("[data-said]").hidden = true;
  const runs = selectedRuns();
  const names = [...runs.values()].slice(0, NAMED_MAX).join(", ");
  const rest = runs.size - NAMED_MAX;
  form.querySelector("[data-of]").textContent = rest > 0 ? word("bulk.of", { names, count: rest }) : names;
  form.closest("dialog").showModal();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-bulk-open], [data-bulk-do], [data-bulk-leave], [data-undo], [data-done-leave]");
  if (!button) return;
  const { bulkOpen, bulkDo, undo, doneLeave } = button.dataset;
  if (bulkOpen) open(bulkOpen);
  else if (bulkDo) actAtOnce(bulkDo, selectedRuns());
  else if (undo !== undefined) actAtOnce("restore", new Map(undone.map((run) => [run, run])));
  else if (doneLeave !== undefined) done().hidden = true;
  else button.closest("dialog").close();
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-bulk]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  const said = form.querySelector("[data-said]");
  button.disabled = true;
  said.hidden = true;
  try {
    await act(form.dataset.bulk, Object.fromEntries(new FormData(form)), selectedRuns());
    form.closest("dialog").close();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    said.textContent = error.message;
    said.hidden = false;
  } finally {
    button.disabled = false;
  }
});
