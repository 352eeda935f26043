/** The picker of columns: what is chosen stands in lists, whose order is that of the table. */
import { fill } from "./sheets.js";

const form = document.getElementById("columns");

const list = (name) => form.querySelector(`ol[data-order="${name}"]`);
const items = (name) => [...list(name).children];
const boxes = (name) => [...form.querySelectorAll(`input[name="${name}"]`)];

function made(box) {
  const item = form.querySelector("template").content.firstElementChild.cloneNode(true);
  const { label, stat } = box.dataset;
  item.dataset.value = box.value;
  item.querySelector("[data-label]").textContent = label;
  item.querySelector("[data-stat]").textContent = stat;
  for (const button of item.querySelectorAll("button")) {
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace("{name}", label));
  }
  return item;
}

function choose(box) {
  const known = items(box.name).find((item) => item.dataset.value === box.value);
  if (box.checked && !known) list(box.name).append(made(box));
  if (!box.checked) known?.remove();
}

function remove(item) {
  const name = item.parentElement.dataset.order;
  const box = boxes(name).find((each) => each.value === item.dataset.value);
  if (box) box.checked = false;
  const next = item.nextElementSibling ?? item.previousElementSibling;
  item.remove();
  (next?.querySelector("[data-remove]") ?? form.querySelector("[type=search]")).focus();
}

/** One place up or down; the button keeps the focus. */
function move(item, way, button) {
  const other = way < 0 ? item.previousElementSibling : item.nextElementSibling;
  if (!other) return;
  if (way < 0) other.before(item);
  else other.after(item);
  button.focus();
}

/** What the address says besides the columns; the table begins at its first page. */
function kept() {
  const query = new URLSearchParams(location.search);
  for (const name of ["columns", "col", "param", "after"]) query.delete(name);
  return query;
}

let dragged = null;

function drag(event) {
  dragged = event.target.closest("li");
  dragged.classList.add("dragged");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.value);
}

function over(event) {
  const item = event.target.closest("li");
  if (!dragged || !item || item.parentElement !== dragged.parentElement) return;
  event.preventDefault();
  const { top, height } = item.getBoundingClientRect();
  if (item === dragged) return;
  if (event.clientY < top + height / 2) item.before(dragged);
  else item.after(dragged);
}

function drop() {
  dragged?.classList.remove("dragged");
  dragged = null;
}

if (form) {
  const place = form.querySelector("[data-sheet]");
  form.addEventListener("beforetoggle", () => fill(place));
  form.addEventListener("change", ({ target }) => target.matches("[name=col], [name=param]") && choose(target));
  form.addEventListener("click", ({ target }) => {
    const reset = target.closest("footer a");
    if (reset) reset.search = kept();
    const button = target.closest("[data-move], [data-remove]");
    if (!button) return;
    const item = button.closest("li");
    if (button.dataset.move) move(item, Number(button.dataset.move), button);
    else remove(item);
  });
  form.addEventListener("dragstart", drag);
  form.addEventListener("dragover", over);
  form.addEventListener("drop", (event) => event.preventDefault());
  form.addEventListener("dragend", drop);
  // The boxes would say what is chosen in the order of the picker.
  form.addEventListener("formdata", ({ formData }) => {
    for (const [name, value] of kept()) formData.append(name, value);
    for (const name of ["col", "param"]) {
      formData.delete(name);
      for (const item of items(name)) formData.append(name, item.dataset.value);
    }
  });
}
