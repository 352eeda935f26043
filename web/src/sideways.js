/** What the keyboard comes to in a line that is drawn sideways is wholly in sight: a browser leaves it half outside. */
document.addEventListener("focusin", ({ target }) => {
  if (target.matches(".beside :focus-visible")) target.scrollIntoView({ block: "nearest", inline: "nearest" });
});
