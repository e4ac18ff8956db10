"""The page as a reader meets it: opened from the disk in Chromium, clicked, sorted, filtered,
switched."""

import io
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from benchmarks.chromium import IS_INSTALLED, NO_CHROMIUM, chromium, resize
from collectors.analysis.indicators.signals import SIGNALS
from collectors.views.report import write_report
from collectors.views.report.contents import contents
from collectors.views.report.page import render
from tests.fakes import FakeClock
from tests.flow.views.report.nights import EVIL_NAMES, LAST, analyse, market, store_market
from utils.clock import kst
from utils.store import Store
from utils.store.sqlite import SqliteBackend

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not IS_INSTALLED, reason=NO_CHROMIUM),
]

SESSION = LAST.isoformat()
TICKERS = 160
SPLIT = f"{10 * (TICKERS - 1):06d}"
HALTED = f"{10 * TICKERS:06d}"
CONTRASTS = """
const channel = (value) =>
  (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor);
    if (colour[3] !== 0) return colour;
  }
};
const found = {};
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some(
    (child) => child.nodeType === 3 && child.textContent.trim());
  if (!own || !node.checkVisibility() || node.disabled) continue;
  if (node.closest("svg, script, :disabled")) continue;
  const pair = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
  pair.sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05), name = `${node.tagName}.${node.className}`;
  found[name] = Math.min(found[name] ?? 99, ratio);
}
return found;
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Contents of the page, and its `address`."""
    folder = tmp_path_factory.mktemp("night")
    store = Store(SqliteBackend(folder), FakeClock(kst(2024, 1, 22, 23)))
    store_market(store, market(TICKERS, 90, EVIL_NAMES))
    analyse(store, SESSION)
    write_report(store, folder / "report.html", SESSION)
    yield contents(store, SESSION) | {"address": (folder / "report.html").as_uri()}
    store.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(opened: Chrome, facts: dict[str, Any]) -> Chrome:
    """Page in Korean, on a wide screen, with nothing chosen or remembered."""
    resize(opened, 1280)
    opened.get(facts["address"])
    opened.execute_script("localStorage.clear()")
    reopen(opened, facts["address"])
    opened.get_log("browser")
    return opened


@pytest.fixture
def position(facts: dict[str, Any]) -> Callable[[str], int]:
    """The row of a ticker in the lists of `facts`."""
    return lambda ticker: int(facts["rows"]["ticker"].index(ticker))


def reopen(page: Chrome, address: str) -> None:
    """Load it also where only what follows the # differs, which alone would load nothing."""
    page.get("about:blank")
    page.get(address)


def one(page: Chrome, selector: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, selector)


def texts(page: Chrome, selector: str) -> list[str]:
    """Return the texts, also those that are scrolled out of sight."""
    script = (
        "return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent.trim())"
    )
    return list(page.execute_script(script, selector))


def shown(page: Chrome) -> list[str]:
    """The tickers of the table from top to bottom, all of them."""
    page.execute_script(
        "const more = document.getElementById('more'); while (!more.hidden) more.click()"
    )
    return [text.split()[0] for text in texts(page, "#table tbody .name small")]


def click(page: Chrome, selector: str) -> None:
    """Click it in the middle of the screen, where the bar at the top covers nothing."""
    page.execute_script(
        "arguments[0].scrollIntoView({block: 'center', inline: 'center'})", one(page, selector)
    )
    one(page, selector).click()


def choose(page: Chrome, name: str, value: str) -> None:
    Select(one(page, f"#{name}")).select_by_value(value)


def open_ticker(page: Chrome, facts: dict[str, Any], ticker: str) -> None:
    reopen(page, f"{facts['address']}#{ticker}")
    assert is_open(page)


def is_open(page: Chrome) -> bool:
    return bool(page.execute_script("return document.getElementById('ticker').open"))


def shows(ticker: str) -> Callable[[Chrome], bool]:
    return lambda page: is_open(page) and texts(page, "#ticker-name small")[0].startswith(ticker)


def wait_until(page: Chrome, is_so: Callable[[Chrome], bool]) -> None:
    """A new address takes effect a moment after the click."""
    WebDriverWait(page, 30, poll_frequency=0.05).until(is_so)


def test_it_opens_without_an_error_and_without_a_network(
    page: Chrome, facts: dict[str, Any]
) -> None:
    reopen(page, facts["address"])
    wait_until(
        page,
        lambda _: page.execute_script("return performance.getEntriesByName('usable').length") == 1,
    )
    assert page.get_log("browser") == []
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_names_are_text_whatever_stands_in_them(page: Chrome) -> None:
    shown(page)
    assert set(EVIL_NAMES) <= set(texts(page, "#table tbody .name a"))
    assert page.title == f"KRX 야간 리포트 {SESSION}"
    assert page.execute_script("return document.images.length + document.scripts.length") == 2


def test_the_market_is_counted(page: Chrome, facts: dict[str, Any]) -> None:
    kospi = facts["breadth"][0]
    card = one(page, "#breadth .card").text
    assert card.startswith("KOSPI")
    for word, count in (("상승", "up"), ("하락", "down"), ("보합", "flat"), ("상한가", "limit_up")):
        assert f"{word}\n{kospi[count]}" in card
    assert len(texts(page, ".trend rect.up, .trend rect.down, .trend rect.flat")) == 60


def test_movers_and_new_highs_lead_to_charts(page: Chrome, facts: dict[str, Any]) -> None:
    ticker = next(
        entry[0] for entry in facts["movers"]["value"] if entry[0] in facts["rows"]["ticker"]
    )
    click(page, f'#mover-lists a[href="#{ticker}"]')
    wait_until(page, shows(ticker))


def test_korean_and_english(page: Chrome, facts: dict[str, Any]) -> None:
    assert one(page, "html").get_attribute("lang") == "ko"
    assert one(page, "#market-title").text == "시장 등락"
    assert "조원" in one(page, "#breadth").text
    choose(page, "language", "en")
    assert one(page, "html").get_attribute("lang") == "en"
    assert one(page, "#market-title").text == "Market breadth"
    assert "Golden cross 5/20" in one(page, "#signal-marks").text
    leaves = texts(page, "body :not(script, noscript, option, :has(*))")
    assert all("종목" in text for text in leaves if re.search("[가-힣]", text)), "nothing but names"
    reopen(page, facts["address"])
    assert one(page, "#market-title").text == "Market breadth"


@pytest.mark.parametrize(
    ("finality", "since", "english", "korean"),
    [
        ("provisional", "19:00", "provisional, read 19:00", "잠정, 19:00 조회"),
        ("final", "2024-01-24 19:00", "final since 2024-01-24 19:00", "2024-01-24 19:00 확정"),
    ],
)
def test_its_head_says_since_when_the_session_is_final_or_when_it_was_read(
    page: Chrome,
    facts: dict[str, Any],
    tmp_path: Path,
    finality: str,
    since: str,
    english: str,
    korean: str,
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(facts | {"finality": finality, "since": since}, "x"), encoding="utf-8")
    reopen(page, path.as_uri())
    for language, said in (("ko", korean), ("en", english)):
        choose(page, "language", language)
        assert texts(page, "#about .badge") == [said]


def test_its_head_names_rows_that_are_set_aside_and_why_an_odd_day_is_stored(
    page: Chrome, facts: dict[str, Any], tmp_path: Path
) -> None:
    assert texts(page, "#remarks p") == [], "of a usual session nothing"
    reason, remark = "'<b>x</b>' in LIST_SHRS: no whole number", "volumes: of 42 KOSPI tickers 40."
    odd = {"set_aside": [["000020", EVIL_NAMES[1], reason]], "accepted": [remark]}
    path = tmp_path / "report.html"
    path.write_text(render(facts | odd, "x"), encoding="utf-8")
    reopen(page, path.as_uri())
    named = f"000020 {EVIL_NAMES[1]}"
    for language, said in (
        (
            "en",
            [
                f"{named} is left out: its row of the exchange cannot be used ({reason})",
                f"Odd, and stored all the same: {remark}",
            ],
        ),
        (
            "ko",
            [
                f"{named}: 거래소 자료의 행에 오류가 있어 제외했습니다({reason})",
                f"평소와 다르지만 확인을 거쳐 저장한 시세입니다: {remark}",
            ],
        ),
    ):
        choose(page, "language", language)
        assert texts(page, "#remarks p") == said
    assert page.title != "gone"


def test_what_is_said_on_hovering_is_in_the_chosen_language(
    page: Chrome, facts: dict[str, Any]
) -> None:
    def hints() -> list[str]:
        marks = "document.querySelectorAll('.mark[title], .tag[title], .indicators tr[title]')"
        return list(page.execute_script(f"return [...{marks}].map((node) => node.title)"))

    ticker = facts["rows"]["ticker"][0]
    reopen(page, f"{facts['address']}#{ticker}")
    wait_until(page, shows(ticker))
    assert {"5일선이 20일선을 상향 돌파", "원"} <= set(hints())
    choose(page, "language", "en")
    assert {"SMA 5 crosses above SMA 20", "won"} <= set(hints())
    assert not re.search("[가-힣]", "".join(hints()))


def test_the_language_begins_as_the_browsers(facts: dict[str, Any], tmp_path: Path) -> None:
    with chromium(tmp_path / "profile", language="en-GB") as browser:
        browser.get(facts["address"])
        assert one(browser, "#market-title").text == "Market breadth"


@pytest.mark.parametrize("column", ["close", "percent", "value", "market_cap"])
def test_a_click_sorts_down_and_another_up(
    page: Chrome, facts: dict[str, Any], column: str, position: Any
) -> None:
    head = f'[data-column="{column}"]'
    if column != "market_cap":  # the order of the beginning
        click(page, head)
    assert one(page, f"th.{column}").get_attribute("aria-sort") == "descending"
    values = [facts["rows"][column][position(ticker)] for ticker in shown(page)]
    assert values == sorted(facts["rows"][column], reverse=True)
    click(page, head)
    assert one(page, f"th.{column}").get_attribute("aria-sort") == "ascending"
    assert [facts["rows"][column][position(ticker)] for ticker in shown(page)] == sorted(values)
    assert len(texts(page, "[aria-sort]")) == 1


def test_the_keyboard_sorts_and_stays_where_it_is(page: Chrome) -> None:
    one(page, '[data-column="rsi_14"]').send_keys(Keys.ENTER)
    assert one(page, "th.rsi_14").get_attribute("aria-sort") == "descending"
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert one(page, "th.rsi_14").get_attribute("aria-sort") == "ascending"


def test_what_does_not_exist_comes_last_either_way(
    page: Chrome, facts: dict[str, Any], position: Any
) -> None:
    ratios = facts["latest"]["rsi_14"]
    unknown = ratios.count(None)
    for _ in range(2):
        click(page, '[data-column="rsi_14"]')
        values = [ratios[position(ticker)] for ticker in shown(page)]
        assert values[len(values) - unknown :] == [None] * unknown


def test_the_table_grows_on_demand(page: Chrome, facts: dict[str, Any]) -> None:
    assert len(texts(page, "#table tbody tr")) == 100 < len(facts["rows"]["ticker"])
    page.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    assert len(shown(page)) == len(facts["rows"]["ticker"])


def test_a_name_or_a_code_filters(page: Chrome, facts: dict[str, Any]) -> None:
    label = one(page, "#filters label")
    assert label.text == "종목명 또는 코드"
    one(page, "#filter").send_keys("종목12")
    expected = [name for name in facts["rows"]["name"] if "종목12" in name]
    assert sorted(texts(page, "#table tbody .name a")) == sorted(expected)
    assert one(page, "#count").text == f"{len(facts['rows']['ticker'])}종목 중 {len(expected)}종목"
    one(page, "#filter").clear()
    one(page, "#filter").send_keys(SPLIT)
    assert shown(page) == [SPLIT]
    one(page, "#filter").send_keys("x")
    assert (shown(page), one(page, "#count").text) == (
        [],
        "조건에 맞는 종목이 없습니다. 필터를 줄여 보세요.",
    )
    click(page, "#clear")
    assert len(shown(page)) == len(facts["rows"]["ticker"])


def test_a_market_filters(page: Chrome, facts: dict[str, Any]) -> None:
    choose(page, "filter-market", "KOSDAQ")
    assert len(shown(page)) == facts["rows"]["market"].count("KOSDAQ")
    assert set(texts(page, "#table tbody .market")) == {"KOSDAQ"}


def test_signals_are_counted_and_filter_together(page: Chrome, facts: dict[str, Any]) -> None:
    lists = facts["rows"]["signals"]
    pairs = combinations(range(len(SIGNALS)), 2)
    one_of, other = max(pairs, key=lambda pair: sum(set(pair) <= set(signals) for signals in lists))
    having = [row for row, signals in enumerate(lists) if one_of in signals]
    both = [row for row in having if other in lists[row]]
    button = one(page, f'[data-mark="signal:{one_of}"]')
    assert button.text == f"{SIGNALS[one_of].korean} {len(having)}"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert shown(page) == [facts["rows"]["ticker"][row] for row in having]
    click(page, f'[data-mark="signal:{other}"]')
    assert shown(page) == [facts["rows"]["ticker"][row] for row in both]
    click(page, "#chosen button")
    assert one(page, f'[data-mark="signal:{one_of}"]').get_attribute("aria-pressed") == "false"
    assert len(shown(page)) == sum(other in signals for signals in lists)


def test_patterns_filter_too(page: Chrome, facts: dict[str, Any]) -> None:
    click(page, "#patterns summary")
    button = one(page, "#pattern-marks button")
    count = int(button.text.split()[-1])
    button.click()
    assert len(shown(page)) == count > 0


def test_a_name_opens_the_chart_and_back_closes_it(page: Chrome, facts: dict[str, Any]) -> None:
    click(page, "#table tbody .name a")
    wait_until(page, shows(facts["rows"]["ticker"][0]))
    page.back()
    wait_until(page, lambda _: not is_open(page))


def test_escape_closes_and_the_way_on_follows_the_table(page: Chrome) -> None:
    click(page, '[data-column="percent"]')
    order = shown(page)
    click(page, "#table tbody .name a")
    wait_until(page, shows(order[0]))
    click(page, "#next")
    wait_until(page, shows(order[1]))
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    wait_until(page, lambda _: not is_open(page))
    assert shown(page) == order


def test_a_session_without_a_regular_price_has_no_candle(
    page: Chrome, facts: dict[str, Any]
) -> None:
    open_ticker(page, facts, HALTED)
    moves = "".join(
        path.get_attribute("d") or ""
        for path in page.find_elements(By.CSS_SELECTOR, "#chart .candles")
    ).count("M")
    assert moves == 2 * 59
    close = facts["rows"]["close"][facts["rows"]["ticker"].index(HALTED)]
    assert f"종가 {close:,}" in one(page, "#readout").text
    assert "시가 –" in one(page, "#readout").text


def test_a_chart_has_candles_averages_bands_and_volume(page: Chrome, facts: dict[str, Any]) -> None:
    open_ticker(page, facts, SPLIT)
    moves = "".join(
        path.get_attribute("d") or ""
        for path in page.find_elements(By.CSS_SELECTOR, "#chart .candles")
    ).count("M")
    assert moves == 2 * 60, "a wick and a body each"
    for line in ("sma_5", "sma_20", "sma_60", "bb", "volume_average"):
        assert len(one(page, f"#chart .line.{line}").get_attribute("d") or "") > 100
    assert one(page, "#chart .band").get_attribute("d")


def test_corporate_actions_are_marked(page: Chrome, facts: dict[str, Any]) -> None:
    open_ticker(page, facts, SPLIT)
    assert texts(page, "#chart text.action") == ["액면분할"]
    assert "액면분할" in one(page, ".actions").text


def test_layers_come_and_go_and_are_remembered(page: Chrome, facts: dict[str, Any]) -> None:
    open_ticker(page, facts, SPLIT)
    for layer, mark in (("ichimoku", ".cloud"), ("rsi", ".line.rsi"), ("macd", ".line.macd")):
        assert not texts(page, f"#chart {mark}")
        click(page, f'.layers [name="{layer}"]')
        assert texts(page, f"#chart {mark}")
    click(page, '.layers [name="averages"]')
    open_ticker(page, facts, facts["rows"]["ticker"][0])
    assert texts(page, "#chart .cloud")
    assert not texts(page, "#chart .sma_5")


def test_the_arrow_keys_read_one_session_after_the_other(
    page: Chrome, facts: dict[str, Any], position: Any
) -> None:
    open_ticker(page, facts, SPLIT)
    close = facts["rows"]["close"][position(SPLIT)]
    assert f"종가 {close:,}" in one(page, "#readout").text
    chart = one(page, "#chart svg")
    chart.send_keys(Keys.ARROW_LEFT)
    assert "2024년 1월 19일" in one(page, "#readout").text
    chart.send_keys(Keys.END)
    assert "2024년 1월 22일" in one(page, "#readout").text


def test_the_pointer_reads_the_session_below_it(page: Chrome, facts: dict[str, Any]) -> None:
    open_ticker(page, facts, SPLIT)
    chart = one(page, "#chart svg")
    ActionChains(page).move_to_element_with_offset(chart, 5 - chart.size["width"] // 2, 0).perform()
    assert "2023년 10월 31일" in one(page, "#readout").text
    assert one(page, "#chart .hair").get_attribute("visibility") == "visible"


def test_every_indicator_of_a_ticker_is_listed(page: Chrome, facts: dict[str, Any]) -> None:
    open_ticker(page, facts, SPLIT)
    assert len(texts(page, ".columns tr")) == len(facts["latest"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_can_be_read_in_both_themes(
    page: Chrome, facts: dict[str, Any], theme: str
) -> None:
    choose(page, "theme", theme)
    click(page, "#patterns summary")
    assert {
        name: ratio for name, ratio in page.execute_script(CONTRASTS).items() if ratio < 4.5
    } == {}
    open_ticker(page, facts, SPLIT)
    assert {
        name: ratio for name, ratio in page.execute_script(CONTRASTS).items() if ratio < 4.5
    } == {}


def test_the_theme_is_the_devices_until_it_is_chosen(page: Chrome, facts: dict[str, Any]) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(ground)
    dark_device = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark_device)
    dark = page.execute_script(ground)
    choose(page, "theme", "light")
    chosen = page.execute_script(ground)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert dark != light == chosen


def test_up_is_red_until_it_is_chosen_otherwise(page: Chrome) -> None:
    colour = (
        "return getComputedStyle(document.querySelector('.move.up'))"
        ".color.match(/\\d+/g).map(Number)"
    )
    red, green, _ = page.execute_script(colour)
    assert red > 2 * green
    choose(page, "colours", "western")
    red, green, _ = page.execute_script(colour)
    assert green > 2 * red


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_phone_scrolls_no_page_sideways(
    page: Chrome, facts: dict[str, Any], language: str
) -> None:
    choose(page, "language", language)
    resize(page, 360, 740)
    click(page, "#patterns summary")
    widths = (
        "return [document.documentElement, document.getElementById('ticker')]"
        ".map((element) => element.scrollWidth)"
    )
    assert page.execute_script(widths)[0] == 360
    open_ticker(page, facts, SPLIT)
    click(page, '.layers [name="ichimoku"]')
    assert max(page.execute_script(widths)) == 360
    assert one(page, "#chart svg").size["width"] <= 360


def test_the_candles_can_be_seen(page: Chrome, facts: dict[str, Any]) -> None:
    choose(page, "theme", "light")
    open_ticker(page, facts, SPLIT)
    fill = "return getComputedStyle(document.querySelector('#chart .candles.{way}')).fill"
    colours = [page.execute_script(fill.format(way=way)) for way in ("up", "down")]
    picture = Image.open(io.BytesIO(one(page, "#chart").screenshot_as_png)).convert("RGB")
    painted = picture.getcolors(picture.width * picture.height)
    assert painted is not None
    counts = {f"rgb({r}, {g}, {b})": count for count, (r, g, b) in painted}
    assert all(counts.get(colour, 0) > 500 for colour in colours), counts
