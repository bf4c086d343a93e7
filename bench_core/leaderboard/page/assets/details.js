// The section of a result: what it scored trial by trial, what it cost, how it was made. It is
// filled when it is opened.

const METRICS = ["rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP"];

/** Make the closed section of a row; the one that the address names is open. */
function rowDetails(row, context) {
  const summary = element("summary", { "data-focus": `open ${row.id}` }, `${nameOf(row)} `);
  summary.append(element("span", { class: "quiet" }, `record ${row.id.slice(0, 8)}`));
  const section = element("details", { id: `result-${row.id}`, class: "result" }, summary);
  const fill = () => {
    if (!section.open || section.childElementCount > 1) return;
    section.append(element("div", { class: "parts" }, ...detailParts(row, context)));
  };
  section.addEventListener("toggle", fill);
  if (context.view.open === row.id) {
    section.open = true;
    fill();
  }
  return section;
}

function detailParts(row, { pool, columns, robustness }) {
  const part = (name) => pool[row.parts[name]];
  const cost = columns.filter((column) => ["giga", "mega", "seconds"].includes(column.kind));
  const changed = new Set(part("changed"));
  return [
    scoresTable(row),
    row.paper.length ? paperTable(row) : null,
    trialsTable(row),
    part("cameras").length ? camerasTable(part("cameras")) : null,
    part("grid").length ? gridTable(part("grid"), robustness) : null,
    definitions("Cost", [
      ...cost.map((column) => [column.title, shownValue(row, column)]),
      ["images/s", row.values.images_per_second],
      ["device", row.values.device],
      ["number format", row.values.precision],
    ]),
    definitions(
      "Configuration",
      [["preset", row.values.preset], ["seed", row.values.seed], ...flat(part("configuration"))],
      changed,
    ),
    definitions("Protocol", flat(part("protocol"))),
    definitions("Data", flat(part("dataset"))),
    definitions("Provenance", [
      ...flat(part("origin"), "origin."),
      ...flat(part("provenance")),
      ...flat(part("versions"), "version of "),
      ["intra-class similarity", row.similarity],
    ]),
  ].filter((each) => each !== null);
}

function scoresTable(row) {
  const parts = [["mean", ""], ["deviation over trials", "-std"], ["95 % from", "-low"], ["95 % to", "-high"]];
  const rows = parts.map(([name, end]) => [name, ...METRICS.map((metric) => row.values[metric + end])]);
  return numbersTable("Scores (%)", ["", ...METRICS], rows, 1);
}

function trialsTable(row) {
  const rows = row.trials.map((values, place) => [place + 1, row.gallery[place], ...values]);
  return numbersTable("Trials (%)", ["trial", "gallery", ...METRICS], rows, 2);
}

function camerasTable(cameras) {
  return numbersTable("Queries by camera (%)", ["camera", "queries", ...METRICS], cameras, 2);
}

/** Make a table whose first `whole` columns are no fractions. */
function numbersTable(caption, heads, rows, whole) {
  const head = heads.map((text, place) =>
    element(place || text ? "th" : "td", { scope: place || text ? "col" : undefined }, text),
  );
  const cell = (value, place) =>
    place === 0
      ? element("th", { scope: "row" }, value)
      : element("td", {}, place < whole ? grouped(value, 0) : percent(value));
  const table = element("table", { class: "numbers" }, element("thead", {}, element("tr", {}, ...head)));
  table.append(element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))));
  return wideTable(caption, table);
}

/** Make a table of names and values; those in `changed` were set by hand. */
function definitions(caption, pairs, changed = new Set()) {
  const rows = pairs.map(([name, value]) =>
    element(
      "tr",
      { class: changed.has(name) ? "changed" : undefined },
      element("th", { scope: "row" }, changed.has(name) ? `${name} (changed)` : name),
      element("td", {}, said(value)),
    ),
  );
  return wideTable(caption, element("table", { class: "definitions" }, element("tbody", {}, ...rows)));
}

/** Return the values of a document under dotted names. */
function flat(value, prefix = "") {
  return Object.entries(value ?? {}).flatMap(([name, inner]) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner) && Object.keys(inner).length
      ? flat(inner, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner]],
  );
}

function said(value) {
  if (value === null || value === undefined || value === "") return NOT_MEASURED;
  if (Array.isArray(value) && value.every((each) => typeof each !== "object")) {
    const alike = value.length > 1 && value.every((each) => each === value[0]);
    if (alike) return `${value[0]} (${value.length} times)`;
    return value.length ? value.join(" ") : "none";
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
