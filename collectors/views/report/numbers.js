// Numbers and days as people write them in the chosen language.
const NOTHING = "–";
const KOREAN_UNITS = [[1e12, "조"], [1e8, "억"], [1e4, "만"]];
const ENGLISH_UNITS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]];

// With thousands; `decimals` at most.
function number(value, decimals = 0) {
  return value == null
    ? NOTHING
    : value.toLocaleString(language, {maximumFractionDigits: decimals});
}

function won(value) {
  return value == null ? NOTHING : language === "ko" ? `${number(value)}원` : `₩${number(value)}`;
}

// A large number in few digits: 1.23조, 4,567억 or 1.23T, 456.7B.
function large(value) {
  if (value == null) return NOTHING;
  const units = language === "ko" ? KOREAN_UNITS : ENGLISH_UNITS;
  const [unit, name] = units.find(([least]) => Math.abs(value) >= least) ?? [1, ""];
  const scaled = value / unit;
  return number(scaled, unit === 1 || scaled >= 1000 ? 0 : scaled >= 100 ? 1 : 2) + name;
}

function largeWon(value) {
  return value == null ? NOTHING : language === "ko" ? `${large(value)}원` : `₩${large(value)}`;
}

function percent(value) {
  if (value == null) return NOTHING;
  const digits = Math.abs(value).toLocaleString(language, {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${digits}%`;
}

// Its class: colour is never the only sign, the style sheet adds an arrow.
function direction(value) {
  return value > 0 ? "up" : value < 0 ? "down" : "flat";
}

function day(session, style = "long") {
  const styles = {
    long: {year: "numeric", month: "long", day: "numeric", weekday: "long"},
    short: {month: "short", day: "numeric"},
    full: {year: "numeric", month: "short", day: "numeric"},
  };
  return new Intl.DateTimeFormat(language, {...styles[style], timeZone: "UTC"}).format(
    new Date(`${session}T00:00Z`),
  );
}
