// The filter of rows: words that a row must have, "-word" what it must not have, and bounds such as
// "rank-1>50" or "macs<=5", in the units of the table.

const BOUND = /^([\w-]+?)(<=|>=|<|>|=)(-?\d+(?:\.\d+)?)$/;
const COMPARISONS = {
  "<": (value, bound) => value < bound,
  ">": (value, bound) => value > bound,
  "<=": (value, bound) => value <= bound,
  ">=": (value, bound) => value >= bound,
  "=": (value, bound) => value === bound,
};
const TEXTS = new WeakMap();

/** Return whether a row passes the filter, as a function of the row. */
function filterOf(text, columns) {
  const conditions = text
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => conditionOf(word, columns));
  return (row) => conditions.every((holds) => holds(row));
}

function conditionOf(word, columns) {
  const bound = BOUND.exec(word);
  const column = bound && columns.find((each) => each.key.toLowerCase() === bound[1]);
  if (column && NUMBERS.has(column.kind)) {
    const compare = COMPARISONS[bound[2]];
    return (row) => {
      const value = valueOf(row, column);
      return value !== null && compare(Number(value.toFixed(9)), Number(bound[3]));
    };
  }
  if (word.length > 1 && word.startsWith("-")) return (row) => !textOf(row).includes(word.slice(1));
  return (row) => textOf(row).includes(word);
}

/** Return all that is searched in a row, in small letters. */
function textOf(row) {
  if (!TEXTS.has(row)) {
    const values = Object.values(row.values).flat();
    const texts = values.filter((value) => typeof value === "string");
    TEXTS.set(row, [nameOf(row), row.id, ...texts].join("\n").toLowerCase());
  }
  return TEXTS.get(row);
}
