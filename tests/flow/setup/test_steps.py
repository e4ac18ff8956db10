"""Single steps, without a terminal: the address of a MongoDB, the estimate, the day that an account
is tried with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.setup.choices import requests_a_session
from collectors.setup.context import SetupContext
from collectors.setup.database import _ask_uri
from collectors.setup.demo import (
    ADDRESSES,
    DEMO_ACCOUNT,
    DEMO_ADDRESS,
    apart_from_real_data,
    back_to_the_real_exchange,
    is_another_exchange,
)
from collectors.setup.texts import TEXTS
from collectors.setup.trials import NewestDay, try_account, try_key
from sandbox.server import LocalExchange
from tests.fakes import FakeClock
from tests.process.conversation.terminal import KEY, LOGIN_ID, NOW, PASSWORD
from utils.clock import kst
from utils.env_file import change_env_file, read_env_file
from utils.settings import Settings, load_settings, setting_names
from utils.texts import Texts


class Answering:
    """A dialogue whose answers are known before; what was shown in brackets is remembered."""

    def __init__(self, *answers: str) -> None:
        self._answers = iter(answers)
        self.defaults: list[str] = []

    def hint(self, text: str) -> None:
        assert "password" in text

    def ask(self, question: str, default: str, read: Callable[[str], str]) -> str:
        self.defaults.append(default)
        return read(next(self._answers) or default)

    def ask_hidden(self, question: str, needed: bool = True) -> str:
        return next(self._answers)


PRESENT = "mongodb://me:hush@db.example:27017/?tls=true"
URIS = [
    (["mongodb://me@db.example/", "p@ss/w#rd:%"], "mongodb://me:p%40ss%2Fw%23rd%3A%25@db.example/"),
    (["mongodb+srv://me@db.example/x?w=1", "hush"], "mongodb+srv://me:hush@db.example/x?w=1"),
    (
        ["mongodb://me@db.example/?authMechanism=MONGODB-X509", ""],
        "mongodb://me@db.example/?authMechanism=MONGODB-X509",
    ),
    (["mongodb://localhost/"], "mongodb://localhost/"),
    (["mongodb://me:hush@db.example/"], "mongodb://me:hush@db.example/"),
    ([""], PRESENT),
]


@pytest.mark.parametrize(("answers", "uri"), URIS)
def test_a_password_is_asked_for_where_the_address_has_none(
    answers: list[str], uri: str, clock: FakeClock
) -> None:
    dialogue = Answering(*answers)
    assert _ask_uri(SetupContext(dialogue, Texts(TEXTS, "en"), {}, clock), PRESENT) == uri  # type: ignore[arg-type]
    assert dialogue.defaults == ["mongodb://***@db.example:27017/?tls=true"]


@pytest.fixture
def settings_of(
    exchange: LocalExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Settings]:
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    ours = {
        "data_dir": str(tmp_path),
        "krx_base_url": exchange.url,
        "krx_openapi_base_url": exchange.url,
        "krx_request_interval_seconds": "0",
    }
    return lambda **more: load_settings(ours | more, tmp_path / ".env")


ACCOUNT = {"krx_id": LOGIN_ID, "krx_pw": PASSWORD}
BOTH = ACCOUNT | {"krx_openapi_key": KEY}


@pytest.mark.parametrize(
    ("credentials", "requests"), [(ACCOUNT, 1), (BOTH, 3), ({"krx_openapi_key": KEY}, 3)]
)
def test_a_session_of_prices_takes_one_request_or_three(
    credentials: dict[str, str], requests: int, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(**credentials, datasets="prices")
    assert requests_a_session(settings) == requests


@pytest.mark.parametrize("way", [try_account, try_key])
def test_an_answer_is_tried_with_the_newest_final_session(
    way: Callable[[Settings, FakeClock], NewestDay], settings_of: Callable[..., Settings]
) -> None:
    shown = way(settings_of(**BOTH), FakeClock(NOW))
    assert shown.session == "2026-09-09"
    assert len(shown.frame) > 50


@pytest.mark.parametrize("way", [try_account, try_key])
def test_the_morning_after_a_holiday_that_nobody_predicted_the_session_before_it_is_shown(
    way: Callable[[Settings, FakeClock], NewestDay],
    exchange: LocalExchange,
    settings_of: Callable[..., Settings],
) -> None:
    morning = kst(2026, 8, 17, 9)  # a Monday; the invented market was closed on Friday, 2026-08-14
    exchange.set_time(morning)
    assert way(settings_of(**BOTH), FakeClock(morning)).session == "2026-08-13"


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"DATA_DIR": "elsewhere"},
        {"DATA_DIR": "/srv/krx"},
        {"MONGODB_URI": "mongodb://db/", "MONGODB_DB_PREFIX": "a_"},
    ],
    ids=str,
)
def test_the_way_to_the_demo_exchange_and_back_leaves_no_setting_of_it(
    before: dict[str, str], tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    env_file = tmp_path / ".env"
    change_env_file(env_file, before)
    apart = apart_from_real_data(load_settings(env_file=env_file))
    assert len(apart) == 1
    demo = dict.fromkeys(ADDRESSES, DEMO_ADDRESS) | DEMO_ACCOUNT | apart
    change_env_file(env_file, {name.upper(): value for name, value in demo.items()})
    settings = load_settings(env_file=env_file)
    assert (is_another_exchange(settings), apart_from_real_data(settings)) == (True, {})
    back = back_to_the_real_exchange(settings)
    change_env_file(env_file, {name.upper(): value for name, value in back.items()})
    assert {name: value for name, value in read_env_file(env_file).items() if value} == before
    assert not is_another_exchange(load_settings(env_file=env_file))
