"""What a person and a program are told of an audit."""

import json

import pytest

from collectors.upkeep.audit import show_audit
from tests.flow.upkeep.damages import leave_targets_behind, lose_a_record, lose_a_session
from tests.flow.upkeep.store_under_test import MIDDLE, StoreUnderTest
from utils.store.schema import (
    TARGETS,
)


def test_a_person_reads_it_by_rule_with_a_last_line(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    show_audit(tested.audit(), as_json=False)
    lose_a_session(tested)
    leave_targets_behind(tested)
    show_audit(tested.audit(), as_json=False)
    healthy, *lines = capsys.readouterr().out.splitlines()
    assert healthy == f"Nothing is wrong: 9 sessions, {len(tested.targets())} targets checked."
    assert lines[:4] == [
        "hole (1)",
        f"  {MIDDLE}: not stored; its daily_update is recorded as completed",
        "",
        "target_behind (2)",
    ]
    assert lines[-1] == (
        "3 findings. `daily_update.py --repair` repairs 1 of them. "
        "The hourly analysis catches up with the targets."
    )


def test_a_long_list_is_cut_on_the_screen_only(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    for ticker in tested.targets():
        tested.change(TARGETS, ticker, name="x")
    many = len(tested.targets())
    show_audit(tested.audit(), as_json=False)
    shown_lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert (len(shown_lines), shown_lines[-1]) == (
        21,
        f"  ... and {many - 20} more; --audit --json tells all",
    )
    show_audit(tested.audit(), as_json=True)
    assert len(json.loads(capsys.readouterr().out)) == many


def test_a_program_reads_json(tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]) -> None:
    lose_a_record(tested)
    show_audit(tested.audit(), as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {
            "rule": "not_recorded",
            "message": "stored, but no daily_update of it is recorded",
            "session": MIDDLE,
            "ticker": None,
            "repairable": True,
        }
    ]
