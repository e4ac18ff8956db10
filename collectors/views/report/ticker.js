// One target in a dialog: its chart, what happened, every indicator.
const LAYERS = ["averages", "bands", "ichimoku", "rsi", "macd"];
const LEGEND = {
  averages: AVERAGES.map((name) => [name, () => word("line_sma", {n: name.slice(4)})]),
  bands: [
    ["bb_upper", () => word("line_upper"), "bb"],
    ["bb_lower", () => word("line_lower"), "bb"],
  ],
  ichimoku: [
    ["ichimoku_conversion", () => word("line_conversion")],
    ["ichimoku_base", () => word("line_base")],
    ["cloud_a", () => word("line_span_a"), "span_a"],
    ["cloud_b", () => word("line_span_b"), "span_b"],
    ["lagging", () => word("line_lagging")],
  ],
  rsi: [["rsi_14", () => "RSI", "rsi"]],
  macd: [["macd", () => "MACD"], ["macd_signal", () => word("line_signal")]],
};
const layers = Object.fromEntries(LAYERS.map((name) => {
  const chosen = remembered(`layer_${name}`);
  return [name, chosen == null ? ["averages", "bands"].includes(name) : chosen === "true"];
}));

// The hash of the address names the ticker that is shown, so the browser's Back closes it.
function followAddress() {
  const ticker = location.hash.slice(1), dialog = byId("ticker");
  if (!ROW_OF.has(ticker)) {
    if (dialog.open) dialog.close();
    return;
  }
  state.ticker = ticker;
  drawTicker();
  if (!dialog.open) dialog.showModal();
  drawTickerChart();
  dialog.scrollTop = 0;
}

function closeTicker() {
  byId("ticker").close();
}

function onTickerClosed() {
  state.ticker = null;
  if (ROW_OF.has(location.hash.slice(1))) history.replaceState(null, "", "#");
}

function drawTicker() {
  const row = ROW_OF.get(state.ticker);
  state.series = {...unpack(row), actions: DATA.actions[state.ticker] ?? []};
  fill("ticker",
    tickerBar(row), tickerHead(row), layerChoices(),
    element("p", {id: "readout", "aria-live": "polite"}),
    element("div", {id: "chart"}), element("p", {id: "legend"}),
    actionList(), tickerMarks(row), indicatorTables(row), rankTable(row));
}

function tickerBar(row) {
  const at = state.order.indexOf(row);
  const to = (way, sign) => {
    const other = state.order[at + way];
    const name = word(way < 0 ? "previous" : "next");
    return element(
      "button",
      {
        type: "button",
        id: way < 0 ? "previous" : "next",
        disabled: at < 0 || other == null,
        "aria-label": name,
        title: name,
        onclick: () => location.replace(`#${DATA.rows.ticker[other]}`),
      },
      sign,
    );
  };
  return element(
    "div",
    {class: "bar"},
    to(-1, "‹"),
    to(1, "›"),
    element(
      "button",
      {type: "button", id: "close", autofocus: true, onclick: closeTicker},
      `${word("close")} ✕`,
    ),
  );
}

function tickerHead(row) {
  const {ticker, name, market, market_cap, session, close, value, percent} = DATA.rows;
  return element(
    "header",
    {},
    element(
      "h2",
      {id: "ticker-name"},
      name[row],
      " ",
      element("small", {}, `${ticker[row]} · ${market[row]}`),
    ),
    element("p", {class: "price"}, element("b", {}, won(close[row])), " ", moved(percent[row])),
    facts([
      [word("market_cap"), largeWon(market_cap[row])],
      [word("value"), largeWon(value[row])],
    ]),
    session[row] !== DATA.session &&
      element(
        "p",
        {class: "note"},
        word("older", {session: day(DATA.session, "short"), own: day(session[row], "full")}),
      ),
  );
}

function layerChoices() {
  return element("fieldset", {class: "layers"}, LAYERS.map((name) => element("label", {},
    element("input", {type: "checkbox", name, checked: layers[name], onchange: (event) => {
      layers[name] = event.target.checked;
      remember(`layer_${name}`, layers[name]);
      drawTickerChart();
    }}), word(`layer_${name}`))));
}

function drawTickerChart() {
  const {series} = state, row = ROW_OF.get(state.ticker);
  const label = word("chart", {name: DATA.rows.name[row], n: series.close.length});
  const drawn = drawChart(byId("chart"), series, layers, label), svg = byId("chart").firstChild;
  const last = series.close.length - 1;
  let bar = last;
  const select = (next, visible = true) => {
    bar = Math.max(0, Math.min(last, next));
    drawn.select(visible ? bar : null);
    readOut(series, bar);
  };
  for (const event of ["pointermove", "pointerdown"]) {
    svg.addEventListener(event, ({clientX}) =>
      select(drawn.bar(clientX - svg.getBoundingClientRect().left)),
    );
  }
  svg.addEventListener("pointerleave", () => select(last, false));
  svg.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last}[event.key];
    if (step) {
      event.preventDefault();
      select(bar + step);
    }
  });
  select(last, false);
}

function readOut(series, bar) {
  const close = series.close[bar], before = series.close[bar - 1];
  const pair = (name, value) => element("span", {}, `${name} `, element("b", {}, value));
  fill("readout", element("b", {}, day(series.session[bar], "full")),
    ["open", "high", "low"].map((name) => pair(word(name), number(series[name][bar]))),
    pair(word("last"), number(close)),
    before && moved(100 * (close / before - 1)),
    pair(word("volume"), large(series.volume[bar])),
  );
  const lines = LAYERS.filter((name) => layers[name]).flatMap((name) => LEGEND[name]);
  fill(
    "legend",
    [
      ...lines,
      ["volume_sma_20", () => `${word("volume")} ${word("volume_average")}`, "volume_average"],
    ].map(([name, title, style]) => {
      const value = series[name][bar];
      const digits = name.startsWith("macd") || name.startsWith("rsi") ? 1 : 0;
      return element(
        "span",
        {},
        element("i", {class: `swatch ${style ?? name}`}),
        `${title()} `,
        element("b", {}, name.startsWith("volume") ? large(value) : number(value, digits)),
      );
    }),
  );
}

function actionList() {
  const {actions} = state.series;
  return (
    actions.length > 0 &&
    element(
      "section",
      {class: "actions"},
      element("h3", {}, word("actions")),
      element(
        "ul",
        {},
        actions.map(([session, kind, factor, flag]) =>
          element(
            "li",
            {},
            `${day(session, "full")} · ${word(kind)} `,
            factor !== 1 && element("small", {}, word("factor", {n: number(factor, 4)})),
            flag && element("small", {class: "note"}, ` ${word("flagged")}`),
          ),
        ),
      ),
    )
  );
}

function tickerMarks(row) {
  const keys = marksOf(row);
  return element(
    "p",
    {class: "marks"},
    keys.length ? keys.map(markTag) : element("span", {class: "hint"}, word("no_signal")),
  );
}

function indicatorTables(row) {
  const table = ([title, entries]) =>
    element(
      "table",
      {},
      element("caption", {}, word(title)),
      element(
        "tbody",
        {},
        entries.map((entry) =>
          element(
            "tr",
            {title: hint(entry[3])},
            element("th", {scope: "row"}, titleOf(entry)),
            element("td", {}, number(DATA.latest[entry[0]]?.[row], 2)),
          ),
        ),
      ),
    );
  return element(
    "details",
    {class: "indicators", open: true},
    element("summary", {}, word("indicators")),
    element("div", {class: "columns"}, DATA.catalogue.groups.map(table)),
  );
}

function rankTable(row) {
  const titles = new Map(
    DATA.catalogue.groups.flatMap(([, entries]) =>
      entries.map((entry) => [entry[0], titleOf(entry)]),
    ),
  );
  const names = Object.keys(DATA.ranks)
    .filter((name) => name.endsWith("_all"))
    .map((name) => name.slice(0, -4));
  const head = element(
    "tr",
    {},
    element("td"),
    ["all", "own"].map((kind) => element("th", {scope: "col"}, word(`rank_${kind}`))),
  );
  const rows = names.map((name) =>
    element(
      "tr",
      {},
      element("th", {scope: "row"}, titles.get(name) ?? word(name)),
      ["all", "own"].map((kind) => element("td", {}, number(DATA.ranks[`${name}_${kind}`]?.[row]))),
    ),
  );
  return element(
    "details",
    {class: "indicators"},
    element("summary", {}, word("ranks")),
    element("table", {class: "ranks"}, element("thead", {}, head), element("tbody", {}, rows)),
  );
}
