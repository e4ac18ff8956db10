"""Rules of whole markets: what right days come to, and what each lie about a market comes to."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from collectors.rules.market_rules import (
    IMPOSSIBLE,
    LARGE_MARKET,
    RARE_ROWS,
    RULES,
    USUAL_ROWS,
    ImpossibleRule,
    MarketRule,
    Needs,
    check_is_of_its_day,
    continued,
    continued_shares,
    lost,
    oddities,
    repeated_or_continued,
    repeated_shares,
    side_by_side,
    tickers_present,
)
from sandbox.synthetic import SyntheticMarket
from tests.unit.rules.days import REAL_YEARS, real_days, synthetic_days, typed
from utils.errors import MalformedAnswer
from utils.market_day import MARKETS
from utils.settings import PROJECT

NAMES = list(MARKETS.values())
LARGE = ("KOSPI", "KOSDAQ")
PRICES = ["open", "high", "low", "close", "change"]
SESSIONS = ("2026-06-11", "2026-06-12", "2026-06-15", "2026-06-16")
RULE = {rule.name: rule for rule in RULES}


@cache
def days() -> tuple[pd.DataFrame, ...]:
    """Four sessions of the synthetic market, with a KONEX of 110 tickers; do not change them."""
    market = SyntheticMarket(2_700, first="2026-06-01", last="2026-06-30")
    return tuple(typed(market.day(session)) for session in SESSIONS)


def today() -> pd.DataFrame:
    return days()[3].copy()


def said(frame: pd.DataFrame, previous: pd.DataFrame | None = None) -> dict[str, set[str]]:
    """Market -> the names of the rules that found something against the session before."""
    found = oddities(frame, SESSIONS[3], days()[2] if previous is None else previous)
    return {name: {each.rule for each in found if each.market == name} for name in NAMES}


def rows_of(frame: pd.DataFrame, market: str, share: float = 1.0) -> np.ndarray:
    """Every so many rows of the market, spread over it, as positions."""
    rows = np.flatnonzero(frame["market"] == market)
    chosen: np.ndarray = rows[np.linspace(0, len(rows) - 1, round(share * len(rows))).astype(int)]
    return chosen


def scaled(frame: pd.DataFrame, rows: np.ndarray, columns: list[str], by: float) -> None:
    frame.loc[rows, columns] = (frame.loc[rows, columns] * by).astype("int64")


# Lies: each changes one market of the frame in place


def _none_of(*columns: str) -> Callable[[pd.DataFrame, str], None]:
    def lie(frame: pd.DataFrame, market: str) -> None:
        frame.loc[rows_of(frame, market), list(columns)] = 0

    return lie


def _times(
    columns: list[str], by: float, share: float = 1.0
) -> Callable[[pd.DataFrame, str], None]:
    return lambda frame, market: scaled(frame, rows_of(frame, market, share), columns, by)


def _shifted(*columns: str) -> Callable[[pd.DataFrame, str], None]:
    def lie(frame: pd.DataFrame, market: str) -> None:
        rows = rows_of(frame, market)
        frame.loc[rows, list(columns)] = np.roll(frame.loc[rows, list(columns)].to_numpy(), 1, 0)

    return lie


def _swapped(one: str, other: str) -> Callable[[pd.DataFrame, str], None]:
    def lie(frame: pd.DataFrame, market: str) -> None:
        rows = rows_of(frame, market)
        frame.loc[rows, [one, other]] = frame.loc[rows, [other, one]].to_numpy()

    return lie


def _halted_part(frame: pd.DataFrame, market: str) -> None:
    rows = rows_of(frame, market, 0.2 if market in LARGE else 0.6)
    frame.loc[rows, ["open", "high", "low", "volume", "value", "change"]] = 0
    frame.loc[rows, "close"] = (
        days()[2].set_index("ticker")["close"].reindex(frame["ticker"][rows]).to_numpy()
    )


def _changes_turned(frame: pd.DataFrame, market: str) -> None:
    frame.loc[rows_of(frame, market), "change"] *= -1


def _closes_at_base(frame: pd.DataFrame, market: str) -> None:
    rows = rows_of(frame, market)
    frame.loc[rows, "close"] -= frame.loc[rows, "change"]
    frame.loc[rows, "change"] = 0


def _one_price(frame: pd.DataFrame, market: str) -> None:
    rows = rows_of(frame, market)
    for name in ("open", "high", "low"):
        frame.loc[rows, name] = np.where(frame.loc[rows, "open"] > 0, frame.loc[rows, "close"], 0)


def _part_is_of(columns: list[str], day: int, share: float) -> Callable[[pd.DataFrame, str], None]:
    """Cells of another session in a part of the market."""

    def lie(frame: pd.DataFrame, market: str) -> None:
        rows = rows_of(frame, market, share)
        other = days()[day].set_index("ticker").reindex(frame["ticker"][rows])
        known = other["close"].notna().to_numpy()
        frame.loc[rows[known], columns] = other.loc[known, columns].to_numpy()

    return lie


def _as_if_in_another_market(frame: pd.DataFrame, market: str) -> None:
    frame.loc[rows_of(frame, market, 0.5), "market"] = NAMES[NAMES.index(market) - 1]


def _beyond_the_limit(frame: pd.DataFrame, market: str) -> None:
    rows = rows_of(frame, market, 0.2)
    frame.loc[rows, "high"] *= 2


LIES: dict[str, tuple[str, Callable[[pd.DataFrame, str], None]]] = {
    "all volumes 0": ("volumes", _none_of("volume")),
    "all values 0": ("values", _none_of("value")),
    "all volumes and values 0": ("volumes", _none_of("volume", "value")),
    "opening prices all 0": ("halted", _none_of("open")),
    "a part suddenly halted": ("halted", _halted_part),
    "prices of a third x 10": ("base_price", _times(PRICES, 10, 1 / 3)),
    "prices / 10": ("base_price", _times(PRICES, 0.1)),
    "shares of all doubled": ("shares", _times(["shares"], 2)),
    "shares of a tenth doubled": ("shares", _times(["shares"], 2, 0.1)),
    "volumes x 1000": ("value_range", _times(["volume"], 1_000)),
    "values in thousands": ("value_range", _times(["value"], 0.001)),
    "values of half the trades": ("value_range", _times(["value"], 0.5)),
    "volumes and values x 1000": ("volume_jump", _times(["volume", "value"], 1_000)),
    "names shifted by a row": ("names", _shifted("name")),
    "numbers shifted by a row": ("base_price", _shifted(*PRICES, "volume", "value", "shares")),
    "volumes shifted by a row": ("value_range", _shifted("volume")),
    "volume and value swapped": ("value_range", _swapped("volume", "value")),
    "volume and shares swapped": ("shares", _swapped("volume", "shares")),
    "changes of the other sign": ("base_price", _changes_turned),
    "changes all 0": ("unmoved", _none_of("change")),
    "closes all at their base": ("unmoved", _closes_at_base),
    "one price for all three": ("one_price", _one_price),
    "a third of the session before": (
        "base_price",
        _part_is_of([*PRICES, "volume", "value"], 2, 1 / 3),
    ),
    "volumes and values of the session before": (
        "same_cells",
        _part_is_of(["volume", "value"], 2, 1.0),
    ),
    "a half with another market's name": ("markets", _as_if_in_another_market),
    "a fifth beyond the limit": ("price_limit", _beyond_the_limit),
}
"""Lie -> the rule that has to speak of it, and what it does to a market."""


@pytest.mark.parametrize("market", NAMES)
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_market_is_odd_in_that_market_alone(lie: str, market: str) -> None:
    rule, change = LIES[lie]
    frame = today()
    change(frame, market)
    check_is_of_its_day(frame, SESSIONS[3], days()[2])
    found = said(frame)
    named = market if rule != "markets" else NAMES[NAMES.index(market) - 1]
    assert rule in found.pop(named)
    assert not any(found.values())


@pytest.mark.parametrize("market", NAMES)
def test_after_a_lie_that_was_stored_the_truth_is_odd_at_worst(market: str) -> None:
    for _, change in LIES.values():
        lied = days()[1].copy()
        change(lied, market)
        check_is_of_its_day(days()[2], SESSIONS[2], lied)
        assert repeated_or_continued(days()[3], lied) is None


@pytest.mark.parametrize("market", NAMES)
def test_a_market_that_is_gone_or_begins_is_odd_and_never_impossible(market: str) -> None:
    before, whole = days()[2], today()
    rest = whole[whole["market"] != market].reset_index(drop=True)
    check_is_of_its_day(rest, SESSIONS[3], before)
    assert said(rest)[market] == {"gone"}
    begun = before[before["market"] != market].reset_index(drop=True)
    check_is_of_its_day(whole, SESSIONS[3], begun)
    assert said(whole, begun)[market] == {"new"}
    assert {one.market for one in lost(rest, SESSIONS[3], before)} == {market}


def test_sixty_tickers_too_many_are_odd_on_their_first_evening_and_when_they_are_gone_again() -> (
    None
):
    frame, before = today(), days()[2]
    more, more_before = _with_strangers(frame), _with_strangers(before)
    check_is_of_its_day(more, SESSIONS[3], before)
    assert said(more) == {"KOSPI": set(), "KOSDAQ": {"new"}, "KONEX": set()}
    assert oddities(more, SESSIONS[3], more_before) == []
    assert said(frame, more_before) == {"KOSPI": set(), "KOSDAQ": {"gone"}, "KONEX": set()}


def _with_strangers(frame: pd.DataFrame) -> pd.DataFrame:
    """The day with 60 rows of KOSDAQ once more, under other tickers."""
    strangers = frame[frame["ticker"].isin(days()[0]["ticker"][rows_of(days()[0], "KOSDAQ")[:60]])]
    strangers = strangers.assign(ticker="Z" + strangers["ticker"].str[1:])
    return pd.concat([frame, strangers]).sort_values("ticker", ignore_index=True)


def test_the_text_names_the_market_how_many_the_first_and_what_is_usual() -> None:
    frame = today()
    rows = rows_of(frame, "KOSPI")
    frame.loc[rows[:45], "name"] = "이름"
    of, first = len(rows), frame["ticker"][rows[0]]
    (one,) = oddities(frame, SESSIONS[3], days()[2])
    assert (one.rule, one.market) == ("names", "KOSPI")
    assert one.text == (
        f"of {of} KOSPI tickers of both sessions 45 have another name, first {first} "
        "(usually 1 at most)"
    )


def test_a_part_is_measured_in_percent() -> None:
    frame = today()
    _one_price(frame, "KOSDAQ")
    (one,) = (each for each in oddities(frame, SESSIONS[3], None) if each.rule == "one_price")
    assert one.text.endswith("(usually 0.2 % at most)")


def test_what_was_set_aside_is_neither_gone_nor_new() -> None:
    frame, before = today(), days()[2]
    missing = frozenset(frame["ticker"][rows_of(frame, "KOSPI", 0.05)])
    short = frame[~frame["ticker"].isin(missing)].reset_index(drop=True)
    assert said(short)["KOSPI"] == {"gone"}
    assert oddities(short, SESSIONS[3], before, missing) == []
    assert lost(short, SESSIONS[3], before, missing) == []
    short_before = before[~before["ticker"].isin(missing)].reset_index(drop=True)
    assert said(frame, short_before)["KOSPI"] == {"new"}
    assert oddities(frame, SESSIONS[3], short_before, missing) == []


# How many are too many


@pytest.mark.parametrize("share", [0.995, 0.97])
@pytest.mark.parametrize("market", NAMES)
def test_base_prices_that_continue_for_98_percent_of_a_market_are_too_few(
    market: str, share: float
) -> None:
    frame = today()
    rows = rows_of(frame, market, 1 - share if market in LARGE else 4 * (1 - share))
    frame.loc[rows, "change"] += 1
    assert ("base_price" in said(frame)[market]) == (share < 0.98)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 8, 20])
def test_in_a_small_market_two_rows_are_never_odd_and_a_whole_one_of_three_is(rows: int) -> None:
    for rule in RULES:
        for market in range(len(NAMES)):
            assert rule.most(market, rows) >= 2
            if not rule.usual:
                assert rule.most(market, rows) <= max(2, rows // 2, rows * 0.3)
    assert RULE["gone"].most(2, 3) == 2


def test_a_large_market_is_measured_by_its_percent() -> None:
    assert RULE["base_price"].most(0, 949) == 18
    assert RULE["base_price"].most(2, 130) == RARE_ROWS
    assert RULE["unmoved"].most(1, 1_600) == 480
    assert RULE["unmoved"].most(2, 10) == USUAL_ROWS


@pytest.mark.parametrize("tickers", [40, 60, 300])
def test_no_session_of_the_synthetic_market_is_odd(tickers: int) -> None:
    for (_, before), (session, frame) in pairwise(list(synthetic_days(tickers).items())[-60:]):
        check_is_of_its_day(frame, session, before)
        assert oddities(frame, session, before) == oddities(frame, session, None) == []


def test_no_session_of_a_market_of_the_real_size_is_odd() -> None:
    for (before, frame), session in zip(pairwise(days()), SESSIONS[1:], strict=True):
        check_is_of_its_day(frame, session, before)
        assert oddities(frame, session, before) == oddities(frame, session, None) == []


# Days beyond all that was recorded: odd at worst


def test_an_ex_dividend_day_and_a_crash_are_odd_at_worst() -> None:
    frame, before = today(), days()[2]
    rows = rows_of(frame, "KOSDAQ")
    frame.loc[rows[:50], "change"] += 20
    check_is_of_its_day(frame, SESSIONS[3], before)
    assert said(frame)["KOSDAQ"] <= {"base_price", "price_limit"}

    crash = today()
    base = crash["close"] - crash["change"]
    for name, part in (("open", 0.97), ("high", 0.97), ("low", 0.9), ("close", 0.92)):
        fallen = (base * part).astype("int64")
        crash[name] = np.where(crash["open"] > 0, fallen, crash[name])
    crash["change"] = crash["close"] - base
    crash["value"] = crash["volume"] * crash["low"].where(crash["open"] > 0, crash["value"])
    check_is_of_its_day(crash, SESSIONS[3], before)
    found = oddities(crash, SESSIONS[3], before)
    assert {one.rule for one in found} <= {"values", "value_range"}


def test_a_day_without_trades_is_odd_and_not_the_day_before_once_more() -> None:
    halted, before = today(), days()[2]
    for market in NAMES:
        rows = rows_of(halted, market)
        halted.loc[rows, ["open", "high", "low", "volume", "value"]] = 0
        _closes_at_base(halted, market)
    check_is_of_its_day(halted, SESSIONS[3], before)
    assert all("halted" in rules for rules in said(halted).values())


# Impossible


def test_a_day_without_a_row_is_impossible() -> None:
    for previous in (None, days()[2]):
        with pytest.raises(MalformedAnswer, match="has no row"):
            check_is_of_its_day(today().iloc[:0], SESSIONS[3], previous)


@pytest.mark.parametrize("kept", [0.45, 0.55])
def test_less_than_half_of_each_large_market_is_impossible(kept: float) -> None:
    frame = today()
    rows = np.sort(np.concatenate([rows_of(frame, market, kept) for market in LARGE]))
    konex = rows_of(frame, "KONEX")
    part = frame.loc[np.sort(np.concatenate([rows, konex]))].reset_index(drop=True)
    if kept < 0.5:
        with pytest.raises(MalformedAnswer, match="less than half of the tickers that KOSPI and"):
            check_is_of_its_day(part, SESSIONS[3], days()[2])
    else:
        check_is_of_its_day(part, SESSIONS[3], days()[2])
        found = said(part)
        assert "gone" in found["KOSPI"] & found["KOSDAQ"]


@pytest.mark.parametrize("market", NAMES)
def test_a_market_that_is_the_session_before_once_more_is_impossible(market: str) -> None:
    frame, before = today(), days()[2]
    old = before[before["market"] == market]
    mixed = pd.concat([frame[frame["market"] != market], old])
    mixed = mixed.drop_duplicates("ticker").sort_values("ticker", ignore_index=True)
    with pytest.raises(MalformedAnswer, match=f"its prices of {market} are those of the session"):
        check_is_of_its_day(mixed, SESSIONS[3], before)


def test_the_whole_session_before_with_the_volumes_of_an_earlier_reading_is_impossible() -> None:
    before = days()[2]
    cached = before.assign(volume=before["volume"] * 9 // 10, value=before["value"] * 9 // 10)
    with pytest.raises(MalformedAnswer, match="of KOSPI and KOSDAQ and KONEX are those of the se"):
        check_is_of_its_day(cached, SESSIONS[3], before)


def test_a_small_market_repeats_only_cell_by_cell() -> None:
    small = days()[2].iloc[:9].reset_index(drop=True)
    with pytest.raises(MalformedAnswer, match="its prices are those of the session before"):
        check_is_of_its_day(small, SESSIONS[3], small)
    check_is_of_its_day(small.assign(volume=small["volume"] + 1), SESSIONS[3], small)


def test_an_answer_of_another_session_is_recognised_by_that_session() -> None:
    first, second, third, fourth = days()
    assert (
        repeated_or_continued(second, second)
        == "its prices of KOSPI and KOSDAQ and KONEX are those of"
    )
    words = "its base prices of KOSPI and KOSDAQ and KONEX are the closes of"
    assert repeated_or_continued(second, first) == words
    for right, other in ((fourth, first), (fourth, second), (third, first)):
        assert repeated_or_continued(right, other) is None
    mixed = pd.concat([fourth[fourth["market"] != "KOSPI"], second[second["market"] == "KOSPI"]])
    mixed = mixed.drop_duplicates("ticker").sort_values("ticker", ignore_index=True)
    assert repeated_or_continued(mixed, first) == "its base prices of KOSPI are the closes of"
    assert repeated_or_continued(mixed, second) == "its prices of KOSPI are those of"
    assert repeated_or_continued(mixed, third) is not None


def test_the_next_session_is_recognised_by_an_earlier_reading_of_the_day() -> None:
    _, second, third, fourth = days()
    assert continued(second, second) is None
    assert continued(fourth, second) is None
    assert continued(third, second) is not None


def test_a_small_day_is_recognised_too() -> None:
    first, second, third, _ = (day.iloc[:12].reset_index(drop=True) for day in days())
    assert continued(second, second) is None
    assert repeated_or_continued(second, first) == "its base prices are the closes of"
    assert repeated_or_continued(third, first) is None


# Base rates on the recorded days


def real_pairs() -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    for year in REAL_YEARS:
        for (_, before), (session, frame) in pairwise(real_days(year).items()):
            yield session, frame, before


@pytest.mark.recorded
def test_no_real_session_is_odd_or_impossible() -> None:
    for session, frame, before in real_pairs():
        check_is_of_its_day(frame, session, before)
        assert oddities(frame, session, before) == []
    for year in REAL_YEARS:
        for session, frame in real_days(year).items():
            check_is_of_its_day(frame, session, None)
            assert oddities(frame, session, None) == []


@pytest.mark.recorded
def test_no_real_session_is_taken_for_another_or_lacks_tickers_beyond_a_gap() -> None:
    for year in REAL_YEARS:
        known = list(real_days(year).items())
        for position, (session, frame) in enumerate(known):
            for at, (_, other) in enumerate(known):
                if at not in (position, position - 1):
                    assert repeated_or_continued(frame, other) is None
                if 1 <= position - at <= 20:
                    assert lost(frame, session, other) == []


def counted(rule: MarketRule) -> list[float]:
    """The most of the recorded sessions, for each market, as the table has it."""
    most = [0.0] * len(NAMES)
    for session, frame, other in _compared(rule):
        days_ = side_by_side(frame, session, other)
        odd, among = rule.find(days_)
        for position, market in enumerate(NAMES):
            rows = among & (frame["market"] == market).to_numpy()
            count = int((odd & rows).sum())
            found = round(100 * count / rows.sum(), 1) if rule.usual else count
            most[position] = max(most[position], found)
    return most


def _compared(rule: MarketRule) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame | None]]:
    """Each day that the rule is applied to, beside the other one."""
    for year in REAL_YEARS:
        known = list(real_days(year).items())
        for position, (session, frame) in enumerate(known):
            earlier = [other for _, other in known[max(position - 20, 0) : position]]
            if rule.needs is Needs.EARLIER:
                yield from ((session, other, frame) for other in earlier)
            elif rule.needs is Needs.NO_PAIR or (rule.needs is Needs.DAY and not earlier):
                yield session, frame, None
            elif earlier and rule.needs is Needs.PAIR_TURNED:
                yield session, earlier[-1], frame
            elif earlier:
                yield session, frame, earlier[-1]


@pytest.mark.recorded
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_table_holds_what_the_recorded_sessions_come_to(rule: MarketRule) -> None:
    assert counted(rule) == list(rule.measured)


SIZES = (949, 1_535, 94)
"""Rows of the smallest recorded markets that a rule looked at."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_limit_is_at_least_half_again_what_was_measured(rule: MarketRule) -> None:
    for position, rows in enumerate(SIZES):
        most = rule.most(position, rows)
        share = 100 * most / rows if rule.usual else most
        assert share >= 1.5 * rule.measured[position]


@pytest.mark.recorded
@pytest.mark.parametrize("rule", IMPOSSIBLE, ids=lambda rule: rule.name)
def test_what_is_impossible_is_far_from_every_recorded_session(rule: ImpossibleRule) -> None:
    shares: list[dict[str, float]] = []
    for year in REAL_YEARS:
        known = list(real_days(year).values())
        for position, frame in enumerate(known):
            for at, other in enumerate(known):
                if rule.name == "present" and at == position - 1:
                    shares.append(_present_everywhere(frame, other))
                elif rule.name == "repeated" and at != position:
                    shares.append(repeated_shares(frame, other))
                elif rule.name == "continued" and at not in (position, position - 1):
                    shares.append(continued_shares(frame, other))
    nearest = min if rule.name == "present" else max
    found = [
        round(100 * nearest(each[name] for each in shares if name in each), 1) for name in NAMES
    ]
    assert found == list(rule.measured)


def _present_everywhere(frame: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """`tickers_present` with each market as if it were alone, so that KONEX counts."""
    parts = (other[other["market"] == name].reset_index(drop=True) for name in NAMES)
    return {name: share for part in parts for name, share in tickers_present(frame, part).items()}


@pytest.mark.recorded
def test_the_same_lies_about_a_real_day_are_odd_too(monkeypatch: pytest.MonkeyPatch) -> None:
    known = list(real_days("2024").items())[5:9]
    monkeypatch.setitem(globals(), "days", lambda: tuple(frame for _, frame in known))
    session, before = known[3][0], known[2][1]
    for lie, (rule, change) in LIES.items():
        for market in NAMES:
            frame = known[3][1].copy()
            change(frame, market)
            found = {(one.rule, one.market) for one in oddities(frame, session, before)}
            named = market if rule != "markets" else NAMES[NAMES.index(market) - 1]
            assert (rule, named) in found, (lie, market)


# The page


def _line(rule: MarketRule | ImpossibleRule) -> str:
    measured = " / ".join(f"{number:g}" for number in rule.measured)
    if isinstance(rule, ImpossibleRule):
        limit = rule.limit.replace("%", " %")
        return f"| `{rule.name}` | impossible | {rule.what} | {measured} % | {limit} |"
    percent = " %" if rule.usual else ""
    limit = " / ".join(f"{number:g}" for number in rule.limit)
    what = f"{rule.among} that {rule.what}"
    return f"| `{rule.name}` | odd | {what} | {measured}{percent} | {limit} % |"


def test_the_page_of_failures_shows_every_rule_with_its_numbers() -> None:
    page = (PROJECT / "docs" / "failures.md").read_text(encoding="utf-8")
    table = page.split("## Rules at the door")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    assert lines == [_line(rule) for rule in (*IMPOSSIBLE, *RULES)]
    for number in (RARE_ROWS, USUAL_ROWS, f"{LARGE_MARKET:.0%}".replace("%", " %")):
        assert f"{number}" in table
