"""`system_info.target_tickers` and `stock_analyzed.indicators`: who is analysed, and the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from utils.store.backend import Document
from utils.store.base import StoreBase
from utils.store.schema import INDICATORS, TARGETS

LEASE = timedelta(minutes=10)
"""How long a claimed target is out of the others' reach; a batch takes seconds."""
RETRY_AFTER = timedelta(minutes=50)
"""A target that failed waits for the next hour; it never stands in the way of the others."""
_LARGEST_FIRST = (("market_cap", -1), ("_id", 1))


@dataclass(frozen=True)
class Progress:
    """How far the analysis of a session has come, in active targets that were targets by then."""

    tickers: int
    analyzed: int
    failed: int

    @property
    def pending(self) -> int:
        return self.tickers - self.analyzed - self.failed


class Targets(StoreBase):
    """A claim is a conditional write, so several machines may work on the same session."""

    def targets(self, active_only: bool = False) -> list[Document]:
        """Largest market cap first."""
        where = {"is_active": True} if active_only else {}
        return self.backend.find(TARGETS, where, _LARGEST_FIRST)

    def target(self, ticker: str) -> Document | None:
        return self.backend.get(TARGETS, ticker)

    def save_targets(self, new: Sequence[Document], changes: Mapping[str, Mapping[str, object]]) -> None:
        """Insert new targets and change fields of known ones (ticker -> fields); all else of them stays as it is."""
        with self.backend.batch():
            self.backend.put(TARGETS, new)
            self.backend.update_each(TARGETS, changes)

    def claim_targets(self, session: str, limit: int) -> list[Document]:
        """Claim the next active targets that are behind the session, largest market cap first.

        They are pushed into the future before they are worked on, so one that kills its worker blocks nobody.
        """
        now = self.clock.now_utc()
        waiting = {
            "is_active": True,
            "added_date": {"$lte": session},
            "$and": [
                {"$or": [{"last_analyzed_date": None}, {"last_analyzed_date": {"$lt": session}}]},
                {"$or": [{"retry_after_utc": None}, {"retry_after_utc": {"$lte": now}}]},
            ],
        }
        while True:
            with self.backend.batch():
                next_ones = self.backend.find(TARGETS, waiting, _LARGEST_FIRST, limit)
                chosen = {"_id": {"$in": [target["_id"] for target in next_ones]}}
                claim = {"claimed_by": self.identity.owner, "retry_after_utc": now + LEASE}
                won = self.backend.update(TARGETS, waiting | chosen, claim) if next_ones else 0
                if won or not next_ones:
                    mine = chosen | {"claimed_by": self.identity.owner}
                    return self.backend.find(TARGETS, mine, _LARGEST_FIRST)
            # Another machine was faster with all of these; look at the next ones.

    def release_claims(self) -> None:
        """Give back what this process has claimed and not analysed."""
        free = {"claimed_by": None, "retry_after_utc": None}
        self.backend.update(TARGETS, {"claimed_by": self.identity.owner}, free)

    def save_analysis(self, session: str, results: Sequence[Document]) -> None:
        """Replace the results of these tickers whole, then mark them as analysed for the session."""
        done = {
            "last_analyzed_date": session,
            "attempts": 0,
            "retry_after_utc": None,
            "last_error": None,
            "claimed_by": None,
        }
        with self.backend.batch():
            self.backend.put(INDICATORS, results)
            self.backend.update(TARGETS, {"_id": {"$in": [result["_id"] for result in results]}}, done)

    def fail_target(self, target: Mapping[str, object], error: str) -> None:
        """Push a target that cannot be analysed into the future, with the reason."""
        changes = {
            "attempts": int(str(target["attempts"])) + 1,
            "retry_after_utc": self.clock.now_utc() + RETRY_AFTER,
            "last_error": error,
            "claimed_by": None,
        }
        self.backend.update(TARGETS, {"_id": target["_id"]}, changes)

    def reopen_targets(self, tickers: Sequence[str], session: str, behind: str) -> int:
        """The session's data of these tickers changed: have them analysed again. How many had been already."""
        changed = {"_id": {"$in": list(tickers)}, "last_analyzed_date": {"$gte": session}}
        return self.backend.update(TARGETS, changed, {"last_analyzed_date": behind}) if tickers else 0

    def analysis_progress(self, session: str) -> Progress:
        targets = [target for target in self.targets(active_only=True) if target["added_date"] <= session]
        behind = [target for target in targets if (target["last_analyzed_date"] or "") < session]
        failed = sum(target["last_error"] is not None for target in behind)
        return Progress(tickers=len(targets), analyzed=len(targets) - len(behind), failed=failed)

    def analysis(self, ticker: str) -> Document | None:
        """The ticker's result document of its last analysis."""
        return self.backend.get(INDICATORS, ticker)
