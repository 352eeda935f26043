/** "3 min ago" stays true while the page is open. */
import { word } from "./words.js";

const STEPS = [
  [10, 1, "ago.now"],
  [60, 1, "ago.seconds"],
  [3600, 60, "ago.minutes"],
  [86400, 3600, "ago.hours"],
  [30 * 86400, 86400, "ago.days"],
];

function tell() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const gone = Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000);
    const step = STEPS.find(([limit]) => gone < limit);
    if (step) time.textContent = word(step[2], { count: Math.floor(gone / step[1]) });
  }
}

setInterval(tell, 5000);
