/** The Query button: what this page asked, in a sheet over it. */

const sheet = document.getElementById("query");

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-close]") || event.target === sheet) return sheet?.close();
  const link = event.target.closest("a[data-query]");
  if (!link || !sheet || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const reply = await fetch(link.href).catch(() => null);
  // That the server is away is said over the page.
  if (!reply) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const asked = page.getElementById("asked");
  if (!asked) return location.assign(link.href);
  const part = document.createElement("div");
  part.className = "asked";
  part.append(...asked.childNodes);
  sheet.replaceChildren(part);
  sheet.showModal();
});
