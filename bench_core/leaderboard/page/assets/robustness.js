// Robustness against corruption: a table of the rows that have whole grids, and the grid of one row.

/** Make the table of a section, of those rows that are shown; null where none has a grid. */
function robustnessTable(section, shown) {
  if (!section.robustness) return null;
  const { legend, columns, rows } = section.robustness;
  const ids = new Set(shown.map((row) => row.id));
  const known = rows.map(([place, ...cells]) => [section.rows[place], cells]).filter(([row]) => ids.has(row.id));
  if (!known.length) return null;
  const head = ["method", ...columns].map((text) => element("th", { scope: "col" }, text));
  const body = known.map(([row, cells]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", class: "name" }, nameOf(row)),
      ...cells.map((cell) => element("td", {}, cell)),
    ),
  );
  const table = element("table", { class: "numbers" }, element("thead", {}, element("tr", {}, ...head)));
  table.append(element("tbody", {}, ...body));
  return element(
    "div",
    {},
    element("h4", {}, "Robustness"),
    element("p", { class: "about" }, legend),
    wideTable("Scores by kind of corruption (%)", table, "hidden"),
  );
}

/** Make the grid of a row: mAP by corruption and severity, the darker the higher. */
function gridTable(grid, { corruptions, severities }) {
  const head = ["severity", ...severities, "mean"];
  const most = Math.max(...grid.flat());
  const cell = (value) => {
    const share = most ? Math.round((GRID_SHADES * value) / most) : 0;
    return element("td", { class: `shade s${share}` }, percent(value));
  };
  const body = grid.map((values, place) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, corruptions[place].replaceAll("_", " ")),
      ...values.map(cell),
      element("td", {}, percent(values.reduce((sum, value) => sum + value, 0) / values.length)),
    ),
  );
  const heads = head.map((text) => element("th", { scope: "col" }, text));
  const table = element("table", { class: "numbers shades" }, element("thead", {}, element("tr", {}, ...heads)));
  table.append(element("tbody", {}, ...body));
  return wideTable("mAP by corruption and severity (%)", table);
}

const GRID_SHADES = 8; // steps from no score to the best of the grid
