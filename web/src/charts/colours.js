/** Tokens as the canvas needs them: read through an element, since a token is light-dark(…). */
const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);

const known = new Map();
document.addEventListener("theme", () => known.clear());

export function colour(token) {
  if (!known.has(token)) {
    probe.style.color = `var(${token})`;
    known.set(token, getComputedStyle(probe).color);
  }
  return known.get(token);
}

/** Of a line, a point or a bar; what has no colour of its own stands back. */
export const tokenOf = ({ colour: place }) => (place === null ? "--idle" : `--c${place}`);

export function faded(token, alpha) {
  const [r, g, b] = colour(token).match(/[\d.]+/g);
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}
