/** Numbers as columns bring them, and as people read them. */

const NAMED = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

/** Null for a missing value; NaN and infinities come by name, long integers in digits. */
export function number(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return NAMED[value] ?? Number(value);
  return Number(value);
}

export function kindOf(value) {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

export function short(value) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return kindOf(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(2).split("e");
    return `${+mantissa}e${+exponent}`;
  }
  return String(+value.toPrecision(4));
}

const UNITS = [
  [1e9, 1e9, "G"],
  [1e6, 1e6, "M"],
  [1e4, 1e3, "k"],
];

/** A value beside an axis. */
export function tick(value) {
  if (value === null || value === undefined) return "";
  if (value === 0) return "0";
  const size = Math.abs(value);
  for (const [least, unit, name] of UNITS) {
    if (size >= least) return `${+(value / unit).toPrecision(4)}${name}`;
  }
  if (size < 1e-2) return (+value.toPrecision(4)).toExponential().replace("e-", "e−");
  return String(+value.toPrecision(4));
}

export function span(ms) {
  const s = ms / 1000;
  if (s < 60) return `${+s.toPrecision(3)}s`;
  if (s < 3600) return `${+(s / 60).toPrecision(3)}m`;
  return `${+(s / 3600).toPrecision(3)}h`;
}
