"""Amounts of won as people say them: 1000억, 1조 5000억, 100bn, 1.5tn."""

import re
from decimal import Decimal

_UNITS = {
    "조": 10**12,
    "tn": 10**12,
    "t": 10**12,
    "억": 10**8,
    "bn": 10**9,
    "b": 10**9,
    "만": 10**4,
    "": 1,
}
_PART = re.compile(r"(\d{1,19}(?:\.\d{1,6})?)(조|억|만|tn|bn|t|b|)")
_SAID = {"ko": ((10**12, "조"), (10**8, "억")), "en": ((10**9, "bn"),)}
MOST = 10**18


def read_won(text: str) -> int:
    """Return the amount in won, 0 to 10^18. Raise `ValueError`."""
    bare = re.sub(r"[,\s]|won$|원$|krw$", "", text.strip().lower())
    parts = _PART.findall(bare)
    if not bare or "".join(number + unit for number, unit in parts) != bare:
        raise ValueError(f"{text!r} is not an amount")
    units = [_UNITS[unit] for _, unit in parts]
    amount = sum(Decimal(number) * unit for (number, _), unit in zip(parts, units, strict=True))
    if units != sorted(set(units), reverse=True) or amount != int(amount) or amount > MOST:
        raise ValueError(f"{text!r} is not an amount")
    return int(amount)


def say_won(amount: int, language: str) -> str:
    """Return words for `read_won` to read back: 100bn, 1조 5,000억; else figures."""
    parts, rest = [], amount
    for unit, name in _SAID[language]:
        if count := rest // unit:
            parts.append(f"{count:,}{name}")
            rest %= unit
    return " ".join(parts) if parts and not rest else f"{amount:,}"
