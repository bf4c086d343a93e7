// Accuracy against cost. Re-ranked rows are left out, as re-ranking is no part of a method's cost.

const NEAR = 30; // units of the picture within which the pointer is at a point

/** Make the picture of some rows, with the choice of its axes. */
function scatterFigure(section, rows, context) {
  const [x, y] = [context.view.x, context.view.y].map((key) => context.byKey.get(key));
  const points = rows
    .filter((row) => !row.values.rerank)
    .map((row) => ({ row, x: valueOf(row, x), y: valueOf(row, y) }))
    .filter((point) => typeof point.x === "number" && point.x > 0 && typeof point.y === "number");
  const left = rows.length - points.length;
  const note = left ? ` ${left} of ${rows.length} rows are re-ranked or lack one of the two.` : "";
  const axes = element(
    "p",
    { class: "tools" },
    axisChoice("Accuracy", "y", section, ["percent"], context),
    axisChoice("against", "x", section, ["giga", "mega", "number", "seconds"], context),
  );
  const caption = element(
    "figcaption",
    {},
    `${y.title} against ${x.title}. The line joins rows that no cheaper row equals.${note}`,
  );
  const picture = points.length
    ? scatter(section, points, { x, y }, context)
    : [element("p", { class: "empty" }, "No row shown has both of these.")];
  return element("figure", {}, element("h4", {}, "Accuracy against cost"), axes, ...picture, caption);
}

function axisChoice(label, name, section, kinds, context) {
  const pairs = context.columns
    .filter((column) => kinds.includes(column.kind))
    .map((column) => [column.key, column.title]);
  const changed = (value) => context.change({ [name]: value });
  return choice(label, `${name} ${section.id}`, pairs, context.view[name], changed);
}

function scatter(section, points, { x, y }, context) {
  const xAxis = powerAxis(points.map((point) => point.x));
  const yAxis = percentAxis(points.map((point) => point.y));
  for (const point of points) {
    point.across = across(xAxis.place(point.x));
    point.up = up(yAxis.place(point.y));
  }
  const label =
    `${y.title} against ${x.title} of ${points.length} rows. Arrow keys go from row to row, Enter ` +
    "chooses one.";
  const picture = frame(label, xAxis, yAxis, x.title, `${y.title} (%)`);
  picture.setAttribute("data-focus", `scatter ${section.id}`);
  const others = points.filter((point) => !context.colours.has(point.row.id));
  picture.append(
    drawn("path", { d: frontPath(points), class: "front" }),
    drawn("path", { d: others.map((at) => `M${at.across},${at.up}h0`).join(""), class: "points" }),
    ...points.filter((point) => context.colours.has(point.row.id)).map((at) => sign(at, context)),
  );
  const words = readout("Point at a row, or use the arrow keys.");
  follow(picture, points, words, { x, y }, context);
  return [picture, words];
}

function sign(point, { colours }) {
  const colour = colours.get(point.row.id);
  const d = signPath(colour, point.across, point.up, 5);
  return drawn("path", { d, class: `sign c${colour % COLOURS}` });
}

/** Return the steps along the rows that no cheaper row equals. */
function frontPath(points) {
  const ordered = [...points].sort((first, second) => first.x - second.x || second.y - first.y);
  let best = -Infinity;
  let path = "";
  for (const point of ordered) {
    if (point.y > best) {
      path += path ? `H${point.across}V${point.up}` : `M${point.across},${point.up}`;
      best = point.y;
    }
  }
  return path;
}

/** Let the pointer and the arrow keys show what a point is, and a press choose it. */
function follow(picture, points, words, { x, y }, context) {
  const ordered = [...points].sort((first, second) => first.x - second.x || first.y - second.y);
  const ring = drawn("path", { class: "ring", d: "" });
  picture.append(ring);
  let at = null;
  const show = (point) => {
    at = point;
    ring.setAttribute("d", point ? signPath(0, point.across, point.up, 9) : "");
    if (point) words.textContent = pointText(point.row, x, y);
  };
  picture.addEventListener("pointermove", (event) => show(nearest(points, pointerIn(picture, event))));
  picture.addEventListener("pointerleave", () => show(null));
  picture.addEventListener("click", (event) => {
    show(nearest(points, pointerIn(picture, event)));
    if (at) context.choose(at.row.id);
  });
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter" && at) context.choose(at.row.id);
    if (!step) return;
    event.preventDefault();
    const place = at ? ordered.indexOf(at) + step : step > 0 ? 0 : ordered.length - 1;
    show(ordered[Math.min(Math.max(place, 0), ordered.length - 1)]);
  });
}

function pointText(row, x, y) {
  const accuracy = `${y.title} ${shownValue(row, y)} ${shownInterval(row, y)}`.trim();
  return `${nameOf(row)}: ${accuracy}, ${x.title} ${shownValue(row, x)}`;
}

function nearest(points, pointer) {
  let [best, distance] = [null, NEAR];
  for (const point of points) {
    const away = Math.hypot(point.across - pointer.x, point.up - pointer.y);
    if (away < distance) [best, distance] = [point, away];
  }
  return best;
}
