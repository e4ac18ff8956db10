"""Amounts of won as people say them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.setup.money import MOST, read_won, say_won

SAID = {
    "100000000000": 100_000_000_000,
    "100,000,000,000": 100_000_000_000,
    "1000억": 100_000_000_000,
    "1,000 억원": 100_000_000_000,
    "1조": 10**12,
    "1조 5000억": 1_500_000_000_000,
    "1.5조": 1_500_000_000_000,
    "100bn": 100_000_000_000,
    "1.5 TN": 1_500_000_000_000,
    "300b won": 300_000_000_000,
    "0": 0,
    "1000000tn": 10**18,
    "50만": 500_000,
}


@pytest.mark.parametrize(("text", "amount"), SAID.items())
def test_an_amount_is_understood(text: str, amount: int) -> None:
    assert read_won(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lots",
        "-1",
        "1e11",
        "1조조",
        "5억 1조",
        "1억 2억",
        "0.5",
        "1000001tn",
        "bn",
        "1bn,x",
        "100bnbn",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        read_won(text)


@settings(derandomize=True, database=None)
@given(st.integers(0, MOST), st.sampled_from(["en", "ko"]))
def test_what_is_said_is_understood(amount: int, language: str) -> None:
    for rounded in (amount, amount // 10**8 * 10**8, amount // 10**12 * 10**12):
        assert read_won(say_won(rounded, language)) == rounded


def test_round_amounts_are_said_in_words() -> None:
    assert say_won(100 * 10**9, "en") == "100bn"
    assert say_won(1_500 * 10**9, "ko") == "1조 5,000억"
    assert say_won(123_456, "ko") == "123,456"
