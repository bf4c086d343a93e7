// How values are written and compared. A value that was not measured is null; of parameters and
// multiply-adds 0 says the same, as of features alone neither is known.

const NOT_MEASURED = "\u2013";
const UNITS = { giga: 1e9, mega: 1e6 };
const ALWAYS = new Set(["rank", "name"]); // kinds of columns that are in every table
const NUMBERS = new Set(["rank", "percent", "giga", "mega", "number", "seconds"]);

/** Return the value of a row in a column, as it is compared: in the unit that is shown. */
function valueOf(row, column) {
  if (column.kind === "name") return nameOf(row);
  const value = row.values[column.key];
  if (value === undefined || value === null) return null;
  if (column.kind === "percent") return 100 * value;
  if (column.kind in UNITS) return value ? value / UNITS[column.kind] : null;
  if (column.kind === "flag") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join("; ") : value;
}

/** Return a value as text. */
function shownValue(row, column) {
  const value = valueOf(row, column);
  if (value === null || value === "") return NOT_MEASURED;
  if (column.kind === "rank") return row.values.rerank ? `r${value}` : String(value);
  if (column.kind === "percent") return value.toFixed(2);
  if (column.kind in UNITS) return scaled(value);
  if (column.kind === "seconds") return grouped(value, 1);
  return typeof value === "number" ? grouped(value, 0) : String(value);
}

/**
 * Return the deviation over seeds of a metric, where there are several, and its 95 % interval in
 * brackets; nothing for other columns.
 */
function shownInterval(row, column) {
  const ends = [row.values[`${column.key}-low`], row.values[`${column.key}-high`]];
  if (column.kind !== "percent" || ends.some((end) => typeof end !== "number")) return "";
  const spread = row.values[`${column.key}-seed-std`];
  const seeds = typeof spread === "number" ? `\u00b1 ${percent(spread)} ` : "";
  return `${seeds}[${ends.map((end) => (100 * end).toFixed(1)).join(", ")}]`;
}

/** Return a row's method and what it has otherwise than the rows of its table. */
function nameOf(row) {
  return [row.label, ...row.words].join(", ");
}

/** Return a number with about three digits. */
function scaled(number) {
  if (number < 10) return number.toFixed(2);
  return number < 1000 ? number.toFixed(1) : number.toExponential(0);
}

function grouped(number, digits) {
  return number.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** Return how many rows there are, in words. */
function counted(rows) {
  return rows === 1 ? "1 row" : `${grouped(rows, 0)} rows`;
}

/** Return a fraction in percent; that of a metric that was not printed as a dash. */
function percent(fraction) {
  return typeof fraction === "number" ? (100 * fraction).toFixed(2) : NOT_MEASURED;
}

/**
 * Return rows in an order. The order of ranks is that in which they come; what was not measured
 * stands last, whichever the direction.
 */
function sorted(rows, column, descending) {
  if (column.kind === "rank") return descending ? rows.toReversed() : rows;
  const keyed = rows.map((row) => [valueOf(row, column), row]);
  const missing = (value) => value === null || value === "";
  const known = keyed.filter(([value]) => !missing(value));
  const direction = descending ? -1 : 1;
  known.sort(([first], [second]) => direction * compared(first, second));
  return [...known, ...keyed.filter(([value]) => missing(value))].map(([, row]) => row);
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

function compared(first, second) {
  if (typeof first === "number" && typeof second === "number") return first - second;
  return COLLATOR.compare(String(first), String(second));
}
