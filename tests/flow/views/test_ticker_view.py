"""One ticker's result as a person reads it."""

from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.table import Table

from collectors.analysis.indicators.catalogue import CATALOGUE, GROUPS, INDICATOR_NAMES
from collectors.analysis.indicators.ranks import RANK_NAMES, RANKED
from collectors.views.ticker_view import _largest_row, show_ticker
from utils.cli import screen

LARGEST = 1_999_999_999_999.0
"""Wider than any price, volume or value traded."""


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "_id": "005930",
        "name": "삼성전자",
        "market": "KOSPI",
        "market_cap": 447_136_713_000_000,
        "session": "2024-01-22",
        "close": 75_100,
        "latest": dict.fromkeys(INDICATOR_NAMES, -LARGEST),
        "signals": ["golden_cross_5_20"],
        "patterns": [{"name": "engulfing", "direction": "bullish"}],
        "ranks": dict(zip(RANK_NAMES, np.linspace(0, 100, len(RANK_NAMES)).tolist(), strict=True)),
    }


def shown(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    show_ticker(document)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_it_begins_with_who_and_what_happened(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(document, capsys)[:4] == [
        "005930 삼성전자 (KOSPI), 2024-01-22",
        "close 75,100 won, market cap 447.14 trillion won (조원)",
        "signals: golden_cross_5_20 골든크로스 5/20",
        "patterns: engulfing 장악형 (bullish)",
    ]


def test_a_name_is_shown_as_text(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    document["name"] = "[bold]굵은[/nothing] :warning: [/]"
    assert shown(document, capsys)[0] == f"005930 {document['name']} (KOSPI), 2024-01-22"
    table = Table(box=None)
    table.add_row(*_largest_row(document)[:2])
    screen().print(table)
    assert document["name"] in capsys.readouterr().out


def test_every_indicator_stands_on_a_line_with_its_korean_name_and_unit(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(document, capsys)[: -len(RANKED) - 1]
    for each in CATALOGUE:
        (line,) = (line for line in lines if line.startswith(f"{each.name} "))
        assert line.split() == [
            each.name,
            *each.korean.split(),
            "-1,999,999,999,999",
            *each.unit.split(),
        ]
    assert [line for line in lines if line in {group.title for group in GROUPS}] == [
        group.title for group in GROUPS
    ]


def test_ranks_stand_side_by_side(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(document, capsys)[-len(RANKED) :]
    assert lines[0].split() == ["return_1", "0.00", "52.94"]
    assert [line.split()[0] for line in lines] == list(RANKED)


def test_it_fits_a_terminal_of_80_columns(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert max(map(cell_len, shown(document, capsys))) <= 80


def test_what_there_is_not_is_a_dash(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = {"latest": dict.fromkeys(INDICATOR_NAMES), "signals": [], "patterns": []}
    lines = shown(document | nothing | {"ranks": dict.fromkeys(RANK_NAMES)}, capsys)
    assert lines[2:4] == ["signals: -", "patterns: -"]
    assert lines[-1].split() == ["volatility_20", "-", "-"]
    (rsi,) = (line for line in lines if line.startswith("rsi_14"))
    assert rsi.split() == ["rsi_14", "RSI", "-", "0", "to", "100"]
