"""Incident of a database that cannot be used. It is kept in a file beside the logs of this host."""

import json
import logging
from datetime import datetime
from pathlib import Path

from utils.clock import Clock
from utils.store.backend import Document
from utils.store.incidents import new_incident
from utils.whole_file import whole_file

JOB = "database"
_FIELDS = new_incident(JOB, "", "", datetime.min).keys()
log = logging.getLogger(__name__)


class DatabaseIncident:
    """The same methods as `utils.store.incidents.Incidents`, for one incident of this host.

    Raises `OSError` when the folder cannot be written.
    """

    def __init__(self, log_dir: Path, clock: Clock) -> None:
        self._file, self._clock = log_dir / "database_incident.json", clock

    def open(self, kind: str, message: str) -> None:
        found = self._read()
        if found is None or found["resolved_utc"] is not None:
            self._write(new_incident(JOB, kind, message, self._clock.now_utc()))

    def resolve(self) -> None:
        """Mark the incident as resolved: the database can be used."""
        found = self._read()
        if found is not None and found["resolved_utc"] is None:
            self._write(found | {"resolved_utc": self._clock.now_utc(), "told_utc": None})

    def claim_untold(self) -> list[Document]:
        found = self._read()
        return [found] if found is not None and found["told_utc"] is None else []

    def close_claim(self, incident: Document, told: bool) -> None:
        """Close the claim. An incident whose end was told is deleted."""
        if told and incident["resolved_utc"] is not None:
            self._file.unlink(missing_ok=True)
        elif told:
            self._write(incident | {"told_utc": self._clock.now_utc()})

    def _read(self) -> Document | None:
        """Return the incident, or None when there is none or the file is damaged: it is then told
        once more."""
        try:
            return _incident(json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except ValueError as problem:
            log.warning(
                "%s is not an incident as it was written, and counts as none: %s",
                self._file,
                problem,
            )
            return None

    def _write(self, incident: Document) -> None:
        text = json.dumps(incident, ensure_ascii=False, default=datetime.isoformat)
        with whole_file(self._file) as new:
            new.write_text(text, encoding="utf-8")


def _incident(found: object) -> Document:
    """Return the incident with its moments as datetimes. Raise `ValueError` when it is none."""
    if not isinstance(found, dict) or not found.keys() >= _FIELDS:
        raise ValueError("fields are missing")
    moments = {name: _moment(value) for name, value in found.items() if name.endswith("_utc")}
    if moments["opened_utc"] is None:
        raise ValueError("it was never opened")
    return found | {"kind": str(found["kind"])} | moments


def _moment(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
