import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";
import "./theme.js";
import "./copy.js";
import "./filter.js";
import "./times.js";
import "./query.js";
import "./sign_in.js";
import "./live.js";
import "./shown.js";

// Only pages with charts fetch what draws them.
async function charts() {
  if (!document.querySelector("[data-board]")) return;
  const { start } = await import("./charts/board.js");
  start();
}

charts();
document.addEventListener("htmx:after:swap", charts);
