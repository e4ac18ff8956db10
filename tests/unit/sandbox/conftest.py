"""Markets and an exchange shared by the tests of the sandbox; markets are never changed, so they
are built once."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from utils.clock import kst

CLIENT = "/contents/MDC/COMS/client/"


@pytest.fixture(scope="session")
def small_market() -> SyntheticMarket:
    return SyntheticMarket(tickers=60)


@pytest.fixture(scope="session")
def full_market() -> SyntheticMarket:
    return SyntheticMarket()


@pytest.fixture
def exchange(small_market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(small_market, starts_at=kst(2026, 9, 11, 8)) as exchange:
        yield exchange


class Browser:
    """A person at the data site: logs in, asks."""

    def __init__(self, url: str) -> None:
        self.url, self.http, self.patience = url, requests.Session(), 5.0  # seconds

    def log_in(self, account: str = "demo", password: str = "demo", **more: str) -> str:  # noqa: S107 - the demo account
        form = {
            "mbrNm": "",
            "telNo": "",
            "di": "",
            "certType": "",
            "mbrId": account,
            "pw": password,
            **more,
        }
        self.http.get(self.url + CLIENT + "MDCCOMS001.cmd", timeout=self.patience)
        return str(
            self.http.post(
                self.url + CLIENT + "MDCCOMS001D1.cmd", data=form, timeout=self.patience
            ).json()["_error_code"]
        )

    def ask(self, bld: str, **form: Any) -> requests.Response:
        body = {"bld": f"dbms/MDC/STAT/standard/{bld}", **form}
        return self.http.post(
            self.url + "/comm/bldAttendant/getJsonData.cmd", data=body, timeout=self.patience
        )

    def openapi(self, service: str, date: str) -> requests.Response:
        headers, asked = {"AUTH_KEY": "demo-key"}, {"basDd": date}
        return self.http.get(
            f"{self.url}/svc/apis/{service}", params=asked, headers=headers, timeout=self.patience
        )

    def rows(self, bld: str, **form: Any) -> list[dict[str, str]]:
        document = self.ask(bld, **form).json()
        return next(rows for block, rows in document.items() if block != "CURRENT_DATETIME")

    def day(self, date: str, market: str = "ALL") -> list[dict[str, str]]:
        return self.rows("MDCSTAT01501", trdDd=date, mktId=market)


@pytest.fixture(scope="session")
def browse() -> type[Browser]:
    """Function `browse(url)`, which opens a browser at any exchange."""
    return Browser


@pytest.fixture
def browser(exchange: LocalExchange) -> Callable[[], Browser]:
    return lambda: Browser(exchange.url)


@pytest.fixture
def at(exchange: LocalExchange, browser: Callable[[], Browser]) -> Callable[..., Browser]:
    """Function `at(2026, 9, 10, 19)`, which sets the exchange's clock and opens a logged-in
    browser."""

    def set_time(*moment: int) -> Browser:
        exchange.set_time(kst(*moment))
        open_browser = browser()
        open_browser.log_in(skipDup="Y")
        return open_browser

    return set_time


@pytest.fixture(scope="session")
def pykrx() -> SimpleNamespace:
    """The real package, imported without credentials so that it stays at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KRX_ID", raising=False)
        patch.delenv("KRX_PW", raising=False)
        from pykrx.website.comm import auth, webio
        from pykrx.website.krx.market import core
    return SimpleNamespace(auth=auth, core=core, webio=webio)
