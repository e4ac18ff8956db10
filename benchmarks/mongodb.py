"""The same analysis over the MongoDB server of MONGODB_TEST_URI."""

import os
import uuid
from statistics import median
from typing import Any

from pymongo import monitoring

from benchmarks import bare
from benchmarks.analysis import Stages, analyse_all, make_targets, middle
from benchmarks.market import LAST_SESSION, copy_sessions, every_nth, open_embedded, open_over
from benchmarks.names import BARE, MONGODB, MONGODB_OURS
from benchmarks.plan import Plan
from benchmarks.timing import interleaved, ratio_row, seconds_of
from utils.store import Store
from utils.store.mongo import MongoBackend, connect

PROBE = 60
"""About so many tickers are measured where the server is too slow for the whole market."""


class ServerTime(monitoring.CommandListener):
    """Adds up what commands take, from sending each to having its answer."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self.seconds += event.duration_micros / 1e6

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self.seconds += event.duration_micros / 1e6


def measure(plan: Plan) -> dict[str, Any]:
    """Databases of our own on that server, dropped at the end whatever happens."""
    prefix = f"bench_{uuid.uuid4().hex[:10]}_"
    names = {name: prefix + name for name in ("system_info", "stock_data", "stock_analyzed")}
    server = ServerTime()
    monitoring.register(server)
    client = connect(os.environ["MONGODB_TEST_URI"])
    information = client.server_info()
    embedded = open_embedded(plan.database)
    try:
        result = _measure(plan, embedded, open_over(MongoBackend(client, names)), server)
    finally:
        for name in names.values():
            client.drop_database(name)
        client.close()
    stand_in = any(name.startswith("ferretdb") for name in information)
    return result | {
        "stand_in": stand_in,
        "server": "FerretDB" if stand_in else f"MongoDB {information['version']}",
    }


def _measure(plan: Plan, embedded: Store, store: Store, server: ServerTime) -> dict[str, Any]:
    everybody = every_nth(embedded, 1)
    step = max(1, len(everybody) // PROBE)
    _fill(embedded, store, everybody[::step])
    if (
        step > 1
        and step * seconds_of(lambda: analyse_all(store, plan.sessions)) <= plan.mongodb_seconds
    ):
        step = 1
        _fill(embedded, store, everybody)
    panel = store.sessions.panel(LAST_SESSION, plan.sessions)
    everyone = range(len(panel.tickers))
    stages: Stages = []
    waited: list[float] = []

    def analyse() -> None:
        before = server.seconds
        stages.append(analyse_all(store, plan.sessions))
        waited.append(server.seconds - before)

    tasks = {MONGODB: analyse, BARE: lambda: bare.everything(panel, everyone)}
    analyse()
    stages.clear()
    waited.clear()
    seconds = interleaved(tasks, max(2, plan.repetitions // 2))
    ours = [whole - theirs for whole, theirs in zip(seconds[MONGODB], waited, strict=True)]
    return {
        "rows": [
            ratio_row(MONGODB, seconds[MONGODB], BARE, seconds[BARE]),
            ratio_row(MONGODB_OURS, ours, BARE, seconds[BARE]),
        ],
        "stages": {"of": MONGODB, "against": BARE, "seconds": middle(stages)},
        "baseline_seconds": median(seconds[BARE]),
        "tickers": len(panel.tickers),
        "of_tickers": len(everybody),
    }


def _fill(embedded: Store, store: Store, tickers: list[str]) -> None:
    store.reset()
    sessions = [head.session for head in embedded.sessions.heads()]
    copy_sessions(embedded, store, tickers, sessions)
    make_targets(store)
