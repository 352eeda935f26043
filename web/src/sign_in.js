/** Redeem the code of a sign-in link. It stands behind the #, so that no log ever holds it. */
import { word } from "./words.js";

async function redeem(code) {
  const said = document.getElementById("sign-in-said");
  said.textContent = word("sign_in.working");
  // Used once; a reload must not try it again.
  history.replaceState(null, "", location.pathname);
  const reply = await fetch(document.body.dataset.signIn, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  }).catch(() => null);
  if (reply?.ok) location.replace(document.body.dataset.root);
  else said.textContent = word(reply ? "sign_in.refused" : "read.away");
}

const code = location.hash.slice(1);
if (document.body.dataset.signIn && code) redeem(code);
