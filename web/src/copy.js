/** Copy buttons: `data-copy` names the element whose text is taken. */
import { word } from "./words.js";

const SAID_MS = 1400;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    label.textContent = word("copied");
  } catch {
    // Without a secure origin there is no clipboard: what is marked can be copied by hand.
    getSelection().selectAllChildren(source);
    if (!label.contains(source)) label.textContent = word("copy.failed");
  }
  setTimeout(() => (label.textContent = before), SAID_MS);
});
