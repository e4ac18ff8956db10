"""The MongoDB server of the tests: whatever MONGODB_TEST_URI names. What ran over it is told at the
end of the run."""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pymongo
import pytest
from pymongo import errors

URI = os.environ.get("MONGODB_TEST_URI", "")
FERRETDB_VERSION = os.environ.get("FERRETDB_VERSION", "")
"""Version that `with-mongodb` has built; embedded as it is there, FerretDB itself does not know."""
NO_SERVER = "MONGODB_TEST_URI IS NOT SET: NOTHING WAS TESTED OVER A MONGODB SERVER"
OVER_A_SERVER = "over a server"
"""The property of each test that runs over the server, or would."""
PARTS = {
    "the store's contract": "tests/store/",
    "runs killed at any write": "tests/storm/crash/test_kill",
    "connections broken at numbered messages": "tests/storm/crash/test_broken_connections",
    "whole nights": "tests/scripts/nights/",
    "simulated nights in a storm of failures": "tests/storm/soak/",
    "the rest": "",
}
"""Subject of a test over it -> how the names of those tests begin; the first that fits counts."""
OUTCOMES = ("passed", "failed", "error", "skipped")
NewDatabases = Callable[[], dict[str, str]]
Client = pymongo.MongoClient[dict[str, Any]]


@pytest.fixture
def on_the_server(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[NewDatabases]:
    """Function `on_the_server()`, which returns settings that name databases of the test's own;
    they are dropped afterwards. Without a server the test is skipped. Whoever calls it is marked
    `server`."""
    with ExitStack() as stack:

        def new_databases() -> dict[str, str]:
            assert request.node.get_closest_marker("server"), "mark it with `pytest.mark.server`"
            record_property(OVER_A_SERVER, True)
            if not URI:
                pytest.skip(NO_SERVER)
            return {"MONGODB_URI": URI, "MONGODB_DB_PREFIX": stack.enter_context(own_prefix())}

        yield new_databases


@pytest.fixture
def server(on_the_server: NewDatabases) -> dict[str, str]:
    """The settings that name such databases."""
    return on_the_server()


@contextmanager
def own_prefix() -> Iterator[str]:
    """Prefix of databases, all of which are dropped afterwards."""
    prefix = f"test_{uuid.uuid4().hex[:8]}_"
    yield prefix
    with Client(URI) as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


def tell(terminal: pytest.TerminalReporter) -> None:
    """Tell the server, what it lacks, and how many tests ran over it; nothing when none was
    chosen."""
    counts = {part: Counter[str]() for part in PARTS}
    for outcome in OUTCOMES:
        for report in terminal.stats.get(outcome, []):
            if (OVER_A_SERVER, True) in getattr(report, "user_properties", ()):
                counts[part_of(report.nodeid)][outcome] += 1
    if not any(counts.values()):
        return
    terminal.section("over a MongoDB server" if URI else f"*** {NO_SERVER} ***")
    for line in describe() if URI else ():
        terminal.write_line(line)
    for part, count in [*counts.items(), ("in all", sum(counts.values(), Counter[str]()))]:
        told = ", ".join(f"{count[outcome]} {outcome}" for outcome in OUTCOMES if count[outcome])
        terminal.write_line(
            f"{part}: {told or 'none was chosen'}", red=bool(count["failed"] + count["error"])
        )


def part_of(test: str) -> str:
    return next(part for part, begin in PARTS.items() if test.startswith(begin))


def describe() -> list[str]:
    """The server's name and version, where it is, and what it was found to lack."""
    try:
        with Client(URI, serverSelectionTimeoutMS=5000) as client, ExitStack() as stack:
            build, hello = client.server_info(), client.admin.command("hello")
            lacks = lacking(client, build, hello, stack.enter_context(own_prefix()))
            where = ",".join(f"{host}:{port}" for host, port in sorted(client.nodes))
    except errors.PyMongoError as error:
        return [f"*** IT DOES NOT ANSWER ANY MORE: {str(error)[:200]} ***"]
    return [
        f"{name_of(build)} at {where}",
        *(f"it lacks {each}" for each in lacks or ["nothing that is looked for"]),
    ]


def name_of(build: dict[str, Any]) -> str:
    if is_ferretdb(build):
        ferretdb = FERRETDB_VERSION or build["ferretdbVersion"]
        return f"FerretDB {ferretdb}, which answers as MongoDB {build['version']},"
    return f"MongoDB {build['version']}"


def is_ferretdb(build: dict[str, Any]) -> bool:
    return "ferretdbVersion" in build


def lacking(client: Client, build: dict[str, Any], hello: dict[str, Any], prefix: str) -> list[str]:
    """Return what it lacks of what a run makes use of where it is there."""
    looked_for = {
        "views: there is no stock_data.daily_prices": has_views(client, prefix),
        "a replica set: the driver repeats no writes, and a majority is one copy": "setName"
        in hello
        or "msg" in hello,
        "a clock that it shows: hosts are not set by it": "localTime" in hello,
        "conditional writes in one step: two machines may claim the same target": not is_ferretdb(
            build
        ),
    }
    return [what for what, is_there in looked_for.items() if not is_there]


def has_views(client: Client, prefix: str) -> bool:
    try:
        client[f"{prefix}views"].command("create", "view", viewOn="none", pipeline=[])
    except errors.OperationFailure:
        return False
    return True
