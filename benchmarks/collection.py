"""Collection of one session from the recorded answer into the store, against `json.loads` of the
same body."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks.market import BLOCK, Recorded, collect, open_collector, open_embedded
from benchmarks.names import COLLECT, FIRST_LOAD, JSON_LOADS
from benchmarks.plan import GROWTH, Plan
from benchmarks.timing import Stopwatch, ratio_row, seconds_of
from collectors.collection.stock_data_collector import StockDataCollector
from collectors.exchange.day_table import parse_day
from collectors.rules.factors import actions_between
from collectors.rules.judgement import judge
from utils.date_utils import final_from
from utils.market_day import DAY_COLUMNS, MarketDay
from utils.settings import environment_for_imports
from utils.store import Store

STAGED = 15
"""Sessions whose collection is also measured step by step."""


def measure(plan: Plan) -> dict[str, Any]:
    """Measure a first load: every recorded session is collected once, in order, each followed by
    its baseline."""
    _import_pykrx(Path(plan.folder))
    source, store = Recorded(plan.bodies), open_embedded(plan.database)
    collector = open_collector(source, store)
    whole, decoding, stages = [], [], []
    for session in source.sessions:
        source.take_up(session)
        whole.append(seconds_of(partial(collect, collector, session)))
        decoding.append(seconds_of(partial(json.loads, source.body)))
        if session in source.sessions[-STAGED:]:
            stages.append(_steps(source, store, collector, session))
    store.close()
    return {
        "rows": [ratio_row(COLLECT, whole, JSON_LOADS, decoding)],
        "stages": {
            "of": COLLECT,
            "against": JSON_LOADS,
            "seconds": _stage_table(whole[-len(stages) :], stages),
        },
        "baseline_seconds": median(decoding),
        "growth": [_first_load_growth(whole)],
        "body_bytes": len(source.body),
    }


def _import_pykrx(cache: Path) -> None:
    """Import pykrx, as the real first load does. It would log in on import, so the account is
    hidden from it."""
    with (
        environment_for_imports(cache, without=("KRX_ID", "KRX_PW")),
        redirect_stdout(io.StringIO()),
    ):
        import pykrx.website.krx.market.core  # noqa: F401


def _steps(
    source: Recorded, store: Store, collector: StockDataCollector, session: str
) -> dict[str, float]:
    """Measure the steps of `StockDataCollector.collect`, one by one, over a stored session."""
    previous = store.sessions.load(collector.calendar.previous_session(session))
    watch = Stopwatch()
    answer = json.loads(source.body)
    watch.lap("json.loads")
    raw = pd.DataFrame(answer[BLOCK])
    watch.lap("table of text, as pykrx makes it")
    frame = parse_day(raw, session).frame
    watch.lap("parse_day")
    day = MarketDay(session, frame, final_from(session), source.name)
    judge(day, previous)
    watch.lap("judge")
    found = actions_between(previous, day)
    watch.lap("actions_between")
    whole = replace(day, frame=frame.assign(factor=found.factor)[list(DAY_COLUMNS)])
    store.sessions.save(whole, found.documents())
    watch.lap("sessions.save")
    stored = store.sessions.load(session)
    _ = stored is not None and stored.digest() == whole.digest()
    watch.lap("read back and compare")
    return watch.seconds


def _stage_table(whole: list[float], stages: list[dict[str, float]]) -> dict[str, float]:
    table = {name: median(each[name] for each in stages) for name in stages[0]}
    rest = "the rest: neighbouring sessions, calendar"
    table[rest] = max(
        0.0, median(one - sum(each.values()) for one, each in zip(whole, stages, strict=True))
    )
    return table


def _first_load_growth(whole: list[float]) -> dict[str, Any]:
    """Return the seconds to load the first n sessions, for n at every size."""
    added_up = list(accumulate(whole))
    sizes = [max(2, len(whole) * size // GROWTH[-1]) for size in GROWTH]
    return {"name": FIRST_LOAD, "sizes": sizes, "seconds": [added_up[size - 1] for size in sizes]}
