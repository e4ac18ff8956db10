"""The bodies the exchange sends, as bytes: pure functions of what it shows, of no clock and no
request."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from sandbox.market import (
    NOT_AVAILABLE,
    Day,
    Fundamentals,
    Holdings,
    IndexSeries,
    Ints,
    Listings,
    direction_of,
    ratio_of,
)

MISSING = "-"
Rows = list[dict[str, str]]

_DAY_KEYS = (
    "ISU_SRT_CD ISU_CD ISU_ABBRV MKT_NM SECT_TP_NM TDD_CLSPRC FLUC_TP_CD CMPPREVDD_PRC FLUC_RT TDD_OPNPRC TDD_HGPRC "
    "TDD_LWPRC ACC_TRDVOL ACC_TRDVAL MKTCAP LIST_SHRS MKT_ID"
).split()
_PRICE_KEYS = "ISU_SRT_CD ISU_CD ISU_ABBRV TDD_CLSPRC FLUC_TP_CD CMPPREVDD_PRC FLUC_RT".split()
_FUNDAMENTAL_KEYS = [*_PRICE_KEYS, "ISU_ABBRV_STR", "EPS", "PER", "BPS", "PBR", "DPS", "DVD_YLD"]
_HOLDING_KEYS = [
    *_PRICE_KEYS,
    "LIST_SHRS",
    "FORN_HD_QTY",
    "FORN_SHR_RT",
    "FORN_ORD_LMT_QTY",
    "FORN_LMT_EXHST_RT",
]
_LISTING_KEYS = (
    "ISU_CD ISU_SRT_CD ISU_NM ISU_ABBRV ISU_ENG_NM LIST_DD MKT_TP_NM SECUGRP_NM SECT_TP_NM KIND_STKCERT_TP_NM PARVAL "
    "LIST_SHRS"
).split()
_INDEX_KEYS = (
    "TRD_DD CLSPRC_IDX FLUC_TP_CD PRV_DD_CMPR UPDN_RATE OPNPRC_IDX HGPRC_IDX LWPRC_IDX ACC_TRDVOL ACC_TRDVAL MKTCAP"
).split()
_OPENAPI_DAY_KEYS = (
    "BAS_DD ISU_CD ISU_NM MKT_NM SECT_TP_NM TDD_CLSPRC CMPPREVDD_PRC FLUC_RT TDD_OPNPRC TDD_HGPRC TDD_LWPRC ACC_TRDVOL "
    "ACC_TRDVAL MKTCAP LIST_SHRS"
).split()
_OPENAPI_INDEX_KEYS = (
    "BAS_DD IDX_CLSS IDX_NM CLSPRC_IDX CMPPREVDD_IDX FLUC_RT OPNPRC_IDX HGPRC_IDX LWPRC_IDX ACC_TRDVOL ACC_TRDVAL "
    "MKTCAP"
).split()
_INDEX_NAMES = {"STK": ("KOSPI", "코스피"), "KSQ": ("KOSDAQ", "코스닥")}


def body(block: str, rows: Rows, moment: datetime) -> bytes:
    """A data answer: its block of rows and the exchange's time, as in 2026.01.25 PM 08:28:15."""
    half = "PM" if moment.hour >= 12 else "AM"  # not %p, which follows the locale
    return dump({block: rows, "CURRENT_DATETIME": f"{moment:%Y.%m.%d} {half} {moment:%I:%M:%S}"})


def dump(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def day_rows(day: Day) -> Rows:
    """MDCSTAT01501 of a day with numbers."""
    return _table(
        _DAY_KEYS,
        *(day.code, day.isin, day.name, day.market_name, day.department),
        *(commas(day.close), _plain(day.fluctuation), commas(day.change), hundredths(day.ratio)),
        *(
            commas(day.open),
            commas(day.high),
            commas(day.low),
            commas(day.volume),
            commas(day.value),
        ),
        *(commas(day.market_cap), commas(day.shares), day.market_id),
    )


def closed_day_rows(roster: Day, weekend: bool) -> Rows:
    """MDCSTAT01501 of a day without numbers: who is listed, and `-`. On weekdays with the column
    lateInfoMsgCd."""
    gone = [MISSING] * len(roster)
    fluctuation = ["3" if weekend else "0"] * len(roster)
    rows = _table(
        _DAY_KEYS,
        *(roster.code, roster.isin, roster.name, roster.market_name, roster.department),
        *(
            gone,
            fluctuation,
            gone,
            gone,
            gone,
            gone,
            gone,
            gone,
            gone,
            gone,
            commas(roster.shares),
            roster.market_id,
        ),
    )
    return rows if weekend else [{**row, "lateInfoMsgCd": ""} for row in rows]


def fundamental_rows(facts: Fundamentals) -> Rows:
    """MDCSTAT03501 of a day with numbers; `-` where the exchange has no figure."""
    day = facts.day
    return _table(
        _FUNDAMENTAL_KEYS,
        *_price_columns(day),
        [_marked(name) for name in day.name],
        *(
            known(facts.eps),
            _times(day.close, facts.eps),
            known(facts.bps),
            _times(day.close, facts.bps),
        ),
        *(known(facts.dps), _percent(facts.dps, day.close)),
    )


def holding_rows(holdings: Holdings) -> Rows:
    """MDCSTAT03701 of a day with numbers."""
    day, held, limit = holdings.day, holdings.held, holdings.limit
    return _table(
        _HOLDING_KEYS,
        *_price_columns(day),
        *(
            commas(day.shares),
            known(held),
            _percent(held, day.shares),
            known(limit),
            _percent(held, limit),
        ),
    )


def closed_fundamental_rows(roster: Day, weekend: bool) -> Rows:
    rows = _closed(_FUNDAMENTAL_KEYS, roster, weekend)
    return [
        {**row, "ISU_ABBRV_STR": _marked(name)} for row, name in zip(rows, roster.name, strict=True)
    ]


def closed_holding_rows(roster: Day, weekend: bool) -> Rows:
    shares = commas(roster.shares)
    rows = _closed(_HOLDING_KEYS, roster, weekend)
    return [{**row, "LIST_SHRS": count} for row, count in zip(rows, shares, strict=True)]


def listing_rows(facts: Listings) -> Rows:
    """MDCSTAT01901."""
    day = facts.day
    return _table(
        _LISTING_KEYS,
        *(day.isin, day.code, facts.full_name, day.name, facts.english_name),
        [date.replace("-", "/") for date in facts.listed],
        *(
            day.market_name,
            facts.security_group,
            day.department,
            facts.share_kind,
            known(facts.par_value),
        ),
        commas(day.shares),
    )


def index_rows(series: IndexSeries, positions: Sequence[int]) -> Rows:
    """MDCSTAT00301: the sessions at `places` (oldest first), newest first."""
    newest_first = list(reversed(positions))
    dates = [series.sessions[position].replace("-", "/") for position in newest_first]
    return _table(_INDEX_KEYS, dates, *_index_columns(series, newest_first))


def openapi_day_rows(day: Day) -> Rows:
    """{stk,ksq,knx}_bydd_trd of a published session: plain digits, no commas."""
    return _table(
        _OPENAPI_DAY_KEYS,
        *([_compact(day.session)] * len(day), day.code, day.name, day.market_name, day.department),
        *(
            _plain(day.close),
            _plain(day.change),
            _bare(hundredths(day.ratio)),
            _plain(day.open),
            _plain(day.high),
        ),
        *(
            _plain(day.low),
            _plain(day.volume),
            _plain(day.value),
            _plain(day.market_cap),
            _plain(day.shares),
        ),
    )


def openapi_holiday_rows(roster: Day, date: str) -> Rows:
    """The same for a weekday holiday: everybody listed, empty prices."""
    empty = [""] * len(roster)
    named = (
        [_compact(date)] * len(roster),
        roster.code,
        roster.name,
        roster.market_name,
        roster.department,
    )
    return _table(_OPENAPI_DAY_KEYS, *named, *[empty] * 9, _plain(roster.shares))


def openapi_index_rows(series: IndexSeries, market_id: str, position: int) -> Rows:
    """{kospi,kosdaq}_dd_trd of a published session."""
    columns = [_bare(column) for column in _index_columns(series, [position])]
    close, _, *rest = columns  # the Open API has no code of direction
    kind, name = _INDEX_NAMES[market_id]
    return _table(
        _OPENAPI_INDEX_KEYS, [_compact(series.sessions[position])], [kind], [name], close, *rest
    )


def openapi_index_holiday_rows(market_id: str, date: str) -> Rows:
    kind, name = _INDEX_NAMES[market_id]
    return [
        dict.fromkeys(_OPENAPI_INDEX_KEYS, "")
        | {"BAS_DD": _compact(date), "IDX_CLSS": kind, "IDX_NM": name}
    ]


def commas(values: Ints) -> list[str]:
    """1234567 is 1,234,567."""
    return [f"{value:,}" for value in values.tolist()]


def known(values: Ints) -> list[str]:
    """The same for figures the exchange may not have: NOT_AVAILABLE is `-`."""
    return [MISSING if value == NOT_AVAILABLE else f"{value:,}" for value in values.tolist()]


def hundredths(values: Iterable[int] | Ints) -> list[str]:
    """-123456 is -1,234.56."""
    return [f"{value / 100:,.2f}" for value in np.asarray(values).tolist()]


def _table(keys: Sequence[str], *columns: Iterable[str]) -> Rows:
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]


def _price_columns(day: Day) -> tuple[Iterable[str], ...]:
    prices = (commas(day.close), _plain(day.fluctuation), commas(day.change), hundredths(day.ratio))
    return (day.code, day.isin, day.name, *prices)


def _closed(keys: Sequence[str], roster: Day, weekend: bool) -> Rows:
    blank = dict.fromkeys(keys, MISSING) | {"FLUC_TP_CD": "3" if weekend else "0"}
    named = zip(roster.code, roster.isin, roster.name, strict=True)
    return [
        {**blank, "ISU_SRT_CD": code, "ISU_CD": isin, "ISU_ABBRV": name}
        for code, isin, name in named
    ]


def _index_columns(series: IndexSeries, positions: Sequence[int]) -> list[list[str]]:
    """Close, code, change, ratio, open, high, low, volume, value, cap; `-` for levels nobody
    recorded."""
    sums = [
        commas(column[positions]) for column in (series.volume, series.value, series.market_cap)
    ]
    if series.close is None or series.change is None:
        return [[MISSING] * len(positions)] * 7 + sums
    close, change = series.close[positions], series.change[positions]
    levels = [
        hundredths(column[positions])
        for column in (series.open, series.high, series.low)
        if column is not None
    ]
    ratio = hundredths(ratio_of(change, close - change))
    return [
        hundredths(close),
        _plain(direction_of(change)),
        hundredths(change),
        ratio,
        *levels,
        *sums,
    ]


def _times(price: Ints, figure: Ints) -> list[str]:
    """PER and PBR: price by figure with two decimals, `-` when the figure is not available or 0."""
    ratio = price * 100 // np.maximum(figure, 1)
    return [
        MISSING if part <= 0 else f"{value / 100:,.2f}"
        for value, part in zip(ratio.tolist(), figure.tolist(), strict=True)
    ]


def _percent(part: Ints, whole: Ints) -> list[str]:
    """`part` in percent of `whole` with two decimals, `-` when not available."""
    share = part / np.maximum(whole, 1) * 100
    return [MISSING if value < 0 else f"{value:.2f}" for value in share.tolist()]


def _marked(name: str) -> str:
    """The name with the markup the site sends along."""
    return f'{name} <em class ="up"></em>'


def _plain(values: Ints) -> list[str]:
    return [str(value) for value in values.tolist()]


def _bare(column: list[str]) -> list[str]:
    return [text.replace(",", "") for text in column]


def _compact(date: str) -> str:
    return date.replace("-", "")
