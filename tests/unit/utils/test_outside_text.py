"""Text from outside: what is left of a name, and what each kind of output makes harmless."""

import re

import pytest

from utils.outside_text import (
    MOST_OF_NAME,
    beginning,
    for_message,
    for_spreadsheet,
    plain_name,
    quoted,
    visible,
    without_markup,
)

TICKER = "000010"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("삼성전자", "삼성전자"),
        ("S&T (주)-1.0 😀", "S&T (주)-1.0 😀"),
        ("[bold]<b>*x*", "[bold]<b>*x*"),
        ("=1+1", "=1+1"),
        ("두\n줄\t끝", "두 줄 끝"),
        ("종\u3000목\u00a0 ", "종 목"),
        ("\u202e자전성삼\u202c", "자전성삼"),
        ("\u2066가\u2069\u200b나\ufeff\u00ad", "가나"),
        ("\x1b[31m빨강\x07\x00\x9b", "[31m빨강"),
        ("가\ud800", "가"),
        ("\u3164\ufe0f 가", "가"),
        ("가" * 10**6, "가" * MOST_OF_NAME),
        ("가" * (MOST_OF_NAME - 1) + " 나", "가" * (MOST_OF_NAME - 1)),
    ],
)
def test_a_name_is_one_line_of_visible_characters_and_the_same_when_made_plain_again(
    name: str, plain: str
) -> None:
    assert plain_name(name, TICKER) == plain
    assert plain_name(plain, TICKER) == plain


@pytest.mark.parametrize(
    "name", ["", "-", " \n\u3000", "\u202e\u200b", "\u3164", None, 1.5, ["가"]]
)
def test_the_code_stands_in_the_place_of_a_name_that_shows_nothing(name: object) -> None:
    assert plain_name(name, TICKER) == TICKER


def test_an_error_quotes_the_beginning_on_one_line() -> None:
    assert quoted("가\n\u202e나" + "x" * 10**6) == repr("가\n\u202e나" + "x" * 36)
    assert quoted(None) == "'None'"
    assert beginning("CD\x1b001" + "x" * 10**6).startswith("CD＼x1b001x")
    assert len(beginning("x" * 10**6)) == 40


def test_what_is_not_seen_is_shown_as_its_escape_and_lines_stay_lines() -> None:
    assert visible("가 A\n😀") == "가 A\n😀"
    assert visible("\x1b[2J\u202e\ud800\r\u2028") == r"\u001b[2J\u202e\ud800\r\u2028"


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("S-Oil", "S-Oil"),
        ("A=B@C+D", "A=B@C+D"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1+1", "'＝1+1"),
        (" =1", " '=1"),
        ("\t=1", "\t'=1"),
        ("a;=1", "a;'=1"),
        ('a",=1', "a\",'=1"),
    ],
)
def test_a_spreadsheet_computes_nothing_whichever_separator_it_splits_at(
    name: str, cell: str
) -> None:
    assert for_spreadsheet(name) == cell
    cells = re.split(r"[,;|\t]", f"2024-01-22,{cell}")
    assert not [each for each in cells if each.strip().startswith(tuple("=+-@＝"))]


def test_a_message_takes_a_name_for_text_and_calls_nobody() -> None:
    assert without_markup("S&T (주)-1.0") == "S&T (주)-1.0"
    assert without_markup("[b](http://x)*_`<@1>") == "［b］(http：／／x)＊＿｀＜＠1＞"
    assert for_message("says @everyone, <@&12>, <@!3>") == "says ＠everyone, <＠&12>, <＠!3>"
    assert for_message("mongodb://***@host, a@b.kr") == "mongodb://***@host, a@b.kr"


@pytest.mark.parametrize(
    "outside", ["[b](http://x) @all", "it's *b* _i_", "'a'\\", 'a"`b`"', "'\n<b>"]
)
def test_a_message_has_no_markup_of_what_an_error_quotes(outside: str) -> None:
    told = for_message(
        f"The exchange's answer isn't right: it holds {quoted(outside)} (`--audit`)."
    )
    before, _, rest = told.partition("holds ")
    assert before == "The exchange's answer isn't right: it "
    assert rest.endswith(" (`--audit`).")
    assert not re.search(r"[*_~`|\[\]<>@#\\/]", rest.removesuffix(" (`--audit`)."))
    assert not re.search(r"[*_~`|\[\]<>@#\\:]", beginning(outside))
    assert beginning("2024/01/22") == "2024/01/22"
