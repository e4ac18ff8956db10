"""Report for a person: tables on the terminal, and the page docs/performance.md."""

from textwrap import fill
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.names import PAGE_SIZE

Cells = list[str]
WIDTH = 150
"""Columns of the tables where there is no terminal."""
PAGE_HEAD = """# Performance

`make bench` measures what the night costs, as ratios against baselines of the same run, and writes
this page and `benchmarks/out/results.json`. A ratio says more than seconds: it hardly depends on
the machine. Nothing is asserted; a goal that is missed is called missed.

## What is measured

- **Collecting one session**: the recorded answer of the exchange (JSON, from the sandbox's
  synthetic market) is decoded as pykrx does it, parsed, checked, given its factors, stored and read
  back. Against `json.loads` of the same body. The wait for the exchange is not in it.
- **Analysing the whole market**: loading the sessions from the embedded database, indicators,
  ranks, patterns, signals, result documents and storing them, every listed ticker. Against a bare
  loop that calls the same TA-Lib functions over the same arrays (indicators over the whole series,
  the 61 patterns over the last 45 bars) and throws the results away.
- **Over MongoDB**: the same with the server of `MONGODB_TEST_URI`; without one `make bench` brings
  FerretDB along. And once more without the time between sending each command and having its answer.
- **The usual way**: a document per ticker and day in SQLite with an index, and pandas per ticker,
  vectorised, for fifteen indicators and nothing else: no adjusted prices, patterns, signals, ranks
  or chart lines.
- **Growth**: the same at one, two, four and eight eighths of the size. A slope of 1 on log-log axes
  is linear growth, less is better. Up to 0.1 above 1 counts as linear.
- **Memory**: the peak (`ru_maxrss`) of a process of its own that loads all sessions for the first
  time (with pykrx in memory), and of one that analyses the whole market as `hourly_analysis.py`
  does.
- **A night**: every start of the schedule from 19:00 to 08:10 as a process of its own, against the
  local exchange, with the page written where something has changed: processor time, start-up of
  Python included. Against the bare loop over the same market.
- **The report**: the page of the 1,700 largest tickers, written, then opened in a real Chromium
  where one is installed: seconds from the address to a page that can be used, and from a click to
  its effect.

Competing tasks take turns; figures are medians, ratios the median of the ratios of each repetition,
with the quartiles.
"""


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"


def verdict(row: dict[str, Any]) -> str:
    if row["goal"] is None:
        return ""
    return {True: "met", False: "missed", None: "not judged"}[row["met"]]


def goal(row: dict[str, Any]) -> str:
    if row["goal"] is None:
        return ""
    return f"{'at least' if row['goal_is_least'] else 'at most'} {row['goal']:g}x"


def ratio_cells(row: dict[str, Any]) -> Cells:
    spread = f"{row['low']:.3g} to {row['high']:.3g}"
    timed = [
        row["name"],
        seconds(row["seconds"]),
        row["baseline"],
        seconds(row["baseline_seconds"]),
    ]
    return [*timed, f"{row['ratio']:.3g}x", spread, goal(row), verdict(row)]


def growth_cells(row: dict[str, Any]) -> Cells:
    sizes = ", ".join(f"{size:,}" for size in row["sizes"])
    times = ", ".join(seconds(each) for each in row["seconds"])
    return [
        row["name"],
        sizes,
        times,
        f"{row['slope']:.2f}",
        f"at most {row['goal']:g}",
        verdict(row),
    ]


def memory_cells(row: dict[str, Any]) -> Cells:
    return [row["name"], f"{row['bytes'] / 1e6:.0f} MB", f"at most {row['baseline']}", verdict(row)]


def page_cells(row: dict[str, Any]) -> Cells:
    of_size = row["name"] == PAGE_SIZE
    shown = [
        f"{value / 1e6:.2f} MB" if of_size else seconds(value)
        for value in (row["measured"], row["goal"] or 0)
    ]
    return [row["name"], shown[0], f"at most {shown[1]}" if row["goal"] else "", verdict(row)]


def stage_cells(line: dict[str, Any]) -> Cells:
    return [line["name"], seconds(line["seconds"]), f"{line['share']:.0%}", f"{line['ratio']:.2f}x"]


def tables(report: dict[str, Any]) -> list[tuple[str, Cells, list[Cells]]]:
    """Return every table of the report: title, heads, lines."""
    heads = ["measured", "takes", "baseline", "takes", "ratio", "quartiles", "goal", ""]
    found = [("Ratios", heads, [ratio_cells(row) for row in report["rows"]])]
    for stages in report["stages"]:
        heads = ["stage", "takes", "share", f"times {stages['against']}"]
        found.append(
            (f"Stages: {stages['of']}", heads, [stage_cells(line) for line in stages["lines"]])
        )
    heads = ["growth", "sizes", "takes", "slope", "goal", ""]
    found.append(("Growth", heads, [growth_cells(row) for row in report["growth"]]))
    memory = [memory_cells(row) for row in report["memory"]]
    found.append(("Memory", ["peak", "measured", "goal", ""], memory))
    found.append(
        (
            "The report",
            ["page", "measured", "goal", ""],
            [page_cells(row) for row in report["page"]],
        )
    )
    return found


def described(report: dict[str, Any]) -> str:
    plan = report["plan"]
    size = f"{plan['tickers']:,} tickers at the first session, {plan['sessions']} sessions."
    return f"{size} {described_machine(report['machine'])}"


def described_machine(machine: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    cores = f"{machine['cores']} cores (load {machine['load_before']} before the run)"
    return f"{machine['system']}, {cores}, Python {machine['python']}, {packages}."


def show(report: dict[str, Any]) -> None:
    console = plain_console()
    console.print(described(report), markup=False)
    for title, heads, lines in tables(report):
        console.print(as_table(title, heads, lines))
    for note in report["notes"]:
        console.print(note, markup=False)


def plain_console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def as_table(title: str, heads: Cells, lines: list[Cells]) -> Table:
    table = Table(*heads, title=title, title_justify="left")
    for line in lines:
        table.add_row(*line)
    return table


def as_markdown(heads: Cells, lines: list[Cells]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *lines])


def page(report: dict[str, Any]) -> str:
    """Return the text of docs/performance.md."""
    noted = [
        fill(note, 120, initial_indent="- ", subsequent_indent="  ") for note in report["notes"]
    ]
    parts = [PAGE_HEAD.strip(), "## On what", fill(described(report), 120), "\n".join(noted)]
    for title, heads, lines in tables(report):
        parts += [f"## {title}", as_markdown(heads, lines)]
    return "\n\n".join(parts) + "\n"
