// The view in the address: what stands behind "#" shows the same view to whoever opens it. What is
// as usual is left out.

const LISTS = new Set(["columns", "rows"]);

/** Return the view that is shown where the address says nothing. */
function usualView(data) {
  return {
    tab: data.tabs.length ? data.tabs[0].id : "",
    sort: "rank",
    descending: false,
    filter: "",
    columns: chosenColumns(data, (column) => column.shown),
    rows: [],
    x: "macs",
    y: "rank-1",
    open: "",
  };
}

/** Read a view from the part of an address behind "#"; what the page does not have is left out. */
function viewOf(hash, data) {
  const view = usualView(data);
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const keys = new Set(data.columns.map((column) => column.key));
  for (const name of ["filter", "open", "rows"]) {
    if (given.has(name)) view[name] = read(name, given.get(name));
  }
  for (const name of ["sort", "x", "y"]) if (keys.has(given.get(name))) view[name] = given.get(name);
  if (data.tabs.some((tab) => tab.id === given.get("tab"))) view.tab = given.get("tab");
  if (given.has("columns")) {
    const named = read("columns", given.get("columns"));
    view.columns = chosenColumns(data, (column) => named.includes(column.key));
  }
  view.descending = given.get("order") === "descending";
  return view;
}

/** Return the part of an address that shows a view. */
function hashOf(view, data) {
  const usual = usualView(data);
  const given = new URLSearchParams({ tab: view.tab });
  for (const name of ["sort", "filter", "columns", "rows", "x", "y", "open"]) {
    const [value, common] = [view[name], usual[name]].map((each) => written(name, each));
    if (value !== common) given.set(name, value);
  }
  if (view.descending) given.set("order", "descending");
  return `#${given}`;
}

/** Return the names of the columns that people choose and that pass, in the order of tables. */
function chosenColumns({ columns }, passes) {
  const free = columns.filter((column) => !ALWAYS.has(column.kind));
  return free.filter(passes).map((column) => column.key);
}

function read(name, text) {
  return LISTS.has(name) ? [...new Set(text.split(",").filter(Boolean))] : text;
}

function written(name, value) {
  return LISTS.has(name) ? value.join(",") : value;
}
