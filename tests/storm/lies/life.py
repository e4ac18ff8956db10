"""A plan lived through: three runs of `daily_update` a night, nobody else does anything, and checks
on the way.

The scripts run inside the test's own process. A run's clock begins at the moment that it is started
at (`KST_NOW`), the exchange's clock is set to it, and a wait moves the run's clock.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from collectors.upkeep.audit.findings import TARGET_BEHIND
from sandbox.faults import Fault
from tests.harness import Exchange, Installation
from tests.harness.receiver import Receiver
from tests.storm.lies.plan import AFTER_MARKET, EVENING, MORNING, Episode, Plan
from tests.storm.soak.checks import UNKNOWN
from tests.storm.soak.truth import Truth
from utils.date_utils import FIRST_DAY, LAST_DAY, at_kst
from utils.errors import EXIT_DONE, EXIT_FAILED, EXIT_NOT_NOW, EXIT_USAGE
from utils.market_day import FINAL

NORMAL_NIGHT = {"data": 4, "openapi": 6, "login": 3, "page": 6}
"""Requests of a night without a lie at most: three readings of the session and one of the session
five sessions before it. In the Open API a session is three requests. Every run logs in, with two
pages."""
OF_A_LIE = {"data": 6, "openapi": 12, "login": 3, "page": 6}
"""So many more for each session of which a lie is told. A failure that is tried again within a run
may cost one more for each time that it hit."""
ODD = re.compile(r"(\d{4}-\d{2}-\d{2}) is odd and not stored yet\. \w+: ")
FAILED, RECOVERED = "daily_update: ", "recovered"
"""In the title of a message."""


@dataclass
class Life:
    """Installation that lives through a plan.

    Args:
        history: sessions that are loaded before the plan's first night.
    """

    plan: Plan
    installation: Installation
    exchange: Exchange
    receiver: Receiver
    truth: Truth
    history: int
    hits: Counter[Fault] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)

    def live(self) -> str:
        """Live through all nights; return what to say of it in a line."""
        before = self.truth.sessions("2000-01-01", self.plan.sessions[0])[-2]
        self.installation.load(at_kst(before, EVENING), "--sessions", str(self.history))
        self.run(at_kst(before, EVENING) + MORNING)
        self.exchange.reset_counts()
        for position in range(len(self.plan.sessions)):
            self._live_night(position)
        self.check_budget()
        self.check_heard()
        self.check_told_once()
        self.check_as_undisturbed()
        return self.summary()

    def _live_night(self, position: int) -> None:
        session = self.plan.sessions[position]
        for episode in self.plan.episodes:
            if episode.first == position:
                for told in episode.told:
                    for fault in told.faults:
                        self.exchange.fail(**fault.told())
            if episode.true == position:
                self._count_hits()
        told_before = len(self.receiver.messages)
        self.run(at_kst(session, EVENING))
        self.run(at_kst(session, AFTER_MARKET))
        if self.plan.is_true_night(position):
            self.check_stored_tonight(session)
        self.run(at_kst(session, EVENING) + MORNING)
        self.check_told(position, self.receiver.messages[told_before:])
        for episode in self.plan.episodes:
            if episode.right == position:
                self.check_right(session, episode)

    def run(self, moment: datetime) -> None:
        ended = self.installation.run(moment, "daily_update")
        self.ended[ended.code] += 1
        assert ended.code in (EXIT_DONE, EXIT_FAILED, EXIT_NOT_NOW, EXIT_USAGE), ended.stderr
        assert not any(words in ended.log + ended.stderr for words in UNKNOWN), ended.log

    def _count_hits(self) -> None:
        """Remember how often each fault has hit, and switch all of them off."""
        for active in self.exchange.faults():
            self.hits[active.fault] += active.hits
        self.exchange.clear_faults()

    # -- the law

    def check_stored_tonight(self, session: str) -> None:
        """Check that a session of which the exchange tells the truth is stored on its own
        evening."""
        with self.installation.opened(at_kst(session, AFTER_MARKET)) as store:
            assert store.sessions.head(session) is not None, self._where(
                f"{session} is not stored on its own evening"
            )

    def check_right(self, session: str, episode: Episode) -> None:
        """Check that every session up to this one is stored, final and the exchange's own."""
        with self.installation.opened(at_kst(session, EVENING) + MORNING) as store:
            heads = {head.session: head for head in store.sessions.heads()}
        expected = self.truth.sessions(min(heads), session)
        missing = [each for each in expected if each not in heads]
        assert list(heads) == expected, self._where(f"missing: {missing}", episode)
        wrong = [each for each in expected if heads[each].digest != self.truth.digest(each)]
        assert not wrong, self._where(f"not as the exchange has them: {wrong}", episode)
        provisional = [each for each in expected if heads[each].finality != FINAL]
        assert not provisional, self._where(f"not final: {provisional}", episode)

    def check_budget(self) -> None:
        """Check that all requests are those of normal nights, and a few more for each lie."""
        told = [each for episode in self.plan.episodes for each in episode.told]
        lies = sum(len(each.sessions) for each in told)
        tried = {each.lie.fault for each in told if not each.lie.is_of_a_day}
        hits = sum(number for fault, number in self.hits.items() if fault.name in tried)
        made = self.exchange.counts()
        for kind, normal in NORMAL_NIGHT.items():
            most = normal * len(self.plan.sessions) + OF_A_LIE[kind] * lies + hits
            assert made[kind] <= most, self._where(f"{made[kind]} requests of {kind}, not {most}")

    def check_told(self, position: int, messages: Sequence[dict[str, str]]) -> None:
        """Check what was told on the night of a session: nobody is told the same twice, and what is
        told of a day's answer names a session that was lied about, with the reason."""
        texts = [(each["title"], each["message"]) for each in messages]
        failures = [text for text in texts if FAILED in text[0] and RECOVERED not in text[0]]
        session = self.plan.sessions[position]
        assert len(set(failures)) == len(failures), self._where(f"told twice: {failures}")
        episodes = [each for each in self.plan.episodes if each.first <= position <= each.right]
        told = [each for episode in episodes for each in episode.told]
        if not all(each.lie.is_of_a_day for each in told):
            return
        about = {session, *(each for lie in told for each in lie.sessions)}
        for title, message in failures:
            assert any(each in message for each in about), self._where(
                f"on the night of {session} no session is named in «{title}»: {message}", *episodes
            )

    def check_told_once(self) -> None:
        """Check that a day that is odd was told of once, with the reason."""
        of_odd = [ODD.findall(each["message"]) for each in self.receiver.messages]
        days = Counter(day for found in of_odd for day in found)
        again = [day for day, number in days.items() if number > 1]
        assert not again, self._where(f"told twice of {again}")
        lied = {
            each
            for episode in self.plan.episodes
            for told in episode.told
            for each in told.sessions
        }
        assert days.keys() <= lied, self._where(f"told of {days.keys() - lied}")

    def check_as_undisturbed(self) -> None:
        """Check that all that is stored is as in an installation that has never heard a lie:
        factors, corporate actions and targets too, nothing waits, and the audit finds nothing."""
        last = self.plan.sessions[-1]
        morning = at_kst(last, EVENING) + MORNING
        folder = self.installation.folder / "undisturbed"
        undisturbed = replace(self.installation, folder=folder, own_settings={})
        count = self.history + len(self.plan.sessions)
        undisturbed.load(at_kst(last, EVENING), "--sessions", str(count))
        undisturbed.must(morning, "daily_update")
        ours, theirs = (_contents(each, morning) for each in (self.installation, undisturbed))
        for name, stored in theirs.items():
            other = sorted(set(ours[name]) ^ set(stored))
            assert not other, self._where(f"{name} other than undisturbed: {other[:20]}")
        with self.installation.opened(morning) as store:
            assert store.waiting.all() == []
        said = self.installation.run(morning, "daily_update", "--audit", "--json").stdout
        findings = [each for each in json.loads(said) if each["rule"] != TARGET_BEHIND]
        assert not findings, self._where(f"the audit finds: {findings[:5]}")

    def check_heard(self) -> None:
        """Check that most lies were heard: whoever asks nothing is told nothing wrong."""
        heard = self._heard()
        told = sum(len(episode.told) for episode in self.plan.episodes)
        assert 2 * heard > told, self._where(f"only {heard} of {told} lies were heard")

    def _heard(self) -> int:
        return sum(
            any(self.hits[fault] for fault in each.faults)
            for episode in self.plan.episodes
            for each in episode.told
        )

    def _where(self, what: str, *episodes: Episode) -> str:
        told = [str(told) for each in episodes or self.plan.episodes for told in each.told]
        return "\n".join([what, f"LIES_SEED={self.plan.seed}", *told])

    def summary(self) -> str:
        nights, told = len(self.plan.sessions), sum(len(each.told) for each in self.plan.episodes)
        ended = ", ".join(f"{number} x {code}" for code, number in sorted(self.ended.items()))
        return (
            f"seed {self.plan.seed}: {nights} nights, {told} lies, {self._heard()} of them heard; "
            f"runs: {ended}; "
            f"{len(self.receiver.messages)} messages; requests: {self.exchange.counts()}"
        )


def _contents(installation: Installation, moment: datetime) -> dict[str, list[str]]:
    """Return what is derived from the sessions that are stored, as texts."""
    with installation.opened(moment) as store:
        days = store.sessions.read(str(FIRST_DAY), str(LAST_DAY))
        return {
            "factors": [
                f"{session} {ticker} {factor:.9f}"
                for session, frame in days
                for ticker, factor in zip(frame["ticker"], frame["factor"], strict=True)
            ],
            "actions": [
                str(sorted(each.items()))
                for each in store.sessions.actions(str(FIRST_DAY), str(LAST_DAY))
            ],
            "targets": [each["_id"] for each in store.targets.active()],
        }
