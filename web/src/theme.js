/** Light, dark or as the system says; a cookie, so that a page comes in the right colours at once. */
import { keep } from "./cookies.js";
import { word } from "./words.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };

const root = document.documentElement;
const current = () => root.dataset.theme ?? "auto";

function choose(theme) {
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  keep("runvane_theme", theme === "auto" ? "" : theme);
  const label = word("theme.switch", { theme: word(`theme.${theme}`) });
  for (const each of document.querySelectorAll("[data-theme-switch]")) each.setAttribute("aria-label", label);
  for (const each of document.querySelectorAll("[data-theme-choice]")) {
    each.setAttribute("aria-pressed", String(each.dataset.themeChoice === theme));
  }
  document.dispatchEvent(new CustomEvent("theme"));
}

export const switchTheme = () => choose(NEXT[current()]);

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-theme-choice]");
  if (choice) choose(choice.dataset.themeChoice);
  else if (event.target.closest("[data-theme-switch]")) switchTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new CustomEvent("theme")),
);
