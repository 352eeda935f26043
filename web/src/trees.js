/** The children of a run are opened below it and folded away; the page is as far down afterwards as before. */
import { turn } from "./turning.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-branch]");
  if (!button) return;
  const query = new URLSearchParams(location.search);
  const open = new Set((query.get("open") ?? "").split(",").filter(Boolean));
  const run = button.dataset.branch;
  // With the sign of run_trees.py it stays shut, though a filter found something below it.
  const [was, is] = button.getAttribute("aria-expanded") === "true" ? [run, `!${run}`] : [`!${run}`, run];
  open.delete(was);
  query.set("open", [...open.add(is)].join(","));
  turn(`${location.pathname}?${query}`, "replaceState");
});
