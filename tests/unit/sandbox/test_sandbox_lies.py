"""The catalogue of lies: it holds every fault, each lie changes an answer and nothing else, and
docs/failures.md says of each what it comes to."""

import re
from collections.abc import Callable

import pytest

from sandbox.exchange import OPENAPI_DAYS
from sandbox.faults import Fault
from sandbox.lies import FIGURES_OF_LIES, LIES, ComesTo, Lie, Reading
from sandbox.registry import FIGURES, REGISTRY
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from utils.clock import kst
from utils.settings import PROJECT

SESSION, BEFORE, LATER = "2026-09-16", "2026-09-15", "2026-09-23"
IDS = {"KOSPI": "STK", "KOSDAQ": "KSQ", "KONEX": "KNX"}
TOLD = {"refused": "REFUSED", "odd": "WAITS", "set aside": "SET_ASIDE", "stored": "STORED"}
Answers = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def large_market() -> SyntheticMarket:
    """A market of which 3 % are several rows."""
    return SyntheticMarket(300, first="2026-08-03", last="2026-10-02")


@pytest.fixture(scope="module")
def shown(large_market, browse):
    """Return the answers of a kind for a day, by market, with a fault on."""
    with LocalExchange(large_market, kst(2026, 9, 16, 21)) as exchange:
        visitor = browse(exchange.url)
        visitor.patience = 30.0
        visitor.log_in()

        def at_site(day: str) -> Answers:
            rows = visitor.day(day.replace("-", ""))
            return {
                market: [row for row in rows if row.get("MKT_ID") == market]
                for market in (*IDS.values(), "XXX")
            }

        def in_openapi(day: str) -> Answers:
            return {
                market: visitor.openapi(service, day.replace("-", "")).json()["OutBlock_1"]
                for service, market in OPENAPI_DAYS.items()
            }

        def show(kind: str, day: str, *faults: Fault) -> Answers:
            exchange.set_time(kst(2026, 9, 16, 21) if kind == "data" else kst(2026, 9, 17, 9))
            exchange.clear_faults()
            for fault in faults:
                exchange.fail(**fault.told())
            return (at_site if kind == "data" else in_openapi)(day)

        yield show


@pytest.fixture(scope="module")
def truth(shown):
    return {kind: shown(kind, SESSION) for kind in ("data", "openapi")}


def test_every_fault_is_in_the_catalogue() -> None:
    assert {lie.fault for lie in LIES} == REGISTRY.keys()
    names = [lie.name for lie in LIES]
    assert len(set(names)) == len(names) > 125


OF_A_DAY = [
    pytest.param(lie, kind, id=f"{lie.name} ({kind})")
    for lie in FIGURES_OF_LIES
    for kind in lie.kinds
    if kind in ("data", "openapi")
]


@pytest.mark.parametrize(("lie", "kind"), OF_A_DAY)
def test_a_lie_changes_the_answer_and_nothing_else(
    lie: Lie, kind: str, shown: Callable[..., Answers], truth: dict[str, Answers]
) -> None:
    reading = Reading.AFTER_MARKET if kind == "data" else Reading.MORNING
    fault = lie.told(SESSION, reading, kind)
    told, true = shown(kind, SESSION, fault), truth[kind]
    assert told != true
    if lie.market is not None and lie.fault not in ("unknown_market", "swapped_markets"):
        others = set(IDS.values()) - {IDS[lie.market]}
        assert {each: told[each] for each in others} == {each: true[each] for each in others}


@pytest.mark.parametrize("kind", ["data", "openapi"])
def test_a_lie_about_one_session_leaves_the_others_alone(kind, shown) -> None:
    fault = Lie("no_volume", ComesTo.WAITS).told(SESSION, Reading.MORNING, kind)
    assert shown(kind, BEFORE, fault) == shown(kind, BEFORE)


def test_whatever_is_no_lie_about_a_day_is_an_answer_that_does_not_come() -> None:
    others = set(LIES) - set(FIGURES_OF_LIES)
    assert {lie.comes_to for lie in others} == {ComesTo.REFUSED}


@pytest.mark.parametrize(
    ("reading", "since", "until"),
    [
        (Reading.EVENING, "2026-09-16T18:00", "2026-09-16T20:30"),
        (Reading.AFTER_MARKET, "2026-09-16T20:30", "2026-09-17T07:30"),
        (Reading.MORNING, "2026-09-17T07:30", "2026-09-17T18:00"),
        (Reading.WEEK_LATER, "2026-09-23T18:00", "2026-09-24T18:00"),
    ],
)
def test_a_lie_is_told_at_one_reading(reading: Reading, since: str, until: str) -> None:
    lie = Lie("no_volume", ComesTo.WAITS, market="KOSPI", rows="50%")
    fault = lie.told(SESSION, reading, "data", LATER)
    assert (fault.since, fault.until, fault.date) == (since, until, SESSION)
    assert (fault.market, fault.rows, fault.times) == ("KOSPI", "50%", None)


def test_a_lie_is_told_for_five_evenings(large_market: SyntheticMarket) -> None:
    sessions = [session for session in large_market.sessions if session >= SESSION]
    lie = Lie("no_rows", ComesTo.WAITS, market="KONEX")
    faults = lie.told_on(sessions, 5, Reading, "data")
    assert len(faults) == 20
    assert sorted({fault.date for fault in faults}) == sessions[:5]
    assert faults[3].since == f"{sessions[5]}T18:00"


def test_the_reading_of_a_week_later_needs_its_session() -> None:
    with pytest.raises(ValueError, match="session on which it is made"):
        Lie("no_volume", ComesTo.WAITS).told(SESSION, Reading.WEEK_LATER, "data")


def test_a_login_has_no_date() -> None:
    fault = Lie("wrong_password", ComesTo.REFUSED).told(SESSION, Reading.EVENING, "login")
    assert fault.date is None


def documented() -> dict[str, set[str]]:
    """Fault of wrong figures -> what it comes to, as the page has it."""
    page = (PROJECT / "docs" / "failures.md").read_text(encoding="utf-8")
    section = page.split("## Wrong figures in an answer")[1].split("\n## ")[0]
    rows = re.findall(
        r"^\| `(\w+)` \| .* \| ([^|]+) \| `\d[^|]* \| [^|]+ \|$", section, re.MULTILINE
    )
    return {name: {TOLD[word] for word in TOLD if word in told} for name, told in rows}


def test_every_wrong_figure_has_its_row_and_comes_to_what_the_page_says() -> None:
    few = {
        name: {lie.comes_to.name for lie in LIES if lie.fault == name and lie.rows != "3%"}
        for name in FIGURES
    }
    assert documented() == few
