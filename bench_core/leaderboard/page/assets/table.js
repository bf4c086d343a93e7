// A table of results.

const PAGE = 100; // rows that are shown at first; a press of "more" adds as many, or ten times as many

/**
 * Make the table of a section.
 * @param {Object} section Its data.
 * @param {Object[]} rows Those to show, in order.
 * @param {Object} context View, columns, colours of chosen rows, and what to do on a press.
 */
function resultTable(section, rows, context) {
  const chosen = new Set(context.view.columns);
  const columns = context.columns.filter((each) => ALWAYS.has(each.kind) || chosen.has(each.key));
  const head = element(
    "tr",
    {},
    element("th", { scope: "col", class: "chooser" }, element("span", { class: "hidden" }, "curve")),
    ...columns.map((column) => headCell(section, column, context)),
  );
  const shares = sharesOf(section.rows);
  const body = rows.map((row) => bodyRow(row, columns, shares, context));
  const table = element("table", { class: "results" }, element("thead", {}, head));
  table.append(element("tbody", {}, ...body));
  return wideTable(section.heading, table, "hidden");
}

function headCell(section, column, { view, sortBy }) {
  const active = view.sort === column.key;
  const direction = view.descending ? "descending" : "ascending";
  const mark = active ? (view.descending ? "\u25be" : "\u25b4") : "";
  const button = element(
    "button",
    {
      type: "button",
      title: column.about || undefined,
      "data-focus": `sort ${section.id} ${column.key}`,
      onclick: () => sortBy(column),
    },
    column.title,
    element("span", { class: "mark", "aria-hidden": "true" }, mark),
  );
  return element(
    "th",
    { scope: "col", class: column.kind, "aria-sort": active ? direction : undefined },
    button,
  );
}

function bodyRow(row, columns, shares, context) {
  const share = shares.get(row);
  const colour = context.colours.get(row.id);
  const chooser = element("input", {
    type: "checkbox",
    checked: context.view.rows.includes(row.id),
    "aria-label": `Show the curve of ${nameOf(row)}`,
    "data-focus": `choose ${row.id}`,
    onchange: () => context.choose(row.id),
  });
  const classes = `${share.odd ? "odd" : "even"} ${share.first ? "first" : ""}`.trim();
  return element(
    "tr",
    { class: classes, "data-row": row.id },
    element("td", { class: `chooser ${colour === undefined ? "" : `c${colour % COLOURS}`}`.trim() }, chooser),
    ...columns.map((column) => bodyCell(row, column, share, context)),
  );
}

function bodyCell(row, column, share, context) {
  if (column.kind === "name") return nameCell(row, context);
  const text = shownValue(row, column);
  if (column.kind === "rank") return rankCell(text, share.size);
  const interval = shownInterval(row, column);
  const children = interval ? [text, " ", element("span", { class: "interval" }, interval)] : [text];
  return element("td", { class: column.kind }, ...children);
}

function rankCell(text, size) {
  if (size === 1) return element("td", { class: "rank" }, text);
  const title = `${size} rows share this number: their rank-1 is not told apart`;
  return element(
    "td",
    { class: "rank", title },
    text,
    element("span", { class: "shared", "aria-hidden": "true" }, `\u00d7${size}`),
    element("span", { class: "hidden" }, `, shared by ${size} rows`),
  );
}

function nameCell(row, context) {
  const link = element(
    "a",
    {
      href: context.hashWith({ open: row.id }),
      "data-focus": `name ${row.id}`,
      onclick: (event) => context.goTo(event, row.id),
      title: row.values.title || undefined,
    },
    row.label,
  );
  const words = row.words.length ? [`, ${row.words.join(", ")}`] : [];
  const marks = row.marks.length ? [` [${row.marks.join(",")}]`] : [];
  return element("th", { scope: "row", class: "name" }, link, ...words, ...marks);
}

/** Return of each row how many share its number, whether it is the first, and a colour's turn. */
function sharesOf(rows) {
  const shares = new Map();
  let group = [];
  let odd = false;
  const close = () => {
    group.forEach((row, place) => shares.set(row, { size: group.length, first: place === 0, odd }));
    odd = !odd;
  };
  for (const row of rows) {
    if (group.length && !sameRank(group[0], row)) {
      close();
      group = [];
    }
    group.push(row);
  }
  close();
  return shares;
}

function sameRank(first, second) {
  return (
    first.values.rank === second.values.rank &&
    Boolean(first.values.rerank) === Boolean(second.values.rerank)
  );
}
