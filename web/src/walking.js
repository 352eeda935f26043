/** From run to run of a table by keyboard: j and k go down and up, x selects; Enter opens, as on any link. */

const rows = () => [...document.querySelectorAll("[data-runs] tr[data-run]")].filter((row) => !row.hidden);
const here = () => document.activeElement.closest?.("[data-runs] tr[data-run]");

function go(way) {
  const all = rows();
  const at = all.indexOf(here());
  // From elsewhere it begins at the first one.
  const next = at < 0 ? all[0] : all[at + way];
  const link = next?.querySelector("td.name > a:not([hidden])");
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  j: () => go(1),
  k: () => go(-1),
  x: () => here()?.querySelector(".sel .box").click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable], dialog, [popover]")) return;
  event.preventDefault();
  KEYS[event.key]();
});
