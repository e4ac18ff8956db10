// Chart of a ticker as SVG: panes of candles with lines and cloud, of volume, and chosen ones.
const AHEAD = 25;
const LEAST_SLOTS = 40;
const AXIS = 58;
const AVERAGES = ["sma_5", "sma_20", "sma_60", "sma_120"];
const BANDS = ["bb_upper", "bb_lower"];
const CLOUD_LINES = ["ichimoku_conversion", "ichimoku_base"];

// Unpack the series of a target (see charts.py): name -> numbers, null where there is none.
function unpack(position) {
  const [units, text] = DATA.charts[position];
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  let at = 0;
  const next = () => {
    let unsigned = 0, weight = 1, byte;
    do {
      byte = bytes[at++];
      unsigned += (byte & 127) * weight;
      weight *= 128;
    } while (byte & 128);
    return unsigned % 2 ? -(unsigned + 1) / 2 : unsigned / 2;
  };
  const series = {};
  for (const name of DATA.series) {
    const unit = units[DATA.units[name]], count = next(), floor = next();
    let value = floor;
    series[name] = Array.from({length: count}, () => {
      value += next();
      return value === floor ? null : value * unit;
    });
  }
  return withDerived(series);
}

function withDerived(series) {
  series.session = series.position.map((position) => DATA.sessions[position]);
  series.macd_histogram = series.macd.map((value, i) =>
    value == null ? null : value - series.macd_signal[i],
  );
  const leads = series.ichimoku_conversion.map((value, i) => {
    const base = series.ichimoku_base[i];
    return value == null || base == null ? null : (value + base) / 2;
  });
  const young = leads.length < AHEAD;
  series.cloud_a = series.ichimoku_span_a.concat(young ? [] : leads.slice(-AHEAD));
  series.cloud_b = series.ichimoku_span_b.concat(young ? [] : series.cloud_ahead_b);
  series.lagging = series.close.slice(AHEAD);
  return series;
}

// Return the smallest and the largest number, or null.
function extent(...lists) {
  const known = lists.flat().filter((value) => value != null);
  return known.length ? [Math.min(...known), Math.max(...known)] : null;
}

// Return up to `count` round numbers from low to high.
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step)
    found.push(value);
  return found;
}

// Draw into `box`. Return `{select(bar)}`, which moves the cross hair; `null` takes it away.
function drawChart(box, series, layers, label) {
  const width = Math.max(box.clientWidth, 280), narrow = width < 560;
  const bars = series.close.length;
  const slots = Math.max(layers.ichimoku ? series.cloud_a.length : bars, LEAST_SLOTS);
  const plot = width - AXIS,
    step = plot / slots;
  const frame = {
    width,
    plot,
    step,
    bars,
    top: 0,
    x: (bar) => (bar + 0.5) * step,
    svg: drawing("svg", {
      class: "chart",
      width,
      role: "img",
      tabindex: 0,
      "aria-label": label,
    }),
  };
  pricePane(frame, series, layers, narrow ? 250 : 340);
  volumePane(frame, series, narrow ? 56 : 80);
  if (layers.rsi) rsiPane(frame, series, narrow ? 64 : 84);
  if (layers.macd) macdPane(frame, series, narrow ? 64 : 84);
  monthAxis(frame, series.session);
  frame.svg.setAttribute("height", frame.top);
  const hair = drawing("line", {class: "hair", y1: 0, y2: frame.top - 18, visibility: "hidden"});
  frame.svg.append(hair);
  box.replaceChildren(frame.svg);
  return {
    bar: (x) => Math.max(0, Math.min(bars - 1, Math.floor(x / step))),
    select(bar) {
      hair.setAttribute("visibility", bar == null ? "hidden" : "visible");
      if (bar != null) for (const end of ["x1", "x2"]) hair.setAttribute(end, frame.x(bar));
    },
  };
}

// Draw a clipped pane from `low` to `high`; `grid` are the values of its lines, `name` their
// labels.
function pane(frame, height, [low, high], grid, name) {
  const room = high - low || Math.abs(high) || 1, inner = height - 12;
  const y = (value) => 6 + inner * (1 - (value - low) / room);
  const area = drawing("svg", {x: 0, y: frame.top, width: frame.plot, height, class: "pane"});
  for (const value of grid) {
    area.append(
      drawing("line", {class: "grid", x1: 0, x2: frame.plot, y1: y(value), y2: y(value)}),
    );
    frame.svg.append(axisLabel(frame, frame.top + y(value), name(value), "tick"));
  }
  frame.svg.append(area);
  const top = frame.top;
  frame.top += height;
  return {area, y, top, x: frame.x, step: frame.step, height};
}

function axisLabel(frame, y, text, style) {
  return drawing("text", {class: style, x: frame.plot + 5, y: y + 4}, text);
}

function paneTitle(into, text) {
  into.area.append(drawing("text", {class: "tick", x: 2, y: 12}, text));
}

// Cut lines off that are further away than half the height of the candles: candles stay readable.
function priceRange(series, layers) {
  const [low, high] = extent(series.low, series.high, series.close);
  const lines = [];
  if (layers.averages) lines.push(...AVERAGES.map((name) => series[name]));
  if (layers.bands) lines.push(...BANDS.map((name) => series[name]));
  if (layers.ichimoku)
    lines.push(...CLOUD_LINES.map((name) => series[name]), series.cloud_a, series.cloud_b);
  const [lowest, highest] = extent(low, high, ...lines),
    reach = (high - low) / 2;
  return [Math.max(lowest, low - reach), Math.min(highest, high + reach)];
}

function pricePane(frame, series, layers, height) {
  const range = priceRange(series, layers),
    close = series.close.at(-1),
    room = 0.05 * (range[1] - range[0]);
  // The last price has its own label.
  const grid = ticks(...range, 5).filter((value) => Math.abs(value - close) > room);
  const into = pane(frame, height, range, grid, (value) => number(value));
  if (layers.ichimoku) cloud(into, series);
  if (layers.bands) band(into, series);
  candles(into, series);
  if (layers.averages) for (const name of AVERAGES) line(into, series[name], name);
  if (layers.ichimoku) {
    for (const name of CLOUD_LINES) line(into, series[name], name);
    line(into, series.lagging, "lagging");
  }
  actionMarks(into, series);
  lastPrice(frame, into, series);
}

function lastPrice(frame, into, series) {
  const close = series.close.at(-1), y = into.top + into.y(close);
  const way = direction(close - (series.close.at(-2) ?? close));
  into.area.append(
    drawing("line", {
      class: `last ${way}`,
      x1: 0,
      x2: frame.plot,
      y1: into.y(close),
      y2: into.y(close),
    }),
  );
  frame.svg.append(
    drawing("rect", {
      class: `tag ${way}`,
      x: frame.plot + 1,
      y: y - 9,
      width: AXIS - 2,
      height: 18,
      rx: 3,
    }),
    axisLabel(frame, y, number(close), "tag"),
  );
}

// Draw one path for all that rose, one for all that fell, one for the rest, each in its colour.
// A session without a regular price has a close and no candle.
function candles(into, series) {
  const paths = {up: "", down: "", flat: ""}, half = Math.max(0.5, Math.min(into.step * 0.36, 9));
  series.close.forEach((close, bar) => {
    const open = series.open[bar],
      x = into.x(bar);
    if (open == null) return;
    const top = into.y(Math.max(open, close)),
      tall = Math.max(1, into.y(Math.min(open, close)) - top);
    paths[direction(close - open)] +=
      `M${x - 0.5} ${into.y(series.high[bar])}h1V${into.y(series.low[bar])}h-1z` +
      `M${x - half} ${top}h${2 * half}v${tall}h${-2 * half}z`;
  });
  for (const [way, path] of Object.entries(paths))
    into.area.append(drawing("path", {class: `candles ${way}`, d: path}));
}

function linePath(into, values) {
  let path = "", pen = "M";
  values.forEach((value, bar) => {
    path += value == null ? "" : `${pen}${into.x(bar).toFixed(1)} ${into.y(value).toFixed(1)}`;
    pen = value == null ? "M" : "L";
  });
  return path;
}

function line(into, values, style) {
  into.area.append(drawing("path", {class: `line ${style}`, d: linePath(into, values)}));
}

// Fill the area between two lines, one quadrilateral from bar to bar, by which line is above.
function between(into, upper, lower) {
  const paths = {up: "", down: ""};
  for (let bar = 1; bar < upper.length; bar++) {
    const corners = [upper[bar - 1], upper[bar], lower[bar], lower[bar - 1]];
    if (corners.some((value) => value == null)) continue;
    const [a, b, c, d] = corners.map(into.y),
      from = into.x(bar - 1),
      to = into.x(bar);
    paths[upper[bar] >= lower[bar] ? "up" : "down"] +=
      `M${from} ${a}L${to} ${b}L${to} ${c}L${from} ${d}z`;
  }
  return paths;
}

function cloud(into, series) {
  for (const [way, path] of Object.entries(between(into, series.cloud_a, series.cloud_b))) {
    into.area.append(drawing("path", {class: `cloud ${way}`, d: path}));
  }
  line(into, series.cloud_a, "span_a");
  line(into, series.cloud_b, "span_b");
}

function band(into, series) {
  into.area.append(
    drawing("path", {class: "band", d: between(into, series.bb_upper, series.bb_lower).up}),
  );
  for (const name of BANDS) line(into, series[name], "bb");
}

// Draw a dashed line at the session with its name; the list below the chart has the full text.
function actionMarks(into, series) {
  for (const [session, kind] of series.actions) {
    const bar = series.session.indexOf(session);
    if (bar < 0) continue;
    const x = into.x(bar), late = bar > series.session.length / 2;
    into.area.append(
      drawing("line", {class: "action", x1: x, x2: x, y1: 0, y2: into.height}),
      drawing(
        "text",
        {class: "action", x: x + (late ? -5 : 5), y: 14, "text-anchor": late ? "end" : "start"},
        word(kind),
      ),
    );
  }
}

function volumePane(frame, series, height) {
  const highest = extent(series.volume, series.volume_sma_20)[1] || 1;
  const into = pane(frame, height, [0, highest], [highest / 2], large);
  paneTitle(into, word("volume"));
  columns(into, series.volume, (bar) =>
    direction(series.close[bar] - (series.close[bar - 1] ?? series.open[bar] ?? series.close[bar])),
  );
  line(into, series.volume_sma_20, "volume_average");
}

// Draw bars from zero, coloured by their direction.
function columns(into, values, wayOf) {
  const paths = {up: "", down: "", flat: ""},
    half = Math.max(0.5, into.step * 0.36),
    zero = into.y(0);
  values.forEach((value, bar) => {
    if (value)
      paths[wayOf(bar)] += `M${into.x(bar) - half} ${zero}V${into.y(value)}h${2 * half}V${zero}z`;
  });
  for (const [way, path] of Object.entries(paths))
    into.area.append(drawing("path", {class: `columns ${way}`, d: path}));
}

function rsiPane(frame, series, height) {
  const into = pane(frame, height, [0, 100], [30, 70], number);
  paneTitle(into, "RSI");
  line(into, series.rsi_14, "rsi");
}

function macdPane(frame, series, height) {
  const found = extent(series.macd, series.macd_signal, series.macd_histogram, 0);
  const into = pane(frame, height, found, [0], number);
  paneTitle(into, "MACD");
  columns(into, series.macd_histogram, (bar) => direction(series.macd_histogram[bar]));
  line(into, series.macd, "macd");
  line(into, series.macd_signal, "macd_signal");
}

// Draw a label where a month begins, as long as labels do not touch.
function monthAxis(frame, sessions) {
  let free = 0;
  sessions.forEach((session, bar) => {
    const begins = bar === 0 || session.slice(0, 7) !== sessions[bar - 1].slice(0, 7),
      x = frame.x(bar);
    if (!begins || x < free || x > frame.plot - 40) return;
    frame.svg.append(
      drawing(
        "text",
        {class: "tick", x: x - frame.step / 2, y: frame.top + 14},
        day(session, "short"),
      ),
    );
    free = x + 64;
  });
  frame.top += 20;
}
