/** A file that is text, or its beginning. */
import { word } from "../words.js";

export async function show(box) {
  if (box.shown) return;
  box.shown = true;
  const most = Number(box.dataset.most);
  const reply = await fetch(box.dataset.text, { headers: { range: `bytes=0-${most - 1}` } });
  const text = reply.ok ? await reply.text() : `${reply.status} ${reply.statusText}`;
  // Some endings say nothing of what is inside.
  box.textContent = text.includes("\0") ? word("files.bytes") : text;
}
