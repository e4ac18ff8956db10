"""Question how to reach the exchange: account, Open API key, both, or the local demo exchange.

Each is tried at once.
"""

import re

from pydantic import SecretStr

from collectors.setup.context import MOST_LOGINS, SetupContext
from collectors.setup.demo import (
    ADDRESSES,
    DEMO_ACCOUNT,
    DEMO_ADDRESS,
    apart_from_real_data,
    back_to_the_real_exchange,
    is_another_exchange,
)
from collectors.setup.trials import (
    NewestDay,
    forget_refused_logins,
    refused_logins,
    try_account,
    try_key,
)
from utils.errors import (
    KeyRefused,
    LoginRefused,
    NightShiftError,
    SourceDown,
    SourceError,
    StoreError,
    WrongUsage,
)
from utils.settings import Settings, set_in_environment
from utils.store import drop_if_empty

ACCOUNT, KEY, BOTH, DEMO = 1, 2, 3, 4
_NONE = "-"
CREDENTIALS = ("krx_id", "krx_pw", "krx_openapi_key")
Answers = dict[str, str]


def ask_exchange(setup: SetupContext) -> None:
    """Ask, try and keep the access. Fetch the newest final session too, where it can be had, for
    the numbers of the next questions.

    Raises:
        SourceError: the environment leaves no choice, and it does not work.
        WrongUsage: as many logins were refused as one conversation may risk.
    """
    if setup.tell_if_decided(CREDENTIALS, value=_set_credentials(setup.settings())):
        setup.newest_day = _try_what_is_set(setup)
        return
    setup.dialogue.hint(setup.texts("exchange_hint"))
    ask = {ACCOUNT: _ask_account, KEY: _ask_key, BOTH: _ask_both, DEMO: _ask_demo}
    while True:
        access = _ask_access(setup)
        try:
            setup.newest_day = ask[access](setup)
        except (SourceError, StoreError) as problem:
            setup.dialogue.explain(problem)
        else:
            return


def _set_credentials(settings: Settings) -> str:
    return ", ".join(name.upper() for name in CREDENTIALS if getattr(settings, name)) or _NONE


def _try_what_is_set(setup: SetupContext) -> NewestDay | None:
    settings = setup.settings()
    if settings.krx_id and settings.krx_pw:
        _stop_before_the_lock(setup, _text(settings.krx_id))
        return _try_account(setup, {})
    if settings.krx_openapi_key:
        return _try_key(setup, {})
    raise WrongUsage(
        "Neither KRX_ID and KRX_PW nor KRX_OPENAPI_KEY are set. Set them where the others are set."
    )


def _ask_access(setup: SetupContext) -> int:
    texts, settings = setup.texts, setup.settings()
    present = ACCOUNT
    if settings.krx_openapi_key:
        present = BOTH if settings.krx_id else KEY
    options = [texts(name) for name in ("exchange_account", "exchange_key", "exchange_both")]
    if not _is_fixed(ADDRESSES):
        options.append(texts("exchange_demo"))
        present = DEMO if is_another_exchange(settings) else present
    return setup.dialogue.choose(options, present)


def _ask_account(setup: SetupContext) -> NewestDay | None:
    return _account(setup, _real_exchange(setup) | _without(setup, "krx_openapi_key"))


def _ask_key(setup: SetupContext) -> NewestDay | None:
    return _key(setup, _real_exchange(setup) | _without(setup, "krx_id", "krx_pw"))


def _ask_both(setup: SetupContext) -> NewestDay | None:
    newest_day = _account(setup, _real_exchange(setup))
    return _key(setup, {}) or newest_day


def _account(setup: SetupContext, around: Answers) -> NewestDay | None:
    """Ask for name and password until they are accepted, three times in a row at most. Keep them
    with the settings `around` them."""
    texts, dialogue = setup.texts, setup.dialogue
    settings = setup.settings(around)
    name, present = _text(settings.krx_id), _text(settings.krx_pw)
    while True:
        name = dialogue.ask(texts("login_name"), name, lambda answer: _something(setup, answer))
        _stop_before_the_lock(setup, name)
        password = dialogue.ask_hidden(
            texts("password_kept" if present else "password"), needed=not present
        )
        answers = around | {"krx_id": name, "krx_pw": password or present}
        try:
            newest_day = _try_account(setup, answers)
        except LoginRefused as refusal:
            dialogue.explain(refusal)
            _heed_refusals(setup, name)
            present = ""  # it is refused: only another one is worth a try
        else:
            setup.keep(answers)
            return newest_day


def _stop_before_the_lock(setup: SetupContext, name: str) -> None:
    """Raise `WrongUsage` where one more refusal may lock the account. Earlier runs count as well.

    A login by hand ends the row, and only the person knows of it.
    """
    texts, settings = setup.texts, setup.settings()
    refused = refused_logins(settings, setup.clock, name)
    if refused < MOST_LOGINS:
        return
    if not setup.dialogue.agrees(texts("logged_in_by_hand", refused=refused), default=False):
        raise WrongUsage(texts("too_many_refusals", refused=refused))
    forget_refused_logins(settings, setup.clock, name)


def _heed_refusals(setup: SetupContext, name: str) -> None:
    refused = refused_logins(setup.settings(), setup.clock, name)
    if refused >= MOST_LOGINS:
        raise WrongUsage(setup.texts("too_many_refusals", refused=refused))
    setup.dialogue.hint(setup.texts("tries_left", left=MOST_LOGINS - refused))


def _key(setup: SetupContext, around: Answers) -> NewestDay | None:
    """Ask for a key until it is accepted for every service.

    Enter tries the last one again: a service may be granted by now.
    """
    texts, dialogue = setup.texts, setup.dialogue
    key = _text(setup.settings(around).krx_openapi_key)
    question = texts("key_kept" if key else "key")
    while True:
        key = dialogue.ask_hidden(question, needed=not key) or key
        answers = around | {"krx_openapi_key": key}
        try:
            newest_day = _try_key(setup, answers)
        except KeyRefused as refusal:
            dialogue.explain(refusal)
            question = texts("key_again")
        else:
            setup.keep(answers)
            return newest_day


def _ask_demo(setup: SetupContext) -> NewestDay | None:
    """Ask for the address of the demo exchange until somebody answers there."""
    texts, dialogue, settings = setup.texts, setup.dialogue, setup.settings()
    dialogue.hint(texts("demo_hint"))
    address = (
        str(settings.krx_base_url).rstrip("/") if is_another_exchange(settings) else DEMO_ADDRESS
    )
    apart = {
        name: value
        for name, value in apart_from_real_data(settings).items()
        if not _is_fixed((name,))
    }
    while True:
        address = dialogue.ask(
            texts("demo_address"), address, lambda answer: _address(setup, answer)
        )
        answers = (
            dict.fromkeys(ADDRESSES, address)
            | DEMO_ACCOUNT
            | apart
            | _without(setup, "krx_openapi_key")
        )
        try:
            newest_day = _try_account(setup, answers)
        except SourceDown:
            dialogue.wrong(texts("demo_down"))
        else:
            setup.keep(answers)
            if apart:
                drop_if_empty(settings, setup.clock)
            for name, value in apart.items():
                dialogue.say(texts("demo_apart", name=name.upper(), value=value))
            return newest_day


def _try_account(setup: SetupContext, answers: Answers) -> NewestDay | None:
    with setup.dialogue.waiting(setup.texts("trying_account")):
        newest_day = try_account(setup.settings(answers), setup.clock)
    return _say_that_it_works(setup, setup.texts("account_works"), newest_day)


def _try_key(setup: SetupContext, answers: Answers) -> NewestDay | None:
    with setup.dialogue.waiting(setup.texts("trying_key")):
        newest_day = try_key(setup.settings(answers), setup.clock)
    return _say_that_it_works(setup, setup.texts("key_works"), newest_day)


def _say_that_it_works(
    setup: SetupContext, text: str, newest_day: NewestDay | NightShiftError
) -> NewestDay | None:
    setup.dialogue.works(text)
    if isinstance(newest_day, NewestDay):
        return newest_day
    setup.dialogue.wrong(setup.texts("no_numbers", detail=newest_day))
    return None


def _real_exchange(setup: SetupContext) -> Answers:
    """Return the answers that lead from the demo exchange, where it is set, to the real one."""
    settings = setup.settings()
    return (
        {}
        if _is_fixed(ADDRESSES) or not is_another_exchange(settings)
        else back_to_the_real_exchange(settings)
    )


def _without(setup: SetupContext, *names: str) -> Answers:
    """Return the answers that take these settings out, where they are set."""
    settings = setup.settings()
    return {name: "" for name in names if getattr(settings, name) is not None}


def _is_fixed(names: tuple[str, ...]) -> bool:
    return set_in_environment(name.upper() for name in names)


def _something(setup: SetupContext, answer: str) -> str:
    if not answer:
        raise WrongUsage(setup.texts("nothing_typed"))
    return answer


def _address(setup: SetupContext, answer: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+/?", answer):
        raise WrongUsage(setup.texts("demo_wrong_address"))
    return answer


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
