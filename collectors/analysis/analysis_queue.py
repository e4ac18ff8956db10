"""Queue of the night: targets of a session are claimed, analysed and stored, batch by batch."""

import logging
from collections.abc import Callable

from collectors.analysis.technical_analyzer import (
    VERSION,
    Analysis,
    AnalysisError,
    TechnicalAnalyzer,
)
from utils.store import Store
from utils.store.backend import Document

BATCH = 50
log = logging.getLogger(__name__)


class AnalysisQueue:
    """Queue of the targets that are behind the session, in the order in which the store lets them
    be claimed.

    Args:
        analyzer: over the panel that ends with the session.
        quota: how many targets this run may analyse.
        may_go_on: asked before each target; False ends the run after the target in hand.
        is_current: asked before results are stored; False ends the run without them: what they were
            computed from has been revised meanwhile.
    """

    def __init__(
        self,
        store: Store,
        analyzer: TechnicalAnalyzer,
        session: str,
        quota: int,
        may_go_on: Callable[[], bool],
        is_current: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store, self._analyzer, self._session = store, analyzer, session
        self._left, self._may_go_on, self.is_current = quota, may_go_on, is_current
        self.analyzed: list[str] = []
        """Tickers that this run has analysed."""

    def step(self) -> bool:
        """Claim and analyse one batch. Return whether more may be left for this run."""
        if not self._left or not self._may_go_on():
            return False
        batch = self._store.targets.claim(self._session, min(BATCH, self._left))
        untouched, results = list(batch), []
        try:
            while untouched and self._may_go_on():
                self._left -= 1
                if (result := self._analyze(untouched.pop(0))) is not None:
                    results.append(result)
        finally:
            if outdated := not self.is_current():
                in_vain = {result["_id"] for result in results}
                untouched += [target for target in batch if target["_id"] in in_vain]
                results = []
            self._store.results.save(self._session, results)
            self._store.targets.release(untouched)
        self._store.locks.renew()
        self.analyzed += [result["_id"] for result in results]
        return bool(batch) and not outdated

    def _analyze(self, target: Document) -> Document | None:
        """Return the result, or None when the data of the target cannot be analysed.

        Any other error ends the run, but the target waits, so the next run gets past it.
        """
        try:
            analysis = self._analyzer.analyze(target["_id"])
        except AnalysisError as error:
            log.warning("%s %s cannot be analysed: %s", target["_id"], target["name"], error)
            self._store.targets.fail(target, str(error))
            return None
        except Exception as error:
            self._store.targets.fail(target, type(error).__name__)
            raise
        return to_document(analysis) | {
            "market_cap": target["market_cap"],
            "analyzed_utc": self._store.clock.now_utc(),
        }


def to_document(analysis: Analysis) -> Document:
    """Return the analysis as `stock_analyzed.indicators` keeps it; `_id` is the ticker."""
    names = "name market market_cap session close latest signals patterns ranks history".split()
    return {
        "_id": analysis.ticker,
        **{name: getattr(analysis, name) for name in names},
        "version": VERSION,
    }
