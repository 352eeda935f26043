/** The pictures of a run at one step: chosen by the slider, else the newest as they come. */
import { recall, remember } from "./address.js";
import { short } from "./charts/numbers.js";
import { word } from "./words.js";

const RETRY_MS = 1000;
const RETRY_MS_MAX = 30_000;

let chosen = recall("step") === null ? null : Number(recall("step"));
let steps = [];

/** Takes up what the page holds now: steps may have come. */
export function show() {
  const place = document.querySelector("[data-steps]");
  if (!place) return;
  steps = JSON.parse(place.dataset.steps);
  const slider = document.querySelector("[data-image-step]");
  slider.max = Math.max(0, steps.length - 1);
  const at = chosen === null ? -1 : steps.findLastIndex((step) => step <= chosen);
  slider.value = at < 0 ? slider.max : at;
  slider.closest("label").hidden = steps.length < 2;
  mark(slider);
  for (const card of place.querySelectorAll("[data-pictures]")) draw(card);
}

function mark(slider) {
  const step = steps[slider.value];
  slider.style.setProperty("--v", `${(slider.value / Math.max(1, slider.max)) * 100}%`);
  slider.setAttribute("aria-valuetext", word("images.at", { step: short(step) }));
  slider.parentElement.querySelector("output").value = short(step);
}

function draw(card) {
  const found = JSON.parse(card.dataset.pictures).findLast(([step]) => chosen === null || step <= chosen);
  const image = card.querySelector("img");
  const frame = card.querySelector(".frame");
  image.hidden = !found;
  frame.classList.toggle("missing", !found);
  card.querySelector(".now").textContent = found ? word("images.at", { step: short(found[0]) }) : "";
  if (!found) return;
  const [step, path, url] = found;
  image.alt = `${card.dataset.words}, ${word("images.at", { step: short(step) })}`;
  frame.href = `${card.dataset.link}&file=${encodeURIComponent(path)}`;
  if (image.dataset.url === url) return;
  image.dataset.url = url;
  image.dataset.tried = "0";
  if (image.getAttribute("src") !== url) image.src = url;
  else if (image.complete && !image.naturalWidth) missed(image);
}

/** The point of a picture may come before its bytes do. */
function missed(image) {
  const tried = Number(image.dataset.tried ?? 0);
  const { url } = image.dataset;
  image.closest(".frame").classList.add("missing");
  image.dataset.tried = String(tried + 1);
  setTimeout(() => {
    if (image.isConnected && image.dataset.url === url) image.src = `${url}?again=${tried + 1}`;
  }, Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** tried));
}

document.addEventListener("error", ({ target }) => target.matches?.(".frame img[data-url]") && missed(target), true);
document.addEventListener("load", ({ target }) => {
  if (target.matches?.(".frame img")) target.closest(".frame").classList.remove("missing");
}, true);
document.addEventListener("input", ({ target }) => {
  if (!target.matches("[data-image-step]")) return;
  chosen = target.value === target.max ? null : steps[target.value];
  remember({ step: chosen === null ? null : String(chosen) });
  mark(target);
  for (const card of document.querySelectorAll("[data-pictures]")) draw(card);
});
