// Elements of the page. All text goes in as text, never as markup, so that no name of a plugin or a
// result file is taken for HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag Its name.
 * @param {Object} attributes Their values; undefined, null and false leave an attribute out. A
 *     function under "onclick" and the like listens to that event.
 * @param {...(Node|string|number|null)} children What it holds; null is left out.
 */
function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an element of a picture; see `element`. */
function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null).map(asNode));
  return node;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/**
 * Make a table that a narrow screen moves sideways, and the keyboard too.
 * @param {string} caption What it holds.
 * @param {Element} table The table.
 * @param {string} kind Class of the caption: "hidden" where a heading says the same above.
 */
function wideTable(caption, table, kind = "") {
  table.prepend(element("caption", {}, element("span", { class: kind }, caption)));
  return element("div", { class: "wide", role: "region", tabindex: 0, "aria-label": caption }, table);
}

/** Make a labelled choice of [value, text] pairs; `changed` is told the new value. */
function choice(label, focusKey, pairs, chosen, changed) {
  const options = pairs.map(([value, text]) =>
    element("option", { value, selected: value === chosen }, text),
  );
  return element(
    "label",
    { class: "choice" },
    `${label} `,
    element(
      "select",
      { "data-focus": focusKey, onchange: (event) => changed(event.target.value) },
      ...options,
    ),
  );
}
