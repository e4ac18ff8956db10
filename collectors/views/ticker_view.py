"""Ticker view: the result of one ticker, or a table of the largest targets, on stdout."""

from typing import Any

from rich.table import Table
from rich.text import Text

from collectors.analysis.indicators.catalogue import GROUPS
from collectors.analysis.indicators.patterns import PATTERNS
from collectors.analysis.indicators.ranks import RANKED
from collectors.analysis.indicators.signals import SIGNALS
from utils.cli import screen
from utils.errors import WrongUsage
from utils.output import check_answered
from utils.store import Store

_COLUMNS = {
    "sma_20": "SMA 20",
    "rsi_14": "RSI 14",
    "macd_histogram": "MACD hist.",
    "bb_percent_b": "%b",
    "stoch_k": "stoch. %K",
    "adx_14": "ADX 14",
    "atr_14": "ATR 14",
    "return_20": "20 days %",
}
_KOREAN = {each.name: each.korean for each in (*SIGNALS, *PATTERNS)}
_WITHIN = {"whole market": "_all", "own market": "_own"}


def show_result(store: Store, ticker: str) -> None:
    """Print the ticker's last result. Raise `WrongUsage` when there is none, `NotAnswered` when
    stdout cannot take it."""
    document = store.results.get(ticker)
    if document is None:
        reason = "it is no target. `daily_update.py --export` shows all tickers."
        if (target := store.targets.get(ticker)) is not None:
            reason = target["last_error"] or "it waits for its analysis."
        raise WrongUsage(f"--ticker {ticker}: there is no result; {reason}")
    show_ticker(document)
    check_answered()


def show_ticker(document: dict[str, Any]) -> None:
    """Print one `stock_analyzed.indicators` document for a terminal of 80 columns."""
    console = screen(highlight=False)
    console.print(
        Text(f"{document['_id']} {document['name']}", style="bold"),
        f"({document['market']}), {document['session']}\n"
        f"close {document['close']:,} won, market cap {document['market_cap'] / 1e12:,.2f} "
        "trillion won (조원)",
    )
    signals = [f"{name} {_KOREAN[name]}" for name in document["signals"]]
    patterns = [
        f"{each['name']} {_KOREAN[each['name']]} ({each['direction']})"
        for each in document["patterns"]
    ]
    console.print(f"signals: {', '.join(signals) or '-'}")
    console.print(f"patterns: {', '.join(patterns) or '-'}")
    console.print(_latest_table(document["latest"]))
    console.print(_rank_table(document["ranks"]))


def _latest_table(latest: dict[str, float | None]) -> Table:
    table = Table("indicator", "지표", box=None, pad_edge=False)
    table.add_column("value", justify="right")
    table.add_column("unit")
    for group in GROUPS:
        table.add_row(Text(group.title, style="bold"))
        for each in group.indicators:
            table.add_row(each.name, each.korean, _number(latest.get(each.name)), each.unit)
    return table


def _rank_table(ranks: dict[str, float | None]) -> Table:
    table = Table("percentile rank", box=None, pad_edge=False)
    for title in _WITHIN:
        table.add_column(title, justify="right")
    for name in RANKED:
        table.add_row(name, *[_number(ranks[f"{name}{suffix}"]) for suffix in _WITHIN.values()])
    return table


def show_largest(store: Store, count: int) -> None:
    """Print the largest active targets with their main indicators."""
    table = Table(box=None, pad_edge=False)
    table.add_column("ticker")
    table.add_column("name", no_wrap=True)
    for title in ("close", "cap 조원", *_COLUMNS.values()):
        table.add_column(title, justify="right", no_wrap=True)
    for target in store.targets.active()[:count]:
        if (document := store.results.get(target["_id"])) is not None:
            table.add_row(*_largest_row(document))
    screen(highlight=False).print(table)


def _largest_row(document: dict[str, Any]) -> list[str]:
    latest = [_number(document["latest"][name]) for name in _COLUMNS]
    return [
        document["_id"],
        document["name"],
        f"{document['close']:,}",
        f"{document['market_cap'] / 1e12:,.1f}",
        *latest,
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}" if abs(value) < 10_000 else f"{value:,.0f}"
