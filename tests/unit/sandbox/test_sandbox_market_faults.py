"""Faults of many rows, of one market or of all, and of single odd rows: what each changes, and that
nothing else is different."""

import pytest

from sandbox.registry import REGISTRY
from tests.unit.sandbox.test_sandbox_faults import EXPECTED

DAY, BEFORE, AFTER = "20260910", "20260909", "20260911"
PRICES = {"TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC", "TDD_CLSPRC"}
CHANGES = {"CMPPREVDD_PRC", "FLUC_TP_CD", "FLUC_RT"}
VOLUME, VALUE, CAP, SHARES = "ACC_TRDVOL", "ACC_TRDVAL", "MKTCAP", "LIST_SHRS"
MARKETS = {"STK": "KOSPI", "KSQ": "KOSDAQ", "KNX": "KONEX"}


def number(row, column):
    return int(row[column].replace(",", ""))


def base(row):
    return number(row, "TDD_CLSPRC") - number(row, "CMPPREVDD_PRC")


def code(row):
    return row["ISU_CD"] if "BAS_DD" in row else row["ISU_SRT_CD"]


def name(row):
    return row.get("ISU_ABBRV", row.get("ISU_NM"))


def times(factor, *columns):
    return lambda wrong, right: all(
        number(wrong, column) == factor * number(right, column) for column in columns
    )


def is_zero(*columns):
    return lambda wrong, right: all(wrong[column] == "0" for column in columns)


def same_base(wrong, right):
    return base(wrong) == base(right)


def in_order(wrong):
    low, high, *others = (
        number(wrong, column) for column in ("TDD_LWPRC", "TDD_HGPRC", "TDD_OPNPRC", "TDD_CLSPRC")
    )
    return low <= min(others) and max(others) <= high


IN_PLACE = {
    "no_number": ({"TDD_CLSPRC"}, lambda wrong, right: wrong["TDD_CLSPRC"] == "N/A"),
    "beyond_64_bits": ({VALUE}, lambda wrong, right: number(wrong, VALUE) == 2**63),
    "zero_close": ({"TDD_CLSPRC"}, is_zero("TDD_CLSPRC")),
    "zero_shares": ({SHARES}, is_zero(SHARES)),
    "odd_code": ({"ISU_SRT_CD", "ISU_CD"}, lambda wrong, right: code(right)[:-1] == code(wrong)),
    "unknown_market": ({"MKT_ID"}, lambda wrong, right: wrong["MKT_ID"] == "XXX"),
    "no_volume": ({VOLUME}, is_zero(VOLUME)),
    "no_value": ({VALUE}, is_zero(VALUE)),
    "swapped_turnover": (
        {VOLUME, VALUE},
        lambda wrong, right: (wrong[VOLUME], wrong[VALUE]) == (right[VALUE], right[VOLUME]),
    ),
    "thousandfold_value": ({VALUE}, times(1000, VALUE)),
    "tenfold_prices": (
        {*PRICES, "CMPPREVDD_PRC", CAP},
        times(10, *PRICES, "CMPPREVDD_PRC", CAP),
    ),
    "doubled_shares": ({SHARES, CAP}, times(2, SHARES, CAP)),
    "sudden_halts": (
        {*PRICES, *CHANGES, VOLUME, VALUE, CAP},
        lambda wrong, right: (
            is_zero(*PRICES - {"TDD_CLSPRC"}, "CMPPREVDD_PRC", VOLUME, VALUE)(wrong, right)
            and same_base(wrong, right)
        ),
    ),
    "unchanged_closes": (
        {*PRICES, *CHANGES, CAP},
        lambda wrong, right: (
            wrong["CMPPREVDD_PRC"] == "0" and same_base(wrong, right) and in_order(wrong)
        ),
    ),
    "beyond_limit": (
        {"TDD_HGPRC", "TDD_CLSPRC", *CHANGES, CAP},
        lambda wrong, right: (
            number(wrong, "TDD_CLSPRC") > 1.5 * base(right)
            and same_base(wrong, right)
            and in_order(wrong)
        ),
    ),
    "wrong_bases": (CHANGES, lambda wrong, right: base(wrong) > 1.1 * base(right) - 1),
    "shifted_names": ({"ISU_ABBRV", "ISU_NM"}, lambda wrong, right: name(wrong) != name(right)),
    "swapped_markets": (
        {"MKT_ID", "MKT_NM"},
        lambda wrong, right: wrong["MKT_NM"] == MARKETS[wrong["MKT_ID"]],
    ),
}
"""Fault -> the columns that may be different, and what holds for each changed row."""
OF_OTHER_ROWS = {
    "conflicting_rows",
    "new_tickers",
    "missing_tickers",
    "other_figures",
    "other_market",
}
MARKET_IN_THE_REQUEST = {"unknown_market", "swapped_markets"}
KEEPS_THE_CAP = IN_PLACE.keys() - {"no_number", "zero_close", "zero_shares"}


@pytest.fixture
def visitor(at):
    return at(2026, 9, 10, 21)


@pytest.fixture
def site(visitor):
    """Return the rows of a day at the data site, as asked for on the evening of the day."""
    return lambda day=DAY: visitor.day(day)


@pytest.fixture
def openapi(visitor):
    """Return the rows of a day of one market in the Open API."""
    return lambda day=BEFORE, market="ksq": visitor.openapi(f"sto/{market}_bydd_trd", day).json()[
        "OutBlock_1"
    ]


def differing(shown, truth):
    return [pair for pair in zip(shown, truth, strict=True) if pair[0] != pair[1]]


def check_in_place(fault, shown, truth):
    columns, holds = IN_PLACE[fault]
    pairs = differing(shown, truth)
    for wrong, right in pairs:
        assert {column for column in right if wrong[column] != right[column]} <= columns
        assert holds(wrong, right), wrong
        if fault in KEEPS_THE_CAP:
            assert number(wrong, CAP) == number(wrong, "TDD_CLSPRC") * number(wrong, SHARES)
    return pairs


def test_every_fault_is_tried() -> None:
    tried = EXPECTED.keys() | IN_PLACE.keys() | OF_OTHER_ROWS
    assert tried == REGISTRY.keys()


@pytest.mark.parametrize("fault", IN_PLACE)
def test_cells_are_wrong_at_the_data_site(fault, exchange, site):
    truth = site()
    exchange.fail(fault, date="2026-09-10")
    assert check_in_place(fault, site(), truth)
    assert site(BEFORE) != site()
    exchange.clear_faults()
    assert site() == truth


@pytest.mark.parametrize("fault", sorted(IN_PLACE.keys() - MARKET_IN_THE_REQUEST))
def test_cells_are_wrong_in_the_open_api(fault, exchange, openapi):
    truth = openapi()
    exchange.fail(fault, kind="openapi", market="KOSDAQ")
    assert check_in_place(fault, openapi(), truth)
    other = openapi(market="stk")
    exchange.clear_faults()
    assert openapi(market="stk") == other


@pytest.mark.parametrize("fault", sorted(MARKET_IN_THE_REQUEST))
def test_a_market_that_is_in_the_request_cannot_be_wrong_in_the_open_api(fault, exchange):
    with pytest.raises(ValueError, match="data"):
        exchange.fail(fault, kind="openapi")


@pytest.mark.parametrize("fault", IN_PLACE)
@pytest.mark.parametrize(("rows", "hit"), [("1", 1), ("5", 5), ("10%", 4), ("0.4%", 1)])
def test_so_many_rows_of_one_market_are_wrong(fault, rows, hit, exchange, site):
    truth = site()
    exchange.fail(fault, market="KOSDAQ", rows=rows)
    if fault == "shifted_names" and hit == 1:
        assert site() == truth
        return
    pairs = check_in_place(fault, site(), truth)
    assert {right["MKT_ID"] for _, right in pairs} == {"KSQ"}
    assert len(pairs) == hit


def test_the_same_tickers_are_wrong_at_every_reading(exchange, at):
    exchange.fail("sudden_halts")
    shown = [at(2026, 9, *moment).day(DAY) for moment in ((10, 19), (11, 9))]
    halted = [{code(row) for row in rows if row["ACC_TRDVOL"] == "0"} for rows in shown]
    exchange.clear_faults()
    true = {code(row) for row in at(2026, 9, 11, 9).day(DAY) if row["ACC_TRDVOL"] == "0"}
    assert halted[0] - true == halted[1] - true != set()


def test_any_column_can_hold_no_number(exchange, site):
    for fault in ("no_number", "beyond_64_bits"):
        exchange.fail(fault, value=SHARES)
        ((wrong, right),) = differing(site(), truth_of(exchange, site))
        assert wrong | {SHARES: right[SHARES]} == right


def truth_of(exchange, site):
    exchange.clear_faults()
    return site()


def test_a_row_comes_again_with_another_close(exchange, site, openapi):
    for ask, kind in ((site, "data"), (openapi, "openapi")):
        truth = ask()
        exchange.fail("conflicting_rows", kind=kind)
        *rows, again = ask()
        assert rows == truth
        first = next(row for row in truth if code(row) == code(again))
        assert again["TDD_CLSPRC"] != first["TDD_CLSPRC"]
        assert base(again) == base(first)


def test_tickers_come_that_nobody_has_listed(exchange, site, openapi):
    for ask, kind in ((site, "data"), (openapi, "openapi")):
        truth = ask()
        exchange.fail("new_tickers", kind=kind, market="KOSDAQ", rows="70")
        shown = ask()
        codes = [code(row) for row in shown]
        assert len(set(codes)) == len(codes) == len(truth) + 70
        assert [row for row in shown if not code(row).startswith("0Z")] == sorted(
            truth, key=lambda row: row.get("MKT_ID") == "KSQ"
        )


def test_tickers_are_gone(exchange, site, openapi):
    for ask, kind in ((site, "data"), (openapi, "openapi")):
        truth = ask()
        exchange.fail("missing_tickers", kind=kind, rows="10", market="KOSDAQ")
        codes = {code(row) for row in ask()}
        gone = [row for row in truth if code(row) not in codes]
        assert len(gone) == 10
        assert {row.get("MKT_ID", "KSQ") for row in gone} == {"KSQ"}


def test_all_rows_of_one_market_are_gone(exchange, site, openapi):
    exchange.fail("no_rows", market="KONEX")
    exchange.fail("no_rows", market="KONEX", kind="openapi")
    assert {row["MKT_ID"] for row in site()} == {"STK", "KSQ"}
    assert [openapi(market=market) == [] for market in ("stk", "ksq", "knx")] == [
        False,
        False,
        True,
    ]


# -- another session


def test_one_market_is_yesterdays_and_the_others_are_todays(exchange, site):
    today, yesterday = site(), site(BEFORE)
    exchange.fail("other_figures", market="KOSPI")
    shown = site()
    for market, truth in (("STK", yesterday), ("KSQ", today), ("KNX", today)):
        assert [row for row in shown if row["MKT_ID"] == market] == [
            row for row in truth if row["MKT_ID"] == market
        ]
    assert shown != today


def test_the_open_api_says_the_day_that_was_asked_for_and_shows_another(exchange, openapi):
    before = openapi("20260908")
    exchange.fail("other_figures", kind="openapi", market="KOSDAQ")
    assert openapi() == [row | {"BAS_DD": BEFORE} for row in before]
    assert {row["BAS_DD"] for row in openapi(market="stk")} == {BEFORE}


@pytest.mark.parametrize("distance", [-5, -20])
def test_an_answer_can_be_a_week_or_a_month_old(distance, exchange, site, small_market):
    position = small_market.sessions.index("2026-09-10")
    old = site(small_market.sessions[position + distance].replace("-", ""))
    for fault in ("other_figures", "other_day"):
        exchange.fail(fault, value=str(distance), date="2026-09-10")
        assert site() == old
        exchange.clear_faults()


def test_an_answer_can_be_the_next_sessions(exchange, site, at):
    exchange.fail("other_figures", value="1", times=1)
    shown = site()
    assert shown == at(2026, 9, 12, 9).day(AFTER)


def test_what_is_not_out_yet_is_shown_as_no_other_session(exchange, at):
    exchange.fail("other_figures")
    assert {row["TDD_CLSPRC"] for row in at(2026, 9, 10, 9).day(DAY)} == {"-"}


def test_the_open_api_answers_for_another_market(exchange, openapi):
    true = {market: openapi(market=market) for market in ("stk", "ksq", "knx")}
    exchange.fail("other_market", market="KONEX")
    assert openapi(market="knx") == true["ksq"]
    assert openapi(market="stk") == true["stk"]
    exchange.fail("other_market")
    assert (openapi(market="stk"), openapi(market="ksq")) == (true["ksq"], true["stk"])
