/** The question in the address behind `#`, so that it can be sent to someone and outlives a reload. */

const QUIET_MS = 250;

/** What the address says, or null. The part behind `#` never reaches the server. */
export function recalled() {
  const said = new URLSearchParams(location.hash.slice(1));
  if (!said.has("document")) return null;
  return { document: said.get("document"), variables: said.get("variables") ?? "" };
}

export class Keeper {
  #timer = 0;
  #read;

  /** @param {() => {document: string, variables: string}} read */
  constructor(read) {
    this.#read = read;
    addEventListener("pagehide", () => this.keep());
  }

  /** Browsers refuse an address for every key that is pressed. */
  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), QUIET_MS);
  }

  keep() {
    clearTimeout(this.#timer);
    history.replaceState(null, "", this.#address());
  }

  /** What stands in the address now can be come back to. */
  leave() {
    this.keep();
    history.pushState(null, "", this.#address());
  }

  #address() {
    return `#${new URLSearchParams(this.#read())}`;
  }
}
