"""How to reach the exchange: account, Open API key, both, or the local demo exchange. Each is tried at once."""

import re

from pydantic import SecretStr

from collectors.guide.guide import Guide
from collectors.guide.trials import Shown, try_account, try_key
from utils.errors import (
    KeyRefused,
    LoginRefused,
    NightShiftError,
    SourceDown,
    SourceError,
    StoreError,
    WrongUsage,
)
from utils.settings import PROJECT, Settings, set_in_environment

ACCOUNT, KEY, BOTH, DEMO = 1, 2, 3, 4
CREDENTIALS = ("krx_id", "krx_pw", "krx_openapi_key")
ADDRESSES = ("krx_base_url", "krx_openapi_base_url")
DEMO_ADDRESS, DEMO_LOGIN = "http://127.0.0.1:8765", {"krx_id": "demo", "krx_pw": "demo"}
DEMO_PLACES = {"data_dir": "data/invented", "mongodb_db_prefix": "invented_"}
"""Where invented data is kept, apart from what the real exchange has published."""
Answers = dict[str, str]


def ask_exchange(guide: Guide) -> Shown | None:
    """The newest final session, for the numbers of the next questions; None while it cannot be had.

    Raises `SourceError` where the environment leaves no choice and it does not work, `WrongUsage` after as many
    refused logins as one conversation may risk.
    """
    if guide.is_decided(CREDENTIALS, value=_set_credentials(guide.settings())):
        return _try_what_is_set(guide)
    guide.dialogue.hint(guide.words("exchange_hint"))
    ways = {ACCOUNT: _ask_account, KEY: _ask_key, BOTH: _ask_both, DEMO: _ask_demo}
    while True:
        way = _ask_way(guide)
        try:
            return ways[way](guide)
        except (SourceError, StoreError) as problem:
            guide.dialogue.explain(problem)


def _set_credentials(settings: Settings) -> str:
    return ", ".join(name.upper() for name in CREDENTIALS if getattr(settings, name)) or "-"


def _try_what_is_set(guide: Guide) -> Shown | None:
    settings = guide.settings()
    if settings.krx_id and settings.krx_pw:
        return _try_account(guide, {})
    if settings.krx_openapi_key:
        return _try_key(guide, {})
    raise WrongUsage("Neither KRX_ID and KRX_PW nor KRX_OPENAPI_KEY are set. Set them where the others are set.")


def _ask_way(guide: Guide) -> int:
    words, settings = guide.words, guide.settings()
    present = ACCOUNT
    if settings.krx_openapi_key:
        present = BOTH if settings.krx_id else KEY
    options = [words(name) for name in ("exchange_account", "exchange_key", "exchange_both")]
    if not _is_fixed(ADDRESSES):
        options.append(words("exchange_demo"))
        present = DEMO if _is_local(settings) else present
    return guide.dialogue.choose(options, present)


def _ask_account(guide: Guide) -> Shown | None:
    return _account(guide, _real_exchange(guide) | _without(guide, "krx_openapi_key"))


def _ask_key(guide: Guide) -> Shown | None:
    return _key(guide, _real_exchange(guide) | _without(guide, "krx_id", "krx_pw"))


def _ask_both(guide: Guide) -> Shown | None:
    shown = _account(guide, _real_exchange(guide))
    return _key(guide, {}) or shown


def _account(guide: Guide, around: Answers) -> Shown | None:
    """Name and password until they are accepted, three times at most; kept with the settings `around` them."""
    words, dialogue = guide.words, guide.dialogue
    settings = guide.settings(around)
    name, present = _text(settings.krx_id), _text(settings.krx_pw)
    while True:
        name = dialogue.ask(words("login_name"), name, lambda answer: _something(guide, answer))
        password = dialogue.ask_hidden(words("password_kept" if present else "password"), needed=not present)
        answers = around | {"krx_id": name, "krx_pw": password or present}
        try:
            shown = _try_account(guide, answers)
        except LoginRefused as refusal:
            dialogue.explain(refusal)
            _count_refusal(guide)
            present = ""  # it is refused: only another one is worth a try
        else:
            guide.keep(answers)
            return shown


def _count_refusal(guide: Guide) -> None:
    guide.logins_left -= 1
    if not guide.logins_left:
        raise WrongUsage(guide.words("three_refusals"))
    guide.dialogue.hint(guide.words("tries_left", left=guide.logins_left))


def _key(guide: Guide, around: Answers) -> Shown | None:
    """A key until it is accepted for every service. Enter tries the last one again: a service may be granted by now."""
    words, dialogue = guide.words, guide.dialogue
    key = _text(guide.settings(around).krx_openapi_key)
    while True:
        key = dialogue.ask_hidden(words("key_kept" if key else "key"), needed=not key) or key
        answers = around | {"krx_openapi_key": key}
        try:
            shown = _try_key(guide, answers)
        except KeyRefused as refusal:
            dialogue.explain(refusal)
        else:
            guide.keep(answers)
            return shown


def _ask_demo(guide: Guide) -> Shown | None:
    """Its address until somebody answers there."""
    words, dialogue, settings = guide.words, guide.dialogue, guide.settings()
    dialogue.hint(words("demo_hint"))
    address = str(settings.krx_base_url).rstrip("/") if _is_local(settings) else DEMO_ADDRESS
    name = "mongodb_db_prefix" if settings.mongodb_uri else "data_dir"
    apart = {} if _is_fixed((name,)) else {name: DEMO_PLACES[name]}
    while True:
        address = dialogue.ask(words("demo_address"), address, lambda answer: _address(guide, answer))
        answers = dict.fromkeys(ADDRESSES, address) | DEMO_LOGIN | apart | _without(guide, "krx_openapi_key")
        try:
            shown = _try_account(guide, answers)
        except SourceDown:
            dialogue.wrong(words("demo_down"))
        else:
            guide.keep(answers)
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
    """What leads from a local exchange and its invented data back to the real one."""
    settings = guide.settings()
    back = {} if _is_fixed(ADDRESSES) or not _is_local(settings) else dict.fromkeys((*ADDRESSES, *DEMO_LOGIN), "")
    demo = {"data_dir": PROJECT / DEMO_PLACES["data_dir"], "mongodb_db_prefix": DEMO_PLACES["mongodb_db_prefix"]}
    return back | {name: "" for name, value in demo.items() if back and getattr(settings, name) == value}


def _without(guide: Guide, *names: str) -> Answers:
    """What takes these out again, where they are set."""
    settings = guide.settings()
    return {name: "" for name in names if getattr(settings, name) is not None}


def _is_local(settings: Settings) -> bool:
    return any(getattr(settings, name) != Settings.model_fields[name].default for name in ADDRESSES)


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
