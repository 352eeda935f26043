/** A file that is text, or its beginning. */

export async function show(box) {
  if (box.shown) return;
  box.shown = true;
  const most = Number(box.dataset.most);
  const reply = await fetch(box.dataset.text, { headers: { range: `bytes=0-${most - 1}` } });
  box.textContent = reply.ok ? await reply.text() : `${reply.status} ${reply.statusText}`;
}
