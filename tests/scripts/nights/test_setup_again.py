"""`manual_setup` once more: earlier answers hold until somebody gives others."""

import json

from tests.harness import Installation
from utils.clock import kst

NOW = kst(2026, 9, 10, 19)
SETUP = ("manual_setup", "--yes", "--sessions", "3")


def test_an_earlier_choice_is_the_default_of_the_next_setup(installation: Installation) -> None:
    installation.must(NOW, *SETUP, "--min-market-cap", "700000000000")
    installation.must(NOW, *SETUP)
    assert installation.read(NOW)["scope"]["min_market_cap"] == 700_000_000_000
    shown = json.loads(installation.must(NOW, "manual_setup", "--status", "--json").stdout)
    wanted = {
        "markets": ["KOSPI", "KOSDAQ"],
        "min_market_cap": 700_000_000_000,
        "first_session": "2026-09-08",
    }
    assert (shown["scope"], shown["jobs"][0]["job_name"]) == (wanted, "manual_setup")
    installation.must(NOW, *SETUP, "--reset")
    assert installation.read(NOW)["scope"]["min_market_cap"] == 100_000_000_000


def test_the_next_evening_keeps_the_threshold_that_was_chosen(installation: Installation) -> None:
    installation.must(NOW, *SETUP, "--min-market-cap", "500000000000", "--markets", "KOSPI")
    installation.must(kst(2026, 9, 11, 19), "daily_update")
    targets = installation.read(NOW)["targets"]
    assert {target["market"] for target in targets} == {"KOSPI"}
    assert min(target["market_cap"] for target in targets) >= 500_000_000_000


def test_an_option_that_a_setting_overrules_every_night_is_said_to_be(
    installation: Installation,
) -> None:
    done = installation.run(
        NOW, *SETUP, "--min-market-cap", "500000000000", MIN_MARKET_CAP="300000000000"
    )
    assert (
        "MIN_MARKET_CAP is set in the environment or .env, and that counts every night"
        in done.stderr
    )
    done = installation.run(
        NOW, *SETUP, "--min-market-cap", "500000000000", MIN_MARKET_CAP="500000000000"
    )
    assert (done.code, "counts every night" in done.stderr) == (0, False), done.stderr
