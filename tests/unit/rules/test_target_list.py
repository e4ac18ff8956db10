"""TARGETS_FILE: its contents, and that every line which is wrong is named with its number."""

from pathlib import Path

import pytest

from collectors.rules.target_list import TargetList, read_target_list
from utils.errors import EXIT_USAGE, WrongUsage


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "targets.txt"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(WrongUsage) as refused:
        read_target_list(path)
    assert refused.value.exit_code == EXIT_USAGE
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_without_a_file_nobody_is_named() -> None:
    assert read_target_list(None) == TargetList()


def test_signs_comments_blanks_and_letters(tmp_path: Path) -> None:
    text = "\ufeff# 내 종목\n\n+005930  # 삼성전자\n - 000660\n+ 0001A0\n\t#+000020\n-33637K#"
    assert read_target_list(written(tmp_path, text)) == TargetList(
        {"005930": 3, "0001A0": 5}, {"000660": 4, "33637K": 7}
    )


def test_an_empty_file_and_other_line_ends_are_no_mistake(tmp_path: Path) -> None:
    assert read_target_list(written(tmp_path, "")) == TargetList()
    path = tmp_path / "targets.txt"
    path.write_bytes(b"+005930\r\n-000660\r\n")
    assert read_target_list(path) == TargetList({"005930": 1}, {"000660": 2})


@pytest.mark.parametrize(
    "line",
    [
        "005930",
        "+5930",
        "+0059300",
        "+005930 삼성전자",
        "++005930",
        "*005930",
        "+",
        "+000a20",
        "+００５９３０",
        "+005930,-000660",
    ],
)
def test_a_line_that_is_no_entry_is_named_and_explained(tmp_path: Path, line: str) -> None:
    message = refusal(written(tmp_path, f"+000020\n\n{line}\n"))
    assert f"line 3: {line!r} is no entry. Write + (always) or - (never)" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("+005930\n+000660\n+005930", "line 3: 005930 stands in line 1 already, once more."),
        ("-005930\n-005930", "line 2: 005930 stands in line 1 already, once more."),
        (
            "+005930\n# x\n-005930",
            "line 3: 005930 stands in line 1 already, never a target here, always there.",
        ),
        (
            "-005930\n+005930",
            "line 2: 005930 stands in line 1 already, always a target here, never there.",
        ),
    ],
)
def test_a_ticker_may_stand_in_it_once(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(written(tmp_path, text))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, "x\n+005930\n-005930\ny")).count("\n  line ") == 3


def test_another_file_altogether_is_refused_in_a_few_short_lines(tmp_path: Path) -> None:
    said = refusal(written(tmp_path, f"\u202e\x1b[31m{'x' * 1000}\n" * 3000)).splitlines()
    assert len(said) == 22
    assert said[-1] == "  ... and 2980 more"
    assert all(line.isprintable() and len(line) < 250 for line in said)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "nowhere.txt")
    assert "cannot be read" in refusal(tmp_path)
    path = tmp_path / "targets.txt"
    path.write_bytes(b"+005930 # \xbb\xef\xbc\xba")
    assert "UTF-8" in refusal(path)


def test_unlisted_tickers_are_told_in_the_order_of_their_lines() -> None:
    named = TargetList({"000020": 4, "005930": 1}, {"000660": 2, "999999": 3})
    assert named.unlisted({"005930"}) == [(2, "000660"), (3, "999999"), (4, "000020")]
