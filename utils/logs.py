"""Logging: a rotating file and the console, KST time stamps, secrets blanked."""

import errno
import json
import logging
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO
from urllib.parse import quote, quote_plus

from pythonjsonlogger.json import JsonFormatter

from utils.clock import Clock
from utils.errors import WrongUsage
from utils.outside_text import visible
from utils.settings import Settings

MAX_BYTES = 5_000_000
BACKUPS = 5
BLANK = "***"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_URI_USERINFO = re.compile(r"(\w[\w+.-]*://)[^/\s@]+@")
_TEXT = "%(asctime)s %(levelname)-7s %(message)s"


class Redaction:
    """Blanking of secrets in text: the given values in every spelling, and the part before @ in a
    URI."""

    def __init__(self, secrets: Sequence[str]) -> None:
        spellings = {form for secret in secrets for form in _spellings(secret)}
        # Longest first, so that a secret that contains another is blanked whole.
        self._secrets = sorted(filter(None, spellings), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, BLANK)
        return _URI_USERINFO.sub(rf"\g<1>{BLANK}@", text)


def _spellings(secret: str) -> tuple[str, ...]:
    """Return the secret as it is, percent-encoded as in a URI or a form, and escaped as in JSON."""
    return (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret, ensure_ascii=False)[1:-1],
    )


class _KstTime:
    """Mixin for formatters: `%(asctime)s` is the clock's time in KST, ISO 8601 with seconds."""

    clock: Clock

    def formatTime(  # noqa: N802 - logging's name
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        return self.clock.now_kst().isoformat(timespec="seconds")


class _TextFormatter(_KstTime, logging.Formatter):
    def __init__(self, clock: Clock, redact: Redaction) -> None:
        super().__init__(_TEXT)
        self.clock = clock
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return visible(self._redact(super().format(record)))


class _JsonLines(_KstTime, JsonFormatter):
    def __init__(self, clock: Clock, redact: Redaction, script: str) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level"},
            static_fields={"script": script},
            json_ensure_ascii=False,
        )
        self.clock = clock
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return visible(self._redact(super().format(record)))


class _Unwritable(logging.Handler):
    """Mixin for handlers: a line that cannot be written is reported once and stops no work.

    logging itself would print a traceback for every line.
    """

    said = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self.said:
            self.said = True
            self.tell(error)

    def tell(self, error: OSError) -> None:
        """Report the error; called once."""


class _LogFile(_Unwritable, RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def close(self) -> None:
        with suppress(OSError):  # there may still be no room for what is left over
            super().close()

    def tell(self, error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        told = f"The log {self.baseFilename} cannot be written ({reason})."
        with suppress(OSError):
            sys.stderr.write(f"{told} The work goes on without it. Free space there.\n")


class _ToStderr(_Unwritable, logging.StreamHandler[TextIO]):
    """Handler that writes to the present `sys.stderr`: a progress bar replaces it for a while."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """Ignore the stream that the base class sets."""


def setup_logging(script: str, settings: Settings, clock: Clock, to_file: bool = True) -> Redaction:
    """Log to `<log_dir>/<script>.log` and to stderr. Return the blanking of secrets, for text that
    is not logged.

    Each script has a file of its own, so two processes never rotate the same file. Commands that
    only read write no file. Raises `WrongUsage` when the folder cannot be written.
    """
    redact = Redaction(settings.secrets())
    json_lines = settings.log_format == "json"
    formatter = _JsonLines(clock, redact, script) if json_lines else _TextFormatter(clock, redact)
    handlers: list[logging.Handler] = [_ToStderr()]
    if to_file:
        handlers.insert(0, _file_handler(settings.log_dir / f"{script}.log"))
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(level=settings.log_level, handlers=handlers, force=True)
    for chatty in ("urllib3", "matplotlib", "pymongo"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return redact


def _file_handler(path: Path) -> RotatingFileHandler:
    log_file = partial(_LogFile, path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    try:
        return log_file()
    except OSError as error:
        if error.errno in _NO_ROOM:
            return log_file(delay=True)  # tries again with every line
        raise WrongUsage(
            f"LOG_DIR {path.parent} cannot be written ({error.strerror}). Choose another."
        ) from None
