"""Laws of names: whatever the exchange sends as one, it is a visible line that no output obeys."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.laws.strategies import PROFILE
from utils.outside_text import (
    MOST_OF_NAME,
    for_message,
    for_spreadsheet,
    plain_name,
    visible,
    without_markup,
)

LAW = settings(PROFILE, max_examples=100)
TICKER = "000010"
odd_names = st.text("=+-@＝＋;,|\"' \t\n\r가A1\u202e\u200b\u3164\x1b[]<>*_😀\ud800") | st.text()
whatever = odd_names | st.none() | st.floats() | st.integers()


@LAW
@given(whatever)
def test_a_plain_name_is_a_visible_line_and_plain(name: object) -> None:
    plain = plain_name(name, TICKER)
    assert 1 <= len(plain) <= MOST_OF_NAME
    assert plain.isprintable()
    assert plain == " ".join(plain.split())
    assert plain_name(plain, TICKER) == plain
    assert plain.encode("utf-8").decode("utf-8") == plain


@LAW
@given(odd_names)
def test_no_cell_begins_like_a_formula_whichever_separator_a_spreadsheet_goes_by(name: str) -> None:
    cell = for_spreadsheet(plain_name(name, TICKER))
    for separator in ",;|\t":
        pieces = [each.strip(' "') for each in cell.split(separator)]
        assert not [each for each in pieces if each.startswith(tuple("=+-@＝＋－＠"))]


@LAW
@given(odd_names)
def test_a_message_has_no_markup_of_a_name_and_calls_nobody(name: str) -> None:
    shown = for_message(without_markup(plain_name(name, TICKER)))
    assert not re.search(r"[*_~`|\[\]<>@#\\/]", shown)


@LAW
@given(odd_names)
def test_what_is_logged_can_be_read_back(text: str) -> None:
    shown = visible(text)
    assert shown.replace("\n", "").isprintable()
    line = json.dumps(text, ensure_ascii=False)
    assert json.loads(visible(line)) == text
