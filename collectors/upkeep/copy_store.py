"""Copy of everything that is stored into another database, embedded or MongoDB, and what to change
then."""

import argparse
import logging
import re
from pathlib import Path

from pydantic import SecretStr

from utils.errors import NightShiftError, NotNow, StoreError, WrongUsage
from utils.progress import progress_bar
from utils.run import Run
from utils.scope import required_scope
from utils.settings import Settings
from utils.store import open_backend
from utils.store.backend import Backend
from utils.store.copying import DOCUMENTS, StoreCopy

OF_THE_SETTING = "mongodb"
"""Value of `--copy-to` for the MongoDB of COPY_TO_URI."""
_MONGODB = ("mongodb://", "mongodb+srv://")
_NAMED = 10
"""The most differing things that are named."""
log = logging.getLogger(__name__)


def copy_target(text: str) -> str:
    """Return the text, a folder, a MongoDB URI, or `OF_THE_SETTING`, as an argparse type. A URI
    that holds a secret is refused and not repeated: every user of the machine can read the
    arguments of a running program."""
    if not text.strip():
        raise argparse.ArgumentTypeError("name a folder, or say mongodb.")
    if text.startswith(_MONGODB):
        user, at, _ = text.partition("://")[2].rpartition("@")
        if (at and ":" in user) or re.search(
            r"[?&;][^=]*(password|token|authmechanismproperties)", text.lower()
        ):
            raise argparse.ArgumentTypeError(
                "a URI with a password does not belong on the command line, where others can "
                f"read it. Put it into .env as COPY_TO_URI and say --copy-to {OF_THE_SETTING}. If "
                "the password matters, change it: it may stand in the history of your shell."
            )
    elif "://" in text:
        raise argparse.ArgumentTypeError(
            "that is neither a folder nor a URI that begins with mongodb:// ."
        )
    return text


def copy_store(run: Run, to: str) -> None:
    """Copy the whole store there, or go on with it, compare, and say what to change.

    Raises `WrongUsage` when nothing is set up here or the target holds something else,
    `NightShiftError` when it differs in the end, `NotNow` when a stop was requested.
    """
    required_scope(run.store)
    target = _open_target(_settings_of(run.settings, to), to)
    try:
        if target.description == run.store.description:
            raise WrongUsage(
                f"--copy-to: the {target.description} is what is in use. Choose another place."
            )
        copy = StoreCopy(run.store, target)
        copy.check_target()  # also before a lock is taken there
        log.info("Copying the %s into the %s.", run.store.description, target.description)
        with copy.locked():
            copy.begin()
            _copy_all(run, copy)
            _check_all(run, copy)
            copy.finish()
            done = "The copy is whole: every session and document was read back. %s"
            log.info(done, _what_to_change(to))
    finally:
        target.close()


def _settings_of(settings: Settings, to: str) -> Settings:
    """Return the settings as they are when the copy is in use. Raises `WrongUsage` when COPY_TO_URI
    is not set."""
    if to == OF_THE_SETTING:
        if settings.copy_to_uri is None:
            raise WrongUsage(
                "COPY_TO_URI is not set. "
                "Put the URI of the MongoDB into .env as COPY_TO_URI=mongodb://..."
            )
        return settings.model_copy(update={"mongodb_uri": settings.copy_to_uri})
    if to.startswith(_MONGODB):
        return settings.model_copy(update={"mongodb_uri": SecretStr(to)})
    return settings.model_copy(update={"mongodb_uri": None, "data_dir": _folder(to)})


def _folder(to: str) -> Path:
    try:
        return Path(to).expanduser().resolve()
    except (RuntimeError, OSError) as error:  # ~nobody, links in a circle
        raise WrongUsage(f"--copy-to {to}: {error}") from None


def _open_target(settings: Settings, to: str) -> Backend:
    """Open the target. A failure names the option, not the setting that it will be."""
    try:
        return open_backend(settings)
    except StoreError as error:
        name = "COPY_TO_URI" if to == OF_THE_SETTING else "--copy-to"
        raise type(error)(re.sub(r"\b(MONGODB_URI|DATA_DIR)\b", name, str(error))) from None


def _copy_all(run: Run, copy: StoreCopy) -> None:
    heads = copy.sessions_to_copy()
    with progress_bar("Copying sessions", len(heads), log_every=100) as advance:
        for head in heads:
            _leave_if_asked(run)
            copy.copy_session(head)
            advance(1)
    for collection in DOCUMENTS:
        _leave_if_asked(run)
        log.info("%s: %d documents.", collection, copy.copy_documents(collection))


def _check_all(run: Run, copy: StoreCopy) -> None:
    count = run.store.sessions.count()
    with progress_bar("Comparing sessions", count, log_every=100) as advance:

        def after_session(steps: int) -> None:
            advance(steps)
            _leave_if_asked(run)

        wrong = [f"session {session}" for session in copy.differing_sessions(after_session)]
    wrong += [f"{name} {key}" for name in DOCUMENTS for key in copy.differing_documents(name)]
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise NightShiftError(
            f"The copy differs in {', '.join(wrong[:_NAMED])}{more}. If something was at work "
            "meanwhile, such as hourly_analysis.py on another machine, let it end. Then run the "
            "same command again; it copies the rest."
        )


def _leave_if_asked(run: Run) -> None:
    if run.stop.requested:
        raise NotNow("Stopped on request. The same command goes on with the copy from there.")


def _what_to_change(to: str) -> str:
    where = "To use it, change .env:"
    if to == OF_THE_SETTING:
        return (
            f"{where} the address in COPY_TO_URI becomes that of MONGODB_URI, and COPY_TO_URI goes."
        )
    if to.startswith(_MONGODB):
        return f"{where} MONGODB_URI={to}"
    return f"{where} take out MONGODB_URI, and write DATA_DIR={_folder(to)}"
