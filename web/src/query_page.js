/** The Query page: ask the server anything, and take the question along. */
import { diagnosticCount } from "@codemirror/lint";
import { ask, body, complaints, Refusal } from "./query_page/asking.js";
import * as copies from "./query_page/copies.js";
import { Docs } from "./query_page/docs.js";
import { documents, formatted, know } from "./query_page/documents.js";
import { replace, textOf, writable } from "./query_page/editors.js";
import { follow } from "./query_page/following.js";
import { Keeper, recalled } from "./query_page/kept.js";
import { Result } from "./query_page/result.js";
import { schemaOf } from "./query_page/schema.js";
import { operationOf, recheck, variables, variablesOf } from "./query_page/variables.js";
import { Views } from "./query_page/views.js";
import { word } from "./words.js";

const SAID_MS = 1400;
const page = document.getElementById("query-page");
const { url, introspection, examples, asks, view } = JSON.parse(page.dataset.given);
const part = (name) => page.querySelector(`[data-${name}]`);
const address = new URL(url, location.href).href;

let schema = null;
let underway = null;
const schemaCame = schemaOf(introspection);
// A view is as it was saved until somebody writes; the last example has an answer wherever there is a run.
const first = (view && !location.hash ? view : recalled()) ?? examples.at(-1);
const docs = new Docs(part("docs"));
const result = new Result(part("result"));
const editors = { document: null, variables: null };
const keeper = new Keeper(() => ({ document: textOf(editors.document), variables: textOf(editors.variables) }));

editors.document = writable(part("editor=document"), {
  text: first.document,
  extensions: documents(() => schema, (type, field) => docs.open(type, field)),
  run,
  changed: (update) => {
    if (update.docChanged) editors.variables?.dispatch({ effects: recheck.of(null) });
    changed(update);
  },
});
editors.variables = writable(part("editor=variables"), {
  text: first.variables,
  extensions: variables(() => ({ document: textOf(editors.document), schema })),
  run,
  changed,
});
const views = new Views(part("kept"), url, asks, {
  read: () => ({ document: textOf(editors.document), variables: variablesOf(textOf(editors.variables)) }),
  put: take,
});
show();
if (/Mac|iPhone|iPad/.test(navigator.userAgent)) part("run").querySelector("kbd").textContent = "⌘ ↵";

/** What the page says of the question beside it. */
function changed(update) {
  if (update.docChanged) {
    keeper.soon();
    show();
  }
  validity();
}

function validity() {
  const count = [editors.document, editors.variables].reduce((sum, view) => sum + (view ? diagnosticCount(view.state) : 0), 0);
  const [name, text] = !schema
    ? ["queued", word("query_page.unchecked")]
    : count
      ? ["failed", word("query_page.problems", { count })]
      : ["completed", word("query_page.valid")];
  const state = part("validity");
  // Said again only when it is another: it is read aloud.
  if (state.textContent === text) return;
  state.dataset.s = name;
  state.textContent = text;
}

function show() {
  const text = textOf(editors.document);
  part("title").textContent = operationOf(text)?.name?.value ?? word("query_page.unnamed");
  for (const chip of page.querySelectorAll("[data-example]")) {
    chip.setAttribute("aria-pressed", String(examples[chip.dataset.example].document === text));
  }
  const moved = view && (text !== view.document || textOf(editors.variables) !== view.variables);
  for (const each of page.querySelectorAll("[data-moved]")) each.hidden = !moved;
}

function put({ document: text, variables: values }) {
  replace(editors.document, text);
  replace(editors.variables, values);
}

/** Another question in place of this one, which can be come back to. */
function take(question) {
  keeper.leave();
  put(question);
  keeper.keep();
}

/** What is to be asked, or null after saying what is wrong. */
function question() {
  const text = textOf(editors.document);
  try {
    return { document: text.trim(), variables: variablesOf(textOf(editors.variables)), follows: follows(text) };
  } catch ({ message }) {
    result.refused(word("query_page.variables.broken", { why: message }));
    return null;
  }
}

const follows = (text) => operationOf(text)?.operation === "subscription";

async function run() {
  stop();
  const asked = question();
  if (!asked) return;
  keeper.leave();
  const { signal } = (underway = new AbortController());
  busy(true, asked.follows);
  try {
    await (asked.follows ? followed(asked, signal) : answered(asked, signal));
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Refusal)) throw error;
    result.refused(error.message);
  } finally {
    if (underway?.signal === signal) busy(false);
  }
}

async function answered(asked, signal) {
  result.begin("query_page.asking");
  const reply = await ask(url, body(asked.document, asked.variables), signal);
  result.answered(reply, complaints(reply.answer));
}

async function followed(asked, signal) {
  let count = 0;
  let bytes = 0;
  result.begin("query_page.connecting");
  await follow(url, body(asked.document, asked.variables), signal, {
    state: (state) => result.connection(state),
    event: (answer, length) => result.event(answer, (count += 1), (bytes += length), complaints(answer)),
  });
  result.ended();
}

function stop() {
  if (!underway) return;
  underway.abort();
  result.stopped();
  busy(false);
}

function busy(now, stoppable = false) {
  if (!now) underway = null;
  part("run").hidden = now && stoppable;
  part("stop").hidden = !(now && stoppable);
}

async function again() {
  const asked = question();
  if (!asked) return;
  try {
    const { document: text, variables: values } = asked;
    await views.keep({ name: view.name, document: text, variables: values });
    location.assign(page.querySelector("a[data-moved]").href);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    result.refused(error.message);
  }
}

async function copy(button, text) {
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = word("copied");
    setTimeout(() => (label.textContent = before), SAID_MS);
  } catch {
    // Without a secure origin there is no clipboard: what is marked can be copied by hand.
    const dialog = part("by-hand");
    const pre = dialog.querySelector("pre");
    pre.textContent = text;
    dialog.showModal();
    getSelection().selectAllChildren(pre);
  }
}

function copyAs(button) {
  const asked = question();
  if (asked) copy(button, copies[button.dataset.copyAs]({ url: address, ...asked }));
}

const actions = {
  run,
  stop,
  format: () => {
    const text = formatted(textOf(editors.document));
    if (text) replace(editors.document, text);
  },
  "copy-as": copyAs,
  "copy-result": (button) => copy(button, result.text),
  example: (button) => take(examples[button.dataset.example]),
  show: (button) => result.show(button.dataset.show),
  views: () => views.open(),
  "keep-asked": again,
};

page.addEventListener("click", (event) => {
  for (const [name, act] of Object.entries(actions)) {
    const button = event.target.closest(`[data-${name}]`);
    if (button) act(button);
  }
});
addEventListener("popstate", () => {
  const kept = recalled();
  if (kept) put(kept);
});
addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
  event.preventDefault();
  run();
});

schemaCame
  .then((found) => {
    schema = found;
    know(editors.document, schema);
    editors.variables.dispatch({ effects: recheck.of(null) });
    docs.know(schema);
    page.dataset.ready = "";
  })
  .catch(({ message }) => docs.failed(word("query_page.docs.failed", { why: message })));
