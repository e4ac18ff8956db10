"""The same analysis over the MongoDB server of MONGODB_TEST_URI."""

import os
import uuid
from statistics import median
from typing import Any

from benchmarks import bare
from benchmarks.analysis import Stages, analyse_all, make_targets, middle
from benchmarks.market import LAST_SESSION, copy_sessions, every_nth, open_embedded, open_over
from benchmarks.names import BARE, MONGODB
from benchmarks.plan import Plan
from benchmarks.timing import interleaved, ratio_row, seconds_of
from utils.store import Store
from utils.store.mongo import MongoBackend, connect

PROBE = 60
"""About so many tickers are measured where the server is too slow for the whole market."""


def measure(plan: Plan) -> dict[str, Any]:
    """Databases of our own on that server, dropped at the end whatever happens."""
    prefix = f"bench_{uuid.uuid4().hex[:10]}_"
    names = {name: prefix + name for name in ("system_info", "stock_data", "stock_analyzed")}
    client = connect(os.environ["MONGODB_TEST_URI"])
    information = client.server_info()
    embedded = open_embedded(plan.database)
    try:
        result = _measure(plan, embedded, open_over(MongoBackend(client, names)))
    finally:
        for name in names.values():
            client.drop_database(name)
        client.close()
    stand_in = any(name.startswith("ferretdb") for name in information)
    return result | {"stand_in": stand_in, "server": "FerretDB" if stand_in else f"MongoDB {information['version']}"}


def _measure(plan: Plan, embedded: Store, store: Store) -> dict[str, Any]:
    everybody = every_nth(embedded, 1)
    step = max(1, len(everybody) // PROBE)
    _fill(embedded, store, everybody[::step])
    if step > 1 and step * seconds_of(lambda: analyse_all(store, plan.sessions)) <= plan.mongodb_seconds:
        step = 1
        _fill(embedded, store, everybody)
    panel = store.load_panel(LAST_SESSION, plan.sessions)
    everyone = range(len(panel.tickers))
    stages: Stages = []
    tasks = {
        MONGODB: lambda: stages.append(analyse_all(store, plan.sessions)),
        BARE: lambda: bare.everything(panel, everyone),
    }
    tasks[MONGODB]()
    stages.clear()
    seconds = interleaved(tasks, max(2, plan.repetitions // 2))
    return {
        "rows": [ratio_row(MONGODB, seconds[MONGODB], BARE, seconds[BARE])],
        "stages": {"of": MONGODB, "against": BARE, "seconds": middle(stages)},
        "baseline_seconds": median(seconds[BARE]),
        "tickers": len(panel.tickers),
        "of_tickers": len(everybody),
    }


def _fill(embedded: Store, store: Store, tickers: list[str]) -> None:
    store.reset()
    sessions = [head.session for head in embedded.session_heads()]
    copy_sessions(embedded, store, tickers, sessions)
    make_targets(store)
