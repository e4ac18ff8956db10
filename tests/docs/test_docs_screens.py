"""The screens, and whatever else is asked in mongosh: they run as they stand, and find those that
were put there."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymongo
import pytest

from sandbox.synthetic import SyntheticMarket
from tests.docs.conftest import LAST, SERVER, Checkout
from tests.docs.mongosh import Mongosh
from tests.docs.pages import Block, blocks
from tests.server import NewDatabases
from tests.store.conftest import DATABASES, Mongomock
from tests.store.test_daily_prices_view import run_stage
from utils.market_day import DATASET_COLUMNS, DAY_COLUMNS
from utils.store.backend import Columns, to_lists
from utils.store.mongo import daily_prices_pipeline
from utils.store.schema import ACTIONS, INDICATORS, JOBS, SCREENS, SESSIONS, TARGETS

Document = dict[str, Any]
BEFORE = "2026-09-10"
PRICES = "stock_data.daily_prices"
FOUND = "000000"
RISING = {"ranks.return_20_all": 50.0, "ranks.return_120_all": 90.0}
SCREENED: dict[str, tuple[dict[str, Document], list[dict[str, Document]]]] = {
    "Targets with a golden cross": (
        {INDICATORS: {"signals": ["golden_cross_5_20"]}},
        [{INDICATORS: {"signals": []}}],
    ),
    "New 52-week highs": (
        {
            INDICATORS: {
                "signals": ["gap_up", "new_high_52w", "volume_surge"],
                "latest.value_sma_20": 2e9,
            }
        },
        [
            {INDICATORS: {"signals": ["new_high_52w"]}},
            {INDICATORS: {"latest.value_sma_20": 9e8}},
            {INDICATORS: {"session": BEFORE}},
        ],
    ),
    "Oversold in an uptrend": (
        {INDICATORS: RISING | {"latest.rsi_14": 39.0}},
        [
            {INDICATORS: {"latest.rsi_14": 41.0}},
            {INDICATORS: {"latest.rsi_14": None}},
            {INDICATORS: {"ranks.return_120_all": 60.0}},
            {INDICATORS: {"session": BEFORE}},
        ],
    ),
    "Cheap by PER and PBR": (
        {PRICES: {"per": 8.0, "pbr": 0.5}, INDICATORS: RISING},
        [
            {PRICES: {"per": 11.0}},
            {PRICES: {"per": -1.0}},
            {PRICES: {"pbr": None}},
            {PRICES: {"session": BEFORE}},
            {INDICATORS: {"ranks.return_20_all": 49.0}},
            {INDICATORS: {"ranks.return_120_all": None}},
        ],
    ),
    "What to look at before trading": (
        {ACTIONS: {"flag": "spin_off"}},
        [{ACTIONS: {"flag": None}}],
    ),
    "Targets that cannot be analysed": (
        {TARGETS: {"last_error": "no bar"}},
        [{TARGETS: {"last_error": None}}],
    ),
}
"""A question, by how its comment begins -> what makes a document of each collection one that it
finds, and in what each of the others differs from that one."""
ASKED_IN = ("README.md", "docs/how-to.md", "docs/screens.md", "docs/what-to-do.md")
COMMENT = re.compile(r"^// (.+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Stored:
    """Documents that the scripts have stored: one of each collection, and two sessions as the view
    shows them."""

    samples: dict[str, Document]
    jobs: list[Document]
    rows: list[Document]


@pytest.fixture(scope="module")
def stored(installed: Checkout) -> Iterator[Stored]:
    store = installed.store()
    heads = {head["_id"]: head for head in store.backend.session_heads()}
    columns = store.sessions.columns((*DAY_COLUMNS, *DATASET_COLUMNS["fundamentals"]), BEFORE, LAST)
    rows = [heads[session] | to_lists(found) for session, found in columns]
    for stage in daily_prices_pipeline():
        rows = run_stage(stage, rows)
    samples = {
        name: store.backend.find(name, limit=1)[0] for name in (INDICATORS, ACTIONS, TARGETS)
    }
    samples[INDICATORS]["session"] = LAST
    yield Stored(samples | {PRICES: rows[-1]}, store.jobs.records("daily_update"), rows)
    store.close()


def changed(document: Document, changes: Document) -> Document:
    """Return the document with these fields, `latest.rsi_14` for one of a document within; each has
    to be there."""
    for name, value in changes.items():
        field, _, rest = name.partition(".")
        assert field in document, name
        document = document | {field: changed(document[field], {rest: value}) if rest else value}
    return document


@pytest.fixture(params=["mongomock", "mongodb"])
def client(
    request: pytest.FixtureRequest, on_the_server: NewDatabases
) -> "Iterator[pymongo.MongoClient[Document]]":
    if request.param == "mongodb":
        on_the_server()
    yield (client := Mongomock() if request.param == "mongomock" else pymongo.MongoClient(SERVER))
    client.close()


@pytest.fixture
def prefix(client: "pymongo.MongoClient[Document]") -> Iterator[str]:
    yield (prefix := f"test_{uuid.uuid4().hex[:10]}_")
    for name in DATABASES:
        client.drop_database(prefix + name)


class Asked:
    """A database in which something is put, and asked in mongosh's words."""

    def __init__(self, client: "pymongo.MongoClient[Document]", prefix: str) -> None:
        self._client, self._prefix, self._shell = client, prefix, Mongosh(client, prefix)

    def put(self, collection: str, documents: list[Document]) -> None:
        database, _, name = collection.partition(".")
        self._client[self._prefix + database][name].insert_many(documents)

    def ask(self, code: str) -> Any:
        """Return what the last of these lines gives."""
        return [
            self._shell.run(line)
            for line in code.splitlines()
            if line and not line.startswith("//")
        ][-1]


@pytest.fixture
def asked(client: "pymongo.MongoClient[Document]", prefix: str) -> Asked:
    return Asked(client, prefix)


def questions() -> list[tuple[str, str]]:
    """Return (comment, code below it) of everything for mongosh. The Korean README asks what the
    English one asks."""
    shown = "\n".join(f"{block.code}\n" for block in blocks("js") if block.page in ASKED_IN)
    _, *parts = COMMENT.split(shown)
    return list(zip(parts[::2], parts[1::2], strict=True))


def question(begins: str) -> str:
    (code,) = (code for comment, code in questions() if comment.startswith(begins))
    return code


@pytest.mark.parametrize("begins", SCREENED)
def test_a_screen_finds_whom_it_should_and_nobody_else(
    begins: str, stored: Stored, asked: Asked
) -> None:
    wanted, others = SCREENED[begins]
    for collection, changes in wanted.items():
        tickers = {FOUND: {}} | {
            f"{number:06d}": other for number, other in enumerate(others, start=1)
        }
        found = changed(stored.samples[collection], changes)
        asked.put(
            collection,
            [
                changed(found, other.get(collection, {})) | {"_id": ticker, "ticker": ticker}
                for ticker, other in tickers.items()
            ],
        )
    assert [each["_id"] for each in asked.ask(question(begins))] == [FOUND]


def test_the_largest_values_of_a_session_come_first(stored: Stored, asked: Asked) -> None:
    asked.put(PRICES, stored.rows)
    of_last = sorted(
        (row for row in stored.rows if row["session"] == LAST), key=lambda row: -row["value"]
    )
    found = asked.ask(question("The ten stocks with the largest value"))
    assert [row["_id"] for row in found] == [row["_id"] for row in of_last[:10]]


def test_the_value_of_a_session_is_counted_by_market(
    stored: Stored, asked: Asked, market: SyntheticMarket
) -> None:
    asked.put(PRICES, stored.rows)
    day = market.day(LAST)
    found = asked.ask(question("Value traded in a session"))
    assert [row["value"] for row in found] == sorted((row["value"] for row in found), reverse=True)
    assert sum(row["value"] for row in found) == day.value.sum()


def test_the_last_five_updates_are_shown(stored: Stored, asked: Asked) -> None:
    asked.put(JOBS, stored.jobs)
    found = asked.ask(question("The last five daily updates"))
    assert [job["date_kst"] for job in found] == sorted(
        (job["date_kst"] for job in stored.jobs), reverse=True
    )[:5]


def test_a_session_is_deleted_and_no_other(asked: Asked) -> None:
    asked.put(SESSIONS, [{"_id": "2026-09-08"}, {"_id": "2026-09-09"}])
    asked.ask(question("Delete it"))
    assert asked.ask('db.getSiblingDB("stock_data").sessions.find({})') == [{"_id": "2026-09-08"}]


def test_everything_is_dropped(
    asked: Asked, client: "pymongo.MongoClient[Document]", prefix: str
) -> None:
    for collection in (SESSIONS, INDICATORS, TARGETS):
        asked.put(collection, [{"_id": "any"}])
    asked.ask(question("All that is stored"))
    assert not [name for name in client.list_database_names() if name.startswith(prefix)]


def test_everything_that_is_asked_in_mongosh_was_asked() -> None:
    others = (
        "The ten stocks",
        "Value traded",
        "The last five daily updates",
        "Delete it",
        "All that is stored",
    )
    assert [
        comment for comment, _ in questions() if not comment.startswith((*SCREENED, *others))
    ] == []
    assert len(questions()) == len(SCREENED) + len(others)
    assert all(COMMENT.match(block.code) for block in blocks("js") if block.page in ASKED_IN)


def test_every_screen_of_results_names_an_indexed_field() -> None:
    indexed = [field for fields in SCREENS[INDICATORS] for field in fields]
    for _, code in questions():
        for question in code.split(".indicators.find(")[1:]:
            where = question.split("}, {")[0]
            assert any(re.search(rf'[ "]{re.escape(field)}"?: ', where) for field in indexed), where


# In pandas


@pytest.fixture(scope="module")
def planted(
    installed: Checkout, largest: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Checkout:
    """The larger of the two has all that the screens ask for; the other one fails each of them in
    one thing."""
    own, (found, missed) = (
        installed.copied(tmp_path_factory.mktemp("planted") / "krx-night-shift"),
        largest.values(),
    )
    store = own.store()
    rising = {"latest.sma_60": 2.0, "latest.sma_120": 1.0}
    for ticker, changes in (
        (found, {"signals": ["new_high_52w", "volume_surge"], "latest.rsi_14": 30.0}),
        (missed, {"signals": ["new_high_52w"], "latest.rsi_14": 41.0}),
    ):
        analysis = store.results.get(ticker)
        assert analysis is not None
        store.backend.put(INDICATORS, [changed(analysis, rising | changes)])
    (head,) = store.backend.find(SESSIONS, {"_id": LAST})
    ((_, columns),) = store.sessions.columns(
        (*DAY_COLUMNS, *DATASET_COLUMNS["fundamentals"]), LAST, LAST
    )
    store.backend.put_session(head, with_a_record(columns, found, missed))
    store.close()
    return own


def with_a_record(columns: Columns, found: str, missed: str) -> Columns:
    """Two tickers that close at three times their price and are cheap by book value: one on a
    surge, and by its earnings too."""
    cells = {
        name: column if isinstance(column, list) else column.copy()
        for name, column in columns.items()
    }
    both = np.isin(np.array(cells["ticker"]), [found, missed])
    one = np.isin(np.array(cells["ticker"]), [found])
    for name, rows, value in (("per", both, 15.0), ("per", one, 5.0), ("pbr", both, 0.5)):
        np.asarray(cells[name])[rows] = value
    np.asarray(cells["close"])[both] *= 3
    np.asarray(cells["value"])[one] *= 50
    return cells


SCREENS_IN_PANDAS = [block for block in blocks("python") if block.page == "docs/screens.md"]


@pytest.mark.parametrize("block", SCREENS_IN_PANDAS[:2], ids=str)
def test_the_screens_in_pandas_find_whom_they_should(
    block: Block, planted: Checkout, largest: dict[str, str]
) -> None:
    found, missed = largest.values()
    shown = planted.python(block.code)
    assert len(re.findall(rf"^{found} ", shown, re.MULTILINE)) == block.code.count("print(") == 2, (
        shown
    )
    assert missed not in shown


def test_what_became_of_a_screen_is_counted_from_the_next_price_on(installed: Checkout) -> None:
    """Once more, from the arrays that the indicators are computed from."""
    (block,) = SCREENS_IN_PANDAS[2:]
    store = installed.store()
    then, now = store.sessions.panel("2026-08-03", 61), store.sessions.panel(LAST, 300)
    store.close()
    growth = then.close[:, -1] / then.close[:, 0]
    order = np.argsort(-np.where(np.isfinite(growth), growth, 0.0))[:20]
    start = now.sessions.index("2026-08-03")
    since = {
        ticker: now.close[row, -1] / now.close[row, start] - 1
        for row, ticker in enumerate(now.tickers)
    }
    strongest = np.median([since[then.tickers[row]] for row in order])
    assert installed.python(block.code).splitlines()[0] == f"the 20 strongest: {strongest:+.1%}"
