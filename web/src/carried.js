/**
 * What scripts wrote into the address goes along to other states of the page: its links and forms, which were made
 * before, cannot have it.
 */
import { isSameList } from "./address.js";

// How charts are drawn, by charts/board.js, and the view that the page was saved as.
const WRITTEN = ["view", "smooth", "x", "log", "logx", "outliers"];
// Of the charts that are seen now.
const ZOOM = ["z"];
// Which charts of a run stand first and which are shown; elsewhere "m" is a field of a form.
const OF_RUN = ["m", "pin"];

/** @template {URLSearchParams | FormData} T @param {T} query @returns {T} */
function carry(query, isSame) {
  const names = [...WRITTEN, ...(isSame ? ZOOM : []), ...(document.getElementById("tabs") ? OF_RUN : [])];
  const here = new URLSearchParams(location.search);
  for (const name of names) {
    query.delete(name);
    for (const value of here.getAll(name)) query.append(name, value);
  }
  return query;
}

/** Another address of this page with all that. @param {URL | HTMLAnchorElement} address */
export function carried(address) {
  const query = new URLSearchParams(address.search);
  address.search = carry(query, isSameList(query));
  return address;
}

for (const kind of ["click", "auxclick"]) {
  document.addEventListener(kind, ({ target }) => {
    const link = target.closest("#main a[href]");
    // What leads down the same page stays there.
    if (!link || link.getAttribute("href").startsWith("#")) return;
    if (link.origin === location.origin && link.pathname === location.pathname) carried(link);
  });
}
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.method === "get") carry(formData, true);
});
