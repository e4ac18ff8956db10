"""How to reach the exchange: account, Open API key, both, or the local demo exchange. Each is tried
at once."""

import re

from pydantic import SecretStr

from collectors.guide.demo import (
    ADDRESSES,
    DEMO_ACCOUNT,
    DEMO_ADDRESS,
    apart_from_real_data,
    back_to_the_real_exchange,
    is_another_exchange,
)
from collectors.guide.guide import MOST_LOGINS, Guide
from collectors.guide.trials import (
    Shown,
    drop_if_empty,
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

ACCOUNT, KEY, BOTH, DEMO = 1, 2, 3, 4
_NONE = "-"
CREDENTIALS = ("krx_id", "krx_pw", "krx_openapi_key")
Answers = dict[str, str]


def ask_exchange(guide: Guide) -> None:
    """Also brings the newest final session, for the numbers of the next questions, where that can
    be had.

    Raises `SourceError` where the environment leaves no choice and it does not work, `WrongUsage`
    after as many refused logins as one conversation may risk.
    """
    if guide.tell_if_decided(CREDENTIALS, value=_set_credentials(guide.settings())):
        guide.shown = _try_what_is_set(guide)
        return
    guide.dialogue.hint(guide.words("exchange_hint"))
    ways = {ACCOUNT: _ask_account, KEY: _ask_key, BOTH: _ask_both, DEMO: _ask_demo}
    while True:
        way = _ask_way(guide)
        try:
            guide.shown = ways[way](guide)
        except (SourceError, StoreError) as problem:
            guide.dialogue.explain(problem)
        else:
            return


def _set_credentials(settings: Settings) -> str:
    return ", ".join(name.upper() for name in CREDENTIALS if getattr(settings, name)) or _NONE


def _try_what_is_set(guide: Guide) -> Shown | None:
    settings = guide.settings()
    if settings.krx_id and settings.krx_pw:
        return _try_account(guide, {})
    if settings.krx_openapi_key:
        return _try_key(guide, {})
    raise WrongUsage(
        "Neither KRX_ID and KRX_PW nor KRX_OPENAPI_KEY are set. Set them where the others are set."
    )


def _ask_way(guide: Guide) -> int:
    words, settings = guide.words, guide.settings()
    present = ACCOUNT
    if settings.krx_openapi_key:
        present = BOTH if settings.krx_id else KEY
    options = [words(name) for name in ("exchange_account", "exchange_key", "exchange_both")]
    if not _is_fixed(ADDRESSES):
        options.append(words("exchange_demo"))
        present = DEMO if is_another_exchange(settings) else present
    return guide.dialogue.choose(options, present)


def _ask_account(guide: Guide) -> Shown | None:
    return _account(guide, _real_exchange(guide) | _without(guide, "krx_openapi_key"))


def _ask_key(guide: Guide) -> Shown | None:
    return _key(guide, _real_exchange(guide) | _without(guide, "krx_id", "krx_pw"))


def _ask_both(guide: Guide) -> Shown | None:
    shown = _account(guide, _real_exchange(guide))
    return _key(guide, {}) or shown


def _account(guide: Guide, around: Answers) -> Shown | None:
    """Name and password until they are accepted, three times in a row at most; kept with the
    settings `around` them."""
    words, dialogue = guide.words, guide.dialogue
    settings = guide.settings(around)
    name, present = _text(settings.krx_id), _text(settings.krx_pw)
    while True:
        name = dialogue.ask(words("login_name"), name, lambda answer: _something(guide, answer))
        _stop_before_the_lock(guide, name)
        password = dialogue.ask_hidden(
            words("password_kept" if present else "password"), needed=not present
        )
        answers = around | {"krx_id": name, "krx_pw": password or present}
        try:
            shown = _try_account(guide, answers)
        except LoginRefused as refusal:
            dialogue.explain(refusal)
            _heed_refusals(guide, name)
            present = ""  # it is refused: only another one is worth a try
        else:
            guide.keep(answers)
            return shown


def _stop_before_the_lock(guide: Guide, name: str) -> None:
    """Earlier runs count as well. A login by hand ends the row, and only the person knows of it."""
    words, settings = guide.words, guide.settings()
    refused = refused_logins(settings, guide.clock, name)
    if refused < MOST_LOGINS:
        return
    if not guide.dialogue.agrees(words("logged_in_by_hand", refused=refused), default=False):
        raise WrongUsage(words("too_many_refusals", refused=refused))
    forget_refused_logins(settings, guide.clock)


def _heed_refusals(guide: Guide, name: str) -> None:
    refused = refused_logins(guide.settings(), guide.clock, name)
    if refused >= MOST_LOGINS:
        raise WrongUsage(guide.words("too_many_refusals", refused=refused))
    guide.dialogue.hint(guide.words("tries_left", left=MOST_LOGINS - refused))


def _key(guide: Guide, around: Answers) -> Shown | None:
    """A key until it is accepted for every service. Enter tries the last one again: a service may
    be granted by now."""
    words, dialogue = guide.words, guide.dialogue
    key = _text(guide.settings(around).krx_openapi_key)
    question = words("key_kept" if key else "key")
    while True:
        key = dialogue.ask_hidden(question, needed=not key) or key
        answers = around | {"krx_openapi_key": key}
        try:
            shown = _try_key(guide, answers)
        except KeyRefused as refusal:
            dialogue.explain(refusal)
            question = words("key_again")
        else:
            guide.keep(answers)
            return shown


def _ask_demo(guide: Guide) -> Shown | None:
    """Its address until somebody answers there."""
    words, dialogue, settings = guide.words, guide.dialogue, guide.settings()
    dialogue.hint(words("demo_hint"))
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
            words("demo_address"), address, lambda answer: _address(guide, answer)
        )
        answers = (
            dict.fromkeys(ADDRESSES, address)
            | DEMO_ACCOUNT
            | apart
            | _without(guide, "krx_openapi_key")
        )
        try:
            shown = _try_account(guide, answers)
        except SourceDown:
            dialogue.wrong(words("demo_down"))
        else:
            guide.keep(answers)
            if apart:
                drop_if_empty(settings, guide.clock)
            for place, value in apart.items():
                dialogue.say(words("demo_apart", name=place.upper(), value=value))
            return shown


def _try_account(guide: Guide, answers: Answers) -> Shown | None:
    with guide.dialogue.waiting(guide.words("trying_account")):
        shown = try_account(guide.settings(answers), guide.clock)
    return _say_that_it_works(guide, guide.words("account_works"), shown)


def _try_key(guide: Guide, answers: Answers) -> Shown | None:
    with guide.dialogue.waiting(guide.words("trying_key")):
        shown = try_key(guide.settings(answers), guide.clock)
    return _say_that_it_works(guide, guide.words("key_works"), shown)


def _say_that_it_works(guide: Guide, text: str, shown: Shown | NightShiftError) -> Shown | None:
    guide.dialogue.works(text)
    if isinstance(shown, Shown):
        return shown
    guide.dialogue.wrong(guide.words("no_numbers", detail=shown))
    return None


def _real_exchange(guide: Guide) -> Answers:
    """What leads from the demo exchange back to the real one, where it was chosen before."""
    settings = guide.settings()
    return (
        {}
        if _is_fixed(ADDRESSES) or not is_another_exchange(settings)
        else back_to_the_real_exchange(settings)
    )


def _without(guide: Guide, *names: str) -> Answers:
    """What takes these out again, where they are set."""
    settings = guide.settings()
    return {name: "" for name in names if getattr(settings, name) is not None}


def _is_fixed(names: tuple[str, ...]) -> bool:
    return set_in_environment(name.upper() for name in names)


def _something(guide: Guide, answer: str) -> str:
    if not answer:
        raise WrongUsage(guide.words("nothing_typed"))
    return answer


def _address(guide: Guide, answer: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+/?", answer):
        raise WrongUsage(guide.words("demo_wrong_address"))
    return answer


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
