// Axes of the pictures, the frame around them, and the words beside the pointer.

const SIZE = { width: 560, height: 340, left: 74, right: 18, top: 14, bottom: 50 };
const COLOURS = 8;

/** Return an axis along powers of ten; its `place` is in [0, 1]. */
function powerAxis(values) {
  const low = Math.log10(Math.min(...bounds(values)));
  const high = Math.log10(Math.max(...bounds(values)));
  const margin = Math.max(0.06 * (high - low), 0.08);
  const [start, end] = [low - margin, high + margin];
  const place = (value) => (Math.log10(value) - start) / (end - start);
  if (end - start < 0.7) return { place, ticks: evenTicks(10 ** start, 10 ** end, 5) };
  const ticks = [];
  for (let power = Math.floor(start); power <= Math.ceil(end); power += 1) {
    for (const digit of end - start > 2 ? [1] : [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  return { place, ticks: ticks.filter((tick) => place(tick) >= 0 && place(tick) <= 1) };
}

/** Return an even axis over percent. */
function percentAxis(values) {
  const [low, high] = bounds(values);
  const margin = Math.max(0.06 * (high - low), 1);
  const [start, end] = [Math.max(0, low - margin), Math.min(100, high + margin)];
  return { place: (value) => (value - start) / (end - start), ticks: evenTicks(start, end, 6) };
}

/** Return round numbers between two ends, at most about `count`. */
function evenTicks(start, end, count) {
  const raw = (end - start) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((digit) => digit * power >= raw);
  const first = Math.ceil(start / step);
  const number = Math.floor(end / step) - first + 1;
  return Array.from({ length: number }, (_, place) => (first + place) * step);
}

function bounds(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

function across(place) {
  return SIZE.left + place * (SIZE.width - SIZE.left - SIZE.right);
}

function up(place) {
  return SIZE.height - SIZE.bottom - place * (SIZE.height - SIZE.top - SIZE.bottom);
}

/** Return a tick's number in as few characters as say it. */
function tickText(tick) {
  return Number(tick.toPrecision(4)).toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

/** Draw an empty picture: its frame, lines along the ticks, and what the axes are. */
function frame(label, xAxis, yAxis, xTitle, yTitle) {
  const { width, height, left, right, top, bottom } = SIZE;
  const lines = [
    ...xAxis.ticks.map((tick) => `M${across(xAxis.place(tick))},${top}V${height - bottom}`),
    ...yAxis.ticks.map((tick) => `M${left},${up(yAxis.place(tick))}H${width - right}`),
  ];
  const texts = [
    ...xAxis.ticks.map((tick) =>
      drawn("text", { x: across(xAxis.place(tick)), y: height - bottom + 17, class: "middle" }, tickText(tick)),
    ),
    ...yAxis.ticks.map((tick) =>
      drawn("text", { x: left - 7, y: up(yAxis.place(tick)) + 4, class: "end" }, tickText(tick)),
    ),
    drawn("text", { x: (left + width - right) / 2, y: height - 8, class: "middle" }, xTitle),
    drawn("text", { transform: `translate(18 ${(top + height - bottom) / 2}) rotate(-90)`, class: "middle" }, yTitle),
  ];
  return drawn(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: 0, "aria-label": label },
    drawn("path", { d: lines.join(""), class: "grid" }),
    ...texts,
  );
}

/** Return where a pointer is, in the units of the picture. */
function pointerIn(picture, event) {
  const box = picture.getBoundingClientRect();
  const scale = SIZE.width / box.width;
  return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
}

/** Make a line that says what the pointer or the keyboard is at; it is read aloud too. */
function readout(text) {
  return element("p", { class: "readout", role: "status" }, text);
}

/** Return the sign of a colour's points: eight colours, each with a form of its own. */
function signPath(colour, x, y, size) {
  const s = size;
  const forms = [
    `M${x - s},${y}a${s},${s} 0 1 0 ${2 * s},0a${s},${s} 0 1 0 ${-2 * s},0Z`,
    `M${x - s},${y - s}h${2 * s}v${2 * s}h${-2 * s}Z`,
    `M${x},${y - 1.2 * s}L${x + 1.2 * s},${y + s}H${x - 1.2 * s}Z`,
    `M${x},${y - 1.4 * s}L${x + 1.4 * s},${y}L${x},${y + 1.4 * s}L${x - 1.4 * s},${y}Z`,
    `M${x},${y + 1.2 * s}L${x + 1.2 * s},${y - s}H${x - 1.2 * s}Z`,
    `M${x - s},${y - s}L${x + s},${y - s}L${x},${y}L${x + s},${y + s}H${x - s}L${x},${y}Z`,
    `M${x - s * 0.4},${y - s * 1.2}h${s * 0.8}v${s * 0.8}h${s * 0.8}v${s * 0.8}h${-s * 0.8}v${s * 0.8}h${-s * 0.8}v${-s * 0.8}h${-s * 0.8}v${-s * 0.8}h${s * 0.8}Z`,
    `M${x - s},${y - s}L${x},${y}L${x + s},${y - s}V${y + s}L${x},${y}L${x - s},${y + s}Z`,
  ];
  return forms[colour % COLOURS];
}

/** Make the key of a colour: its line and its sign. */
function swatch(colour) {
  return drawn(
    "svg",
    { viewBox: "0 0 34 14", class: "swatch", "aria-hidden": "true" },
    drawn("path", { d: "M1,7H33", class: `curve c${colour % COLOURS} d${dash(colour)}` }),
    drawn("path", { d: signPath(colour, 17, 7, 4), class: `sign c${colour % COLOURS}` }),
  );
}

/** Return the number of a colour's dashes: every round of colours has others. */
function dash(colour) {
  return Math.floor(colour / COLOURS) % 3;
}
