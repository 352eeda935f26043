/** What a browser keeps of how it wants pages, so that a page comes that way at once. */
const YEAR_S = 365 * 24 * 3600;

/**
 * @param {string} name
 * @param {string} value Without one it is forgotten.
 */
export function keep(name, value) {
  const age = value ? YEAR_S : 0;
  document.cookie = `${name}=${value}; path=${document.body.dataset.root}; max-age=${age}; samesite=lax`;
}
