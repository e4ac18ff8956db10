"""Roster of the synthetic market: codes, names, markets, sizes and volatility of the tickers."""

from dataclasses import dataclass
from itertools import cycle
from statistics import NormalDist

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sandbox.market import Ints, to_tick

# Share of the listed, and the least number of each so that a small market still has everything.
_KINDS = {
    "konex": (0.046, 3),
    "global": (0.018, 1),
    "preferred": (0.042, 2),
    "spac": (0.028, 3),
    "reit": (0.009, 1),
    "foreign": (0.007, 1),
    "kospi": (0.300, 8),
}  # the rest: kosdaq

# Market cap (mean and deviation of log10 won) and price (the same), as measured in January 2024,
# caps a little higher.
_SIZES = {
    "kospi": (11.55, 0.76, 4.05, 0.62),
    "kosdaq": (10.98, 0.45, 3.72, 0.47),
    "global": (12.06, 0.39, 4.62, 0.38),
    "konex": (10.27, 0.40, 3.53, 0.45),
    "preferred": (10.90, 0.60, 4.30, 0.45),
    "spac": (10.02, 0.12, 3.32, 0.01),
    "reit": (11.35, 0.30, 3.65, 0.10),
    "foreign": (10.90, 0.30, 3.40, 0.30),
}
_MARKETS = {
    "kospi": ("STK", "KOSPI"),
    "preferred": ("STK", "KOSPI"),
    "reit": ("STK", "KOSPI"),
    "konex": ("KNX", "KONEX"),
    "global": ("KSQ", "KOSDAQ GLOBAL"),
}
_KOSDAQ = ("KSQ", "KOSDAQ")
_DEPARTMENTS = {
    "konex": ("일반기업부",),
    "spac": ("SPAC(소속부없음)",),
    "foreign": ("외국기업(소속부없음)",),
    "global": ("우량기업부",),
    "kosdaq": (
        "중견기업부",
        "우량기업부",
        "벤처기업부",
        "기술성장기업부",
        "관리종목(소속부없음)",
        "투자주의환기종목(소속부없음)",
    ),
}
_HEADS = (
    "가온 나래 다온 라온 마루 바른 새론 아람 자연 차온 "
    "카누 타온 파인 하람 한결 대신 동방 삼영 서울 세진 신성 영진 "
    "우진 유한 일성 제일 진양 청호 태광 한미 E&M GS DB AP 3S KG SK LX HD YG"
).split()
_MIDDLES = (
    "전자 화학 제약 바이오 테크 소재 에너지 건설 철강 식품 유통 미디어 게임즈 로보틱스 반도체 "
    "디스플레이 모빌리티 조선 해운 항공 보험 증권 엔진 시스템 네트웍스 "
    "솔루션 헬스케어 메디칼 섬유 제지 물산 산업 정밀"
).split()
_TAILS = (
    "",
    "원",
    "스",
    "앤씨",
    "랩",
    "파크",
    "웍스",
    "넷",
    "온",
    "텍",
    "젠",
    "컴",
    "아이",
    "투",
    "월드",
    "피아",
    "라인",
    "코어",
    "퍼스트",
    "맥스",
)
_GIANT_SHARES = 5_969_782_550
_MOST_SHARES = 2_000_000_000  # only the giant and the penny stock have more


@dataclass
class Roster:
    """Tickers of the market, one element per listing; a code that is used again has two. Prices in
    won at the first session."""

    kind: list[str]
    code: list[str]
    name: list[str]
    market_id: list[str]
    market_name: list[str]
    department: list[str]
    price: Ints
    shares: Ints
    sigma: NDArray[np.float64]  # daily deviation of the log return
    turnover: NDArray[np.float64]  # usual daily volume as a part of the shares

    def __len__(self) -> int:
        return len(self.code)

    def resize(self, slot: int, cap: float, price: float) -> None:
        """Give a listing another market cap and price, won."""
        self.price[slot] = to_tick(np.array(price))
        self.shares[slot] = max(int(cap / self.price[slot]), 10_000)

    def calm(self, slot: int, most: float) -> None:
        self.sigma[slot] = min(self.sigma[slot], most)

    def add(self, kind: str, code: str, name: str, cap: float, price: float) -> int:
        """Add a listing of a later session. Return its slot."""
        market_id, market_name = _MARKETS.get(kind, _KOSDAQ)
        self.kind.append(kind)
        self.code.append(code)
        self.name.append(name)
        self.market_id.append(market_id)
        self.market_name.append(market_name)
        self.department.append(_DEPARTMENTS.get(kind, ("",))[0])
        self.price, self.shares = np.append(self.price, 1), np.append(self.shares, 1)
        self.sigma, self.turnover = np.append(self.sigma, 0.03), np.append(self.turnover, 0.01)
        self.resize(len(self) - 1, cap, price)
        return len(self) - 1


GIANT, PENNY = 0, 1
"""Slots of the largest company, and of the KOSPI ticker with 2.9 billion cheap shares."""


def first_roster(tickers: int, rng: Generator) -> Roster:
    """Return the tickers that are listed at the first session."""
    kinds = ["kospi", "kospi", *_shuffled_kinds(tickers - 2, rng)]
    cap, price = _sizes(kinds, rng)
    codes = _codes(kinds, rng)
    markets = [_MARKETS.get(kind, _KOSDAQ) for kind in kinds]
    roster = Roster(
        kind=kinds,
        code=codes,
        name=_names(kinds, codes),
        market_id=[market_id for market_id, _ in markets],
        market_name=[name for _, name in markets],
        department=[_department(kind, rng) for kind in kinds],
        price=price,
        shares=np.clip((cap / price).astype(np.int64), 10_000, _MOST_SHARES),
        sigma=_sigma(kinds, rng),
        turnover=_turnover(kinds, rng),
    )
    _set_giant_and_penny(roster)
    return roster


def letter_code(number: int) -> str:
    """Return a code of the style in use since July 2025: 0001A0, 0001B0, ..."""
    return f"{number // 22 + 1:04d}{'ABCDEFGHJKLMNPQRSTVWXY'[number % 22]}0"


def invented_name(number: int) -> str:
    """Return a company name; unique for the first 25,000."""
    heads, middles = len(_HEADS), len(_MIDDLES)
    tail, rest = divmod(number, heads * middles)
    name = _HEADS[(rest + tail) % heads] + _MIDDLES[rest // heads] + _TAILS[tail % len(_TAILS)]
    return name if tail < len(_TAILS) else f"{name}{tail}"


def _set_giant_and_penny(roster: Roster) -> None:
    roster.price[GIANT], roster.shares[GIANT] = 68_000, _GIANT_SHARES
    roster.price[PENNY], roster.shares[PENNY] = 310, 2_900_000_000
    for slot, sigma in ((GIANT, 0.006), (PENNY, 0.015)):
        roster.calm(slot, sigma)
        roster.turnover[slot] = 0.002


def _shuffled_kinds(count: int, rng: Generator) -> list[str]:
    numbers = {kind: max(round(share * count), least) for kind, (share, least) in _KINDS.items()}
    kinds = [kind for kind, number in numbers.items() for _ in range(number)]
    kinds += ["kosdaq"] * (count - len(kinds))
    return [kinds[position] for position in rng.permutation(len(kinds))]


def _sizes(kinds: list[str], rng: Generator) -> tuple[NDArray[np.float64], Ints]:
    """Return market cap and price, won. Caps are spread evenly over the quantiles, so small markets
    look like large ones."""
    cap, price = np.empty(len(kinds)), np.empty(len(kinds))
    kind_of = np.array(kinds)
    for kind, (cap_mean, cap_spread, price_mean, price_spread) in _SIZES.items():
        slots = np.flatnonzero(kind_of == kind)
        normal = np.array(
            [NormalDist().inv_cdf((position + 0.5) / len(slots)) for position in range(len(slots))]
        )
        cap[slots] = 10 ** (cap_mean + cap_spread * rng.permutation(normal))
        price[slots] = 10 ** (price_mean + price_spread * rng.standard_normal(len(slots)))
    return cap, to_tick(np.clip(price, 300, 1_200_000))


def _sigma(kinds: list[str], rng: Generator) -> NDArray[np.float64]:
    sigma = np.clip(0.021 * np.exp(0.35 * rng.standard_normal(len(kinds))), 0.006, 0.06)
    quiet = np.isin(kinds, ("spac", "reit"))
    return np.where(quiet, 0.006, sigma)


def _turnover(kinds: list[str], rng: Generator) -> NDArray[np.float64]:
    turnover = 0.003 * np.exp(1.1 * rng.standard_normal(len(kinds)))
    return np.where(np.array(kinds) == "konex", turnover * 0.1, turnover)


def _department(kind: str, rng: Generator) -> str:
    choices = _DEPARTMENTS.get(kind, ("",))
    return choices[int(rng.integers(len(choices)))]


def _codes(kinds: list[str], rng: Generator) -> list[str]:
    """Return codes of six characters: half begin with 0, foreign ones with 9, a few hold a letter,
    preferred shares do not end in 0."""
    low = iter(rng.permutation(9_999) + 1)
    high = iter(rng.permutation(80_000) + 10_000)
    foreign, letters = iter(range(90_001, 99_999)), iter(range(22 * 9_000))
    low_left = min(len(kinds) // 2, 9_900)
    codes: list[str] = []
    for slot, kind in enumerate(kinds):
        if kind == "foreign":
            codes.append(f"{next(foreign)}0")
        elif slot % 75 == 17:
            codes.append(letter_code(2 * next(letters)))  # later listings take the odd numbers
        elif slot % 2 and low_left > 0:
            low_left -= 1
            codes.append(f"{next(low):05d}0")
        else:
            codes.append(f"{next(high)}0")
    return _with_preferred(kinds, codes)


def _with_preferred(kinds: list[str], codes: list[str]) -> list[str]:
    """Return the codes with those of preferred shares: the company's code with 5 at its end, or K
    for every fifth."""
    parents = iter(
        code
        for code, kind in zip(codes, kinds, strict=True)
        if kind == "kospi" and code.isdecimal()
    )
    suffixes = cycle("5K555")
    return [
        next(parents)[:5] + next(suffixes) if kind == "preferred" else code
        for code, kind in zip(codes, kinds, strict=True)
    ]


def _names(kinds: list[str], codes: list[str]) -> list[str]:
    name_of: dict[str, str] = {}
    for slot, (kind, code) in enumerate(zip(kinds, codes, strict=True)):
        if kind != "preferred":
            name_of[code] = _name(kind, slot)
    for kind, code in zip(kinds, codes, strict=True):
        if kind == "preferred":
            name_of[code] = name_of[code[:5] + "0"] + {"5": "우", "K": "2우B"}[code[-1]]
    return [name_of[code] for code in codes]


def _name(kind: str, slot: int) -> str:
    if kind == "spac":
        return f"{_HEADS[slot % len(_HEADS)]}제{slot}호스팩"
    return invented_name(slot) + ("리츠" if kind == "reit" else "")
