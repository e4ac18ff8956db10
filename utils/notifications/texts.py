"""Texts of notifications. The message of an error stays as it is logged."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from utils.clock import KST
from utils.market_day import FINAL, PROVISIONAL
from utils.outside_text import for_message
from utils.texts import Table, Texts

SENDER = "krx-night-shift"
MOST_CHARACTERS = 1800
"""The smallest limit of a common service, with room to spare: Discord takes 2,000."""
MOST_LINES = 15
FLAGGED, UNFINISHED, UNEXPECTED = "flagged_actions", "unfinished", "unexpected"
NIGHT, PROVISIONAL_NIGHT = "night", "provisional_night"
STILL_REFUSED, ODD_DAY = "still_refused", "odd"

HEADLINES: Table = {
    "failed": ("failed", "실패"),
    "usage": ("a setting or a file has to be changed", "설정이나 파일을 고쳐야 합니다"),
    "not_published": (
        "the exchange has no prices of the day yet",
        "거래소에 당일 시세가 아직 없습니다",
    ),
    "refused": ("the exchange refuses us", "거래소가 요청을 거절합니다"),
    STILL_REFUSED: (
        "the exchange has refused us for three evenings",
        "거래소가 사흘째 요청을 거절합니다",
    ),
    "banned": ("the exchange has restricted our access", "거래소가 접속을 제한했습니다"),
    "logged_in_elsewhere": (
        "the account is logged in elsewhere",
        "계정이 다른 곳에서 로그인되어 있습니다",
    ),
    "quota_used": ("the day's requests are used up", "하루 요청 한도를 다 썼습니다"),
    "key_refused": ("the Open API refuses the key", "오픈 API가 인증키를 거절합니다"),
    "logged_out": ("the exchange logs us out", "거래소가 로그아웃시킵니다"),
    "login_refused": ("wrong KRX_ID or KRX_PW", "KRX_ID 또는 KRX_PW가 틀립니다"),
    "password_change_due": ("the exchange wants a new password", "거래소 비밀번호를 바꿀 때입니다"),
    "down": ("the exchange does not answer", "거래소가 응답하지 않습니다"),
    "cut_off": ("the exchange's answers are cut off", "거래소 응답이 끊깁니다"),
    "malformed": ("an answer is not what the exchange publishes", "거래소 응답이 평소와 다릅니다"),
    ODD_DAY: ("what was read of a day is odd and waits", "시세가 평소와 달라 저장을 보류했습니다"),
    "store": ("the database cannot be used", "데이터베이스를 쓸 수 없습니다"),
    "damaged": ("what is stored is damaged", "저장된 자료가 손상되었습니다"),
    "unopenable": (
        "the database file is damaged and cannot be opened",
        "데이터베이스 파일이 손상되어 열 수 없습니다",
    ),
    "not_stored": ("a session is not stored", "거래일 자료가 저장되어 있지 않습니다"),
    "store_unusable": (
        "the database cannot work as it is configured",
        "데이터베이스 설정이 잘못되었습니다",
    ),
    UNEXPECTED: ("an unexpected error", "예상하지 못한 오류"),
    FLAGGED: ("corporate actions to look at", "확인이 필요한 기업 활동"),
    NIGHT: ("analysis done", "분석 완료"),
    PROVISIONAL_NIGHT: ("analysis done, provisional", "분석 완료(잠정)"),
    UNFINISHED: ("the analysis before was not finished", "이전 분석이 끝나지 않았습니다"),
}
"""Kind of error or of announcement -> headline."""
TEXTS: Table = {
    "until": ("until {moment} KST", "{moment}(한국 시간)까지"),
    "recovered": ("recovered", "복구됨"),
    "since": (
        "Since {opened} KST: {headline}. Recovered {resolved} KST.",
        "{opened}부터: {headline}. {resolved}에 복구됨(한국 시간).",
    ),
    "more": ("{title} (and {count} more)", "{title} (외 {count}건)"),
    "left_out": ("... and {count} more", "... 외 {count}건"),
    "trial_title": (f"{SENDER}: a test", f"{SENDER}: 시험"),
    "trial": (
        "Settings, database and exchange work, and so do notifications.",
        "설정, 데이터베이스, 거래소 접속이 모두 정상이며 이 알림도 잘 전달됩니다.",
    ),
    "night": (
        "{session} ({finality}): {analyzed} of {targets} targets analysed, {tickers} tickers, "
        "revision {revision}. Signals: {signals}",
        "{session}({finality}): 대상 {targets}종목 중 {analyzed}종목 분석, "
        "전체 {tickers}종목, 리비전 {revision}. "
        "신호: {signals}",
    ),
    PROVISIONAL: ("provisional figures", "잠정 자료"),
    FINAL: ("final figures", "확정 자료"),
    "none": ("none", "없음"),
    "unfinished": (
        "{session} has taken the place of a session whose targets were not all analysed. "
        "What was left comes first now; hourly_analysis.py --status shows how far it is.",
        "대상 종목의 분석이 다 끝나기 전에 {session}로 넘어갔습니다. 남은 종목부터 분석합니다. "
        "hourly_analysis.py "
        "--status로 진행 상황을 볼 수 있습니다.",
    ),
}
Incident = Mapping[str, Any]


def message(incidents: Sequence[Incident], language: str) -> tuple[str, str]:
    """Return title and body of the one message about all these incidents (see
    `utils.store.incidents`)."""
    titles = [_title(each, language) for each in incidents]
    title = (
        titles[0]
        if len(titles) == 1
        else Texts(TEXTS, language)("more", title=titles[0], count=len(titles) - 1)
    )
    bodies = [_body(each, language) for each in incidents]
    if len(titles) > 1:
        bodies = [f"{title}\n{body}" for title, body in zip(titles, bodies, strict=True)]
    return f"{SENDER}: {title}", _bounded("\n\n".join(bodies))


def trial_message(language: str) -> tuple[str, str]:
    texts = Texts(TEXTS, language)
    return texts("trial_title"), texts("trial")


def listing(lines: Sequence[str], language: str) -> str:
    """Return the first `MOST_LINES` lines, and how many more there are."""
    left_out = len(lines) - MOST_LINES
    end = [Texts(TEXTS, language)("left_out", count=left_out)] if left_out > 0 else []
    return "\n".join([*lines[:MOST_LINES], *end])


def night_line(language: str, signals: Mapping[str, int], finality: str, **facts: object) -> str:
    """Return the line after a complete night. `signals`: name -> number of targets; the most
    frequent come first."""
    texts = Texts(TEXTS, language)
    shown = [
        f"{name} {count}"
        for name, count in sorted(signals.items(), key=lambda each: (-each[1], each[0]))
    ]
    named = ", ".join(shown[:MOST_LINES]) or texts("none")
    return texts("night", signals=named, finality=texts(finality), **facts)


def unfinished_line(language: str, session: str) -> str:
    return Texts(TEXTS, language)("unfinished", session=session)


def _headline(incident: Incident, language: str) -> str:
    kind = incident["kind"]
    headline = Texts(HEADLINES, language)(kind if kind in HEADLINES else "failed")
    if incident["until_utc"] is None:
        return headline
    until = Texts(TEXTS, language)("until", moment=_kst(incident["until_utc"]))
    return f"{until} {headline}" if language == "ko" else f"{headline} {until}"


def _title(incident: Incident, language: str) -> str:
    if incident["session"] is not None:
        return f"{_headline(incident, language)}, {incident['session']}"
    said = (
        Texts(TEXTS, language)("recovered")
        if incident["resolved_utc"] is not None
        else _headline(incident, language)
    )
    return f"{incident['job_name']}: {said}"


def _body(incident: Incident, language: str) -> str:
    if incident["session"] is not None or incident["resolved_utc"] is None:
        return str(incident["message"])
    since = Texts(TEXTS, language)(
        "since",
        opened=_kst(incident["opened_utc"]),
        resolved=_kst(incident["resolved_utc"]),
        headline=_headline(incident, language),
    )
    return f"{since}\n{incident['message']}"


def _bounded(text: str) -> str:
    text = for_message(text)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 4] + " ..."


def _kst(moment: datetime) -> str:
    return f"{moment.astimezone(KST):%Y-%m-%d %H:%M}"
