"""A few nights with every dataset, as cron starts them, over each database."""

from tests.harness import Installation
from utils.clock import kst

SETUP, BACK, LAST_EVENING = kst(2026, 9, 3, 19), kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)
ALL = {"DATASETS": "prices,fundamentals,foreign,indices"}


def test_skipped_evenings_bring_their_datasets(
    installation_over: Installation,
) -> None:
    installation_over.own_settings |= ALL
    installation_over.must(SETUP, "manual_setup", "--yes", "--sessions", "2")
    installation_over.must(BACK, "daily_update")
    installation_over.must(LAST_EVENING, "daily_update")
    shown = installation_over.must(LAST_EVENING, "daily_update", "--status").stdout
    assert "Datasets fundamentals of 8 sessions, foreign of 7 sessions Analysis" in " ".join(
        shown.split()
    )
    heads = installation_over.read(LAST_EVENING)["heads"]
    finality = [{name: state.finality for name, state in head.datasets.items()} for head in heads]
    assert finality == [{"fundamentals": "final", "foreign": "final"}] * 7 + [
        {"fundamentals": "provisional"}
    ]
    store = installation_over.store(LAST_EVENING)
    days = [(day["session"], day["index"], day["finality"]) for day in store.indices.load()]
    market = installation_over.exchange.exchange.market
    levels = {
        day["session"]: day["close"] for day in store.indices.load() if day["index"] == "KOSDAQ"
    }
    ((_, columns),) = store.sessions.columns(
        ("ticker", "foreign_shares"), "2026-09-07", "2026-09-07"
    )
    store.close()
    sessions = [head.session for head in heads]
    known = dict.fromkeys(sessions, "final") | {sessions[-1]: "provisional"}
    assert days == [
        (session, index, known[session]) for session in sessions for index in ("KOSDAQ", "KOSPI")
    ]
    series = market.index("KSQ")
    assert series.close is not None
    true = dict(zip(series.sessions, (series.close / 100).tolist(), strict=True))
    assert levels == {session: true[session] for session in sessions}
    held = market.holdings(market.day("2026-09-07"))
    assert dict(zip(columns["ticker"], columns["foreign_shares"], strict=True)) == dict(
        zip(held.day.code, held.held.tolist(), strict=True)
    )


def test_a_normal_night_with_the_default_datasets_is_three_requests(
    installation: Installation,
) -> None:
    installation.own_settings = {"DATASETS": ""}
    installation.must(BACK, "manual_setup", "--yes", "--sessions", "4")
    assert installation.exchange.counts()["data"] == 1 + 2 * 4
    installation.exchange.reset_counts()
    installation.must(LAST_EVENING, "daily_update")
    assert installation.exchange.counts()["data"] == 3
    installation.must(LAST_EVENING, "daily_update")
    assert installation.exchange.counts()["data"] == 3, "a second run asks for nothing"
