// The data, the reader's choices, and the whole page drawn from both.
const DATA = JSON.parse(byId("data").textContent);
const ROW_OF = new Map(DATA.rows.ticker.map((ticker, row) => [ticker, row]));
const MARKED = countMarks();
const state = {
  text: "",
  market: "",
  marks: new Set(),
  column: "market_cap",
  descending: true,
  order: [],
  shown: 0,
  ticker: null,
  series: null,
};
const SECTIONS = ["market", "movers", "extremes", "signals", "targets"];

// A browser may forbid a local file to remember anything.
function remembered(name) {
  try {
    return localStorage.getItem(`krx-night-shift.${name}`);
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`krx-night-shift.${name}`, value);
  } catch {
    // The choice holds as long as the page is open.
  }
}

function firstLanguage() {
  return navigator.languages.find((each) => /^(ko|en)\b/.test(each))?.slice(0, 2) ?? "en";
}

// `apply` puts the value in force. An earlier choice is restored.
function setUpChoice(name, standard, apply) {
  const select = byId(name), known = [...select.options].map((option) => option.value);
  select.value = known.includes(remembered(name)) ? remembered(name) : standard;
  apply(select.value);
  select.addEventListener("change", () => {
    remember(name, select.value);
    apply(select.value);
  });
}

function drawWords() {
  document.documentElement.lang = language;
  document.title = `${word("title")} ${DATA.session}`;
  for (const node of document.querySelectorAll("[data-word]"))
    node.textContent = word(node.dataset.word);
  fill(
    "contents",
    SECTIONS.map((name) => element("a", {href: `#${name}`}, word(`${name}_short`))),
  );
  fill(
    "about",
    element("b", {}, day(DATA.session)),
    " ",
    element("span", {class: `badge ${DATA.finality}`}, word(DATA.finality, {time: DATA.since})),
    " ",
    element(
      "span",
      {class: "hint"},
      word("analyzed", {done: number(DATA.analyzed), all: number(DATA.targets)}),
    ),
  );
  fill("remarks", [
    ...DATA.set_aside.map(([ticker, name, reason]) => word("set_aside", {ticker, name, reason})),
    ...DATA.accepted.map((remark) => word("accepted", {remark})),
  ].map((text) => element("p", {class: "hint"}, text)));
  byId("written").textContent = word("written", {
    time: DATA.written.slice(0, 16).replace("T", " "),
  });
}

function drawPage() {
  drawWords();
  drawBreadth();
  drawMovers();
  drawExtremes();
  drawSignals();
  drawFilters();
  drawTable();
  if (state.ticker) {
    drawTicker();
    drawTickerChart();
  }
}

function listen() {
  byId("filter").addEventListener("input", (event) => {
    state.text = event.target.value;
    drawTable();
  });
  byId("filter-market").addEventListener("change", (event) => {
    state.market = event.target.value;
    drawTable();
  });
  byId("filter-signal").addEventListener("change", (event) => {
    state.marks = new Set([event.target.value].filter(Boolean));
    drawTable();
  });
  byId("clear").addEventListener("click", clearFilters);
  byId("more").addEventListener("click", showMore);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("ticker").addEventListener("close", onTickerClosed);
  byId("ticker").addEventListener(
    "click",
    (event) => event.target === byId("ticker") && closeTicker(),
  );
  window.addEventListener("hashchange", followAddress);
  window.addEventListener("resize", () => state.ticker && drawTickerChart());
  new IntersectionObserver(([entry]) => entry.isIntersecting && showMore(), {
    rootMargin: "600px",
  }).observe(byId("more"));
}

setUpChoice("theme", "auto", (value) => (document.documentElement.dataset.theme = value));
setUpChoice("colours", "korean", (value) => (document.documentElement.dataset.colours = value));
setUpChoice("language", firstLanguage(), (value) => {
  language = value;
  drawPage();
});
listen();
followAddress();
// The first picture is on the screen then.
requestAnimationFrame(() => setTimeout(() => performance.mark("usable")));
