"""Sources, `system_info.sources`: how often each is asked, whether it is closed to us, whether the
two agree."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from utils.clock import KST
from utils.errors import Banned, QuotaUsed
from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.schema import SOURCES

LONGEST_BLOCK = timedelta(hours=24)
MOST_TRIES_OF_A_PASSWORD = 2
"""The most logins with one password that is refused; the second may tell that the first was an
outage."""
MOST_REFUSED_LOGINS = 4
"""The most in a row with one login ID, whatever the password: the exchange locks an account after
five."""
MOST_NAMED = 100
"""The most unknown columns of a source that are named in the log, whatever it may send."""
SOON = timedelta(minutes=5)
"""A block that ends so soon is waited for: who comes at the same time every day must not come in
vain twice."""

_NONE_REFUSED: Document = {"password_mark": None, "count": 0, "tries": 0, "last_utc": None}


class SourceRecords(StorePart):
    """State of the sources, shared by every process and machine: one pace of requests, and one
    block."""

    def next_request(
        self, source: str, interval: timedelta, daily_limit: int | None = None
    ) -> timedelta:
        """Book the next request to the source. Return how long to wait until it may be sent.

        Two requests of any two processes are at least `interval` apart, and there are no more than
        `daily_limit` on one day (KST). Raise `Banned` while the source is closed, `QuotaUsed` at
        the limit.
        """
        while True:
            now, state = self.clock.now_utc(), self._source(source)
            opens = self._opens(state, now)
            if opens - now > SOON:
                raise _closed(source, opens, state["reason"])
            today = self._count_today(state, now)
            if daily_limit is not None and today["today"] > daily_limit:
                raise QuotaUsed(
                    f"The {daily_limit:,} requests a day that {source} allows are used up "
                    f"({today['date_kst']}). The next run after midnight KST goes on from here."
                )
            booked = state["next_request_utc"]
            # A clock that was put back must not make everybody wait for the time it showed before.
            # It is no `Lease`: the slots of many runs may lie ahead, each until its own moment.
            start = opens if booked is None else max(opens, min(booked, opens + 100 * interval))
            # Only the process whose condition still holds gets this slot; the others look again.
            seen = {"_id": source, "next_request_utc": booked, "total": state["total"]}
            next_one = {"next_request_utc": start + interval, "total": state["total"] + 1}
            if self.backend.update(SOURCES, seen, next_one | today):
                return start - now

    def _opens(self, state: Document, now: datetime) -> datetime:
        """Return when the source is open to us: now, or when its block ends.

        A block that ends later than any can was written by a clock that was wrong; it is cut once.
        It is no `Lease`: a source that may have banned us is never taken for free.
        """
        until = state["blocked_until_utc"]
        if until is not None and until - now > LONGEST_BLOCK:
            until = now + LONGEST_BLOCK
            self.block(state["_id"], until, state["reason"])
        return now if until is None else max(now, until)

    def block(self, source: str, until: datetime, reason: str) -> None:
        """Close the source for every process until that moment."""
        self._source(source)
        self.backend.update(
            SOURCES, {"_id": source}, {"blocked_until_utc": until, "reason": reason}
        )

    def record_comparison(self, source: str, session: str, differing: int) -> None:
        """Remember in how many tickers of that session the source differs from the other one."""
        self._source(source)
        comparison = {
            "session": session,
            "differing": differing,
            "compared_utc": self.clock.now_utc(),
        }
        self.backend.update(SOURCES, {"_id": source}, {"comparison": comparison})

    def comparison(self, source: str) -> Document | None:
        """Return what `record_comparison` remembered last: `session`, `differing`, `compared_utc`.
        None before the first."""
        state = self.backend.get(SOURCES, source)
        found: Document | None = None if state is None else state["comparison"]
        return found

    def record_password(self, source: str, mark: str) -> datetime:
        """Record that the source has taken a password that this mark tells from others. Return
        since when it has."""
        known: Document | None = self._source(source)["password"]
        if known is None or known["mark"] != mark:
            known = {"mark": mark, "since_utc": self.clock.now_utc()}
            self.backend.update(SOURCES, {"_id": source}, {"password": known})
        since: datetime = known["since_utc"]
        return since

    def has_logged_in(self, source: str) -> bool:
        """Return whether a login at the source has ever succeeded."""
        return self._source(source)["password"] is not None

    def record_failure(self, source: str, kind: str | None) -> None:
        """Record how the source fails at present, by the kind of the error; None: it answers well.
        It is written, with the moment, only when that has changed."""
        known: Document | None = self._source(source)["failure"]
        if (known and known["kind"]) != kind:
            failure = kind and {"kind": kind, "since_utc": self.clock.now_utc()}
            self.backend.update(SOURCES, {"_id": source}, {"failure": failure})

    def record_refused_login(self, source: str, mark: str, password_mark: str) -> int:
        """Record that the source has refused a login with the login ID and the password that these
        marks tell from others. Return how many logins with that ID it has refused in a row."""
        all_refused: Document = self._source(source)["refused_logins"]
        before = all_refused.get(mark, _NONE_REFUSED)
        is_same = before["password_mark"] == password_mark
        refused = {
            "password_mark": password_mark,
            "count": before["count"] + 1,
            "tries": before["tries"] + 1 if is_same else 1,
            "last_utc": self.clock.now_utc(),
        }
        self._keep_refused_logins(source, all_refused | {mark: refused})
        return int(refused["count"])

    def forget_refused_logins(self, source: str, mark: str) -> None:
        """Forget the refused logins with that login ID, because one has succeeded, here or by
        hand."""
        all_refused: Document = self._source(source)["refused_logins"]
        if mark in all_refused:
            self._keep_refused_logins(
                source, {name: each for name, each in all_refused.items() if name != mark}
            )

    def _keep_refused_logins(self, source: str, refused: Document) -> None:
        self.backend.update(SOURCES, {"_id": source}, {"refused_logins": refused})

    def refused_logins(self, source: str, mark: str) -> int:
        """Return how many logins with that login ID the source has refused in a row."""
        return int(self._source(source)["refused_logins"].get(mark, _NONE_REFUSED)["count"])

    def given_up_since(self, source: str, mark: str, password_mark: str) -> datetime | None:
        """Return the time of the last refusal when one more could lock the account, until the login
        ID or the password is another one; None while a login may be tried."""
        refused: Document = self._source(source)["refused_logins"].get(mark, _NONE_REFUSED)
        is_same = refused["password_mark"] == password_mark
        is_given_up = is_same and refused["tries"] >= MOST_TRIES_OF_A_PASSWORD
        last: datetime | None = refused["last_utc"]
        return last if is_given_up or refused["count"] >= MOST_REFUSED_LOGINS else None

    def not_named(self, source: str, columns: Sequence[str]) -> list[str]:
        """Return those of these unknown columns that are still to be named in the log."""
        named = self._source(source)["named_columns"]
        return [each for each in columns if each not in named][: max(0, MOST_NAMED - len(named))]

    def record_named(self, source: str, columns: Sequence[str]) -> None:
        """Remember that these unknown columns have been named in the log."""
        named = [*self._source(source)["named_columns"], *columns]
        self.backend.update(SOURCES, {"_id": source}, {"named_columns": named})

    def all(self) -> list[Document]:
        return self.backend.find(SOURCES)

    def _source(self, source: str) -> Document:
        fresh: Document = {
            "_id": source,
            "blocked_until_utc": None,
            "reason": None,
            "next_request_utc": None,
            "date_kst": None,
            "today": 0,
            "total": 0,
            "comparison": None,
            "password": None,
            "failure": None,
            "refused_logins": {},
            "named_columns": [],
        }
        if (found := self.backend.get(SOURCES, source)) is not None:
            return found
        self.backend.insert(SOURCES, fresh)
        return fresh

    def _count_today(self, state: Document, now: datetime) -> Document:
        # A clock that was put back over midnight does not give the day's requests again.
        today = max(now.astimezone(KST).date().isoformat(), state["date_kst"] or "")
        return {"date_kst": today, "today": state["today"] + 1 if state["date_kst"] == today else 1}


def _closed(source: str, until: datetime, reason: str) -> Banned:
    return Banned(
        f"{source} is closed to us until {until.astimezone(KST):%Y-%m-%d %H:%M} KST ({reason}). "
        "Nothing is asked before that; the next run after it goes on by itself."
    )
