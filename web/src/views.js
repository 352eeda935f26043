/** A page as a view: kept under a name, saved again or taken back where its address has moved on. */
import { remember } from "./address.js";
import { Refusal, changeMany, fetched, renew } from "./asking.js";
import { word } from "./words.js";

const root = document.body.dataset.root;
const tools = () => document.querySelector("[data-view-tools]");
const opened = () => JSON.parse(tools()?.dataset.viewTools || "null");

/** Path and query on this server, of what says something. */
function here() {
  const said = [...new URLSearchParams(location.search)].filter(([name, value]) => value && name !== "view");
  const text = new URLSearchParams(said).toString();
  return `/${location.pathname.slice(root.length)}${text && `?${text}`}`;
}

/** The same for addresses that say the same: in which order they name things is no matter. */
function ordered(page) {
  const { pathname, searchParams } = new URL(page, location.origin);
  searchParams.sort();
  return `${pathname}?${searchParams}`;
}

/** Where the page is no longer what was saved, it can be saved again, or gone back to. */
export function compare() {
  const view = opened();
  if (!view) return;
  const moved = !view.page || ordered(view.page) !== ordered(here());
  for (const each of tools().querySelectorAll("[data-moved]")) each.hidden = !moved;
}

/** What this page asks by now, in the words of its Query button. */
async function question() {
  const page = await fetched(location.href);
  const beside = page.querySelector("[data-view-tools]").parentElement.querySelector("a[data-query]");
  const button = beside ?? page.querySelector("main a[data-query]");
  const asked = await fetched(button.getAttribute("href"));
  const text = (name) => asked.getElementById(`query-${name}`).textContent;
  return { document: text("document"), variables: JSON.parse(text("variables")) };
}

/** @param {string} save the document that saves */
async function put(save, name) {
  const input = { name, page: here(), ...(await question()) };
  const { view, userErrors } = await changeMany(save, { input });
  if (userErrors.length) throw new Refusal(userErrors[0].message);
  return view.id;
}

/** The tools as the server has them now. */
async function refresh() {
  await renew("[data-view-tools]");
  compare();
}

/** Does it, and says what was in the way. */
async function told(said, act) {
  said.hidden = true;
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    said.textContent = error.message;
    said.hidden = false;
  }
}

async function again(button) {
  button.disabled = true;
  const { name, save } = opened();
  await told(tools().querySelector("[data-said]"), async () => {
    await put(save, name);
    await refresh();
    tools().querySelector("[data-save-view]").focus();
  });
  button.disabled = false;
}

/** The dialog as it is today, or what kept it from coming; it leaves the page when it is closed. */
async function dialog() {
  let box = null;
  try {
    const page = await fetched(`${root}views/new`);
    box = document.adoptNode(page.getElementById("view-new"));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    box = document.createElement("dialog");
    box.className = "ask";
    box.textContent = error.message;
    box.addEventListener("click", () => box.close());
  }
  document.body.append(box);
  box.addEventListener("close", () => {
    box.remove();
    tools().querySelector("[data-save-view]").focus();
  });
  box.showModal();
  return box;
}

export async function open() {
  const button = tools().querySelector("[data-save-view]");
  button.disabled = true;
  const box = await dialog();
  button.disabled = false;
  const form = box.querySelector("form");
  if (!form) return;
  const { names, save } = JSON.parse(box.dataset.given);
  const [taken, first, second] = ["taken", "first", "again"].map((name) => form.querySelector(`[data-${name}]`));
  let sure = "";
  const ask = (name) => {
    sure = name;
    taken.hidden = second.hidden = !name;
    first.hidden = Boolean(name);
  };
  form.elements.name.addEventListener("input", () => ask(""));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = form.elements.name.value.trim();
    if (names.includes(name) && sure !== name) return ask(name);
    first.disabled = second.disabled = true;
    await told(form.querySelector("[data-said]"), async () => made(box, await put(save, name)));
    first.disabled = second.disabled = false;
  });
  box.addEventListener("click", ({ target }) => target.closest("[data-shut]") && box.close());
}

/** From here on the page is that view, and its link can be given away. */
async function made(box, id) {
  remember({ view: id });
  await refresh();
  box.querySelector("form").hidden = true;
  const part = box.querySelector(".made");
  part.querySelector("#view-link").textContent = `${location.origin}${root}views/${encodeURIComponent(id)}`;
  part.hidden = false;
  part.querySelector("[data-copy]").focus();
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-keep-view]");
  if (button) again(button);
});
document.addEventListener("htmx:after:swap", compare);
// Whatever changes the address: older browsers compare when the page is opened.
globalThis.navigation?.addEventListener("currententrychange", compare);
compare();
