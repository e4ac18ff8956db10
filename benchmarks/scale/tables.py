"""Tables of the numbers on the terminal, and between the marks of docs/scale.md."""

import re
from textwrap import fill
from typing import Any

import numpy as np

from benchmarks.report import slope
from benchmarks.scale.names import COLLECT, DOCUMENT_LIMIT, EVENING, SLOWER_THAN_LINEAR, WORKS
from benchmarks.scale.plan import LONG, SERVER, WIDE
from benchmarks.tables import (
    Cells,
    as_markdown,
    as_table,
    described_machine,
    plain_console,
    seconds,
)

Result = dict[str, Any]
Numbers = tuple[str, Cells, list[Cells]]
"""Title, heads and lines of a table."""
Blocks = dict[str, list[Any]]
"""Name of a block of the page -> its content as JSON: sentences, tables of `heads` and `lines`."""
EXPECTED = (300, 1_000, 7_800)
"""Usual numbers of sessions: the default, four years, all that the exchange has."""
_TITLES = {
    LONG: "Thirty years of a narrow market",
    WIDE: "Four years of the whole market",
    SERVER: "Over the server of MONGODB_TEST_URI",
}
_SERVER_MISSING = "MONGODB_TEST_URI was not set: nothing was measured over a server."
_BLOCK = re.compile(r"(<!-- numbers: (\w+) -->\n).*?(\n<!-- end of numbers -->)", re.DOTALL)


def show(result: Result) -> None:
    console = plain_console()
    console.print(described_machine(result["machine"]), markup=False)
    for numbers in tables(result).values():
        for title, heads, lines in numbers:
            console.print(as_table(title, heads, lines))


def shown(result: Result) -> Blocks:
    """Return the blocks of the page. A server that was not measured is named as missing."""
    blocks: Blocks = {
        "machine": [fill(described_machine(result["machine"]), 120)],
        SERVER: [_SERVER_MISSING],
    }
    for name, found in tables(result).items():
        blocks[name] = [{"heads": heads, "lines": lines} for _, heads, lines in found]
    return blocks


def filled_in(page: str, blocks: Blocks) -> str:
    """Return the page with these numbers between its marks."""

    def replaced(block: re.Match[str]) -> str:
        parts = [
            part if isinstance(part, str) else as_markdown(**part) for part in blocks[block[2]]
        ]
        return block[1] + "\n".join(("", "\n\n".join(parts), "")) + block[3]

    return _BLOCK.sub(replaced, page)


def tables(result: Result) -> dict[str, list[Numbers]]:
    """Return the tables by the name of their block."""
    histories = result["histories"]
    found = {
        name: [_growth(name, history), _sizes(name, history)] for name, history in histories.items()
    }
    return found | {
        "expected": [_expected(histories[WIDE], histories[LONG])],
        "document": [_document(histories[WIDE])],
    }


def _growth(name: str, history: Result) -> Numbers:
    heads = [
        "work",
        *(f"{sessions:,} sessions" for sessions in history["sessions"]),
        "slope",
        "",
        "peak memory",
    ]
    return (
        _titled(name, history, "times"),
        heads,
        [_growth_line(work, history) for work in (COLLECT, *WORKS)],
    )


def _growth_line(work: str, history: Result) -> Cells:
    """Return a line without the peak of collecting: the synthetic market is in the same process."""
    times = [each["seconds"] for each in history["work"][work]]
    steepness = slope(history["sessions"], times)
    verdict = "linear or less" if steepness <= SLOWER_THAN_LINEAR else "MORE THAN LINEAR"
    peak = max(each["peak_bytes"] for each in history["work"][work])
    return [
        work,
        *map(seconds, times),
        f"{steepness:.2f}",
        verdict,
        "" if work == COLLECT else megabytes(peak),
    ]


def _sizes(name: str, history: Result) -> Numbers:
    heads = ["sessions", "database", "of it indexes", "a session", "a ticker and session"]
    plain = "plain_bytes" in history["sizes"][0]
    lines = [_size_line(*each) for each in zip(history["sessions"], history["sizes"], strict=True)]
    return _titled(name, history, "sizes"), heads + ["documents"] * plain, lines


def _size_line(sessions: int, size: Result) -> Cells:
    indexes = "not told" if size["index_bytes"] is None else megabytes(size["index_bytes"])
    of_one = size["bytes"] / sessions
    line = [f"{sessions:,}", megabytes(size["bytes"]), indexes, f"{of_one / 1000:,.1f} kB"]
    documents = [megabytes(size["plain_bytes"])] if "plain_bytes" in size else []
    return [*line, f"{of_one / size['tickers']:,.0f} bytes", *documents]


def _titled(name: str, history: Result, what: str) -> str:
    return f"{_TITLES[name]} ({history['tickers']:,} tickers): {what}"


def _expected(wide: Result, long: Result) -> Numbers:
    sizes = {
        "embedded database": [
            [each["bytes"] for each in history["sizes"]] for history in (wide, long)
        ],
        "documents in MongoDB, not compressed": [
            _document_bytes(history) for history in (wide, long)
        ],
    }
    lines = [
        [name, *map(gigabytes, _expect(wide, long, *values))] for name, values in sizes.items()
    ]
    for work in (EVENING, *(each for each in WORKS if each != EVENING)):
        values = [[each["seconds"] for each in history["work"][work]] for history in (wide, long)]
        lines.append([work, *map(seconds, _expect(wide, long, *values))])
    lines.append(["peak memory of any of these", *map(megabytes, _expected_peaks(wide, long))])
    return (
        "To be expected of the whole market",
        ["", *(f"{each:,} sessions" for each in EXPECTED)],
        lines,
    )


def _document_bytes(history: Result) -> list[float]:
    return [
        each["document_bytes"] * count
        for each, count in zip(history["sizes"], history["sessions"], strict=True)
    ]


def _expect(wide: Result, long: Result, of_wide: list[float], of_long: list[float]) -> list[float]:
    """Return the expected values at each of `EXPECTED`.

    Within the measured range of the whole market they are measured. Beyond its end they are
    multiplied by the narrow market's growth from as many sessions.
    """
    measured = [min(sessions, wide["sessions"][-1]) for sessions in EXPECTED]
    grown = [
        _at(long, of_long, sessions) / _at(long, of_long, end)
        for sessions, end in zip(EXPECTED, measured, strict=True)
    ]
    return [
        _at(wide, of_wide, end) * max(times, 1) for end, times in zip(measured, grown, strict=True)
    ]


def _expected_peaks(wide: Result, long: Result) -> list[float]:
    """Return the expected memory. The narrow market's growth is added here, because most of a
    process does not grow."""
    return [
        max(_expected_peak(wide, long, work, sessions) for work in WORKS) for sessions in EXPECTED
    ]


def _expected_peak(wide: Result, long: Result, work: str, sessions: int) -> float:
    of_wide, of_long = (
        [each["peak_bytes"] for each in history["work"][work]] for history in (wide, long)
    )
    end = min(sessions, wide["sessions"][-1])
    return _at(wide, of_wide, end) + max(_at(long, of_long, sessions) - _at(long, of_long, end), 0)


def _at(history: Result, values: list[float], sessions: int) -> float:
    """Return the value at so many sessions, linear between the measured ones; outside, the
    nearest."""
    return float(np.interp(sessions, history["sessions"], values))


def _document(wide: Result) -> Numbers:
    largest = wide["sizes"][-1]
    of_ticker = largest["document_bytes"] / largest["tickers"]
    cells = [
        ["a session of the whole market with all datasets", megabytes(largest["document_bytes"])],
        ["its tickers", f"{largest['tickers']:,}"],
        ["bytes a ticker", f"{of_ticker:,.0f}"],
        [
            "part of the 16 MiB that a document may have",
            f"{largest['document_bytes'] / DOCUMENT_LIMIT:.1%}",
        ],
        ["tickers with which it would be full", f"{DOCUMENT_LIMIT / of_ticker:,.0f}"],
    ]
    return "One session as a document of MongoDB", ["", ""], cells


def gigabytes(count: float) -> str:
    return f"{count / 1e9:.2f} GB"


def megabytes(count: float) -> str:
    return f"{count / 1e6:,.1f} MB" if count < 1e7 else f"{count / 1e6:,.0f} MB"
