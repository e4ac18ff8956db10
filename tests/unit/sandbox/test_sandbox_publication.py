"""Publication: what is out by the exchange's clock."""

import pytest

from sandbox import publication
from sandbox.publication import Phase, phase_of
from utils.clock import kst

PRICES = (
    "TDD_CLSPRC TDD_OPNPRC TDD_HGPRC TDD_LWPRC ACC_TRDVOL ACC_TRDVAL MKTCAP CMPPREVDD_PRC FLUC_RT"
).split()
SUMS = ("ACC_TRDVOL", "ACC_TRDVAL")


def _all_dashes(rows):
    return all(row[key] == "-" for row in rows for key in PRICES) and all(
        row["LIST_SHRS"] != "-" for row in rows
    )


def _numbers(rows, key):
    return [int(row[key].replace(",", "")) for row in rows]


def _without(rows, keys):
    return [{key: value for key, value in row.items() if key not in keys} for row in rows]


def _waiting(market, session, *moment):
    final, shown = market.day(session), publication.shown(market, session, kst(*moment))
    assert (shown.close == final.close).all()
    assert (shown.high == final.high).all()
    return float((shown.volume != final.volume).mean())


def test_a_weekend_has_all_rows_and_no_numbers(at):
    rows = at(2026, 9, 12, 12).day("20260912")
    assert _all_dashes(rows)
    assert {row["FLUC_TP_CD"] for row in rows} == {"3"}
    assert not any("lateInfoMsgCd" in row for row in rows)


@pytest.mark.parametrize("date", ["20260814", "20260817"])
def test_a_weekday_holiday_has_a_column_more(at, date):
    rows = at(2026, 9, 1, 12).day(date)
    assert _all_dashes(rows)
    assert {row["FLUC_TP_CD"] for row in rows} == {"0"}
    assert all("lateInfoMsgCd" in row for row in rows)


def test_a_session_looks_like_a_holiday_until_twenty_past_nine(at):
    rows = at(2026, 9, 10, 9, 19).day("20260910")
    assert _all_dashes(rows)
    assert all("lateInfoMsgCd" in row for row in rows)


def test_the_future_looks_like_a_holiday(at):
    assert _all_dashes(at(2026, 9, 10, 19).day("20260911"))


def test_the_index_has_no_row_of_today_before_the_market(at):
    ask = {"indIdx": "1", "indIdx2": "001", "strtDd": "20260901", "endDd": "20260930"}
    assert at(2026, 9, 10, 9, 19).rows("MDCSTAT00301", **ask)[0]["TRD_DD"] == "2026/09/09"
    assert at(2026, 9, 10, 9, 21).rows("MDCSTAT00301", **ask)[0]["TRD_DD"] == "2026/09/10"


def test_running_values_move_within_the_day_and_volume_only_grows(at, small_market):
    morning, noon = (at(2026, 9, 10, hour, 30).day("20260910") for hour in (9, 13))
    final = small_market.day("2026-09-10")
    assert morning != noon
    for earlier, later, last in zip(
        *(_numbers(rows, "ACC_TRDVOL") for rows in (morning, noon)), final.volume, strict=True
    ):
        assert earlier <= later <= last
    for rows in (morning, noon):
        assert (_numbers(rows, "TDD_HGPRC") <= final.high).all()
        assert [
            cap == close * shares
            for cap, close, shares in zip(
                *(_numbers(rows, key) for key in ("MKTCAP", "TDD_CLSPRC", "LIST_SHRS")), strict=True
            )
        ]


def test_running_values_are_in_order(full_market):
    day = publication.shown(full_market, "2026-09-10", kst(2026, 9, 10, 11, 17))
    traded = day.volume > 0
    assert (day.low <= day.close)[traded].all()
    assert (day.close <= day.high)[traded].all()
    assert ((day.low <= day.open) & (day.open <= day.high))[traded].all()
    assert (day.market_cap == day.close * day.shares).all()
    assert (day.base == full_market.day("2026-09-10").base).all()


@pytest.mark.parametrize(
    ("hour", "minute", "share"), [(16, 0, 0.62), (17, 57, 0.35), (19, 40, 0.0)]
)
def test_volume_is_complete_over_the_evening_as_measured(full_market, hour, minute, share):
    assert _waiting(full_market, "2026-09-10", 2026, 9, 10, hour, minute) == pytest.approx(
        share, abs=0.03
    )


def test_an_evening_differs_from_the_final_day_in_volume_and_value_alone(at):
    evening, final = at(2026, 9, 10, 17).day("20260910"), at(2026, 9, 11, 8).day("20260910")
    assert evening != final
    assert _without(evening, SUMS) == _without(final, SUMS)


def test_an_answer_is_the_same_whenever_it_is_asked(at):
    visitor = at(2026, 9, 10, 16, 0, 10)
    assert visitor.day("20260910") == visitor.day("20260910")


def test_the_first_session_of_a_year_opens_at_ten(small_market):
    assert phase_of(small_market, "2026-01-02", kst(2026, 1, 2, 10, 19)) is Phase.NOT_YET
    assert phase_of(small_market, "2026-01-02", kst(2026, 1, 2, 10, 20)) is Phase.RUNNING


def test_exam_day_is_an_hour_later(small_market):
    assert phase_of(small_market, "2026-11-19", kst(2026, 11, 19, 10, 19)) is Phase.NOT_YET
    assert phase_of(small_market, "2026-11-19", kst(2026, 11, 19, 16, 39)) is Phase.RUNNING


def test_every_data_answer_tells_the_exchange_s_time(at):
    assert (
        at(2026, 9, 10, 20, 28, 15)
        .ask("MDCSTAT01901", mktId="ALL")
        .json()["CURRENT_DATETIME"]
        .startswith("2026.09.10 PM 08:28")
    )


def test_an_unknown_bld_is_an_html_page(at):
    answer = at(2026, 9, 10, 20).ask("MDCSTAT99999", mktId="ALL")
    assert (answer.status_code, answer.text[:6]) == (404, "<html>")


def test_a_date_that_is_none_is_an_html_page(at):
    answer = at(2026, 9, 10, 20).ask("MDCSTAT01501", mktId="ALL", trdDd="2026-09-10")
    assert (answer.status_code, answer.text[:6]) == (400, "<html>")


@pytest.mark.parametrize("bld", ["MDCSTAT03501", "MDCSTAT03701"])
def test_the_other_datasets_close_with_the_market(at, bld):
    rows = at(2026, 9, 12, 12).rows(bld, trdDd="20260912", mktId="ALL")
    assert rows
    assert {row["TDD_CLSPRC"] for row in rows} == {"-"}
