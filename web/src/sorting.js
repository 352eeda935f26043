/** Shift-click on a heading sorts by it too, behind what the table is sorted by already. */
import { turn } from "./turning.js";

// As SORTS_MAX in run_address.py.
const KEYS_MAX = 4;

/** Falling, then rising, then no more. */
function also(keys, key) {
  if (keys.includes(`-${key}`)) return keys.map((each) => (each === `-${key}` ? key : each));
  if (keys.includes(key)) return keys.filter((each) => each !== key);
  return [...keys, `-${key}`].slice(0, KEYS_MAX);
}

document.addEventListener("click", (event) => {
  const heading = event.target.closest("[data-sort]");
  if (!heading || !event.shiftKey) return;
  event.preventDefault();
  const query = new URLSearchParams(location.search);
  const keys = also(query.getAll("sort"), heading.dataset.sort);
  query.delete("sort");
  query.delete("after");
  for (const key of keys) query.append("sort", key);
  turn(`${location.pathname}?${query}`);
});
