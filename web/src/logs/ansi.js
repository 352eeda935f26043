/** The colours of a terminal, as spans: ECMA-48's SGR with the eight colours, bold, dim and the like. */

const SEQUENCE = /\x1b\[([\d;:]*)m|\x1b\[[\d;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g;
const COLOURS = ["d", "r", "g", "y", "b", "m", "c", ""];

/** Pieces of text with the classes that each has. */
export function pieces(text) {
  if (!text.includes("\x1b")) return [{ text, classes: [] }];
  const found = [];
  let state = { colour: "", bold: false, dim: false };
  let from = 0;
  const add = (to) => to > from && found.push({ text: text.slice(from, to), classes: classesOf(state) });
  for (const match of text.matchAll(SEQUENCE)) {
    add(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) state = after(state, match[1].split(/[;:]/).map(Number));
  }
  add(text.length);
  return found;
}

function after(state, codes) {
  const next = { ...state };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) Object.assign(next, { colour: "", bold: false, dim: false });
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 22) Object.assign(next, { bold: false, dim: false });
    else if (code === 39) next.colour = "";
    else if (code >= 30 && code <= 37) next.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) next.colour = COLOURS[code - 90];
    // Of 256 and of all colours the nearest of ours would be a guess: the text keeps its own.
    else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4;
  }
  return next;
}

function classesOf({ colour, bold, dim }) {
  return [colour && `a-${colour}`, bold && "a-1", dim && !colour && "a-d"].filter(Boolean);
}
