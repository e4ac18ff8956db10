"""Kind of a ticker other than a common share of a domestic company, read from its code and its
name.

No column of a market day tells it for all. The department (SECT_TP_NM) names SPACs and foreign
companies only in KOSDAQ, only while they are in no trouble, and not on every day. So the rules do
not read it, but they were measured on it: 242,545 recorded ticker-days of 2,909 tickers
(docs/exchange.md).

    kind       rule                                    right
    preferred  the code's last character is not 0      126 of 126 tickers; no other has such a code
    spac       the name holds 스팩, or ends in 제N호   6,068 of 6,068 rows of SPAC departments
    reit       the name ends in 리츠, not in 메리츠    all 23; not the three 메리츠, nor 블리츠웨이
    foreign    the code begins with 9                  1,603 of 1,603 rows of foreign departments

No recorded ticker is of two kinds. A SPAC that has taken over a company has that company's name and
is a SPAC no longer.
"""

import re

PREFERRED, SPAC, REIT, FOREIGN = "preferred", "spac", "reit", "foreign"

# One recorded SPAC (케이프이에스제4호) and one REIT (이리츠코크렙) leave out what all others have.
# The last words are from full names, should a source write them; none is recorded.
_SPAC = re.compile(r"스팩|제\d+호$|기업인수목적")
_REIT = re.compile(r"(?<!메)리츠$|^이리츠코크렙$|부동산투자회사")


def kind_of(ticker: str, name: str) -> str | None:
    """Return `preferred`, `spac`, `reit`, `foreign`, or None for all others, such as funds and ship
    companies."""
    if not ticker.endswith("0"):
        return PREFERRED
    if ticker.startswith("9"):
        return FOREIGN
    if _SPAC.search(name):
        return SPAC
    return REIT if _REIT.search(name) else None
