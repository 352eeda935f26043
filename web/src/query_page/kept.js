/** The question in the address behind `#`, so that it can be sent to someone and outlives a reload. */

const QUIET_MS = 250;
const LAST = "runvane.query";

/** What this tab left here, else what the address says, else null. */
export function recalled() {
  const last = JSON.parse(sessionStorage.getItem(LAST));
  // What was typed last may not have reached the address.
  if (last && (!location.hash || last.at === location.hash)) return last;
  const said = new URLSearchParams(location.hash.slice(1));
  if (!said.has("document")) return null;
  return { document: said.get("document"), variables: said.get("variables") ?? "" };
}

export class Keeper {
  #timer = 0;
  // What came with the address is left behind by the first change.
  #left = true;
  #read;

  /** @param {() => {document: string, variables: string}} read */
  constructor(read) {
    this.#read = read;
  }

  /** Browsers refuse a new address for every key that is pressed. */
  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), QUIET_MS);
    this.#note();
  }

  keep() {
    clearTimeout(this.#timer);
    const address = this.#address();
    const goesOn = this.#left && location.hash && address !== location.hash;
    history[goesOn ? "pushState" : "replaceState"](null, "", address);
    if (goesOn) this.#left = false;
    this.#note();
  }

  /** What stands here now can be come back to, once it is another question. */
  leave() {
    this.keep();
    this.#left = true;
  }

  #note() {
    sessionStorage.setItem(LAST, JSON.stringify({ at: location.hash, ...this.#read() }));
  }

  #address() {
    const { document, variables } = this.#read();
    return `#${new URLSearchParams({ document, variables })}`;
  }
}
