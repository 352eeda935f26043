/** Runs of different density are smoothed alike: the weight is per thousandth of the x range. */
const PLACES = 1000;

/**
 * Time-weighted exponential smoothing without bias at the start; gaps stay gaps.
 * @param {number[]} x
 * @param {(number | null | undefined)[]} values
 * @param {number} weight 0 to 1
 */
export function smooth(x, values, weight) {
  if (!weight) return values;
  const range = x.at(-1) - x[0] || 1;
  let sum = 0;
  let bias = 0;
  let before = null;
  return values.map((value, i) => {
    if (value === null || value === undefined) return value;
    const decay = before === null ? 0 : weight ** (((x[i] - before) / range) * PLACES);
    before = x[i];
    sum = sum * decay + value;
    bias = bias * decay + 1;
    return sum / bias;
  });
}
