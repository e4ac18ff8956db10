"""Checks after every run, after every night, and at the end of all."""

import re
from collections.abc import Collection, Sequence

import numpy as np

from collectors.collection.stock_data_collector import MOST_RECHECKS
from collectors.exchange.sources import TRIES
from tests.harness import PASSWORD
from tests.storm.soak.truth import Truth
from tests.storm.soak.witness import Refusal, Seen, asked_during_ban, count, most_alike, refused
from tests.storm.soak.world import KEY, MIN_MARKET_CAP, Ended, World
from utils.errors import EXIT_DONE, EXIT_FAILED, EXIT_NOT_NOW, EXIT_USAGE
from utils.market_day import FINAL, PROVISIONAL
from utils.store import Store
from utils.store.backend import Document
from utils.store.jobs import COMPLETED, DAILY_UPDATE, HOURLY_ANALYSIS, RUNNING

UNKNOWN = ("stopped by an error it does not know", "Traceback (most recent call last)")
THROWN_OUT = "has taken over"
"""Nobody is so silent here that another run may take its work away."""
NORMAL_NIGHT = 5
"""Requests for data at most, fundamentals included, on a night without a failure on which nothing
is left over, besides what is read a week later."""
LATER_READINGS = 2
"""Of the night's own session, after 20:30 and after 08:00."""
USUALLY_DUE = 1
"""The evening's session."""
_CALENDAR_AND_COMPARISON = 2
_KILLED, _TERMINATED = -9, -15


def check_runs(ended: Sequence[Ended], seen: Sequence[Seen]) -> None:
    """Check every run: its end has a reason, and no wrong password was tried twice."""
    for each in ended:
        assert each.code in _codes(each, seen), f"{each.run.script} ended with {each.code}"
        assert not any(words in each.output for words in UNKNOWN), (
            "it met an error it does not know"
        )
        assert THROWN_OUT not in each.output, "it threw out another run, or was thrown out"
        assert not any(secret in each.output for secret in (PASSWORD, KEY)), "it has said a secret"
    assert refused(seen, Refusal.CREDENTIALS) <= len(ended), "a wrong password was tried again"
    assert most_alike(seen) <= (TRIES + MOST_RECHECKS) * len(ended), (
        "one thing was asked for again and again"
    )


def _codes(ended: Ended, seen: Sequence[Seen]) -> set[int]:
    codes = {EXIT_DONE, EXIT_FAILED, EXIT_NOT_NOW}
    if refused(seen, Refusal.CREDENTIALS, Refusal.KEY):
        codes.add(EXIT_USAGE)
    if ended.run.interrupted_at > 0:
        codes.add(_KILLED)
    if ended.run.interrupted_at < 0:
        codes.add(_TERMINATED)  # before the script has said that it listens
    return codes


def wrong_finals(store: Store, truth: Truth) -> set[str]:
    """Sessions that are stored as final and are not as the exchange has them."""
    final = [head for head in store.sessions.heads() if head.finality == FINAL]
    return {head.session for head in final if head.digest != truth.digest(head.session)}


def check_store(store: Store, truth: Truth, day: str, unsure: Collection[str]) -> None:
    """Check every night: nothing wrong is stored, and no job says more than is true."""
    heads = {head.session: head for head in store.sessions.heads()}
    real = set(truth.sessions(min(heads), day))
    assert heads.keys() <= real, f"stored, but no sessions: {sorted(heads.keys() - real)}"
    wrong = wrong_finals(store, truth).difference(unsure)
    assert not wrong, f"final, but not as the exchange has it: {sorted(wrong)}"
    provisional = [each for each, head in heads.items() if head.finality == PROVISIONAL]
    for session in set(provisional).difference(unsure):
        _check_provisional(store, truth, session)
    for job in store.jobs.records(DAILY_UPDATE):
        assert job["status"] != COMPLETED or job["date_kst"] in heads, (
            f"completed, but not stored: {job}"
        )
    for job in store.jobs.records(HOURLY_ANALYSIS):
        whole = job["analyzed"] == job["tickers"] > 0
        assert job["status"] != COMPLETED or whole, (
            f"completed, but not every target is analysed: {job}"
        )


def _check_provisional(store: Store, truth: Truth, session: str) -> None:
    """Check that it is that day, though not its final figures."""
    day, true = store.sessions.load(session), truth.frame(session)
    assert day is not None
    same = ["ticker", "name", "market", "open", "high", "low", "shares"]
    assert day.frame[same].equals(true[same]), f"provisional, and not of that day: {session}"


def check_quiet_night(
    seen: Sequence[Seen],
    sessions: int,
    surprises: int,
    lacking: int,
    datasets: int,
    a_week_later: int,
) -> None:
    """Check a night without a failure on which no run was interrupted.

    Args:
        sessions: how many were not stored final before it.
        surprises: weekdays of which nobody knew that they were closed: each is asked for, then the
            calendar, and once more to make sure; and one session more is read a week later.
        lacking: how many datasets earlier sessions lacked, which are asked for as well.
        datasets: how many are collected besides the prices.
        a_week_later: how many sessions are read a week later.
    """
    what = (
        f"for {sessions} sessions, {surprises} unpredicted holidays and {lacking} missing datasets"
    )
    most = sessions + LATER_READINGS + datasets + 4 * surprises + _CALENDAR_AND_COMPARISON
    if sessions <= USUALLY_DUE and not surprises:
        most = NORMAL_NIGHT
    most += lacking + a_week_later
    assert count(seen, "data") <= most, f"{count(seen, 'data')} requests for data {what}"
    # At the Open API a session is three requests, and the calendar one for each day.
    most = 4 * sessions + 7 * surprises + 3 + 3 * (surprises + a_week_later)
    assert count(seen, "openapi") <= most, (
        f"{count(seen, 'openapi')} requests to the Open API {what}"
    )


def check_budget(world: World) -> None:
    """Check the requests of all nights: each session, run and hit of a failure may cost so many."""
    seen, plan = world.witness.seen, world.plan
    sessions = plan.span.history + len(world.truth.sessions(plan.span.first, plan.span.last))
    surprises = sum(
        plan.span.first <= day <= plan.span.last for day in world.market.unpredicted_holidays
    )
    runs = sum(number for how, number in world.ended.items() if how.startswith(DAILY_UPDATE))
    hits, datasets = world.all_hits().total(), len(world.roads.datasets)
    most = {
        # Each session in three readings and a week later, its datasets once; the calendar once a
        # run, and so is what was asked for in vain again and again.
        "data": (4 + datasets) * sessions + (1 + datasets) * runs + 5 * surprises + hits,
        # Three markets a session, three times at most; the calendar is one request a day; the
        # comparison once a month.
        "openapi": 7 * sessions + 13 * surprises + 3 * (hits + runs),
        "login": runs + 1 + hits,
    }
    over = {kind: count(seen, kind) for kind, number in most.items() if count(seen, kind) > number}
    assert not over, f"requests beyond the budget {most}: {over}"


def check_end(world: World, store: Store) -> None:
    """Every session is final and equal to the exchange's, and every record says so."""
    scope = store.scope.get()
    assert scope is not None
    last, truth = world.plan.span.last, world.truth
    sessions = truth.sessions(scope["first_session"], last)
    heads = {head.session: head for head in store.sessions.heads()}
    assert list(heads) == sessions, f"missing or too many: {sorted(set(heads) ^ set(sessions))}"
    for session, frame in store.sessions.read(sessions[0], sessions[-1]):
        true = truth.frame(session)
        differing = [column for column in true if not frame[column].equals(true[column])]
        assert not differing, f"{session}: {differing} are not the exchange's"
        assert heads[session].finality == FINAL, f"{session} is not final"
    if world.roads.datasets:
        _check_fundamentals(store, truth)
    _check_jobs(store, sessions)
    active = sorted(target["_id"] for target in store.targets.active())
    true = truth.targets(sessions[0], sessions[-1], MIN_MARKET_CAP)
    assert active == true, (
        f"targets that should be none: {set(active) - set(true)}, "
        f"or lack: {set(true) - set(active)}"
    )
    behind = [
        each["_id"] for each in store.targets.active() if each["last_analyzed_date"] != sessions[-1]
    ]
    assert not behind, f"not analysed for {sessions[-1]}: {behind}"
    assert not (asked := asked_during_ban(world.witness.seen)), f"asked while banned: {asked}"
    check_budget(world)


def _check_fundamentals(store: Store, truth: Truth) -> None:
    for head in store.sessions.heads():
        state = head.datasets["fundamentals"]
        figures = store.datasets.load(head.session, "fundamentals", state)
        assert state.finality == FINAL, f"{head.session}: its fundamentals are not final"
        assert figures is not None
        assert figures["eps"].fillna(-1).tolist() == truth.eps(head.session), (
            f"{head.session}: other earnings"
        )


def _check_jobs(store: Store, sessions: Sequence[str]) -> None:
    updates = {
        job["date_kst"]: (job["status"], job["finality"])
        for job in store.jobs.records(DAILY_UPDATE)
    }
    wrong = {session: told for session, told in updates.items() if told != (COMPLETED, FINAL)}
    assert sorted(updates) == list(sessions), f"records of: {sorted(set(updates) ^ set(sessions))}"
    assert not wrong, f"every session is there, but its record says otherwise: {wrong}"
    analyses = {job["date_kst"]: job["status"] for job in store.jobs.records(HOURLY_ANALYSIS)}
    assert analyses[sessions[-1]] == COMPLETED, (
        f"the last session is analysed, but {analyses[sessions[-1]]}"
    )
    assert RUNNING not in analyses.values(), f"nothing runs any more: {analyses}"


def check_equal(store: Store, calm: Store) -> None:
    """Compare with what was loaded without failures: cells, factors, corporate actions, results."""
    heads, calm_heads = (
        {each.session: (each.digest, dict(each.datasets)) for each in one.sessions.heads()}
        for one in (store, calm)
    )
    assert heads == calm_heads
    first, last = min(heads), max(heads)
    for (session, frame), (_, peaceful) in zip(
        store.sessions.read(first, last), calm.sessions.read(first, last), strict=True
    ):
        assert np.array_equal(frame["factor"], peaceful["factor"], equal_nan=True), (
            f"{session}: other factors"
        )
    assert _by_id(store.sessions.actions(first, last)) == _by_id(calm.sessions.actions(first, last))
    tickers = [target["_id"] for target in calm.targets.active()]
    assert tickers == [target["_id"] for target in store.targets.active()]
    for ticker in tickers:
        result, peaceful = store.results.get(ticker), calm.results.get(ticker)
        assert result is not None
        assert peaceful is not None
        differing = _differing(result, peaceful)
        assert not differing, f"{ticker}: {differing} are not as analysed in peace"


def _by_id(documents: Sequence[Document]) -> dict[str, Document]:
    return {document["_id"]: document for document in documents}


def _differing(result: Document, peaceful: Document) -> set[str]:
    """Names of fields, but for the moment; compared as text, in which nothing is unequal to
    itself."""
    names = (result.keys() | peaceful.keys()) - {"analyzed_utc"}
    return {name for name in names if _as_text(result.get(name)) != _as_text(peaceful.get(name))}


def _as_text(value: object) -> str:
    """Return the value as text, without the sign of a zero, which FerretDB does not keep."""
    return re.sub(r"-0\.0(?![0-9])", "0.0", repr(value))
