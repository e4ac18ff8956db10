"""One ticker's result, or the largest targets, as a readable sheet on stdout."""

from typing import Any

from rich.table import Table

from utils.cli import screen
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


def show_ticker(document: dict[str, Any]) -> None:
    """Every indicator of one `stock_analyzed.indicators` document."""
    console = screen(highlight=False)
    console.print(
        f"[bold]{document['_id']} {document['name']}[/] ({document['market']}), {document['session']}: "
        f"close {document['close']:,} won, market cap {document['market_cap'] / 1e12:,.2f} trillion won (조원)"
    )
    table = Table("indicator", "value", "indicator", "value", box=None, pad_edge=False)
    cells = [(name, _number(value)) for name, value in document["latest"].items()]
    half = (len(cells) + 1) // 2
    for place in range(half):
        left, right = cells[place], cells[place + half] if place + half < len(cells) else ("", "")
        table.add_row(*left, *right)
    console.print(table)
    console.print(f"signals: {', '.join(document['signals']) or '-'}")
    console.print(f"patterns: {', '.join(_pattern(each) for each in document['patterns']) or '-'}")


def show_largest(store: Store, count: int) -> None:
    """The largest active targets with their main indicators."""
    table = Table(box=None, pad_edge=False)
    table.add_column("ticker")
    table.add_column("name", no_wrap=True)
    for title in ("close", "cap 조원", *_COLUMNS.values()):
        table.add_column(title, justify="right", no_wrap=True)
    for target in store.targets(active_only=True)[:count]:
        if (document := store.analysis(target["_id"])) is not None:
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


def _pattern(pattern: dict[str, str]) -> str:
    return f"{pattern['name']} ({pattern['direction']})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}" if abs(value) < 10_000 else f"{value:,.0f}"
