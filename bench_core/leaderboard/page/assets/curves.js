// CMC curves of chosen rows, over each other.

/** Make the picture of the curves of the rows that have a colour. */
function curvesFigure(section, rows, context) {
  const chosen = rows.filter((row) => context.colours.has(row.id));
  const heading = element("h4", {}, "CMC curves");
  if (!chosen.length) {
    const none = "No chosen row passes the filter.";
    return element("figure", {}, heading, element("p", { class: "empty" }, none));
  }
  const said = context.view.rows.some((id) => context.colours.has(id))
    ? "The chosen rows"
    : `The first ${counted(chosen.length)}, until rows are chosen in the table`;
  const caption = `${said}: the fraction of queries with a match among the first k, mean over trials.`;
  return element(
    "figure",
    {},
    heading,
    ...curves(section, chosen, context),
    element("figcaption", {}, caption),
  );
}

function curves(section, rows, context) {
  const longest = Math.max(...rows.map((row) => row.cmc.length));
  const xAxis = {
    place: (rank) => (rank - 1) / (longest - 1),
    ticks: [1, ...[5, 10, 15, 20, 50, 100].filter((rank) => rank <= longest)],
  };
  const all = rows.flatMap((row) => [row.cmc[0], row.cmc[row.cmc.length - 1]]);
  const yAxis = percentAxis(all.map((value) => 100 * value));
  const label = `CMC curves of ${counted(rows.length)}. Arrow keys go from rank to rank.`;
  const picture = frame(label, xAxis, yAxis, "rank k", "found among the first k (%)");
  picture.setAttribute("data-focus", `curves ${section.id}`);
  const colour = (row) => context.colours.get(row.id);
  for (const row of rows) {
    const d = row.cmc.map((value, place) => curvePoint(xAxis, yAxis, place, value)).join("L");
    const kind = `curve c${colour(row) % COLOURS} d${dash(colour(row))}`;
    picture.append(drawn("path", { d: `M${d}`, class: kind }));
    for (const place of [0, row.cmc.length - 1]) {
      const [x, y] = [across(xAxis.place(place + 1)), up(yAxis.place(100 * row.cmc[place]))];
      const form = signPath(colour(row), x, y, 4);
      picture.append(drawn("path", { d: form, class: `sign c${colour(row) % COLOURS}` }));
    }
  }
  const numbers = rows.map(() => element("td", { class: "percent" }));
  const rank = element("th", { scope: "col", class: "percent" });
  followRanks(picture, rows, xAxis, (place) => {
    rank.textContent = `rank-${place + 1}`;
    rows.forEach((row, index) => (numbers[index].textContent = percent(row.cmc[place])));
  });
  return [picture, curvesKey(section, rows, rank, numbers, colour)];
}

function curvePoint(xAxis, yAxis, place, value) {
  return `${across(xAxis.place(place + 1)).toFixed(1)},${up(yAxis.place(100 * value)).toFixed(1)}`;
}

function curvesKey(section, rows, rank, numbers, colour) {
  const head = element("tr", {}, element("th", { scope: "col" }, "row"), rank);
  const body = rows.map((row, index) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", class: "name" }, swatch(colour(row)), nameOf(row)),
      numbers[index],
    ),
  );
  const table = element("table", { class: "key" }, element("thead", {}, head));
  table.append(element("tbody", {}, ...body));
  return wideTable("Curves at the rank that is pointed at", table, "quiet");
}

/** Let the pointer and the arrow keys show what the curves are at a rank; rank 1 at first. */
function followRanks(picture, rows, xAxis, tell) {
  const longest = Math.max(...rows.map((row) => row.cmc.length));
  const line = drawn("path", { class: "ring", d: "" });
  picture.append(line);
  let at = 0;
  const show = (place) => {
    at = Math.min(Math.max(place, 0), longest - 1);
    const x = across(xAxis.place(at + 1));
    line.setAttribute("d", `M${x},${SIZE.top}V${SIZE.height - SIZE.bottom}`);
    tell(at);
  };
  picture.addEventListener("pointermove", (event) => {
    const share = (pointerIn(picture, event).x - SIZE.left) / (across(1) - SIZE.left);
    show(Math.round(share * (longest - 1)));
  });
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(at + step);
  });
  show(0);
}
