import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";
import "./theme.js";
import "./language.js";
import "./copy.js";
import "./figures.js";
import "./filter.js";
import "./times.js";
import "./query.js";
import "./sign_in.js";
import "./live.js";
import "./carried.js";
import "./shown.js";
import "./tabs.js";
import "./actions.js";
import "./turning.js";
import "./sorting.js";
import "./columns.js";
import "./groups.js";
import "./density.js";
import "./sideways.js";
import "./bulk.js";
import "./renaming.js";
import "./walking.js";
import "./trees.js";
import "./archiving.js";
import "./completion.js";
import "./palette.js";
import "./shortcuts.js";
import "./away.js";

// Only pages with charts fetch what draws them.
async function charts() {
  if (document.querySelector("[data-board]")) (await import("./charts/board.js")).start();
}

charts();
document.addEventListener("htmx:after:swap", charts);
// Who is faster than that fetch is not left without an answer.
document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-add-chart]")) return;
  const custom = await import("./charts/custom.js");
  custom.start();
  custom.open(null);
});

// Nor do others fetch what shows logs.
async function logs() {
  if (document.querySelector("[data-log]")) (await import("./logs/viewer.js")).start();
  for (const text of document.querySelectorAll("[data-text]")) (await import("./logs/text.js")).show(text);
}

logs();
document.addEventListener("htmx:after:swap", logs);

// A page that is a view says how far it has moved on; any other fetches that only to become one.
const views = () => import("./views.js");
if (document.querySelector("[data-keep-view]")) views();
document.addEventListener("click", async ({ target }) => {
  if (target.closest("[data-save-view]")) (await views()).open();
});

async function images() {
  if (document.querySelector("[data-steps]")) (await import("./images.js")).show();
}

images();
document.addEventListener("htmx:after:swap", images);
