/** What the page remembers in its address: a reload and a colleague see the same. */

export function recall(name) {
  return new URLSearchParams(location.search).get(name);
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
