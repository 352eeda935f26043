/** On a phone the tabs are wider than the page: the open one is brought into sight. */
const open = document.querySelector("#tabs [aria-current]");
if (open) {
  const bar = open.parentElement;
  bar.scrollLeft = open.offsetLeft - bar.offsetLeft - (bar.clientWidth - open.offsetWidth) / 2;
}
