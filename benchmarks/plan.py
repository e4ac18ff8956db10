"""Plan of a run: sizes for all sections, passed on as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

GROWTH = (1, 2, 4, 8)
"""Sizes of the growth runs, in eighths of the whole."""


@dataclass(frozen=True)
class Plan:
    """Sizes of one run. `folder` holds the recorded bodies and the databases, on the disk that is
    measured."""

    folder: str
    tickers: int = 2700
    sessions: int = 300
    repetitions: int = 5
    usual_tickers: int = 60
    growth_repetitions: int = 3
    growth_collections: int = 9
    mongodb_seconds: float = 30.0
    """Longest time of the whole market over MongoDB; on a slower server a few tickers are measured
    instead."""

    @property
    def bodies(self) -> Path:
        return Path(self.folder) / "bodies"

    @property
    def database(self) -> Path:
        """Database of the whole market, filled by the section `collection`."""
        return Path(self.folder) / "whole"

    @property
    def is_whole(self) -> bool:
        """True when the goals hold for this size."""
        return self.tickers >= Plan.tickers and self.sessions >= Plan.sessions

    def sessions_at(self, size: int) -> int:
        return max(2, self.sessions * size // GROWTH[-1])

    def document(self) -> dict[str, Any]:
        return asdict(self)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.document()), encoding="utf-8")


def read_plan(path: Path) -> Plan:
    return Plan(**json.loads(path.read_text(encoding="utf-8")))
