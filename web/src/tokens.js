/** Tokens of the settings page: made, with the secret said once, and revoked. */
import { Refusal, changeMany, renew } from "./asking.js";
import { word } from "./words.js";

const DAY_S = 24 * 3600;
const root = document.querySelector("[data-tokens]");
const documents = JSON.parse(root.dataset.tokens);

async function asked(name, variables) {
  const done = await changeMany(documents[name], variables);
  if (done.userErrors.length) throw new Refusal(done.userErrors[0].message);
  return done;
}

const ACTS = {
  async create(values) {
    const name = values.get("name");
    const scopes = values.getAll("scopes");
    if (!scopes.length) throw new Refusal(word("tokens.scopeless"));
    const expiresIn = Number(values.get("life")) * DAY_S || null;
    const experiment = values.get("experiment").trim() || null;
    const { secret } = await asked("create_token", { input: { name, scopes, experiment, expiresIn } });
    return () => say(name, secret);
  },
  async revoke(values) {
    await asked("revoke_token", { id: values.get("id") });
    return () => root.querySelector("[data-token-new]").focus();
  },
};

/** The only place that ever holds the secret; a reload forgets it. */
function say(name, secret) {
  const made = document.getElementById("token-made");
  document.getElementById("token-secret").textContent = secret;
  made.querySelector("[data-made]").textContent = name;
  made.hidden = false;
  made.querySelector("[data-copy]").focus();
}

/** An old list is better than a secret that nobody has read. */
async function refresh() {
  const shown = !document.getElementById("token-made").hidden;
  await renew("#token-list").catch(() => shown || location.reload());
}

function open(dialog, name = "", id = "") {
  const form = dialog.querySelector("form");
  form.reset();
  form.querySelector("[data-said]").hidden = true;
  if (id) {
    form.elements.id.value = id;
    form.querySelector("[data-title]").textContent = word("tokens.revoke", { name });
  }
  dialog.showModal();
}

root.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-token-new], [data-token-revoke], [data-token-leave]");
  if (!button) return;
  const { tokenRevoke, name } = button.dataset;
  if (tokenRevoke) open(document.getElementById("token-revoke"), name, tokenRevoke);
  else if ("tokenNew" in button.dataset) open(document.getElementById("token-new"));
  else button.closest("dialog").close();
});

root.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  const [button, said] = [form.querySelector("[type=submit]"), form.querySelector("[data-said]")];
  button.disabled = true;
  said.hidden = true;
  try {
    const then = await ACTS[form.dataset.tokenForm](new FormData(form));
    form.closest("dialog").close();
    then();
    await refresh();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    said.textContent = error.message;
    said.hidden = false;
  } finally {
    button.disabled = false;
  }
});
