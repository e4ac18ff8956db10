"""The first ten minutes, at a terminal: everything right, everything wrong, leaving at every
question, coming back."""

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from collectors.setup.texts import TEXTS
from sandbox.exchange import OPENAPI_SERVICES
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.fakes import fake_crontab
from tests.process.conversation.terminal import (
    CTRL_C,
    CTRL_D,
    KEY,
    LOGIN_ID,
    NOW,
    PASSWORD,
    Newcomer,
    Talk,
)
from tests.server import NewDatabases
from utils.clock import Clock
from utils.env_file import change_env_file
from utils.settings import PROJECT, load_settings, setting_names
from utils.store import open_store
from utils.store.locks import COLLECTION
from utils.store.sqlite import FILE_NAME

pytestmark = pytest.mark.process
HERE, MONGODB = "1", "2"
ACCOUNT, OPEN_API, BOTH, DEMO = "1", "2", "3", "4"
NOT_NOW = "n"
"""The answer to the last question: whether to analyse now."""
NOBODY = "mongodb://me@127.0.0.1:9/?serverSelectionTimeoutMS=100"
CREDENTIALS = {"KRX_ID": LOGIN_ID, "KRX_PW": PASSWORD}
EMPTY: list[object] = []


def login(password: str = PASSWORD) -> tuple[str, str]:
    return LOGIN_ID, password


def in_english(name: str, **values: object) -> str:
    return TEXTS[name][0].format(**values)


def assert_left(talk: Talk, text: str = "left") -> None:
    assert (talk.code, talk.echoes, talk.unsaid) == (1, True, []), talk.shown
    assert talk.says(in_english(text))
    assert "Traceback" not in talk.shown


def test_a_newcomer_answers_and_the_first_sessions_and_the_first_report_are_there(
    newcomer: Newcomer,
) -> None:
    newcomer.forks = None  # the script itself, as a person starts it
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "KOSPI", "500bn", "4", "y", "")
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    chosen = {"MARKETS": "KOSPI", "MIN_MARKET_CAP": "500000000000", "HISTORY_SESSIONS": "4"}
    assert newcomer.answers() == CREDENTIALS | chosen
    assert newcomer.env_file.stat().st_mode & 0o777 == 0o600
    stored = newcomer.stored()
    assert len(stored["heads"]) == 4
    assert {
        (each["market"], each["market_cap"] >= 500_000_000_000, each["last_analyzed_date"])
        for each in stored["targets"]
    } == {("KOSPI", True, "2026-09-10")}
    assert PASSWORD not in talk.shown
    assert_report_is_there(talk, newcomer.folder / "data")


def assert_report_is_there(talk: Talk, folder: Path) -> None:
    """Its address is the last thing that is said."""
    page = folder / "report.html"
    assert '"session":"2026-09-10"' in page.read_text(encoding="utf-8")
    words = talk.shown[talk.shown.rindex(in_english("analyse_now")) :]
    assert "".join(words.split()).endswith("".join((str(page) + page.as_uri()).split()))


@pytest.mark.parametrize("answer", [NOT_NOW, CTRL_C, CTRL_D])
def test_who_does_not_want_the_analysis_now_has_everything_else(
    newcomer: Newcomer, answer: str
) -> None:
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "", "2", "y", answer)
    assert (talk.code, talk.unsaid, talk.echoes) == (0, [], True), talk.shown
    stored = newcomer.stored()
    assert len(stored["heads"]) == 2
    assert {each["last_analyzed_date"] for each in stored["targets"]} == {None}
    assert not (newcomer.folder / "data" / "report.html").exists()
    assert talk.says(in_english("not_analysed"))
    assert "".join(talk.shown.split()).endswith(f"{newcomer.folder}/hourly_analysis.py")


def test_the_question_speaks_of_no_report_where_none_is_written(newcomer: Newcomer) -> None:
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "", "2", "y", NOT_NOW, REPORT_FILE="")
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert talk.says(in_english("analyse_now_without_report"))
    assert "report.html" not in talk.shown


def test_the_env_file_keeps_every_comment_of_the_example(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, ACCOUNT, *login(), CTRL_C)
    example = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    ours = newcomer.env_file.read_text(encoding="utf-8").splitlines()
    assert [line for line in ours if not line.startswith(("KRX_ID=", "KRX_PW="))] == example
    assert ours[ours.index("#KRX_ID=") + 1] == f"KRX_ID={LOGIN_ID}"


def test_the_number_of_targets_is_shown_before_the_threshold_is_chosen(
    newcomer: Newcomer, market: SyntheticMarket
) -> None:
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "1조", CTRL_C)
    day = market.day("2026-09-09")  # the evening's own session is not final yet
    for amount, least in (("50bn", 50 * 10**9), ("100bn", 10**11), ("1,000bn", 10**12)):
        targets = sum(
            cap >= least and market_id != "KNX"
            for cap, market_id in zip(day.market_cap, day.market_id, strict=True)
        )
        (line,) = (line for line in talk.shown.splitlines() if line.split()[:1] == [amount])
        assert line.split() == [amount, f"{targets:,}"]
    assert talk.says(in_english("targets_today", targets=targets, amount="1,000bn"))


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """A job that holds the lock of the embedded database in that folder."""
    settings = load_settings({"data_dir": str(folder)}, folder / "none")
    with closing(open_store(settings, Clock(NOW))) as store, store.locks.hold(COLLECTION):
        yield


@pytest.mark.parametrize("language", [0, 1], ids=["en", "ko"])
def test_while_a_job_is_at_work_nothing_is_asked(newcomer: Newcomer, language: int) -> None:
    """A login would throw the job out of the exchange."""
    with at_work(newcomer.folder / "data"):
        talk = newcomer.talk(options=["--lang", ("en", "ko")[language]])
    assert (
        talk.code,
        talk.says("since 2026-09-10 19:00"),
        talk.says(TEXTS["choice"][language]),
    ) == (75, True, False)
    assert talk.says(
        TEXTS["problem_locked"][language].split("\n")[0].format(detail="Another run holds the lock")
    )
    assert sum(newcomer.exchange.counts().values()) == 0
    assert not newcomer.env_file.exists()


@pytest.mark.server
def test_a_job_at_work_in_the_database_that_was_chosen_is_left_alone(
    newcomer: Newcomer, on_the_server: NewDatabases
) -> None:
    uri, prefix = on_the_server().values()
    nothing = {name.lower(): "" for name in setting_names()}
    settings = load_settings(
        nothing | {"mongodb_uri": uri, "mongodb_db_prefix": prefix}, newcomer.folder / "none"
    )
    with closing(open_store(settings, Clock(NOW))) as store, store.locks.hold(COLLECTION):
        talk = newcomer.talk(MONGODB, uri, MONGODB_DB_PREFIX=prefix)
    assert (talk.code, talk.unsaid) == (75, []), talk.shown
    assert sum(newcomer.exchange.counts().values()) == 0


@pytest.mark.parametrize("language", [0, 1], ids=["en", "ko"])
def test_an_env_file_that_cannot_be_written_is_told_before_any_question(
    newcomer: Newcomer, language: int
) -> None:
    newcomer.env_file.symlink_to("/proc/none/.env")
    talk = newcomer.talk(options=["--lang", ("en", "ko")[language]])
    said = (
        TEXTS["env_unwritable"][language]
        .split("\n")[0]
        .format(file=newcomer.env_file, detail="cannot be written")
    )
    assert (talk.code, talk.says(said), talk.says(TEXTS["choice"][language])) == (2, True, False), (
        talk.shown
    )


def test_one_login_and_one_request_are_enough_to_try_an_account(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, ACCOUNT, *login(), CTRL_C)
    counts = newcomer.exchange.counts()
    assert (counts["login"], counts["data"]) == (1, 1)


def test_a_wrong_password_is_explained_and_asked_again(newcomer: Newcomer) -> None:
    talk = newcomer.talk(
        HERE, ACCOUNT, *login("not-the-password"), *login(), "", "", "3", "y", NOT_NOW
    )
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert talk.says(in_english("problem_login_refused"))
    assert talk.says(in_english("tries_left", left=2))
    assert newcomer.answers() == CREDENTIALS | {"HISTORY_SESSIONS": "3"}
    assert "not-the-password" not in talk.shown


def test_three_refused_logins_are_enough(newcomer: Newcomer) -> None:
    wrong = [answer for number in range(3) for answer in login(f"wrong-{number}")]
    talk = newcomer.talk(HERE, ACCOUNT, *wrong)
    assert (talk.code, newcomer.exchange.counts()["login"]) == (2, 3), talk.shown
    assert talk.says(in_english("too_many_refusals", refused=3))
    assert not newcomer.env_file.exists()


def test_refused_logins_of_earlier_starts_count_until_one_succeeds(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, ACCOUNT, *login("wrong"), CTRL_C)
    talk = newcomer.talk(HERE, ACCOUNT, *login("wrong"), CTRL_C)
    assert talk.says(in_english("tries_left", left=1)), talk.shown
    newcomer.talk(HERE, ACCOUNT, *login(), CTRL_C)
    talk = newcomer.talk(HERE, ACCOUNT, *login("wrong"), CTRL_C)
    assert talk.says(in_english("tries_left", left=2)), talk.shown


def test_after_three_refusals_the_next_start_asks_the_exchange_only_after_a_login_by_hand(
    newcomer: Newcomer,
) -> None:
    wrong = [answer for number in range(3) for answer in login(f"wrong-{number}")]
    newcomer.talk(HERE, ACCOUNT, *wrong)
    talk = newcomer.talk(HERE, ACCOUNT, LOGIN_ID, "")
    assert (talk.code, talk.unsaid, newcomer.exchange.counts()["login"]) == (2, [], 3), talk.shown
    talk = newcomer.talk(HERE, ACCOUNT, LOGIN_ID, "y", PASSWORD, CTRL_C)
    assert_left(talk)
    assert newcomer.answers() == CREDENTIALS


def test_another_login_name_has_its_own_tries(newcomer: Newcomer) -> None:
    wrong = [answer for number in range(2) for answer in login(f"wrong-{number}")]
    talk = newcomer.talk(HERE, ACCOUNT, *wrong, "another", "wrong", CTRL_C)
    assert_left(talk)
    assert talk.shown.count(in_english("tries_left", left=2).split(". ")[1]) == 2


def test_a_password_that_is_due_is_explained(newcomer: Newcomer) -> None:
    newcomer.exchange.fail("password_due", times=1)
    talk = newcomer.talk(HERE, ACCOUNT, *login("the-old-one"), "", PASSWORD, CTRL_C)
    assert_left(talk)
    assert talk.says(in_english("problem_password_change_due"))
    assert newcomer.answers() == CREDENTIALS


def test_an_exchange_that_is_closed_to_us_leads_back_to_the_choice(newcomer: Newcomer) -> None:
    newcomer.exchange.fail("ban", times=1, kind="page")
    talk = newcomer.talk(HERE, ACCOUNT, *login(), ACCOUNT, *login(), CTRL_C)
    assert_left(talk)
    assert talk.says("restricts access for one day")
    assert newcomer.exchange.counts()["login"] == 0, (
        "nothing is asked of a source that has banned us"
    )
    assert not newcomer.env_file.exists()


def test_a_site_that_refuses_a_newcomer_names_the_open_api(newcomer: Newcomer) -> None:
    newcomer.exchange.fail("forbidden", times=1, kind="page")
    talk = newcomer.talk(HERE, ACCOUNT, *login(), ACCOUNT, *login(), CTRL_C)
    assert_left(talk)
    assert talk.says("refuses the addresses of cloud hosts")
    assert newcomer.exchange.counts()["login"] == 1, "nothing is closed: the second try is made"


def test_a_day_that_cannot_be_had_keeps_nobody_from_going_on(newcomer: Newcomer) -> None:
    newcomer.exchange.fail("no_block", kind="data")
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "", "", "n")
    assert (talk.code, newcomer.answers()) == (0, CREDENTIALS), talk.shown
    assert talk.says("no counts are shown")


def test_a_mongodb_that_is_down_is_explained_and_the_embedded_database_taken(
    newcomer: Newcomer,
) -> None:
    talk = newcomer.talk(
        MONGODB,
        NOBODY,
        "hush-hush",
        MONGODB,
        "",
        HERE,
        ACCOUNT,
        *login(),
        "",
        "",
        "3",
        "y",
        NOT_NOW,
    )
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert talk.shown.count("MongoDB does not answer") == 2
    assert talk.says("[mongodb://***@127.0.0.1:9/")
    assert newcomer.answers() == CREDENTIALS | {"HISTORY_SESSIONS": "3"}
    assert len(newcomer.stored()["heads"]) == 3
    assert "hush-hush" not in talk.shown


def test_a_database_that_cannot_be_opened_is_put_aside_only_after_a_yes(newcomer: Newcomer) -> None:
    folder = newcomer.folder / "data"
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"no database" * 1000)
    talk = newcomer.talk(HERE, "", CTRL_C)
    assert_left(talk)
    assert talk.says("damaged and cannot be opened")
    assert talk.says("file is not a database")
    assert (folder / FILE_NAME).read_bytes() == b"no database" * 1000
    talk = newcomer.talk(HERE, "y", ACCOUNT, *login(), "", "", "3", "y", NOT_NOW)
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert len(newcomer.stored()["heads"]) == 3
    (aside,) = folder.glob(f"{FILE_NAME}.damaged-*")
    assert aside.read_bytes() == b"no database" * 1000


@pytest.mark.server
def test_a_mongodb_that_works_is_kept(newcomer: Newcomer, on_the_server: NewDatabases) -> None:
    uri, prefix = on_the_server().values()
    talk = newcomer.talk(
        MONGODB, uri, ACCOUNT, *login(), "", "", "2", "y", NOT_NOW, MONGODB_DB_PREFIX=prefix
    )
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert newcomer.answers() == CREDENTIALS | {"MONGODB_URI": uri, "HISTORY_SESSIONS": "2"}
    assert len(newcomer.stored(mongodb_uri=uri, mongodb_db_prefix=prefix)["heads"]) == 2


def test_a_key_alone_is_enough(newcomer: Newcomer) -> None:
    talk = newcomer.talk(HERE, OPEN_API, "not-the-key", KEY, "", "", "2", "y", NOT_NOW)
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert talk.says("does not accept KRX_OPENAPI_KEY")
    assert newcomer.answers() == {"KRX_OPENAPI_KEY": KEY, "HISTORY_SESSIONS": "2"}
    assert [head.session for head in newcomer.stored()["heads"]] == ["2026-09-08", "2026-09-09"]
    assert not {"not-the-key", KEY} & set(talk.shown.split())


def test_a_service_that_was_not_applied_for_is_named(newcomer: Newcomer) -> None:
    newcomer.exchange.exchange._openapi_keys = {KEY: OPENAPI_SERVICES - {"idx/kospi_dd_trd"}}
    talk = newcomer.talk(HERE, OPEN_API, KEY, CTRL_C)
    assert_left(talk)
    assert talk.says("KOSPI 시리즈 일별시세정보")
    assert not newcomer.env_file.exists()


def test_the_demo_exchange_is_waited_for_and_its_data_kept_apart(
    newcomer: Newcomer, market: SyntheticMarket
) -> None:
    for name in ("KRX_BASE_URL", "KRX_OPENAPI_BASE_URL"):
        del newcomer.environment[name]
    with LocalExchange(market, NOW) as demo:
        talk = newcomer.talk(
            HERE, DEMO, "127.0.0.1", "http://127.0.0.1:9", demo.url, "", "", "3", "y", NOT_NOW
        )
        assert (talk.code, talk.unsaid) == (0, []), talk.shown
        assert talk.says(in_english("demo_wrong_address"))
        assert talk.says(in_english("demo_down"))
        assert "report.html" not in talk.shown, "there is none"
        assert "".join(talk.shown.split()).endswith(f"{newcomer.folder}/hourly_analysis.py")
        addresses = dict.fromkeys(("KRX_BASE_URL", "KRX_OPENAPI_BASE_URL"), demo.url)
        assert newcomer.answers() == addresses | {
            "KRX_ID": "demo",
            "KRX_PW": "demo",
            "DATA_DIR": "data/invented",
            "HISTORY_SESSIONS": "3",
        }
        assert len(newcomer.stored("data/invented")["heads"]) == 3
        assert not list((newcomer.folder / "data").glob("*.sqlite3*")), (
            "nothing of question 1 is left behind"
        )


def test_the_demo_ends_with_what_can_be_done_with_an_invented_market(
    newcomer: Newcomer, market: SyntheticMarket
) -> None:
    crontab = fake_crontab(newcomer.folder)
    for name in ("KRX_BASE_URL", "KRX_OPENAPI_BASE_URL"):
        del newcomer.environment[name]
    with LocalExchange(market, NOW) as demo:
        talk = newcomer.talk(HERE, DEMO, demo.url, "", "", "3", "y", "")
    assert (talk.code, talk.unsaid, crontab.read_text()) == (0, [], "@daily true\n"), talk.shown
    last = talk.shown[talk.shown.index(in_english("next")) :]
    for position, words in enumerate(("daily_update.py --status", "choose 1, 2 or 3"), 1):
        assert words in last[last.index(f"\n{position}. ") :]
    assert "cron" not in last
    assert_report_is_there(talk, newcomer.folder / "data" / "invented")


STEPS = [
    ([], [], {}),
    ([HERE], [""], {}),
    ([BOTH], [BOTH], {}),
    ([LOGIN_ID], [LOGIN_ID], {}),
    ([PASSWORD], [""], CREDENTIALS),
    ([KEY], [""], {"KRX_OPENAPI_KEY": KEY}),
    (["KOSPI"], [""], {"MARKETS": "KOSPI"}),
    (["500bn"], [""], {"MIN_MARKET_CAP": "500000000000"}),
    (["4"], [""], {"HISTORY_SESSIONS": "4"}),
]
"""The answer to the next question, what is typed there at a later start, what it writes. Login name
and way stand in `.env` only with a password and a key that work; then Enter would do for them."""


def test_wherever_it_is_left_what_works_is_kept_and_enter_keeps_it(newcomer: Newcomer) -> None:
    """Nothing is shown of a password, and an answer that was not tried is in no file."""
    before: list[str] = []
    expected: dict[str, str] = {}
    for answer, again, kept in STEPS:
        talk = newcomer.talk(*before, *answer, CTRL_C)
        assert_left(talk)
        expected |= kept
        assert newcomer.answers() == expected
        assert not {PASSWORD, KEY} & set(talk.shown.splitlines())
        before += again
    assert not (newcomer.folder / "logs").exists(), "no work has begun"
    assert {path.name for path in newcomer.folder.glob(".env*")} == {".env", ".env.example"}
    written = newcomer.env_file.read_bytes()
    talk = newcomer.talk(*[""] * 8, "n")
    assert (talk.code, talk.unsaid, newcomer.env_file.read_bytes()) == (0, [], written), talk.shown


@pytest.mark.parametrize(
    "answers",
    [
        [CTRL_D],
        [MONGODB, CTRL_C],
        [MONGODB, NOBODY, CTRL_C],
        [MONGODB, NOBODY, CTRL_D],
        [HERE, ACCOUNT, LOGIN_ID, CTRL_D],
        [HERE, ACCOUNT, *login("not-the-password"), LOGIN_ID, CTRL_C],
        [HERE, OPEN_API, CTRL_C],
        [HERE, OPEN_API, "not-the-key", CTRL_C],
    ],
    ids=lambda answers: f"{len(answers)} {answers[-1]!r}",
)
def test_the_other_questions_are_left_in_the_same_way(
    newcomer: Newcomer, answers: list[str]
) -> None:
    assert_left(newcomer.talk(*answers))
    assert not newcomer.env_file.exists()


def test_the_question_before_a_reset_is_left_in_the_same_way(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, ACCOUNT, *login(), "", "", "2", "y", NOT_NOW)
    talk = newcomer.talk(*[""] * 8, CTRL_C, options=["--reset"])
    assert (talk.code, talk.echoes, talk.unsaid) == (1, True, []), talk.shown
    assert talk.says("interrupted. Nothing is lost; run it again to go on.")
    assert len(newcomer.stored()["heads"]) == 2


def test_the_question_for_the_demo_exchange_is_left_in_the_same_way(newcomer: Newcomer) -> None:
    for name in ("KRX_BASE_URL", "KRX_OPENAPI_BASE_URL"):
        del newcomer.environment[name]
    assert_left(newcomer.talk(HERE, DEMO, CTRL_C))
    assert not newcomer.env_file.exists()


def test_every_answer_can_be_changed_at_the_next_start(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, ACCOUNT, *login(), "KOSDAQ", CTRL_C)
    talk = newcomer.talk("", BOTH, "", "", KEY, "KOSPI", "300bn", "2", "y", NOT_NOW)
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    expected = {"KRX_OPENAPI_KEY": KEY, "MARKETS": "KOSPI", "HISTORY_SESSIONS": "2"}
    assert newcomer.answers() == CREDENTIALS | expected | {"MIN_MARKET_CAP": "300000000000"}
    scope = newcomer.stored()["scope"]
    assert (scope["markets"], scope["min_market_cap"]) == (["KOSPI"], 300_000_000_000)


def test_a_password_that_no_longer_works_stays_until_another_one_does(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, ACCOUNT, *login(), CTRL_C)
    newcomer.exchange.fail("wrong_password", times=1)
    talk = newcomer.talk("", "", "", "", CTRL_C)
    assert_left(talk)
    assert talk.says(in_english("problem_login_refused"))
    assert newcomer.answers() == CREDENTIALS


def test_a_wrong_answer_in_place_of_one_that_works_changes_no_byte(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, BOTH, *login(), KEY, CTRL_C)
    written = newcomer.env_file.read_bytes()
    for answers in (
        [MONGODB, NOBODY, "hush-hush"],
        ["", ACCOUNT, "", "not-the-password"],
        ["", OPEN_API, "not-the-key"],
    ):
        assert_left(newcomer.talk(*answers, CTRL_C))
        assert newcomer.env_file.read_bytes() == written


def test_a_database_that_is_set_up_is_left_only_with_the_last_answer(
    newcomer: Newcomer, market: SyntheticMarket
) -> None:
    """The scripts of the night could do nothing in one that is not."""
    addresses = ("KRX_BASE_URL", "KRX_OPENAPI_BASE_URL")
    real = {name: newcomer.environment.pop(name) for name in addresses}
    change_env_file(newcomer.env_file, real | CREDENTIALS | {"HISTORY_SESSIONS": "2"})
    assert newcomer.talk(options=["--yes"]).code == 0
    written = newcomer.env_file.read_bytes()
    with LocalExchange(market, NOW) as demo:
        talk = newcomer.talk(HERE, DEMO, demo.url, "KOSPI", CTRL_C)
        assert_left(talk, "left_held")
        assert talk.says(in_english("held"))
        assert not talk.says("Nothing is lost")
        assert newcomer.env_file.read_bytes() == written
        talk = newcomer.talk(HERE, DEMO, demo.url, "KOSPI", "", "", "n")
        assert (talk.code, talk.unsaid) == (0, []), talk.shown
        chosen = {"MARKETS": "KOSPI", "HISTORY_SESSIONS": "2", "DATA_DIR": "data/invented"}
        demo_account = {"KRX_ID": "demo", "KRX_PW": "demo"}
        assert newcomer.answers() == dict.fromkeys(addresses, demo.url) | demo_account | chosen


def test_enter_all_the_way_through_changes_no_byte(newcomer: Newcomer) -> None:
    newcomer.env_file.write_text(
        "# mine\nMARKETS = KOSPI,KOSDAQ # both\nOTHER='x'\n", encoding="utf-8"
    )
    newcomer.talk(HERE, ACCOUNT, *login(), "", "200bn", "3", "y", NOT_NOW)
    before = newcomer.env_file.read_bytes()
    assert before.startswith(b"# mine\nMARKETS = KOSPI,KOSDAQ # both\nOTHER='x'\n")
    talk = newcomer.talk(*[""] * 8, NOT_NOW)
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert talk.says(in_english("nothing_to_load", count=3))
    assert newcomer.env_file.read_bytes() == before
    assert PASSWORD not in talk.shown


def test_what_an_earlier_setup_chose_is_the_default(newcomer: Newcomer) -> None:
    options = ["--yes", "--sessions", "2", "--min-market-cap", "700000000000"]
    assert newcomer.talk(options=options, **CREDENTIALS).code == 0
    talk = newcomer.talk("", "", *login(), "", "", "", "n")
    assert (talk.code, "[700bn]: " in talk.shown) == (0, True), talk.shown
    assert newcomer.answers() == CREDENTIALS


def test_what_an_option_or_the_environment_decides_is_not_asked(newcomer: Newcomer) -> None:
    options = ["--markets", "KOSPI", "--sessions", "3"]
    talk = newcomer.talk(HERE, "900bn", "y", NOT_NOW, options=options, **CREDENTIALS)
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert talk.says(in_english("by_environment", value="KRX_ID, KRX_PW"))
    assert talk.says(in_english("by_option", value="KOSPI"))
    assert newcomer.answers() == {"MIN_MARKET_CAP": "900000000000"}
    assert newcomer.stored()["scope"]["markets"] == ["KOSPI"]


def test_a_wrong_password_in_the_environment_is_tried_once(newcomer: Newcomer) -> None:
    talk = newcomer.talk(HERE, KRX_ID=LOGIN_ID, KRX_PW="not-the-password")
    assert (talk.code, newcomer.exchange.counts()["login"]) == (2, 1), talk.shown
    assert "not-the-password" not in talk.shown


def test_a_wrong_password_in_the_environment_does_not_lock_the_account_start_by_start(
    newcomer: Newcomer,
) -> None:
    wrong = {"KRX_ID": LOGIN_ID, "KRX_PW": "not-the-password"}
    for _ in range(3):
        newcomer.talk(HERE, **wrong)
    talk = newcomer.talk(HERE, "", **wrong)
    assert (talk.code, talk.unsaid, newcomer.exchange.counts()["login"]) == (2, [], 3), talk.shown
    assert talk.says(in_english("too_many_refusals", refused=3))
    newcomer.talk(HERE, "y", CTRL_C, **wrong | {"KRX_PW": PASSWORD})
    assert newcomer.exchange.counts()["login"] == 4


def test_wrong_answers_are_explained_and_asked_again(newcomer: Newcomer) -> None:
    talk = newcomer.talk(
        *("3", HERE, ACCOUNT, "", LOGIN_ID, "", PASSWORD),
        *("KOSPI,NYSE", "", "lots", "", "0", "7000", "", "what", "n"),
    )
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    for name in (
        "wrong_markets",
        "wrong_amount",
        "wrong_sessions",
        "wrong_yes_no",
        "nothing_typed",
    ):
        assert talk.says(in_english(name)), name
    assert talk.says(in_english("wrong_choice", count=2))
    assert newcomer.answers() == CREDENTIALS


def test_an_amount_without_its_unit_is_asked_back(newcomer: Newcomer) -> None:
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "1000", "", "1000억", "", "n")
    assert (talk.code, talk.unsaid, talk.says("1,000 won?")) == (0, [], True), talk.shown
    assert newcomer.answers().get("MIN_MARKET_CAP", "100000000000") == "100000000000"


@pytest.mark.parametrize(("count", "warned"), [("259", True), ("260", False)])
def test_few_sessions_are_said_to_cost_the_52_weeks(
    newcomer: Newcomer, count: str, warned: bool
) -> None:
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "", count, "n")
    assert talk.code == 0, talk.shown
    assert talk.says(in_english("few_sessions", count=count, least=260)) is warned


@pytest.mark.parametrize(
    ("options", "locale"), [(["--lang", "ko"], "C.UTF-8"), ([], "ko_KR.UTF-8")]
)
def test_it_speaks_korean(newcomer: Newcomer, options: list[str], locale: str) -> None:
    answers = [
        HERE,
        ACCOUNT,
        *login("not-the-password"),
        *login(),
        "코스피",
        "3000억",
        "3",
        "네",
        NOT_NOW,
    ]
    talk = newcomer.talk(*answers, options=options, LANG=locale)
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    for name in (
        "problem_login_refused",
        "account_works",
        "next",
        "cron_impossible",
        "next_look",
        "next_notify",
        "analyse_now",
    ):
        assert talk.says(TEXTS[name][1]), name
    assert talk.says("[1,000억]")
    assert newcomer.stored()["scope"]["min_market_cap"] == 300_000_000_000
    assert newcomer.answers()["NOTIFY_LANG"] == "ko"  # cron has no locale


def test_the_language_of_what_is_told_stays_as_it_is_set(newcomer: Newcomer) -> None:
    newcomer.env_file.write_text("NOTIFY_LANG=en\n", encoding="utf-8")
    assert (
        newcomer.talk(HERE, ACCOUNT, *login(), "", "", "", "n", options=["--lang", "ko"]).code == 0
    )
    assert newcomer.answers() == CREDENTIALS | {"NOTIFY_LANG": "en"}


def test_it_says_in_korean_that_nothing_is_lost(newcomer: Newcomer) -> None:
    talk = newcomer.talk(CTRL_C, options=["--lang", "ko"])
    assert (talk.code, talk.says(TEXTS["left"][1])) == (1, True), talk.shown


def test_a_reset_asks_once_more_and_deletes_nothing_without_a_yes(newcomer: Newcomer) -> None:
    newcomer.talk(HERE, ACCOUNT, *login(), "", "", "3", "y", NOT_NOW)
    again = ["", "", "", "", "", "", "", ""]
    talk = newcomer.talk(*again, "", options=["--reset"])
    assert (talk.code, talk.says(in_english("not_deleted"))) == (2, True), talk.shown
    assert len(newcomer.stored()["heads"]) == 3
    talk = newcomer.talk(*again[:6], "2", "", "y", NOT_NOW, options=["--reset"])
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert len(newcomer.stored()["heads"]) == 2


def test_a_dry_run_asks_nothing_and_writes_nothing(newcomer: Newcomer) -> None:
    talk = newcomer.talk(options=["--dry-run"], **CREDENTIALS)
    assert (talk.code, talk.says("Dry run")) == (0, True), talk.shown
    assert not newcomer.env_file.exists()


def test_a_number_of_sessions_before_the_calendar_is_asked_for_again(newcomer: Newcomer) -> None:
    newcomer.env_file.write_text("HISTORY_SESSIONS=7800\n", encoding="utf-8")
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "", "", "2", "n")
    assert (talk.code, talk.unsaid) == (0, []), talk.shown
    assert newcomer.answers() == CREDENTIALS | {"HISTORY_SESSIONS": "2"}


def test_a_broken_env_file_is_refused_before_any_question(newcomer: Newcomer) -> None:
    newcomer.env_file.write_text("# mine\nKRX_PW hush-hush\n", encoding="utf-8")
    talk = newcomer.talk()
    assert (talk.code, talk.says("line 2"), talk.says("hush-hush")) == (2, True, False), talk.shown
    assert newcomer.env_file.read_text(encoding="utf-8") == "# mine\nKRX_PW hush-hush\n"


@pytest.mark.parametrize("way", [(ACCOUNT, *login()), (OPEN_API, KEY)], ids=["account", "key"])
def test_loading_takes_no_more_requests_than_was_said(
    newcomer: Newcomer, way: tuple[str, ...]
) -> None:
    talk = newcomer.talk(HERE, *way, "", "", "10", "y", NOT_NOW)
    assert talk.code == 0, talk.shown
    said = int(re.findall(r"about (\d+) requests", talk.shown)[-1])
    sent = sum(newcomer.exchange.counts().values()) - 4  # those that the answer was tried with
    assert said - 6 <= sent <= said


def test_the_next_three_things_to_do_are_named(newcomer: Newcomer) -> None:
    talk = newcomer.talk(HERE, ACCOUNT, *login(), "", "", "2", "y", NOT_NOW)
    last = talk.shown[talk.shown.index(in_english("next")) :]
    for position, words in enumerate(
        ("daily_update.py >>", "daily_update.py --status", "NOTIFY_URLS"), 1
    ):
        assert words in last[last.index(f"\n{position}. ") :]
    second = last[last.index("\n2. ") : last.index("\n3. ")]
    assert f"{newcomer.folder}/data/report.html" in "".join(second.split())


def test_the_commands_to_copy_work_in_a_folder_with_a_space(newcomer: Newcomer) -> None:
    folder = newcomer.folder.rename(newcomer.folder.with_name("night shift"))
    talk = Newcomer(folder, newcomer.exchange).talk(
        HERE, ACCOUNT, *login(), "", "", "2", "y", NOT_NOW
    )
    (look,) = (line for line in talk.shown.splitlines() if line.endswith(" --status"))
    assert shlex.split(look) == [sys.executable, str(folder / "daily_update.py"), "--status"]
