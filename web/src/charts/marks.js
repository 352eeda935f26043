/** Where a value is not finite: a cross for NaN below, a triangle up or down for an infinity. */
import { colour, tokenOf } from "./colours.js";

const SIZE = 3.5;

export function drawMarks(u, chart) {
  const { ctx, bbox } = u;
  const size = SIZE * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([]);
  for (const [i, line] of chart.points.lines.entries()) {
    ctx.strokeStyle = ctx.fillStyle = colour(tokenOf(chart.strands[i]));
    // Marks that would cover each other are one.
    const drawn = {};
    for (const { x, kind } of line.marks.toSorted((a, b) => a.x - b.x)) {
      const left = u.valToPos(x, "x", true);
      if (left < bbox.left || left > bbox.left + bbox.width || left - drawn[kind] < size * 3) continue;
      drawn[kind] = left;
      const top = kind === "Infinity" ? bbox.top + size * 2 : bbox.top + bbox.height - size * 2;
      if (kind === "NaN") cross(ctx, left, top, size);
      else triangle(ctx, left, top, kind === "Infinity" ? -size : size);
    }
  }
  ctx.restore();
}

function cross(ctx, x, y, size) {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size);
  ctx.lineTo(x + size, y + size);
  ctx.moveTo(x + size, y - size);
  ctx.lineTo(x - size, y + size);
  ctx.stroke();
}

function triangle(ctx, x, y, size) {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size);
  ctx.lineTo(x + size, y - size);
  ctx.lineTo(x, y + size);
  ctx.fill();
}
