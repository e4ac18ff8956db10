"""Rule for targets: by market and market cap, and by the file of those that always or never are."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from collectors.rules.price_rules import Ints
from collectors.rules.target_list import TargetList, read_target_list
from utils.settings import Settings
from utils.store.backend import Document

NOBODY = TargetList()
BY_MARKET_CAP, BY_FILE = "market_cap", "targets_file"
"""Reasons for a target. The file counts also where the market cap alone would make it a target."""


@dataclass(frozen=True)
class TargetRule:
    """Least market cap in won, inclusive; names of markets such as KOSPI; and the exceptions."""

    min_market_cap: int
    markets: Collection[str]
    by_name: TargetList = NOBODY

    def choose(self, frame: pd.DataFrame, pending: Ints) -> dict[str, Document]:
        """Return `market_cap` as published, `corrected_market_cap` (won) and `chosen_by` of all
        targets, by ticker.

        Args:
            frame: a typed market day.
            pending: how many shares of each row are to be listed yet. They count for the
                threshold (see `pending_shares`).
        """
        corrected = frame["market_cap"] + frame["close"] * pending
        always, never = (
            frame["ticker"].isin(list(each)) for each in (self.by_name.always, self.by_name.never)
        )
        large = frame["market"].isin(list(self.markets)) & (corrected >= self.min_market_cap)
        chosen = frame[["ticker", "market_cap"]].assign(
            corrected_market_cap=corrected, chosen_by=np.where(always, BY_FILE, BY_MARKET_CAP)
        )[(always | large) & ~never]
        rows: list[Document] = [
            {str(name): cell for name, cell in row.items()} for row in chosen.to_dict("records")
        ]
        return {row.pop("ticker"): row for row in rows}


def target_rule(settings: Settings) -> TargetRule:
    """Return the rule of the settings. Raise `WrongUsage` when `TARGETS_FILE` cannot be used."""
    return TargetRule(
        settings.min_market_cap, settings.markets, read_target_list(settings.targets_file)
    )
