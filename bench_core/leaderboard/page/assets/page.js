// The page: its data, its view, and what changes the view.

const DATA = JSON.parse(document.getElementById("data").textContent);
const BY_KEY = new Map(DATA.columns.map((column) => [column.key, column]));
const LIMITS = new Map();
const THEME = "bench-leaderboard-theme";
const WAIT = 120; // milliseconds after the last key before a filter acts

let view = viewOf(location.hash, DATA);
let timer = 0;

/** Change the view, the address and what is shown. */
function change(part) {
  view = { ...view, ...part };
  history.replaceState(null, "", hashOf(view, DATA));
  show();
}

function contextOf() {
  return {
    get view() {
      return view;
    },
    change,
    columns: DATA.columns,
    byKey: BY_KEY,
    pool: DATA.pool,
    limits: LIMITS,
    passes: filterOf(view.filter, DATA.columns),
    hashWith: (part) => hashOf({ ...view, ...part }, DATA),
    sortBy: (column) => change(sortedBy(column)),
    choose: (id) => change({ rows: toggled(view.rows, id) }),
    goTo: (event, id) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // for a tab of its own
      event.preventDefault();
      change({ open: id });
      goToOpen();
    },
    more: (section, rows) => {
      LIMITS.set(section, (LIMITS.get(section) ?? PAGE) + rows);
      show();
    },
    later: (act) => {
      clearTimeout(timer);
      timer = setTimeout(act, WAIT);
    },
    reset: () => {
      view = { ...usualView(DATA), tab: view.tab };
      history.replaceState(null, "", hashOf(view, DATA));
      rebuild();
    },
  };
}

/** Return the order after a press on a heading: the best first, then the other way round. */
function sortedBy(column) {
  if (view.sort === column.key) return { descending: !view.descending };
  return { sort: column.key, descending: column.kind === "percent" };
}

function toggled(ids, id) {
  return ids.includes(id) ? ids.filter((each) => each !== id) : [...ids, id];
}

/** Show the tables of the view; what had the focus has it again. */
function show() {
  const focused = document.activeElement?.getAttribute("data-focus");
  document.getElementById("sections").replaceChildren(...tabSections(tabOf(view), contextOf()));
  if (focused) document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function tabOf({ tab }) {
  return DATA.tabs.find((each) => each.id === tab);
}

/** Show tabs, tools and tables as the view says. */
function rebuild() {
  const panel = document.getElementById("panel");
  if (!DATA.tabs.length) {
    panel.replaceChildren(
      element("p", {}, "There are no results yet. This trains and scores a method and writes one: "),
      element("pre", {}, "bench run --method xiv --protocol sysu-all-single"),
    );
    return;
  }
  const tabs = document.getElementById("tabs");
  tabs.replaceChildren(...DATA.tabs.map(tabButton));
  const active = tabs.querySelector('[aria-selected="true"]');
  tabs.scrollLeft = active.offsetLeft - tabs.offsetLeft - 40;
  panel.setAttribute("aria-labelledby", active.id);
  panel.replaceChildren(toolbar(tabOf(view), contextOf()), element("div", { id: "sections" }));
  show();
}

function tabButton(tab, place) {
  const active = tab.id === view.tab;
  const alike = DATA.tabs.filter((each) => each.protocol === tab.protocol && each.synthetic === tab.synthetic);
  const name = alike.length > 1 ? `${tab.dataset}: ${tab.protocol}` : tab.protocol;
  const open = () => {
    change({ tab: tab.id, open: "" });
    rebuild();
  };
  return element(
    "button",
    {
      type: "button",
      role: "tab",
      id: `tab-${place}`,
      "aria-selected": String(active),
      "aria-controls": "panel",
      tabindex: active ? 0 : -1,
      class: tab.synthetic ? "synthetic" : undefined,
      onclick: () => {
        open();
        document.getElementById(`tab-${place}`).focus();
      },
      onkeydown: (event) => goAlong(event, place),
    },
    name,
    tab.synthetic ? element("span", { class: "badge" }, "synthetic") : null,
    tab.sections.length ? null : element("span", { class: "badge plain" }, "published"),
  );
}

/** Go from tab to tab by the arrow keys, Home and End. */
function goAlong(event, place) {
  const last = DATA.tabs.length - 1;
  const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  document.getElementById(`tab-${(to + last + 1) % (last + 1)}`).click();
}

/** Open the result that the address names, and go there. */
function goToOpen() {
  if (!view.open) return;
  const section = document.getElementById(`result-${view.open}`);
  section?.scrollIntoView();
  section?.querySelector("summary").focus({ preventScroll: true });
}

/** Let people choose light or dark; where the browser keeps nothing, for as long as the page is open. */
function startTheme() {
  const select = document.getElementById("theme");
  const set = (theme) => {
    document.documentElement.setAttribute("data-theme", theme);
    select.value = theme;
  };
  set(keptTheme());
  document.getElementById("theme-choice").hidden = false;
  select.addEventListener("change", () => {
    set(select.value);
    keepTheme(select.value);
  });
}

function keptTheme() {
  try {
    const theme = localStorage.getItem(THEME);
    return ["light", "dark"].includes(theme) ? theme : "system";
  } catch (error) {
    if (error instanceof DOMException) return "system"; // storage is switched off
    throw error;
  }
}

function keepTheme(theme) {
  try {
    localStorage.setItem(THEME, theme);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // storage is switched off or full
  }
}

startTheme();
rebuild();
goToOpen();
window.addEventListener("hashchange", () => {
  view = viewOf(location.hash, DATA);
  rebuild();
  goToOpen();
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("panel").focus();
});
