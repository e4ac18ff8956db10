"""The table of a day: text becomes exactly its numbers, and a row of which that cannot be said is
set aside while the others are typed as they were."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.exchange.day_table import RAW_COLUMNS, parse_day
from utils.errors import MalformedAnswer, NotPublished
from utils.market_day import INTEGER_COLUMNS, SetAside
from utils.outside_text import quoted

SESSION = "2024-01-22"
TICKER, NAME, MARKET = (RAW_COLUMNS[name] for name in ("ticker", "name", "market"))
SAMSUNG = ["005930", "삼성전자", "STK", "78,200", "79,800", "78,200", "79,600", "1,100",
           "17,142,847", "1,356,958,225,913", "475,194,690,980,000", "5,969,782,550"]  # fmt: skip
HALTED = ["0001A0", "정지", "KSQ", "0", "0", "0", "1,234", "0", "0", "0", "1,234,000", "1,000"]
CLOSED = ["005930", "삼성전자", "STK", *["-"] * 8, "5,969,782,550"]
AFTER = "ACC_TRDVOL_AFTER"


def raw(*rows: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(RAW_COLUMNS.values()))


def quiet(code: str, /, **cells: Any) -> dict[str, Any]:
    """A row of a quiet day as the exchange sends it, but for these cells, by our names."""
    usual = {"open": "1,000", "high": "1,000", "low": "1,000", "close": "1,000", "change": "0"}
    rest = {"volume": "10", "value": "10,000", "market_cap": "100,000", "shares": "100"}
    named = {"ticker": code, "name": f"종목 {code}", "market": "STK"}
    whole = named | usual | rest | cells
    return {column: whole[name] for name, column in RAW_COLUMNS.items()}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, dtype=object)


OTHERS = [quiet(f"00{number:03d}0") for number in range(1, 8)]


def test_a_day_is_typed_and_sorted_by_ticker() -> None:
    found = parse_day(raw(SAMSUNG, HALTED), SESSION)
    frame = found.frame
    assert (found.set_aside, found.tickers_set_aside) == ((), frozenset())
    assert frame["ticker"].tolist() == ["0001A0", "005930"]
    assert frame["market"].tolist() == ["KOSDAQ", "KOSPI"]
    assert frame.loc[1, ["close", "change", "value", "shares"]].tolist() == [
        79600,
        1100,
        1356958225913,
        5969782550,
    ]
    assert {str(frame[name].dtype) for name in INTEGER_COLUMNS} == {"int64"}


def test_negative_changes_keep_their_sign() -> None:
    frame = parse_day(raw([*SAMSUNG[:7], "-1,100", *SAMSUNG[8:]]), SESSION).frame
    assert frame.loc[0, "change"] == -1100


def test_all_dashes_are_not_known_yet_and_never_zeros() -> None:
    with pytest.raises(NotPublished, match=SESSION):
        parse_day(raw(CLOSED, ["000020", "동화약품", *CLOSED[2:]]), SESSION)


def test_no_rows_and_missing_columns_are_malformed() -> None:
    with pytest.raises(MalformedAnswer, match="no rows"):
        parse_day(pd.DataFrame([]), SESSION)
    with pytest.raises(MalformedAnswer, match="no column MKTCAP"):
        parse_day(raw(SAMSUNG).drop(columns="MKTCAP"), SESSION)


# One row that cannot be used

NO_NUMBER = "{} in {}: no whole number"
ORDER = "low <= open, close <= high broken"
CAP = "market cap is not close x shares"
BASE = "a base price (close - change) that is not positive"
WRAPPED = {"shares": "184467440737095517", "market_cap": "840"}
"""1,000 won x so many shares is 840 in 64 bits."""
ODD_ROWS = [
    *(
        ({name: cell}, NO_NUMBER.format(quoted(cell), RAW_COLUMNS[name]))
        for name, cell in [
            ("open", "-"),
            ("close", ""),
            ("close", "79.5"),
            ("close", "N/A"),
            ("volume", "1,23"),
            ("volume", "1_000"),
            ("volume", "１００"),
            ("volume", "10\n"),
            ("volume", " 10"),
            ("volume", "+10"),
            ("value", "9" * 25),
            ("value", "9223372036854775808"),
            ("value", "-9223372036854775809"),
            ("shares", "1e3"),
            ("market_cap", None),
            ("shares", float("nan")),
        ]
    ),
    ({"market": "NYS"}, "an unknown market 'NYS'"),
    ({"market": ""}, "an unknown market ''"),
    ({"ticker": "5930"}, "'5930' where a ticker belongs"),
    ({"ticker": "00593a"}, "'00593a' where a ticker belongs"),
    ({"ticker": "００５９３０"}, "'００５９３０' where a ticker belongs"),
    ({"ticker": ""}, "'' where a ticker belongs"),
    ({"close": "0", "market_cap": "0"}, "a close that is not positive"),
    ({"close": "-1,000", "market_cap": "-100,000"}, "a close that is not positive"),
    ({"change": "1,000"}, BASE),
    ({"change": "1,001"}, BASE),
    ({"change": "-9223372036854775807"}, BASE),
    ({"shares": "0", "market_cap": "0"}, "a number of shares that is not positive"),
    ({"volume": "-1"}, "a negative number"),
    ({"value": "-1"}, "a negative number"),
    ({"high": "999"}, ORDER),
    ({"low": "1,001"}, ORDER),
    ({"open": "0"}, ORDER),
    ({"market_cap": "100,001"}, CAP),
    ({"shares": "9223372036854775807"}, CAP),
    (WRAPPED, CAP),
]


@pytest.mark.parametrize(("cells", "reason"), ODD_ROWS, ids=lambda each: str(each)[:40])
def test_one_odd_row_is_set_aside_alone_with_its_reason_and_its_text(
    cells: dict[str, Any], reason: str
) -> None:
    odd = quiet("000045", **{"name": "홀로"} | cells)
    found = parse_day(table(*OTHERS[:4], odd, *OTHERS[4:]), SESSION)
    pd.testing.assert_frame_equal(
        found.frame, parse_day(table(*OTHERS), SESSION).frame, check_exact=True
    )
    assert found.set_aside == (
        SetAside(
            ticker=cells.get("ticker", "000045"),
            name="홀로",
            market="" if "market" in cells else "KOSPI",
            reason=reason,
            row=json.dumps({name: str(cell) for name, cell in odd.items()}, ensure_ascii=False),
        ),
    )


def test_the_product_that_wraps_round_does_so() -> None:
    close, shares = np.array([1000]), np.array([int(WRAPPED["shares"])])
    assert (close * shares).tolist() == [int(WRAPPED["market_cap"])]


def test_a_ticker_that_is_listed_twice_is_set_aside_in_both_rows() -> None:
    twin = quiet("000040", volume="11")
    found = parse_day(table(twin, *OTHERS), SESSION)
    assert [(each.ticker, each.reason) for each in found.set_aside] == [
        ("000040", "listed twice")
    ] * 2
    assert [json.loads(each.row)["ACC_TRDVOL"] for each in found.set_aside] == ["11", "10"]
    rest = [each for each in OTHERS if each[TICKER] != "000040"]
    assert found.frame.equals(parse_day(table(*rest), SESSION).frame)


def test_a_row_with_several_faults_is_set_aside_once_with_the_gravest() -> None:
    faults = [
        {"open": "-", "value": "x"},
        {"open": "-", "market": "NYS"},
        {"open": "-", "market": "NYS", "ticker": "?"},
        {"high": "1", "market_cap": "1"},
    ]
    odd = [quiet(f"1000{number}0", **cells) for number, cells in enumerate(faults)]
    found = parse_day(table(*OTHERS, *odd, odd[2]), SESSION)
    assert [each.reason for each in found.set_aside] == [
        "'-' in TDD_OPNPRC: no whole number",
        "an unknown market 'NYS'",
        "'?' where a ticker belongs",
        ORDER,
        "'?' where a ticker belongs",
    ]


def test_several_kinds_at_once_are_each_set_aside_in_the_order_of_the_answer() -> None:
    odd = [
        quiet("900010", close="N/A"),
        quiet("bad"),
        quiet("000005", market="XYZ"),
        quiet("500000", high="1"),
        quiet("400000", market_cap="7"),
    ]
    mixed = [row for pair in zip(OTHERS, [*odd, None, None], strict=True) for row in pair if row]
    found = parse_day(table(*mixed), SESSION)
    tickers = ["900010", "bad", "000005", "500000", "400000"]
    assert [each.ticker for each in found.set_aside] == tickers
    assert found.tickers_set_aside == {*tickers}
    assert len({each.reason for each in found.set_aside}) == 5
    assert found.frame.equals(parse_day(table(*OTHERS), SESSION).frame)


@pytest.mark.parametrize(
    "faulty",
    [{"close": "N/A"}, {"market_cap": "1"}],
    ids=lambda cells: next(iter(cells)),
)
def test_more_than_half_of_the_rows_are_no_market(faulty: dict[str, str]) -> None:
    def day_with(odd: int) -> pd.DataFrame:
        return table(
            *(quiet(f"00{number:03d}0", **(faulty if number < odd else {})) for number in range(6))
        )

    assert [len(parse_day(day_with(odd), SESSION).set_aside) for odd in (1, 3)] == [1, 3]
    with pytest.raises(MalformedAnswer, match=f"{SESSION}.*: 4 of 6 rows .*, first 000000: "):
        parse_day(day_with(4), SESSION)
    with pytest.raises(MalformedAnswer, match="6 of 6 rows"):
        parse_day(day_with(6), SESSION)


def test_a_market_that_is_whole_is_kept_however_many_rows_name_one_that_nobody_knows() -> None:
    """The exchange may call KOSDAQ, over half of all rows, otherwise one day."""
    whole = [quiet(f"00{number:03d}0") for number in range(2)]
    renamed = [quiet(f"10{number:03d}0", market="KSX") for number in range(7)]
    found = parse_day(table(*whole, *renamed), SESSION)
    assert (len(found.frame), len(found.set_aside)) == (2, 7)
    with pytest.raises(MalformedAnswer, match=r"7 of 7 rows .* an unknown market 'KSX'"):
        parse_day(table(*renamed), SESSION)


def test_a_whole_answer_sent_twice_is_no_market() -> None:
    with pytest.raises(MalformedAnswer, match=r"14 of 14 rows .* 000010: listed twice"):
        parse_day(table(*OTHERS, *OTHERS), SESSION)


def test_a_row_without_a_name_is_no_odd_row_and_has_none_when_it_is_set_aside() -> None:
    nameless = [quiet("000045", name=None), quiet("000046", name="-", open="x")]
    nameless += [quiet("000047", name=None, open="x"), quiet("000048", name="\u200b", open="x")]
    found = parse_day(table(*OTHERS, *nameless), SESSION)
    assert found.frame.set_index("ticker").loc["000045", "name"] == "000045"
    assert [(each.ticker, each.name) for each in found.set_aside] == [
        ("000046", ""),
        ("000047", ""),
        ("000048", ""),
    ]


# Its text


@pytest.mark.parametrize(
    "cell",
    [
        "\ud800",
        "\x1b[31m",
        "두\r\n줄\u2028",
        "\u202e자전\u2066",
        "\0",
        "긴" * 1_000_000,
        "</script>",
    ],
    ids="surrogate escape lines direction nul long markup".split(),
)
@pytest.mark.parametrize("column", ["ticker", "name", "market", "close"])
def test_whatever_an_odd_row_holds_it_is_kept_as_short_plain_text(column: str, cell: str) -> None:
    cells = {"open": "x", column: cell}
    (each,) = parse_day(table(quiet("000045", **cells), *OTHERS), SESSION).set_aside
    for text in (each.ticker, each.name, each.market, each.reason, each.row):
        assert text.isprintable()
        text.encode()
    assert len(each.row) <= 1000
    assert max(len(each.ticker), len(each.name), len(each.reason)) <= 250
    assert each.row.startswith('{"ISU_SRT_CD": ')


def test_a_row_is_kept_up_to_1000_characters_further_columns_included() -> None:
    odd = quiet("000045", open="x") | {"ODD_NOTE": "주" * 2_000}
    (each,) = parse_day(table(*OTHERS, odd), SESSION).set_aside
    assert len(each.row) == 1000
    assert each.row.endswith("주주주")
    whole = quiet("000045", open="x") | {AFTER: "7"}
    (each,) = parse_day(table(*OTHERS, whole), SESSION).set_aside
    assert json.loads(each.row) == whole


# Further columns


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row | {RAW_COLUMNS["close"]: "N/A"},
        lambda row: row | {TICKER: "?"},
        lambda row: row | {MARKET: "NYS"},
        lambda row: row | {RAW_COLUMNS["market_cap"]: "1"},
    ],
    ids="number code market cap".split(),
)
@pytest.mark.parametrize("position", [0, 3, 6])
def test_further_columns_stay_with_their_tickers_when_rows_are_set_aside(
    change: Callable[[dict[str, Any]], dict[str, Any]], position: int
) -> None:
    rows = [each | {AFTER: str(int(each[TICKER]))} for each in reversed(OTHERS)]
    rows[position] = change(rows[position])
    found = parse_day(table(*rows), SESSION)
    assert len(found.frame) == 6
    assert found.unknown.kept[AFTER].tolist() == found.frame["ticker"].astype(int).tolist()


def test_a_text_in_a_further_column_of_a_row_that_is_set_aside_does_not_cost_the_column() -> None:
    rows = [each | {AFTER: "1"} for each in OTHERS]
    found = parse_day(table(*rows, quiet("000045", close="N/A") | {AFTER: "N/A"}), SESSION)
    assert found.unknown.kept[AFTER].tolist() == [1] * 7
    assert found.unknown.left_out == {}


# Any text


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=30))
def test_any_whole_number_comes_through_unchanged(values: list[int]) -> None:
    rows = [quiet(f"{number:06d}", volume=f"{value:,}") for number, value in enumerate(values)]
    found = parse_day(table(*rows), SESSION)
    assert (found.frame["volume"].tolist(), found.set_aside) == (values, ())


@pytest.mark.usefixtures("unicode")
@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_text_is_set_aside_or_exactly_the_number_it_shows(cells: list[str]) -> None:
    odd = [quiet(f"{number:06d}", volume=cell) for number, cell in enumerate(cells)]
    found = parse_day(table(*odd, *(quiet(f"9{number:05d}") for number in range(6))), SESSION)
    typed = found.frame.set_index("ticker")["volume"]
    for number, cell in enumerate(cells):
        ticker = f"{number:06d}"
        if ticker in typed.index:
            assert str(typed[ticker]) == (cell.replace(",", "").lstrip("0") or "0")
    assert {*typed.index} | found.tickers_set_aside == {row[TICKER] for row in odd} | {
        f"9{number:05d}" for number in range(6)
    }
