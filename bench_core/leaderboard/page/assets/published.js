// Published numbers: a block that looks like no table of ours. Its rows are filtered and sorted as
// measured ones are; what is not printed stands last.

/** Make the block of a tab: the rows that publications print, and what is said of disputed ones. */
function publishedBlock(tab, context) {
  const { metrics, rows, notes } = tab.published;
  const columns = ["name", ...metrics].map((key) => context.byKey.get(key));
  const filtered = rows.filter(context.passes);
  const order = columns.find((column) => column.key === context.view.sort);
  const shown = order ? sorted(filtered, order, context.view.descending) : filtered;
  const marks = new Set(shown.flatMap((row) => Object.values(row.marks).flat()));
  const count =
    filtered.length === rows.length
      ? `${counted(rows.length)}.`
      : `${grouped(filtered.length, 0)} of ${counted(rows.length)} pass the filter.`;
  return element(
    "section",
    { class: "published" },
    element("h3", {}, "Published numbers, not measured here"),
    element(
      "p",
      { class: "about" },
      "What papers and repositories print, in percent, digits as printed. Galleries, re-ranking and the choice " +
        "of the model differ or are not known: there are no ranks. Numbers in italics are unchecked: nobody " +
        "has seen them in a source that was at hand. ",
      element("span", { role: "status" }, count),
    ),
    shown.length ? publishedTable(tab, columns, shown, context) : null,
    notesList(notes.map((text, place) => [place + 1, text]).filter(([mark]) => marks.has(mark))),
  );
}

function publishedTable(tab, columns, rows, context) {
  const place = { id: `${tab.id}.published` };
  const plain = (text) => element("th", { scope: "col" }, text);
  const head = [
    ...columns.map((column) => headCell(place, column, context)),
    plain("printed in"),
    plain("conditions"),
  ];
  const body = rows.map((row) =>
    element(
      "tr",
      { class: row.unchecked ? "unchecked" : undefined },
      element("th", { scope: "row", class: "name" }, row.label),
      ...columns.slice(1).map((column) => printedCell(row, column.key)),
      element("td", { class: "source" }, row.values.source),
      element("td", { class: "source" }, row.values.conditions),
    ),
  );
  const table = element("table", { class: "results" }, element("thead", {}, element("tr", {}, ...head)));
  table.append(element("tbody", {}, ...body));
  return wideTable(`Published numbers of ${tab.protocol} (%)`, table, "hidden");
}

function printedCell(row, metric) {
  const marks = row.marks[metric] ?? [];
  const disputed = marks.length ? element("sup", {}, `[${marks.join(",")}]`) : null;
  return element("td", { class: "percent" }, row.printed[metric] ?? "", disputed);
}

/** Make the table of what a measured row's own paper printed. */
function paperTable(row) {
  const heads = ["", "printed", "here", "difference", "printed in"];
  const head = heads.map((text) => element(text ? "th" : "td", { scope: text ? "col" : undefined }, text));
  const body = row.paper.map(({ metric, printed, source, difference }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, metric),
      element("td", {}, printed),
      element("td", {}, percent(row.values[metric])),
      element("td", {}, `${difference < 0 ? "\u2212" : "+"}${percent(Math.abs(difference))}`),
      element("td", { class: "source" }, source),
    ),
  );
  const table = element("table", { class: "numbers" }, element("thead", {}, element("tr", {}, ...head)));
  table.append(element("tbody", {}, ...body));
  return wideTable("Against its paper (%)", table);
}
