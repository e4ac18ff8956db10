"""Targets and the results of their analysis: `system_info.target_tickers`,
`stock_analyzed.indicators`."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.jobs import HOURLY_ANALYSIS, Jobs
from utils.store.lease import Lease
from utils.store.schema import INDICATORS, TARGETS

CLAIM_LEASE = Lease(timedelta(minutes=10))
"""Time for which a claimed target is out of the others' reach; a batch takes seconds."""
RETRY_LEASE = Lease(timedelta(minutes=50))
"""Time for which a target that failed waits: until the next hour, so that it keeps no other
waiting. Both ends stand in `retry_after_utc`, so this longer lease tells which are free."""
_LARGEST_FIRST = (("corrected_market_cap", -1), ("_id", 1))
"""With the shares that are still to be listed: an ex-date makes no target smaller."""
_NEXT_FIRST = (("attempts", 1), ("last_analyzed_date", 1), *_LARGEST_FIRST)
"""Targets that killed or failed a worker come last, then the stalest first (never analysed before
all), then the largest."""


@dataclass(frozen=True)
class Progress:
    """Progress of the analysis of a session, in active targets that were targets by then."""

    tickers: int
    analyzed: int
    failed: int
    ahead: int
    """Active targets that were analysed for a later session already."""

    @property
    def pending(self) -> int:
        return self.tickers - self.analyzed - self.failed


@dataclass(eq=False)
class Targets(StorePart):
    """Targets, claimed by conditional writes, so that several machines may work on the same
    session."""

    jobs: Jobs

    def all(self) -> list[Document]:
        """Return all that are or were targets, largest market cap first."""
        return self.backend.find(TARGETS, sort=_LARGEST_FIRST)

    def active(self) -> list[Document]:
        """Return those that are analysed, largest market cap first."""
        return self.backend.find(TARGETS, {"is_active": True}, _LARGEST_FIRST)

    def get(self, ticker: str) -> Document | None:
        return self.backend.get(TARGETS, ticker)

    def save(self, new: Sequence[Document], changes: Mapping[str, Mapping[str, object]]) -> None:
        """Insert new targets and change fields of known ones (ticker -> fields); all else of them
        stays as it is."""
        with self.backend.batch():
            self.backend.put(TARGETS, new)
            self.backend.update_each(TARGETS, changes)

    def claim(self, session: str, limit: int) -> list[Document]:
        """Claim the next active targets that are behind the session, stalest first, then largest
        market cap.

        They are put off and counted as tried before they are worked on, so one that kills its
        worker waits behind all others at the next claim. Those that were claimed with it were tried
        as often: what was tried before is claimed one by one, so that the next death costs no other
        target.
        """
        waiting = {
            "is_active": True,
            "added_date": {"$lte": session},
            "$and": [
                {"$or": [{"last_analyzed_date": None}, {"last_analyzed_date": {"$lt": session}}]},
                RETRY_LEASE.filter_of_free("retry_after_utc", self.clock.now_utc()),
            ],
        }
        while True:
            with self.backend.batch():
                next_ones = self.backend.find(TARGETS, waiting, _NEXT_FIRST, limit)
                next_ones = [each for each in next_ones if each["attempts"] == 0] or next_ones[:1]
                won = sum(
                    self._claim(waiting, tries, next_ones)
                    for tries in {each["attempts"] for each in next_ones}
                )
                if won or not next_ones:
                    ids = [target["_id"] for target in next_ones]
                    mine = {"_id": {"$in": ids}, "claimed_by": self.identity.owner}
                    return self.backend.find(TARGETS, mine, _NEXT_FIRST)
            # Another machine was faster with all of these; look at the next ones.

    def _claim(self, waiting: Document, tries: int, targets: Sequence[Document]) -> int:
        """Claim those that were tried so often. Return how many no other machine had claimed
        meanwhile."""
        ids = [target["_id"] for target in targets if target["attempts"] == tries]
        claim = {
            "claimed_by": self.identity.owner,
            "retry_after_utc": CLAIM_LEASE.end(self.clock.now_utc()),
            "attempts": tries + 1,
        }
        unclaimed = waiting | {"_id": {"$in": ids}, "attempts": tries}
        return self.backend.update(TARGETS, unclaimed, claim)

    def release(self, targets: Sequence[Document]) -> None:
        """Give back claimed targets that were not worked on, as if they had never been claimed."""
        with self.backend.batch():
            for tries in {each["attempts"] for each in targets}:
                free = {"claimed_by": None, "retry_after_utc": None, "attempts": tries - 1}
                ids = [each["_id"] for each in targets if each["attempts"] == tries]
                self.backend.update(TARGETS, self._mine(ids, tries), free)

    def _mine(self, ids: Sequence[str], tries: int) -> Document:
        """Return the filter of those that no other run has claimed since: a run that was silent for
        a whole lease has lost its claim."""
        return {"_id": {"$in": list(ids)}, "claimed_by": self.identity.owner, "attempts": tries}

    def fail(self, target: Document, error: str) -> None:
        """Put off a claimed target that cannot be analysed, with the reason."""
        changes = {
            "retry_after_utc": RETRY_LEASE.end(self.clock.now_utc()),
            "last_error": error,
            "claimed_by": None,
        }
        self.backend.update(TARGETS, self._mine([target["_id"]], target["attempts"]), changes)

    def pass_over(self, session: str, reasons: Mapping[str, str]) -> None:
        """Have targets count as analysed for the session without a result: nothing can be computed
        of it, for that reason. A result of an earlier reading of it is deleted. They stay as they
        are when they are not behind it."""
        known = self.backend.find(TARGETS, {"_id": {"$in": list(reasons)}})
        behind = [each for each in known if (each["last_analyzed_date"] or "") < session]
        passed = {"last_analyzed_date": session, "attempts": 0, "retry_after_utc": None}
        changes = {each["_id"]: passed | {"last_error": reasons[each["_id"]]} for each in behind}
        with self.backend.batch():
            outdated = {"_id": {"$in": list(changes)}, "session": session}
            self.backend.delete(INDICATORS, outdated)
            self.backend.update_each(TARGETS, changes)

    def reopen(
        self, session: str, previous_session: str, tickers: Sequence[str] | None = None
    ) -> int:
        """Have these tickers (None: all) analysed again from the session on, because its data
        changed. Return how many had been analysed for the session or a later one. A completed
        analysis is so no more."""
        changed: Document = {"last_analyzed_date": {"$gte": session}}
        if tickers is not None:
            changed["_id"] = {"$in": list(tickers)}
        with self.backend.batch():
            # The job first: whoever dies in between finds the same targets to open again.
            if pending := len(self.backend.find(TARGETS, changed | {"is_active": True})):
                self.jobs.reopen(HOURLY_ANALYSIS, pending)
            return self.backend.update(TARGETS, changed, {"last_analyzed_date": previous_session})

    def progress(self, session: str) -> Progress:
        active = self.active()
        targets = [target for target in active if target["added_date"] <= session]
        behind = [target for target in targets if (target["last_analyzed_date"] or "") < session]
        failed = sum(each["attempts"] > 0 and each["last_error"] is not None for each in behind)
        ahead = sum((target["last_analyzed_date"] or "") > session for target in active)
        return Progress(
            tickers=len(targets), analyzed=len(targets) - len(behind), failed=failed, ahead=ahead
        )


class Results(StorePart):
    """Results of the analysis of each ticker, and that it was analysed."""

    def save(self, session: str, results: Sequence[Document]) -> None:
        """Replace the results of these tickers whole, then mark them as analysed for the session.

        Those that another run has claimed since, or has analysed for a later session, stay as they
        are: a run that was silent for a whole lease has lost its claim.
        """
        of_others = {
            "$and": [{"claimed_by": {"$ne": self.identity.owner}}, {"claimed_by": {"$ne": None}}]
        }
        lost: Document = {
            "_id": {"$in": [result["_id"] for result in results]},
            "$or": [of_others, {"last_analyzed_date": {"$gt": session}}],
        }
        still_ours = [
            {"$or": [{"claimed_by": self.identity.owner}, {"claimed_by": None}]},
            {"$or": [{"last_analyzed_date": None}, {"last_analyzed_date": {"$lte": session}}]},
        ]
        done = {
            "last_analyzed_date": session,
            "attempts": 0,
            "retry_after_utc": None,
            "last_error": None,
            "claimed_by": None,
        }
        with self.backend.batch():
            gone = {target["_id"] for target in self.backend.find(TARGETS, lost)}
            ours = [result for result in results if result["_id"] not in gone]
            self.backend.put(INDICATORS, ours)
            ids = [result["_id"] for result in ours]
            self.backend.update(TARGETS, {"_id": {"$in": ids}, "$and": still_ours}, done)

    def save_ranks(
        self,
        session: str,
        ranks: Mapping[str, Mapping[str, float | None]],
        except_for: Collection[str],
    ) -> None:
        """Set the ranks of the results of that session, but for these tickers. A rank is a place
        among all, so it moves when another ticker is analysed again."""
        others = sorted(ranks.keys() - set(except_for))
        results = self.backend.find(INDICATORS, {"_id": {"$in": others}, "session": session})
        known = {result["_id"]: result["ranks"] for result in results}
        moved = {ticker: ranks[ticker] for ticker in known if known[ticker] != ranks[ticker]}
        self.backend.update_each(
            INDICATORS, {ticker: {"ranks": each} for ticker, each in moved.items()}
        )

    def get(self, ticker: str) -> Document | None:
        """Return the ticker's result document of its last analysis."""
        return self.backend.get(INDICATORS, ticker)

    def signal_counts(self, session: str) -> dict[str, int]:
        """Return signal -> how many of the targets that were analysed for the session show it."""
        results = self.backend.find(INDICATORS, {"session": session})
        return dict(Counter(signal for result in results for signal in result["signals"]))
