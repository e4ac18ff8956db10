"""Unknown columns of the exchange's answers, each named once in the log."""

import logging

from collectors.exchange.day_table import UnknownColumns
from collectors.exchange.krx_session import PykrxSource
from collectors.exchange.openapi import OpenApiSource
from utils.store.sources import SourceRecords

_TABLES = {PykrxSource.name: "MDCSTAT01501", OpenApiSource.name: "{stk,ksq,knx}_bydd_trd"}
log = logging.getLogger(__name__)


def name_once(records: SourceRecords, source: str, unknown: UnknownColumns) -> None:
    """Warn of the columns of a source that were not named before, and remember them. One that was
    kept and is not any more, or the other way round, is named once more."""
    kept = dict.fromkeys(unknown.kept, "its numbers are kept with each session")
    left_out = {name: f"it is not kept: {why}" for name, why in unknown.left_out.items()}
    lines = {
        f"{_shown(name)}: {'kept' if name in kept else 'not kept'}": f"{_shown(name)}: {what}."
        for name, what in (kept | left_out).items()
    }
    if not lines or not (new := records.not_named(source, list(lines))):
        return
    table = _TABLES.get(source, "a day")
    for each in new:
        log.warning("%s: %s has a column that we do not know, %s", source, table, lines[each])
    records.record_named(source, new)


def _shown(name: str) -> str:
    """Return a name that can be logged and stored, whatever the exchange has sent."""
    return name if name.isascii() and name.isidentifier() and len(name) <= 40 else repr(name)[:60]
