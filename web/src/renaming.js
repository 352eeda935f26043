/** The name of a run is changed where it stands: F2 on its line, or the button of the one that is selected. */
import { Refusal, change } from "./asking.js";
import { isLive } from "./live.js";
import { selectedRuns } from "./shown.js";

const NAME_LENGTH_MAX = 250;

function field(row, width) {
  const input = document.createElement("input");
  // The columns stay where they are.
  input.style.width = `${width}px`;
  input.className = "input";
  input.value = row.dataset.name;
  input.maxLength = NAME_LENGTH_MAX;
  input.required = true;
  input.setAttribute("aria-label", document.querySelector("[data-rename]").textContent);
  return input;
}

function begin(row) {
  const cell = row.querySelector("td.name");
  if (cell.querySelector("form")) return;
  const link = cell.querySelector(":scope > a:not(.tag)");
  const form = document.createElement("form");
  const input = field(row, link.offsetWidth);
  const said = document.createElement("span");
  said.className = "bad-text";
  said.setAttribute("role", "alert");
  form.className = "renaming";
  form.append(input, said);
  link.hidden = true;
  link.before(form);
  // What comes meanwhile does not take away what somebody writes.
  cell.setAttribute("hx-morph-skip", "");
  input.select();

  const end = () => {
    form.remove();
    link.hidden = false;
    cell.removeAttribute("hx-morph-skip");
    link.focus();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { update_run: document_ } = JSON.parse(document.querySelector("[data-dock]").dataset.dock);
    const name = input.value.trim();
    try {
      await change(document_, { runId: row.dataset.run, input: { name } });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      said.textContent = error.message;
      return;
    }
    row.dataset.name = link.textContent = name;
    end();
    if (!isLive()) location.reload();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end();
  });
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-rename]")) return;
  const [run] = selectedRuns().keys();
  const row = document.querySelector(`tr[data-run="${run}"]`);
  if (row) begin(row);
});
document.addEventListener("keydown", (event) => {
  const row = event.key === "F2" && event.target.closest?.("tr[data-run]");
  if (!row || !document.querySelector("[data-rename]")) return;
  event.preventDefault();
  begin(row);
});
