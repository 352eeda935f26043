/** How a line of a log looks: its number, its process, its time, its text with colours and marks. */
import { word } from "../words.js";
import { pieces } from "./ansi.js";

/**
 * @param {any} line as GraphQL gives it
 * @param {{writers: string[], marks: RegExp | null}} look
 */
export function drawn(line, look) {
  const item = document.createElement("li");
  item.dataset.line = keyOf(line);
  const anchor = document.createElement("a");
  anchor.href = `#L${line.number}${look.writers.length > 1 ? `.${look.writers.indexOf(line.writer) + 1}` : ""}`;
  anchor.textContent = line.number;
  item.append(anchor);
  if (look.writers.length > 1) item.append(span("rk", String(look.writers.indexOf(line.writer) + 1)));
  const code = document.createElement("code");
  code.append(span("tm", `${timeOf(line.at)}  `));
  for (const piece of pieces(line.text)) append(code, piece, look.marks);
  if (line.cut) code.append(span("a-d", `  ${word("logs.cut")}`));
  item.append(code);
  return item;
}

export function keyOf(line) {
  return `${line.writer}:${line.number}`;
}

/** Says where `found` is in what is drawn; colours of a terminal do not part a word that is marked. */
function append(code, piece, marks) {
  let from = 0;
  for (const match of marks ? piece.text.matchAll(marks) : []) {
    if (!match[0]) continue;
    code.append(span(piece.classes.join(" "), piece.text.slice(from, match.index)));
    const mark = document.createElement("mark");
    mark.textContent = match[0];
    code.append(mark);
    from = match.index + match[0].length;
  }
  code.append(span(piece.classes.join(" "), piece.text.slice(from)));
}

function span(classes, text) {
  if (!classes) return document.createTextNode(text);
  const made = document.createElement("span");
  made.className = classes;
  made.textContent = text;
  return made;
}

function timeOf(at) {
  const time = new Date(at);
  const digits = (value, count) => String(value).padStart(count, "0");
  return `${[time.getHours(), time.getMinutes(), time.getSeconds()].map((each) => digits(each, 2)).join(":")}.${digits(time.getMilliseconds(), 3)}`;
}
