"""Real pykrx against the local exchange: login, logout, refusals, time, cookies; nothing printed,
nothing leaked."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from collectors.exchange.dataset_tables import DATASETS, parse_dataset, parse_index
from collectors.exchange.krx_session import SITE, Account, PykrxSource
from collectors.exchange.transport import BAN_LASTS, Gate
from sandbox.exchange import DATA_PATH, LOGIN_POST_PATH, Request, Response
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
from utils.clock import kst
from utils.errors import (
    AnswerCutOff,
    Banned,
    LoggedInElsewhere,
    LoggedOut,
    LoginRefused,
    MalformedAnswer,
    NotPublished,
    PasswordChangeDue,
    SourceDown,
    SourceRefuses,
)
from utils.store import Store
from utils.store.sqlite import SqliteBackend

ACCOUNT = Account("reader-of-tests", "secret-of-tests")


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(
        market, kst(2026, 9, 10, 20), {ACCOUNT.login_id: ACCOUNT.password}
    ) as exchange:
        yield exchange


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Store:
    return Store(SqliteBackend(tmp_path), clock)


@pytest.fixture
def connect(exchange: LocalExchange, store: Store, tmp_path: Path) -> Callable[..., PykrxSource]:
    def make(
        account: Account = ACCOUNT, pause: Callable[[float], None] = lambda seconds: None
    ) -> PykrxSource:
        return PykrxSource(
            account, exchange.url, Gate("pykrx", store, timedelta(0), pause), tmp_path
        )

    return make


def answer_data_with(exchange: LocalExchange, *responses: Response | None) -> None:
    """The next data requests get these answers; None is the real one."""
    waiting = list(responses)

    def intercept(request: Request) -> Response | None:
        return waiting.pop(0) if request.path == DATA_PATH and waiting else None

    exchange.exchange.interceptors.insert(0, intercept)


def test_a_whole_day_is_one_request_after_one_login(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    source = connect()
    assert len(source.fetch_day("2026-09-10")) == len(source.fetch_day("2026-09-09"))
    assert exchange.counts() == {"data": 2, "login": 1, "openapi": 0, "page": 2, "other": 0}


def test_a_year_of_sessions_is_one_request(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    shown = connect().fetch_sessions("2025-09-01", "2026-09-10", {})
    assert shown == [
        day for day in exchange.exchange.market.sessions if "2025-09-01" <= day <= "2026-09-10"
    ]
    assert exchange.counts()["data"] == 1


def test_more_than_two_years_are_asked_in_spans(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    connect().fetch_sessions("2022-01-01", "2026-09-10", {})
    spans = [
        (record.dates["strtDd"], record.dates["endDd"])
        for record in exchange.requests()
        if record.kind == "data"
    ]
    assert [spans[0][0], spans[-1][1], len(spans)] == ["20220101", "20260910", 3]


@pytest.mark.parametrize(
    ("name", "table"), [("fundamentals", "MDCSTAT03501"), ("foreign", "MDCSTAT03701")]
)
def test_a_dataset_of_the_whole_market_is_one_request(
    connect: Callable[..., PykrxSource], exchange: LocalExchange, name: str, table: str
) -> None:
    raw = connect().fetch_dataset(name, "2026-09-09")
    (asked,) = [record for record in exchange.requests() if record.kind == "data"]
    assert (asked.name, asked.day) == (table, "2026-09-09")
    day = exchange.exchange.market.day("2026-09-09")
    columns = {"ticker": day.code, "market": "KOSPI", "close": day.close}
    frame = pd.DataFrame(columns).sort_values("ticker", ignore_index=True)
    parsed = parse_dataset(raw, DATASETS[name], frame, "2026-09-09")
    assert parsed.notna().any().all(), "every column has a figure"


@pytest.mark.parametrize(("index", "market_id"), [("KOSPI", "STK"), ("KOSDAQ", "KSQ")])
def test_a_year_of_an_index_is_one_request(
    connect: Callable[..., PykrxSource], exchange: LocalExchange, index: str, market_id: str
) -> None:
    raw = connect().fetch_index(index, "2025-09-01", "2026-09-10")
    assert exchange.counts()["data"] == 1
    days = parse_index(raw, index, "2025-09-01", "2026-09-10")
    series = exchange.exchange.market.index(market_id)
    position = series.sessions.index("2026-09-09")
    assert series.close is not None
    assert [day["close"] for day in days if day["session"] == "2026-09-09"] == [
        series.close[position] / 100
    ]
    assert [day["session"] for day in days] == [
        each for each in series.sessions if "2025-09-01" <= each <= "2026-09-10"
    ]


@pytest.mark.parametrize("name", ["fundamentals", "foreign"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("ban", Banned),
        ("no_block", MalformedAnswer),
        ("truncated", AnswerCutOff),
        ("maintenance", SourceDown),
    ],
)
def test_a_failure_of_a_dataset_is_told_apart_as_that_of_the_prices(
    connect: Callable[..., PykrxSource],
    exchange: LocalExchange,
    name: str,
    fault: str,
    error: type[Exception],
) -> None:
    exchange.fail(fault, request={"fundamentals": "MDCSTAT03501", "foreign": "MDCSTAT03701"}[name])
    source = connect()
    assert len(source.fetch_day("2026-09-09"))
    with pytest.raises(error):
        source.fetch_dataset(name, "2026-09-09")


@pytest.mark.parametrize("name", ["fundamentals", "foreign"])
def test_before_it_is_out_and_on_closed_days_a_dataset_is_not_published(
    connect: Callable[..., PykrxSource], exchange: LocalExchange, name: str
) -> None:
    frame = pd.DataFrame({"ticker": ["000010"], "market": ["KOSPI"], "close": [1]})
    for day in ("2026-09-12", "2026-08-14", "2026-09-11"):
        with pytest.raises(NotPublished):
            parse_dataset(connect().fetch_dataset(name, day), DATASETS[name], frame, day)


def test_a_logout_is_followed_by_one_login(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    source = connect()
    source.fetch_day("2026-09-10")
    answer_data_with(exchange, Response(400, b"LOGOUT"))
    assert len(source.fetch_day("2026-09-10"))
    assert exchange.counts()["page"] == 2 * 2  # two pages belong to each login


def test_a_second_logout_in_a_row_is_given_up(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    answer_data_with(exchange, Response(400, b"LOGOUT"), Response(400, b"LOGOUT"))
    with pytest.raises(LoggedOut):
        connect().fetch_day("2026-09-10")
    assert exchange.counts()["page"] == 2 * 2  # two pages belong to each login


def test_another_login_of_the_account_is_taken_over(connect: Callable[..., PykrxSource]) -> None:
    first, second = connect(), connect()
    first.log_in()
    second.log_in()
    assert len(second.fetch_day("2026-09-10"))


def test_wrong_credentials_are_sent_once(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    source = connect(Account(ACCOUNT.login_id, "wrong"))
    for _ in range(3):
        with pytest.raises(LoginRefused, match="KRX_PW"):
            source.fetch_day("2026-09-10")
    assert exchange.counts()["login"] == 1


def test_a_password_that_is_due_is_told_apart(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    due = Response(200, b'{"_error_code":"CD010","_error_message":"change it"}')
    exchange.exchange.interceptors.insert(
        0, lambda request: due if request.path == LOGIN_POST_PATH else None
    )
    with pytest.raises(PasswordChangeDue, match="CD010"):
        connect().log_in()


def test_an_account_that_cannot_be_taken_over_is_told_apart_and_tried_once(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    exchange.fail("elsewhere")
    source = connect()
    for _ in range(2):
        with pytest.raises(LoggedInElsewhere, match="CD011"):
            source.fetch_day("2026-09-10")
    assert exchange.counts()["login"] == 2  # pykrx itself repeats it once with skipDup=Y


def test_a_site_that_sends_us_elsewhere_gets_no_password_and_no_request_there(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    elsewhere = Response(307, b"", headers={"Location": "http://127.0.0.1:9/elsewhere"})
    exchange.exchange.interceptors.insert(
        0, lambda request: elsewhere if request.path == LOGIN_POST_PATH else None
    )
    with pytest.raises(MalformedAnswer, match="sends us elsewhere"):
        connect().log_in()


def test_one_deadline_holds_for_a_request_and_all_its_redirects(
    connect: Callable[..., PykrxSource], exchange: LocalExchange, clock: FakeClock
) -> None:
    """Each alone would be in time."""

    def send_on(request: Request) -> Response | None:
        clock.advance(seconds=50)
        return Response(302, b"", headers={"Location": f"{SITE}{request.path}"})

    exchange.exchange.interceptors.insert(0, send_on)
    with pytest.raises(SourceDown, match="in time"):
        connect().log_in()
    assert exchange.counts()["page"] <= 4, "and not six"
    exchange.exchange.interceptors.pop(0)
    connect().log_in()


def test_a_login_answer_without_its_code_is_malformed_and_no_refusal(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    odd = Response(200, b'{"message":"ok"}')
    exchange.exchange.interceptors.insert(
        0, lambda request: odd if request.path == LOGIN_POST_PATH else None
    )
    with pytest.raises(MalformedAnswer, match="_error_code"):
        connect().log_in()


def test_a_ban_closes_the_source_for_every_process_and_says_until_when(
    connect: Callable[..., PykrxSource], exchange: LocalExchange, store: Store, clock: FakeClock
) -> None:
    exchange.fail("ban_page", kind="data")
    with pytest.raises(Banned, match="2024-01-23 19:00 KST"):
        connect().fetch_day("2026-09-10")
    assert store.sources.all()[0]["blocked_until_utc"] == clock.now_utc() + BAN_LASTS
    exchange.reset_counts()
    with pytest.raises(Banned, match="closed to us until 2024-01-23 19:00"):
        connect().fetch_day("2026-09-10")
    assert exchange.requests() == []
    assert store.sources.all()[0]["blocked_until_utc"] == clock.now_utc() + BAN_LASTS, (
        "asking in vain does not renew it"
    )


@pytest.mark.parametrize("fault", ["forbidden", "forbidden_empty"])
def test_a_403_that_is_no_ban_closes_nothing_and_says_what_a_cloud_host_needs(
    connect: Callable[..., PykrxSource], exchange: LocalExchange, store: Store, fault: str
) -> None:
    exchange.fail(fault, times=1)
    exchange.fail(fault, times=1, kind="page")
    with pytest.raises(SourceRefuses, match=r"cloud hosts.*KRX_OPENAPI_KEY") as caught:
        connect().fetch_day("2026-09-10")
    assert type(caught.value) is SourceRefuses
    with pytest.raises(SourceRefuses, match=r"next run asks again\.$"):
        connect().fetch_day("2026-09-10")  # the login succeeds, and so this host is let in
    assert store.sources.all()[0]["blocked_until_utc"] is None
    assert len(connect().fetch_day("2026-09-10"))


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (Response(403, b"no"), SourceRefuses),
        (Response(403, "<p>자동화된 접근으로 이용이 제한되었습니다</p>".encode()), Banned),
        (Response(200, "<html>이용이 제한되었습니다</html>".encode()), Banned),
        (Response(200, "<html>점검</html>".encode()), SourceDown),
        (Response(502, b""), SourceDown),
        (Response(200, b'{"OutBlock_1":[{"ISU_SRT_CD":"0059'), AnswerCutOff),
        (Response(200, b""), AnswerCutOff),
        (Response(200, b'{"output":[]}'), MalformedAnswer),
        (Response(200, b'{"OutBlock_1":7}'), MalformedAnswer),
        (Response(200, b"{}"), MalformedAnswer),
    ],
)
def test_pykrx_swallows_none_of_our_errors(
    connect: Callable[..., PykrxSource],
    exchange: LocalExchange,
    response: Response,
    kind: type[Exception],
) -> None:
    answer_data_with(exchange, response)
    with pytest.raises(kind):
        connect().fetch_day("2026-09-10")


def test_a_closed_port_is_an_outage(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    source = connect()
    source.log_in()
    address = exchange.url.removeprefix("http://")
    exchange.stop()
    with pytest.raises(SourceDown, match="cannot be reached") as error:
        source.fetch_day("2026-09-10")
    assert f"The exchange at {address} cannot be reached" in str(error.value)
    assert "No local exchange is running there" in str(error.value)


def test_every_request_waits_for_its_turn_before_it_is_sent(
    connect: Callable[..., PykrxSource], exchange: LocalExchange, store: Store
) -> None:
    sent: list[int] = []
    connect(pause=lambda seconds: sent.append(len(exchange.requests()))).fetch_day("2026-09-10")
    assert list(dict.fromkeys(sent)) == [0, 1, 2, 3], "before each"
    assert store.sources.all()[0]["today"] == 4


def test_nothing_is_printed_and_the_account_has_no_repr(
    connect: Callable[..., PykrxSource], capfd: pytest.CaptureFixture[str]
) -> None:
    source = connect()
    source.fetch_day("2026-09-10")
    assert capfd.readouterr().out == ""
    assert ACCOUNT.password not in repr(ACCOUNT) + repr(vars(source))


def test_an_old_password_is_warned_of(
    connect: Callable[..., PykrxSource], clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    connect().log_in()
    clock.advance(days=79)
    connect().log_in()
    assert "KRX_PW has been in use" not in caplog.text
    clock.advance(days=1)
    connect().log_in()
    assert "KRX_PW has been in use for 80 days" in caplog.text


def test_the_mark_of_a_password_is_short_and_another_one_for_another(store: Store) -> None:
    marks = {Account("reader", f"secret {number}").mark() for number in range(8)}
    assert {len(mark) for mark in marks} == {4}
    assert len(marks) > 1


def test_an_account_that_is_logged_out_again_and_again_is_given_up(
    connect: Callable[..., PykrxSource], exchange: LocalExchange
) -> None:
    source = connect()
    for _ in range(3):
        answer_data_with(exchange, Response(400, b"LOGOUT"))
        source.fetch_day("2026-09-10")
    answer_data_with(exchange, Response(400, b"LOGOUT"))
    with pytest.raises(LoggedOut, match="again and again"):
        source.fetch_day("2026-09-10")
    assert exchange.counts()["page"] == 2 * 4  # two pages belong to each login
