/** What this browser looked at last, newest first. */
const NAME = "runvane.recent";
const MOST = 8;
const KINDS = { runs: "runs", experiments: "experiments", compute: "targets" };

function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? [];
  } catch {
    return [];
  }
}

/** The page that is open, if it is of one thing and the thing is there. */
function here() {
  const path = location.pathname.slice(document.body.dataset.root.length);
  const [first, rest] = path.split(/\/(.*)/s);
  if (!KINDS[first] || !rest || !document.querySelector("[hx-sse\\:connect]")) return null;
  const crumbs = [...document.querySelectorAll(".crumbs > :is(a, span)")].map((each) => each.textContent);
  const note = first === "runs" ? (crumbs.at(-2) ?? "") : "";
  return { kind: KINDS[first], text: crumbs.at(-1), note, href: location.pathname };
}

/** Without the page itself, where one is already. */
export function recent() {
  return read().filter(({ href }) => href !== location.pathname);
}

const seen = here();
if (seen) localStorage.setItem(NAME, JSON.stringify([seen, ...recent()].slice(0, MOST)));
