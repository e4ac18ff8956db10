// The targets: which of them, in which order, and the rows that are on the screen.
const PAGE_ROWS = 100;
// `[column, its value in a row, its cell]`; text columns sort upwards first, numbers downwards.
const COLUMNS = [
  ["name", (row) => DATA.rows.name[row], nameCell],
  ["market", (row) => DATA.rows.market[row], (market) => market],
  ["close", (row) => DATA.rows.close[row], (close) => number(close)],
  ["percent", (row) => DATA.rows.percent[row], moved],
  ["value", (row) => DATA.rows.value[row], large],
  ["market_cap", (row) => DATA.rows.market_cap[row], large],
  ["return_20", latest("return_20"), moved],
  ["rsi_14", latest("rsi_14"), (value) => number(value)],
  ["high_52w_distance", latest("high_52w_distance"), percent],
  ["volume_ratio", latest("volume_ratio"), (value) => number(value, 1)],
  ["signals", (row) => DATA.rows.signals[row].length, (_, row) => markTags(row)],
];
const TEXTS = ["name", "market"];

function latest(name) {
  return (row) => DATA.latest[name]?.[row] ?? null;
}

function allRows() {
  return DATA.rows.ticker.map((_, row) => row);
}

// The marks of a row, `signal:<position>` or `pattern:<position>:<direction>`.
function marksOf(row) {
  return [
    ...DATA.rows.signals[row].map((position) => `signal:${position}`),
    ...DATA.rows.patterns[row].map(([position, way]) => `pattern:${position}:${way}`),
  ];
}

// Signals and patterns of a target that is behind belong to an earlier session.
function hasMark(row, key) {
  return DATA.rows.session[row] === DATA.session && marksOf(row).includes(key);
}

function countMarks() {
  const counts = new Map();
  for (const row of allRows()) {
    if (DATA.rows.session[row] === DATA.session)
      for (const key of marksOf(row)) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

function entryOf(key) {
  const [kind, position] = key.split(":");
  return DATA.catalogue[`${kind}s`][position];
}

function wayOf(key) {
  const [kind, , way] = key.split(":");
  return kind === "pattern" ? way : entryOf(key)[3];
}

// A pattern may be read either way, and its colour alone must not tell which.
function titleOfMark(key) {
  const arrow = key.startsWith("pattern") ? {bullish: " ▲", bearish: " ▼"}[wayOf(key)] : null;
  return titleOf(entryOf(key)) + (arrow ?? "");
}

function meaningOf(key) {
  return key.startsWith("signal") ? hint(entryOf(key)[4]) : null;
}

function markTags(row) {
  return element(
    "span",
    {class: "marks"},
    DATA.rows.signals[row].map((position) => markTag(`signal:${position}`)),
  );
}

function markTag(key) {
  return element("span", {class: `tag ${wayOf(key)}`, title: meaningOf(key)}, titleOfMark(key));
}

function nameCell(name, row) {
  const behind = DATA.rows.session[row] !== DATA.session;
  return [
    element("a", {href: `#${DATA.rows.ticker[row]}`}, name), " ",
    element("small", {}, DATA.rows.ticker[row], behind && ` (${DATA.rows.session[row]})`),
  ];
}

function matches(row) {
  const text = state.text.trim().toLowerCase();
  return (
    (!state.market || DATA.rows.market[row] === state.market) &&
    (!text ||
      DATA.rows.name[row].toLowerCase().includes(text) ||
      DATA.rows.ticker[row].toLowerCase().startsWith(text)) &&
    [...state.marks].every((key) => hasMark(row, key))
  );
}

// Missing values come last in either direction; among equals the larger company comes first.
function compare(a, b) {
  const [, valueOf] = COLUMNS.find(([name]) => name === state.column);
  const [one, other] = [valueOf(a), valueOf(b)];
  if (one == null || other == null) return (one == null) - (other == null) || a - b;
  const order = typeof one === "string" ? one.localeCompare(other, "ko") : one - other;
  return (state.descending ? -order : order) || a - b;
}

function drawTable() {
  state.order = allRows().filter(matches).sort(compare);
  state.shown = 0;
  drawHead();
  byId("table").tBodies[0].replaceChildren();
  showMore();
  const {length} = state.order;
  byId("count").textContent = length
    ? word("count", {shown: number(length), all: number(DATA.rows.ticker.length)})
    : word("nothing");
  drawChosen();
}

function drawHead() {
  const cells = COLUMNS.map(([name]) => {
    const sorted = state.column === name && (state.descending ? "descending" : "ascending");
    return element(
      "th",
      {scope: "col", class: name, "aria-sort": sorted || null},
      element(
        "button",
        {type: "button", "data-column": name, onclick: () => sortBy(name)},
        word(`column_${name}`),
      ),
    );
  });
  const focused = document.activeElement?.dataset?.column;
  byId("table").tHead.replaceChildren(element("tr", {}, cells));
  if (focused) byId("table").querySelector(`[data-column="${focused}"]`).focus();
}

function showMore() {
  const rows = state.order.slice(state.shown, state.shown + PAGE_ROWS);
  byId("table").tBodies[0].append(...rows.map(tableRow));
  state.shown += rows.length;
  byId("more").hidden = state.shown >= state.order.length;
}

function tableRow(row) {
  return element("tr", {}, COLUMNS.map(([name, valueOf, cell], position) => {
    const content = cell(valueOf(row), row);
    return element(position ? "td" : "th", {class: name, scope: position ? null : "row"}, content);
  }));
}

function sortBy(column) {
  state.descending = state.column === column ? !state.descending : !TEXTS.includes(column);
  state.column = column;
  drawTable();
}

function drawChosen() {
  fill(
    "chosen",
    [...state.marks].map((key) =>
      element(
        "button",
        {
          type: "button",
          class: `mark ${wayOf(key)}`,
          "aria-label": word("remove", {name: titleOfMark(key)}),
          onclick: () => toggleMark(key),
        },
        titleOfMark(key),
        " ✕",
      ),
    ),
  );
  for (const button of document.querySelectorAll("[data-mark]")) {
    button.setAttribute("aria-pressed", String(state.marks.has(button.dataset.mark)));
  }
  byId("filter-signal").value = state.marks.size === 1 ? [...state.marks][0] : "";
}

function toggleMark(key) {
  if (!state.marks.delete(key)) state.marks.add(key);
  drawTable();
}

function showOnly(key) {
  clearFilters();
  toggleMark(key);
  byId("targets").scrollIntoView();
}

function clearFilters() {
  state.marks.clear();
  state.text = byId("filter").value = "";
  state.market = byId("filter-market").value = "";
  drawTable();
}

function drawFilters() {
  const option = (value, text) => element("option", {value}, text);
  const markets = [...new Set(DATA.rows.market)].sort();
  fill(
    "filter-market",
    option("", word("any")),
    markets.map((market) => option(market, market)),
  );
  const signals = DATA.catalogue.signals
    .map((entry, position) => [`signal:${position}`, entry])
    .filter(([key]) => MARKED.has(key));
  fill(
    "filter-signal",
    option("", word("any")),
    signals.map(([key, entry]) => option(key, `${titleOf(entry)} (${number(MARKED.get(key))})`)),
  );
  byId("filter-market").value = state.market;
}
