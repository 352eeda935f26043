/** How far the y axis reaches: what is worth seeing decides, not the one value far away. */

// With fewer points no value of a line is an outlier.
const POINTS_MIN = 50;
const LOW = 0.004;
const HIGH = 0.985;
// Cutting so little off a line shows nothing better.
const WORTH = 2;
// Beside a line that reaches so many times farther the others are flat.
const FLAT = 20;

/** @typedef {{least: number, most: number, whole: {least: number, most: number}}} Reach */

/**
 * @param {number[][]} lines the visible values of each line
 * @returns {Reach | null} null where there is nothing to see
 */
export function reachOf(lines) {
  const reaches = lines.filter((values) => values.length).map(reach);
  if (!reaches.length) return null;
  return { ...union(together(reaches)), whole: union(reaches.map(({ whole }) => whole)) };
}

/** One line without its rare extremes, where they are far from the rest. */
function reach(values) {
  const sorted = Float64Array.from(values).sort();
  const whole = { least: sorted[0], most: sorted.at(-1) };
  if (sorted.length < POINTS_MIN) return { ...whole, whole };
  const least = sorted[Math.floor(sorted.length * LOW)];
  const most = sorted[Math.floor(sorted.length * HIGH)];
  const core = most - least;
  const far = core > 0 && whole.most - whole.least > WORTH * core;
  return far ? { least, most, whole } : { ...whole, whole };
}

/** The lines without the few beside which the others would be flat. */
function together(reaches) {
  const dropped = Math.max(1, Math.ceil(reaches.length / 2) - 1);
  const middles = reaches.map(({ least, most }) => (least + most) / 2).sort((a, b) => Math.abs(a) - Math.abs(b));
  const centre = middles[Math.floor((middles.length - 1) / 2)];
  const away = ({ least, most }) => Math.max(most - centre, centre - least);
  const near = reaches.toSorted((a, b) => away(a) - away(b));
  for (let kept = Math.max(1, near.length - dropped); kept < near.length; kept++) {
    const before = away(near[kept - 1]);
    if (before > 0 && away(near[kept]) > FLAT * before) return near.slice(0, kept);
  }
  return near;
}

function union(reaches) {
  return {
    least: reaches.reduce((low, { least }) => Math.min(low, least), Infinity),
    most: reaches.reduce((high, { most }) => Math.max(high, most), -Infinity),
  };
}
