"""The audit finds each kind of damage and nothing else; a repair corrects it."""

import re
from collections.abc import Callable

import pytest

from collectors.upkeep.audit.findings import FINDING_RULES
from tests.flow.upkeep.damages import DAMAGES, LARGEST
from tests.flow.upkeep.store_under_test import StoreUnderTest, contents, told
from utils.settings import PROJECT

each_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


def test_a_whole_store_has_no_findings(tested: StoreUnderTest) -> None:
    assert tested.audit().findings == []


@each_damage
def test_exactly_the_damage_is_found(
    tested: StoreUnderTest, damage: Callable[[StoreUnderTest], None]
) -> None:
    largest = tested.targets()
    damage(tested)
    found = [
        (rule, LARGEST if subject in largest else subject) for rule, subject in told(tested.audit())
    ]
    assert found == DAMAGES[damage]


@each_damage
def test_it_is_repaired(tested: StoreUnderTest, damage: Callable[[StoreUnderTest], None]) -> None:
    before = contents(tested)
    damage(tested)
    assert tested.repair() == 0
    assert tested.audit().findings == []
    assert contents(tested) == before


def test_every_rule_is_documented_and_no_other() -> None:
    page = (PROJECT / "docs/documents.md").read_text(encoding="utf-8")
    table = page.split("\n## Audit\n")[1].split("\n## ")[0].split("| rule |")[1]
    assert tuple(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == FINDING_RULES


def test_every_rule_has_a_damage() -> None:
    assert {rule for told_rules in DAMAGES.values() for rule, _ in told_rules} == set(
        FINDING_RULES
    ) - {"target_behind"}
