"""Errors of this project: each has a `kind` (as in `job_status.error.kind`) and an exit code.

A message says what happened and what to do about it. An error is never turned into empty data.
"""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_NOW = 75


class NightShiftError(Exception):
    """Failure with a kind of its own. The message is for a person."""

    kind = "failed"
    exit_code = EXIT_FAILED


class WrongUsage(NightShiftError):
    """Wrong option, setting or file: a person has to change something."""

    kind = "usage"
    exit_code = EXIT_USAGE


class NotNow(NightShiftError):
    """Nothing is wrong, but the work cannot be done at this moment."""

    kind = "not_now"
    exit_code = EXIT_NOT_NOW


class LockHeld(NotNow):
    """Another run is doing this work."""

    kind = "locked"


class NotCollected(NotNow):
    """`daily_update` has not completed the session that is to be analysed."""

    kind = "not_collected"


class SourceError(NightShiftError):
    """Failure of the exchange's answer."""

    kind = "source"


class ClosedMarket(SourceError):
    """The day is no session; the exchange has shown it."""

    kind = "closed"


class NotPublished(SourceError):
    """Every figure is `-`: closed, or not published yet. Only a later session shows which."""

    kind = "not_published"
    exit_code = EXIT_NOT_NOW


class SourceRefuses(SourceError):
    """The exchange answers and refuses. Another try makes it worse."""

    kind = "refused"
    exit_code = EXIT_NOT_NOW


class Banned(SourceRefuses):
    """Automated use was detected: access is blocked for a day from then. Every further try extends
    it."""

    kind = "banned"


class LoggedOut(SourceRefuses):
    """The session is not, or no longer, logged in."""

    kind = "logged_out"


class LoggedInElsewhere(SourceRefuses):
    """The same account is in use elsewhere, and the exchange does not let us take over."""

    kind = "logged_in_elsewhere"


class QuotaUsed(SourceRefuses):
    """The day's requests are used up; the next day has new ones."""

    kind = "quota_used"


class KeyRefused(SourceRefuses):
    """The Open API does not accept the key for a service."""

    kind = "key_refused"
    exit_code = EXIT_USAGE


class LoginRefused(SourceRefuses):
    """Wrong KRX_ID or KRX_PW."""

    kind = "login_refused"
    exit_code = EXIT_USAGE


class PasswordChangeDue(LoginRefused):
    """The exchange wants a new password (CD010, every three months)."""

    kind = "password_change_due"


class SourceDown(SourceError):
    """No answer, a server error or a maintenance page: a later try may succeed."""

    kind = "down"


class AnswerCutOff(SourceDown):
    """The answer is empty or incomplete: the connection broke."""

    kind = "cut_off"


class MalformedAnswer(SourceError):
    """An answer that the exchange does not publish: a missing block or column, a bad cell, too few
    rows."""

    kind = "malformed"


class OddDay(MalformedAnswer):
    """A day that may be right and is too odd to be stored at once: it waits for a reading after the
    next checkpoint, or for a person.

    Attributes:
        session: the day.
    """

    kind = "odd"
    exit_code = EXIT_NOT_NOW

    def __init__(self, message: str, session: str = "") -> None:
        super().__init__(message)
        self.session = session


class StoreError(NightShiftError):
    """The database cannot be used, or something stored in it cannot (`Damaged`)."""

    kind = "store"


class Damaged(StoreError):
    """The database answers, but a stored document or column does not unpack or fails its check."""

    kind = "damaged"


class Unopenable(StoreError):
    """The file of the embedded database is none any more: nothing in it can be read."""

    kind = "unopenable"


class NotStored(NightShiftError):
    """The database answers, but the session that a run cannot do without is not there, or not of
    the size that was expected."""

    kind = "not_stored"


class StoreUnusable(StoreError):
    """The database can never work as it is configured: wrong URI, password, folder or version."""

    kind = "store_unusable"
    exit_code = EXIT_USAGE
