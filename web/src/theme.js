/** Light, dark or as the system says; a cookie, so that a page comes in the right colours at once. */
import { word } from "./words.js";

const COOKIE = "runvane_theme";
const YEAR_S = 365 * 24 * 3600;
const NEXT = { auto: "light", light: "dark", dark: "auto" };

const root = document.documentElement;
const current = () => root.dataset.theme ?? "auto";

function keep(theme) {
  const age = theme === "auto" ? 0 : YEAR_S;
  document.cookie = `${COOKIE}=${theme}; path=${document.body.dataset.root}; max-age=${age}; samesite=lax`;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-switch]");
  if (!button) return;
  const theme = NEXT[current()];
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  keep(theme);
  button.setAttribute("aria-label", word("theme.switch", { theme: word(`theme.${theme}`) }));
  document.dispatchEvent(new CustomEvent("theme"));
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new CustomEvent("theme")),
);
