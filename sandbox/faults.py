"""Faults of the exchange: a failure, and the requests it hits by kind, name, date and span of
time."""

from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from sandbox.cells import MARKET_IDS, Extent, read_extent
from sandbox.exchange import BLOCKS, LOGIN_PATHS, LOGIN_POST_PATH, OPENAPI_SERVICES, Record
from sandbox.publication import read_kst
from sandbox.registry import REGISTRY, About

_KIND_OF_REQUEST = {
    **dict.fromkeys(BLOCKS, "data"),
    **dict.fromkeys(OPENAPI_SERVICES, "openapi"),
    **dict.fromkeys(LOGIN_PATHS, "page"),
    LOGIN_POST_PATH: "login",
}


@dataclass(frozen=True)
class Fault:
    """One failure, and the requests that it hits.

    Args:
        name: a name of `sandbox.registry.REGISTRY`.
        times: how many requests; None: until further notice.
        kind: page, login, data, openapi; None: the usual kinds of the fault, or that of `request`.
        request: as records name it (`MDCSTAT01501`, `sto/stk_bydd_trd`); None: any that the fault
            makes sense for.
        date: the day that is asked for (trdDd, basDd), YYYY-MM-DD; None: any.
        since, until: only while the exchange's clock is in [since, until), KST, `2026-09-10T19:00`;
            None: open.
        value: the parameter of the fault.
        market: KOSPI, KOSDAQ or KONEX, whose rows alone are changed; None: all.
        rows: how many rows are changed, such as `5`, or `0.4%` of those of the market, one at
            least; None: as many as is usual for the fault.
    Raises:
        ValueError: no such fault, or a field that it cannot have.
    """

    name: str
    times: int | None = None
    kind: str | None = None
    request: str | None = None
    date: str | None = None
    since: str | None = None
    until: str | None = None
    value: str | None = None
    market: str | None = None
    rows: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        try:
            self._check_types()
            self._check_scope()
            self._check_moments()
            self.read_value()
            self.read_extent()
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error

    def fits(self, record: Record) -> bool:
        """Return whether the fault is meant for this request at this moment."""
        return (
            record.kind in self._kinds()
            and self.request in (None, record.name)
            and self._fits_date(record)
            and (self.since is None or read_kst(self.since) <= record.at)
            and (self.until is None or record.at < read_kst(self.until))
        )

    def told(self) -> dict[str, Any]:
        """Return the fields that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def read_value(self) -> Any:
        """Return the value as the fault reads it, its default when there is none."""
        kind = REGISTRY[self.name]
        if self.value is None:
            return kind.default
        if kind.read is None:
            raise ValueError(f"it takes no value, not {self.value!r}")
        try:
            return kind.read(self.value)
        except ValueError as error:
            raise ValueError(f"its value cannot be {self.value!r}: {error}") from error

    def read_extent(self) -> Extent | None:
        """Return how many rows the fault changes; None when it cannot be told."""
        usual = REGISTRY[self.name].extent
        if usual is None:
            if self.rows is not None:
                raise ValueError(f"it takes no number of rows, not {self.rows!r}")
            return None
        try:
            return read_extent(usual if self.rows is None else self.rows)
        except ValueError as error:
            raise ValueError(f"its rows cannot be {self.rows!r}: {error}") from error

    def _kinds(self) -> tuple[str, ...]:
        kind = REGISTRY[self.name]
        if self.kind is not None:
            return (self.kind,)
        return kind.kinds if self.request is None else (*kind.kinds, *kind.also)

    def _fits_date(self, record: Record) -> bool:
        about, asked = REGISTRY[self.name].about, record.day
        if asked is not None:
            return self.date in (None, asked)
        if self.date is not None:
            return about is About.DAY_OR_SERIES and _spans(record, self.date)
        return about is About.ANYTHING or self.request is not None

    def _check_types(self) -> None:
        if self.times is not None and (type(self.times) is not int or self.times < 1):
            raise ValueError(
                "times is a number from 1 on, or none for «until further notice», "
                f"not {self.times!r}"
            )
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} is a text, not {getattr(self, name)!r}")

    def _check_scope(self) -> None:
        kind = REGISTRY[self.name]
        kinds = (*kind.kinds, *kind.also)
        if self.kind is not None and self.kind not in kinds:
            raise ValueError(f"its kind is one of {', '.join(kinds)}, not {self.kind!r}")
        requests = [
            name
            for name, each in _KIND_OF_REQUEST.items()
            if each in kinds and self.kind in (None, each)
        ]
        if self.request is not None and self.request not in requests:
            raise ValueError(f"its request is one of {', '.join(requests)}, not {self.request!r}")

        if self.market is not None and not (kind.by_market and self.market in MARKET_IDS):
            known = f"one of {', '.join(MARKET_IDS)}" if kind.by_market else "none"
            raise ValueError(f"its market is {known}, not {self.market!r}")

    def _check_moments(self) -> None:
        if self.date is None and REGISTRY[self.name].needs_date:
            raise ValueError("it needs the date of a day, YYYY-MM-DD")
        if self.date is not None and not _is_date(self.date):
            raise ValueError(f"date is YYYY-MM-DD, not {self.date!r}")
        for moment in (self.since, self.until):
            if moment is not None and not _is_moment(moment):
                raise ValueError(f"since and until are KST, YYYY-MM-DDTHH:MM, not {moment!r}")


_FIELDS = [field.name for field in fields(Fault)]
_TEXTS = [name for name in _FIELDS if name not in ("name", "times")]


def read_faults(document: object) -> list[Fault]:
    """Return the faults of a JSON document: an object of a fault's fields, or a list. Raise
    ValueError otherwise."""
    return [_read_fault(item) for item in (document if isinstance(document, list) else [document])]


def parse_fault(text: str) -> Fault:
    """Return the fault of `NAME` or `NAME:key=value,key=value`, as on a command line. Raise
    ValueError otherwise."""
    name, _, rest = text.partition(":")
    told: dict[str, Any] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is not key=value")
        told[key] = int(value) if key == "times" and value.isdecimal() else value
    return make_fault(name, **told)


def make_fault(name: str, **told: Any) -> Fault:
    """Return `Fault(name, **told)`. Raise ValueError for an unknown field."""
    if unknown := sorted(told.keys() - set(_FIELDS)):
        raise ValueError(f"{name}: a failure has no {unknown[0]!r}; it has {', '.join(_FIELDS)}")
    return Fault(name, **told)


def _read_fault(told: object) -> Fault:
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise ValueError(f"a failure is an object with {', '.join(_FIELDS)}, not {told!r}")
    return make_fault(**told)


def check_name(name: str) -> None:
    if name not in REGISTRY:
        raise ValueError(f"no failure is called {name!r}; there are {', '.join(REGISTRY)}")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    try:
        return bool(read_kst(text))
    except ValueError:
        return False


def _spans(record: Record, day: str) -> bool:
    """Return whether a request for a series of days covers the day."""
    first, last = record.dates.get("strtDd", ""), record.dates.get("endDd", "")
    return first <= day.replace("-", "") <= last
