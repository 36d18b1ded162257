// The curve of a training: the loss of each step, and that of the music held out, as wide as the page has room for it.

const SVG = "http://www.w3.org/2000/svg";
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 12, 14, 34]; // pixels around the lines

function shape(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

export function drawCurve(svg, points) {
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  const values = points.flatMap((point) => [point.loss, point.validation].filter(Number.isFinite));
  const about = values.length ? `Loss by step: ${points.length} points, the last ${values.at(-1).toFixed(3)}` : "No curve yet";
  svg.setAttribute("aria-label", about);
  svg.replaceChildren();
  if (!values.length) {
    svg.append(shape("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "The curve appears with the first steps."));
    return;
  }
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = points.at(-1).step || 1;
  const x = (step) => LEFT + ((width - LEFT - RIGHT) * step) / last;
  const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - (value - low) / (high - low || 1));
  for (const share of [0, 0.5, 1]) {
    const value = low + share * (high - low);
    svg.append(shape("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "rule" }));
    svg.append(shape("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(3)));
  }
  svg.append(shape("text", { x: LEFT, y: height - 8 }, "step 0"), shape("text", { x: width - RIGHT, y: height - 8, "text-anchor": "end" }, `step ${last}`));
  for (const name of ["loss", "validation"]) {
    const line = points.filter((point) => Number.isFinite(point[name]));
    svg.append(shape("polyline", { class: name, points: line.map((point) => `${x(point.step).toFixed(1)},${y(point[name]).toFixed(1)}`).join(" ") }));
  }
}
