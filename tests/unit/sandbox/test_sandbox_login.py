from sandbox.server import LocalExchange
from utils.clock import kst


def test_without_a_login_there_is_only_logout(browser):
    answer = browser().ask("MDCSTAT01501", trdDd="20260910", mktId="ALL")
    assert (answer.status_code, answer.text) == (400, "LOGOUT")


def test_a_login_opens_the_data(browser):
    visitor = browser()
    assert visitor.log_in() == "CD001"
    assert visitor.ask("MDCSTAT01501", trdDd="20260910", mktId="ALL").status_code == 200


def test_wrong_credentials_are_refused(browser):
    visitor = browser()
    assert visitor.log_in(password="wrong") == "CD003"
    assert visitor.log_in(account="nobody") == "CD003"
    assert visitor.ask("MDCSTAT01501", trdDd="20260910", mktId="ALL").status_code == 400


def test_an_account_in_use_elsewhere_is_told_so_first(browser):
    first, second = browser(), browser()
    first.log_in()
    assert second.log_in() == "CD011"
    assert first.day("20260910")


def test_skip_dup_throws_the_other_session_out(browser):
    first, second = browser(), browser()
    first.log_in()
    assert second.log_in(skipDup="Y") == "CD001"
    assert second.day("20260910")
    assert first.ask("MDCSTAT01501", trdDd="20260910", mktId="ALL").text == "LOGOUT"


def test_the_same_session_may_log_in_again(browser):
    visitor = browser()
    assert [visitor.log_in(), visitor.log_in()] == ["CD001", "CD001"]


def test_a_session_ends_after_an_hour_without_requests(browser, exchange):
    visitor = browser()
    visitor.log_in()
    exchange.set_time(kst(2026, 9, 11, 8, 58))
    assert visitor.day("20260910")
    exchange.set_time(kst(2026, 9, 11, 9, 50))
    assert visitor.day("20260910")
    exchange.set_time(kst(2026, 9, 11, 10, 51))
    assert visitor.ask("MDCSTAT01501", trdDd="20260910", mktId="ALL").text == "LOGOUT"
    assert browser().log_in() == "CD001"


def test_accounts_can_be_chosen(small_market, browse):
    with LocalExchange(small_market, accounts={"kim": "secret"}) as other:
        visitor = browse(other.url)
        assert visitor.log_in("kim", "secret") == "CD001"
        assert visitor.log_in() == "CD003"
