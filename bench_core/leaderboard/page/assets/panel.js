// What stands under a tab: the tools, and for each table its rows, pictures and results.

const AT_FIRST = 5; // rows whose curves are shown until rows are chosen

/** Make the tools that act on all tables of a tab; published ones have no columns to choose. */
function toolbar(tab, context) {
  const { view, columns, change } = context;
  const filter = element("input", {
    type: "search",
    id: "filter",
    value: view.filter,
    "aria-describedby": "filter-help",
    "data-focus": "filter",
    autocomplete: "off",
    spellcheck: "false",
    oninput: (event) => context.later(() => change({ filter: event.target.value })),
  });
  const help = "Words that a row has; -word for none of it; rank-1>50, macs<5 for numbers.";
  const boxes = columns
    .filter((column) => !ALWAYS.has(column.kind))
    .map((column) => columnBox(column, context));
  return element(
    "div",
    { class: "tools" },
    element("label", { class: "choice", for: "filter" }, "Filter ", filter),
    element("span", { id: "filter-help", class: "quiet" }, help),
    tab.sections.length
      ? element(
          "details",
          { class: "columns" },
          element("summary", {}, "Columns"),
          element("fieldset", {}, element("legend", { class: "hidden" }, "Columns"), ...boxes),
        )
      : null,
    element("button", { type: "button", onclick: () => context.reset() }, "Usual view"),
  );
}

function columnBox(column, context) {
  const toggled = (event) => {
    const chosen = new Set(context.view.columns); // as it is now: the tools outlive many views
    if (event.target.checked) chosen.add(column.key);
    else chosen.delete(column.key);
    context.change({ columns: chosenColumns(context, (each) => chosen.has(each.key)) });
  };
  const box = element("input", {
    type: "checkbox",
    checked: context.view.columns.includes(column.key),
    onchange: toggled,
    "data-column": column.key,
  });
  return element("label", {}, box, ` ${column.title}`);
}

/** Make all tables of a tab. */
function tabSections(tab, context) {
  const notice = tab.synthetic
    ? "Synthetic data: these numbers are on rendered people, made by bench data synth. They show that a " +
      "method learns and compare with nothing published."
    : null;
  return [
    element("h2", {}, tab.synthetic ? `Synthetic data: ${tab.protocol}` : tab.protocol),
    notice === null ? null : element("p", { class: "notice" }, notice),
    tab.beside ? element("p", {}, publishedLink(tab, context)) : null,
    tab.sections.length ? null : element("p", {}, "Nobody has measured this protocol on real data here yet."),
    ...tab.sections.map((section) => sectionOf(section, context)),
    tab.published ? publishedBlock(tab, context) : null,
  ].filter((each) => each !== null);
}

/** Make the way from a synthetic tab to what is published of its protocol. */
function publishedLink(tab, context) {
  const href = context.hashWith({ tab: tab.beside, open: "" });
  return element("a", { href, class: "beside" }, "Published numbers of this protocol");
}

function sectionOf(section, context) {
  const filtered = section.rows.filter(context.passes);
  const rows = sorted(filtered, context.byKey.get(context.view.sort), context.view.descending);
  const limit = context.limits.get(section.id) ?? PAGE;
  const shown = rows.slice(0, limit);
  const own = { ...context, robustness: section.robustness, colours: coloursOf(section, rows, context.view) };
  const count =
    filtered.length === section.rows.length
      ? `${counted(rows.length)}.`
      : `${grouped(rows.length, 0)} of ${counted(section.rows.length)} pass the filter.`;
  const about = `${section.conditions} ${section.settings} `;
  const content = () => [
    resultTable(section, shown, own),
    rows.length > limit ? moreButtons(section, rows.length - limit, context) : null,
    section.notes.length ? notesList(section.notes) : null,
    robustnessTable(section, shown),
    element("div", { class: "pictures" }, scatterFigure(section, rows, own), curvesFigure(section, rows, own)),
    element("h4", {}, "Results, one by one"),
    ...shown.map((row) => rowDetails(row, own)),
  ];
  return element(
    "section",
    { class: "table", "data-section": section.id },
    element("h3", {}, section.heading),
    element("p", { class: "about" }, about, element("span", { role: "status" }, count)),
    ...(rows.length ? content() : []),
  );
}

function moreButtons(section, left, context) {
  const steps = [PAGE, 10 * PAGE].filter((step, place) => place === 0 || left > PAGE);
  const buttons = steps
    .map((step) => Math.min(step, left))
    .map((rows) =>
      element(
        "button",
        {
          type: "button",
          "data-focus": `more ${rows} ${section.id}`,
          onclick: () => context.more(section.id, rows),
        },
        `Show ${grouped(rows, 0)} more`,
      ),
    );
  return element("p", { class: "tools" }, ...buttons, `${counted(left)} further down.`);
}

function notesList(notes) {
  return element("ul", { class: "notes" }, ...notes.map(([mark, text]) => element("li", {}, `[${mark}] ${text}`)));
}

/** Return the colour of each row whose curve is shown: the chosen ones, or the first. */
function coloursOf(section, rows, view) {
  const chosen = view.rows.filter((id) => section.rows.some((row) => row.id === id));
  const ids = chosen.length ? chosen : rows.slice(0, AT_FIRST).map((row) => row.id);
  return new Map(ids.map((id, place) => [id, place]));
}
