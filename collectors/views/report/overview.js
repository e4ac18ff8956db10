// Overview above the table: breadth, movers, highs and lows, signals and patterns.
function card(title, ...content) {
  return element("article", {class: "card"}, element("h3", {}, title), content);
}

function drawBreadth() {
  fill("breadth", DATA.breadth.map(marketCard), trendCard(), aboveCard());
}

function marketCard(market) {
  return card(
    element(
      "span",
      {},
      market.market,
      " ",
      moved(market.percent),
      element("small", {}, ` ${word("weighted")}`),
    ),
    shares(["up", "flat", "down"].map((way) => [way, market[way]])),
    facts([
      ...["up", "down", "flat", "untraded"].map((way) => [word(way), number(market[way]), way]),
      ...["limit_up", "limit_down"].map((way) => [word(way), number(market[way]), way.slice(6)]),
      [word("value"), largeWon(market.value)],
      [word("market_cap"), largeWon(market.market_cap)],
    ]),
  );
}

// A bar cut in proportion; the numbers stand next to it.
function shares(parts) {
  const bar = element("div", {class: "shares", "aria-hidden": "true"});
  for (const [way, count] of parts) {
    const part = element("span", {class: way});
    part.style.flexGrow = count;
    bar.append(part);
  }
  return bar;
}

function facts(pairs) {
  return element("dl", {class: "facts"}, pairs.map(([name, value, way]) =>
    element("div", {class: way}, element("dt", {}, name), element("dd", {}, value))));
}

function trendCard() {
  const {session, up, down, value} = DATA.trend,
    count = session.length;
  const nets = up.map((rose, i) => rose - down[i]),
    most = Math.max(1, ...nets.map(Math.abs));
  const svg = drawing("svg", {
    class: "trend",
    viewBox: `0 0 ${6 * count} 100`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": word("trend", {n: count}),
  });
  nets.forEach((net, i) => {
    const height = (48 * Math.abs(net)) / most;
    svg.append(
      drawing(
        "g",
        {},
        drawing(
          "title",
          {},
          word("trend_of", {
            date: day(session[i], "full"),
            up: number(up[i]),
            down: number(down[i]),
            value: largeWon(value[i]),
          }),
        ),
        drawing("rect", {class: "touch", x: 6 * i, y: 0, width: 6, height: 100}),
        drawing("rect", {
          class: direction(net),
          x: 6 * i + 1,
          y: net > 0 ? 50 - height : 50,
          width: 4,
          height,
        }),
      ),
    );
  });
  return element(
    "article",
    {class: "card wide"},
    element("h3", {}, word("trend", {n: count})),
    svg,
    element(
      "p",
      {class: "ends"},
      element("span", {}, day(session[0], "short")),
      element("span", {}, day(session.at(-1), "short")),
    ),
  );
}

function aboveCard() {
  return card(
    word("above"),
    [5, 20, 60, 120].map((n) => {
      const lines = DATA.latest[`sma_${n}`] ?? [];
      const known = lines
        .map((line, row) => line != null && DATA.rows.close[row] - line)
        .filter((each) => each !== false);
      const part = known.length ? known.filter((over) => over > 0).length / known.length : null;
      const meter = element("div", {class: "meter", "aria-hidden": "true"}, element("span"));
      meter.firstChild.style.width = `${100 * (part ?? 0)}%`;
      return element(
        "div",
        {class: "above"},
        element("span", {}, word("above_of", {n})),
        meter,
        element("b", {}, part == null ? NOTHING : `${number(100 * part)}%`),
      );
    }),
  );
}

function drawMovers() {
  const lists = ["rising", "falling"].map((name) => card(word(name), moverList(DATA.movers[name])));
  const value = card(
    word("most_value"),
    moverList(DATA.movers.value, (row) => largeWon(row[5])),
  );
  const volume = card(
    element("span", {}, word("most_volume"), element("small", {}, ` ${word("targets_only")}`)),
    moverList(volumeMovers(), (row) => word("times", {n: number(row[5], 1)})),
  );
  fill("mover-lists", lists, value, volume);
}

function volumeMovers() {
  const {ticker, name, market, close, percent} = DATA.rows,
    ratio = DATA.latest.volume_ratio ?? [];
  const current = allRows().filter(
    (row) => ratio[row] != null && DATA.rows.session[row] === DATA.session,
  );
  const first = current.sort((a, b) => ratio[b] - ratio[a]).slice(0, DATA.movers.value.length);
  return first.map((row) => [
    ticker[row],
    name[row],
    market[row],
    close[row],
    percent[row],
    ratio[row],
  ]);
}

function moverList(rows, extra) {
  if (!rows.length) return element("p", {class: "hint"}, word("none"));
  return element("ol", {class: "ranking"}, rows.map((row) => element("li", {},
    element("span", {class: "who"}, tickerLink(row[0], row[1]), element("small", {}, row[2])),
    element("span", {class: "what"}, extra ? extra(row) : number(row[3])), moved(row[4]))));
}

// A target links to its chart; other tickers have none.
function tickerLink(ticker, name) {
  return ROW_OF.has(ticker)
    ? element("a", {href: `#${ticker}`, title: ticker}, name)
    : element("span", {title: ticker}, name);
}

function drawExtremes() {
  fill(
    "extreme-lists",
    extremeCard("new_high", "new_high_52w", "up"),
    extremeCard("new_low", "new_low_52w", "down"),
  );
}

function extremeCard(title, signal, way) {
  const key = `signal:${DATA.catalogue.signals.findIndex(([name]) => name === signal)}`;
  const rows = allRows().filter((row) => hasMark(row, key)),
    shown = rows.slice(0, 12);
  const names = shown.map((row) =>
    element(
      "li",
      {},
      tickerLink(DATA.rows.ticker[row], DATA.rows.name[row]),
      moved(DATA.rows.percent[row]),
    ),
  );
  return card(
    element("span", {class: way}, word(title), " ", element("b", {}, number(rows.length))),
    rows.length
      ? element("ul", {class: "names"}, names)
      : element("p", {class: "hint"}, word("none")),
    rows.length > shown.length &&
      element(
        "button",
        {type: "button", onclick: () => showOnly(key)},
        word("show_all", {n: number(rows.length)}),
      ),
  );
}

function drawSignals() {
  fill(
    "signal-marks",
    ["bullish", "bearish", "neutral"].map((way) => {
      const keys = DATA.catalogue.signals
        .map((entry, i) => entry[3] === way && `signal:${i}`)
        .filter(Boolean);
      return element(
        "div",
        {class: "group"},
        element("h3", {}, word(way)),
        element("div", {class: "marks"}, keys.map(markButton)),
      );
    }),
  );
  const found = [...MARKED.keys()].filter((key) => key.startsWith("pattern:"));
  found.sort((a, b) => MARKED.get(b) - MARKED.get(a));
  fill("pattern-marks", element("div", {class: "marks"}, found.map(markButton)));
}

function markButton(key) {
  const count = MARKED.get(key) ?? 0;
  return element(
    "button",
    {
      type: "button",
      class: `mark ${wayOf(key)}`,
      "data-mark": key,
      title: meaningOf(key),
      "aria-pressed": String(state.marks.has(key)),
      disabled: !count,
      onclick: () => toggleMark(key),
    },
    titleOfMark(key),
    " ",
    element("b", {}, number(count)),
  );
}
