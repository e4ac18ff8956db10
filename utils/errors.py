"""Every failure this project tells apart: its `kind` (as in `job_status.error.kind`) and the exit
code it leads to.

Messages say what happened and what to do about it. None of them ever becomes empty data.
"""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_NOW = 75


class NightShiftError(Exception):
    """A failure with a kind of its own. The message is for a person."""

    kind = "failed"
    exit_code = EXIT_FAILED


class WrongUsage(NightShiftError):
    """A wrong option, setting or file: a person has to change something before it can work."""

    kind = "usage"
    exit_code = EXIT_USAGE


class NotNow(NightShiftError):
    """Nothing is wrong; it cannot be done at this moment."""

    kind = "not_now"
    exit_code = EXIT_NOT_NOW


class LockHeld(NotNow):
    """Another run is doing this work."""

    kind = "locked"


class NotCollected(NotNow):
    """`daily_update` has not completed the session that is to be analysed."""

    kind = "not_collected"


class SourceError(NightShiftError):
    """Something about the exchange's answer."""

    kind = "source"


class ClosedMarket(SourceError):
    """The day is no session, and the exchange has shown it."""

    kind = "closed"


class NotPublished(SourceError):
    """All `-`: closed or not out yet. The exchange cannot say which before it shows a later
    session."""

    kind = "not_published"
    exit_code = EXIT_NOT_NOW


class SourceRefuses(SourceError):
    """The exchange answers, and the answer is no. Trying again makes it worse."""

    kind = "refused"
    exit_code = EXIT_NOT_NOW


class Banned(SourceRefuses):
    """Automated use detected: closed to us for a day from detection; every further try renews
    it."""

    kind = "banned"


class LoggedOut(SourceRefuses):
    """The session is not, or no longer, logged in."""

    kind = "logged_out"


class LoggedInElsewhere(SourceRefuses):
    """Somebody else is at work with the same account, and the exchange does not let us take it
    over."""

    kind = "logged_in_elsewhere"


class QuotaUsed(SourceRefuses):
    """As many requests as a day allows have been made; the next day has new ones."""

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
    """No answer, a server error or a maintenance page: trying again later mends it."""

    kind = "down"


class AnswerCutOff(SourceDown):
    """The answer ends before its end, or is empty: lost on the way."""

    kind = "cut_off"


class MalformedAnswer(SourceError):
    """Not what the exchange publishes: a missing block or column, an unparsable cell, too few
    rows."""

    kind = "malformed"


class StoreError(NightShiftError):
    """The database cannot be used."""

    kind = "store"


class Damaged(StoreError):
    """The database answers, but a stored document or column does not unpack or is not as it was
    saved."""

    kind = "damaged"


class StoreUnusable(StoreError):
    """The database can never work as it is configured: wrong URI, password, folder or version."""

    kind = "store_unusable"
    exit_code = EXIT_USAGE
