/** What the page remembers in its address: a reload and a colleague see the same. */

export function recall(name) {
  return new URLSearchParams(location.search).get(name);
}

/** Whether another address of this path is of the same list; one without a tab opens on some tab. */
export function isSameList(search) {
  const open = new URLSearchParams(document.querySelector("#tabs a[aria-current]")?.search).get("tab");
  const of = (text) => {
    const query = new URLSearchParams(text);
    return [query.get("tab") ?? open, query.get("deleted")].join();
  };
  return of(search) === of(location.search);
}

/** @param {Record<string, string | null>} values null or "" takes a name out */
export function remember(values) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  history.replaceState(history.state, "", location.pathname + (text && `?${text}`) + location.hash);
}
