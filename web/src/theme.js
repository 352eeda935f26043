/** Light, dark or as the system says; a cookie, so that a page comes in the right colours at once. */
import { keep } from "./cookies.js";
import { word } from "./words.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };

const root = document.documentElement;
const current = () => root.dataset.theme ?? "auto";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-switch]");
  if (!button) return;
  const theme = NEXT[current()];
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  keep("runvane_theme", theme === "auto" ? "" : theme);
  button.setAttribute("aria-label", word("theme.switch", { theme: word(`theme.${theme}`) }));
  document.dispatchEvent(new CustomEvent("theme"));
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new CustomEvent("theme")),
);
