/** The words of the page, from the same catalogue as everything else. */
const words = JSON.parse(document.body.dataset.words ?? "{}");

/**
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 */
export function word(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** `key.one` for one of them, else `key` with the count. */
export function plural(key, count) {
  return count === 1 ? word(`${key}.one`) : word(key, { count: count.toLocaleString("en-US") });
}
