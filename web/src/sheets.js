/** Sheets that are filled when they are first opened: the page is asked again, for them alone. */
import { word } from "./words.js";

/** @param {HTMLElement} place with the sheet's name in `data-sheet` until it is filled */
export async function fill(place) {
  const name = place.dataset.sheet;
  if (!name) return;
  const reply = await fetch(location.href, { headers: { "runvane-sheet": name } }).catch(() => null);
  if (!place.dataset.sheet) return;
  if (!reply?.ok) {
    place.textContent = reply ? word("change.failed", { status: reply.status }) : word("read.away");
    return;
  }
  const sheet = new DOMParser().parseFromString(await reply.text(), "text/html");
  place.replaceChildren(...sheet.body.childNodes);
  delete place.dataset.sheet;
}
