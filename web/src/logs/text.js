/** Texts that are files or logs, or their beginnings; changes in the colours of what came and went. */
import { word } from "../words.js";

const CHANGED = { "+": "came", "-": "went", "@": "place" };

function* coloured(text) {
  for (const line of text.split(/(?<=\n)/)) {
    const part = document.createElement("span");
    part.className = CHANGED[line[0]] ?? "";
    part.textContent = line;
    yield part;
  }
}

export async function show(box) {
  if (box.shown) return;
  box.shown = true;
  const most = Number(box.dataset.most);
  const reply = await fetch(box.dataset.text, { headers: { range: `bytes=0-${most - 1}` } }).catch(() => null);
  const text = reply?.ok ? await reply.text() : reply ? `${reply.status} ${reply.statusText}` : word("read.away");
  // Opened again it is asked for again.
  box.shown = reply !== null;
  // Some endings say nothing of what is inside.
  if ("diff" in box.dataset) box.replaceChildren(...coloured(text));
  else box.textContent = text.includes("\0") ? word("files.bytes") : text;
}
