/** Where a log is scrolled to: its end, or the line that somebody reads. */

const END_PX = 8;

export class Scroll {
  #box;
  /** Where its end was when it was shown last: whoever is above that has scrolled there. */
  #end = 0;

  constructor(box) {
    this.#box = box;
  }

  /** How far it is to the end. */
  get rest() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    return scrollHeight - scrollTop - clientHeight;
  }

  get isAtEnd() {
    return this.rest < END_PX;
  }

  /** Whether somebody has scrolled up since its end was shown. */
  get hasLeft() {
    return this.#box.scrollTop < this.#end && this.rest > END_PX;
  }

  showEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#end = this.#box.scrollTop;
  }

  /** Other lines are to come: where somebody is among these says nothing of those. */
  forget() {
    this.#end = 0;
  }

  /** Whoever reads a line sees it where it was, whatever comes or goes above it. */
  keep(change) {
    const box = this.#box, before = box.scrollTop, { top } = box.getBoundingClientRect();
    const read = [...box.querySelectorAll("li")].find((item) => item.getBoundingClientRect().bottom > top);
    const from = read?.getBoundingClientRect().top;
    change();
    if (read?.isConnected) box.scrollTop += read.getBoundingClientRect().top - from;
    this.#end += box.scrollTop - before;
  }
}
