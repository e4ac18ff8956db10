"""A plan lived through from the set-up to the morning after the last night, with checks on the
way."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta

from collectors.collection.due import datasets_due, due_in_store
from collectors.exchange.connect import make_calendar
from collectors.exchange.krx_session import Account, PykrxSource
from tests.harness.exchange import LOGIN_ID
from tests.storm.soak.checks import (
    USUALLY_DUE,
    check_end,
    check_equal,
    check_quiet_night,
    check_runs,
    check_store,
)
from tests.storm.soak.plan import CALM_AT_THE_END, EVENING, HOURS, Night, Run
from tests.storm.soak.witness import Seen, count
from tests.storm.soak.world import MIN_MARKET_CAP, Ended, World, calm_copy
from utils.date_utils import at_kst, predicted_open, weekdays
from utils.errors import EXIT_DONE, EXIT_NOT_NOW
from utils.market_day import FINAL
from utils.store import Store

TEN_MINUTES = timedelta(minutes=10)


def live(world: World) -> str:
    """All of it; what to say of it in a line. Every failed check says how to repeat it."""
    nights, span = world.plan.nights, world.plan.span
    with told(world, f"the set-up on {span.setup}"):
        set_up(world, at_kst(span.setup, time(19, 30)), span.history)
    for night in nights[:-CALM_AT_THE_END]:
        with told(world, f"the night of {night.day}, {[fault.told() for fault in night.storm]}"):
            live_night(world, night)
    world.calm_down()
    for position, night in enumerate(nights[-CALM_AT_THE_END:]):
        with told(world, f"the calm night of {night.day}"):
            ended = live_night(world, night)
            if (
                position
            ):  # on the first one the site may be closed still, by a ban of the evening before
                check_calm(ended)
                check_breakfast(world, night.day)
    with told(world, "the end"):
        must(world, Run(world.plan.end, "daily_update", 0))
        analyse_all(world, world.plan.end + TEN_MINUTES)
        with world.store(world.plan.end) as store:
            check_end(world, store)
            told_of = summary(world)
            compare_with_calm(world, store)
    return told_of


def check_calm(ended: Sequence[Ended]) -> None:
    """Check that one run does the work, and the others leave it to that one."""
    failed = [
        f"{each.run}\n{each.output}" for each in ended if each.code not in (EXIT_DONE, EXIT_NOT_NOW)
    ]
    assert not failed, "\n".join(["a run failed, and nothing was the matter", *failed])
    updates = [each.code for each in ended if each.run.script == "daily_update"]
    assert EXIT_DONE in updates, "nobody collected the session, and nothing was the matter"


def check_breakfast(world: World, day: str) -> None:
    """Check that all is final on the morning after a calm night, and analysed. With the key alone
    the last session has just arrived."""
    with world.store(at_kst(day, time(8, 15)) + timedelta(days=1)) as store:
        open_sessions = [head.session for head in store.sessions.heads() if head.finality != FINAL]
        newest = world.truth.sessions(day[:4], day)[-1]
        analysed = store.jobs.is_completed("hourly_analysis", newest)
    assert open_sessions == []
    assert analysed or not world.roads.account


def set_up(world: World, moment: datetime, sessions: int) -> None:
    options = ("--yes", "--sessions", str(sessions), "--min-market-cap", str(MIN_MARKET_CAP))
    must(world, Run(moment, "manual_setup", 0, options=options))


def must(world: World, run: Run) -> None:
    (ended,), _ = world.run(run)
    assert ended.code == EXIT_DONE, f"{run.script} ended with {ended.code}:\n{ended.output}"


def analyse_all(world: World, moment: datetime) -> None:
    for hour in range(HOURS):
        must(world, Run(moment + timedelta(hours=hour), "hourly_analysis", 0))
        if not world.has_work_left(moment + timedelta(hours=hour)):
            return
    raise AssertionError("the night did not drain")


def live_night(world: World, night: Night) -> list[Ended]:
    log_in_by_hand(world, night.day)
    world.switch_on(night.storm)
    sessions, surprises, hits = *open_questions(world, night.day), world.hits()
    lacking, later = lacking_datasets(world, night.day), a_week_later(world, night.day)
    ended, seen = run_night(world, night)
    hit_tonight = world.hits() - hits
    with world.store(at_kst(night.day, time(23, 59))) as store:
        if "other_day" in hit_tonight and (sessions > USUALLY_DUE or surprises):
            world.unsure |= read_tonight(store, night)
        check_store(store, world.truth, night.day, world.unsure)
    if not hit_tonight and not any(each.run.interrupted_at for each in ended):
        check_quiet_night(seen, sessions, surprises, lacking, len(world.roads.datasets), later)
    return ended


def log_in_by_hand(world: World, day: str) -> None:
    """Do what the scripts ask a person for when the right password was refused twice."""
    with world.store(at_kst(day, time(12))) as store:
        store.sources.forget_refused_logins(PykrxSource.name, Account(LOGIN_ID, "").id_mark())


def run_night(world: World, night: Night) -> tuple[list[Ended], list[Seen]]:
    """The updates, and the hours while there is something left to do."""
    ended, seen = [], []
    for runs in night.slots:
        is_hour = all(run.script == "hourly_analysis" for run in runs)
        if is_hour and not world.has_work_left(runs[0].moment):
            continue
        these, asked = world.run(*runs)
        check_runs(these, asked)
        ended += these
        seen += asked
    return ended, seen


def open_questions(world: World, day: str) -> tuple[int, int]:
    """Count before an evening the sessions that are not stored final, and the closed weekdays
    nobody knows of."""
    with world.store(at_kst(day, time(19))) as store:
        scope = store.scope.get()
        assert scope is not None
        final = {head.session for head in store.sessions.heads() if head.finality == FINAL}
        shown = store.calendar.observed()
    sessions = set(world.truth.sessions(scope["first_session"], day))
    others = set(weekdays(scope["first_session"], day)) - sessions
    return len(sessions - final), sum(shown.get(each, predicted_open(each)) for each in others)


def a_week_later(world: World, day: str) -> int:
    """Count the sessions that are due a week later on an evening."""
    with world.store(evening := at_kst(day, EVENING)) as store:
        calendar = make_calendar(world.installation.loaded_settings(), store)
        due = due_in_store(store, calendar, "2001-01-02", day, evening)
    return sum(each.week_later for each in due)


def lacking_datasets(world: World, day: str) -> int:
    """Count the datasets that are due before an evening, but for those of its own session: missing
    ones, and those whose closes will be others."""
    evening, chosen, truth = at_kst(day, EVENING), world.roads.datasets, world.truth
    with world.store(evening) as store:
        missing = len(datasets_due(store, chosen, "2000-01-01", day, evening))
        heads = {head.session: head.finality for head in store.sessions.heads()}
        days = [
            store.sessions.load(session) for session, finality in heads.items() if finality != FINAL
        ]
    missed = [
        session
        for session in truth.sessions(min(heads), day)
        if session not in heads and session != day
    ]
    wrong = [
        each
        for each in days
        if each and not each.frame["close"].equals(truth.frame(each.session)["close"])
    ]
    return missing + len([*missed, *wrong]) * len(chosen)


def read_tonight(store: Store, night: Night) -> set[str]:
    """Return the sessions read tonight. What is read behind a gap cannot be held against the
    session before. It may be another day's until the gap is closed; at the end nothing of it may be
    left."""
    return {
        head.session
        for head in store.sessions.heads()
        if head.collected_utc >= at_kst(night.day, EVENING)
    }


def compare_with_calm(world: World, store: Store) -> None:
    calm = calm_copy(world)
    set_up(calm, world.plan.end, len(store.sessions.heads()))
    analyse_all(calm, world.plan.end + TEN_MINUTES)
    with calm.store(world.plan.end) as peaceful:
        check_equal(store, peaceful)


def summary(world: World) -> str:
    seen, plan = world.witness.seen, world.plan
    sessions = len(world.truth.sessions(plan.span.setup, plan.span.last))
    kinds = ", ".join(
        f"{count(seen, kind)} {kind}" for kind in ("page", "login", "data", "openapi")
    )
    ended = ", ".join(f"{number} x {how}" for how, number in sorted(world.ended.items()))
    hits = ", ".join(f"{name} {number}" for name, number in sorted(world.all_hits().items()))
    return (
        f"seed {plan.seed}, {world.roads.name}: {sessions} sessions in {len(plan.nights)} nights, "
        f"{len(plan.closed)} closed unpredicted; {world.ended.total()} runs ({ended}); "
        f"requests: {kinds}; "
        f"hits: {hits}"
    )


@contextmanager
def told(world: World, when: str) -> Iterator[None]:
    try:
        yield
    except AssertionError as wrong:
        outputs = "\n".join(f"--- {each.run}\n{each.output[-3000:]}" for each in world.last_ended)
        raise AssertionError(
            f"{wrong}\nmake soak SEED={world.plan.seed} ({world.roads.name}), {when}. "
            f"The last runs:\n{outputs}"
        ) from None
