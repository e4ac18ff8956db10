"""Texts of the conversation, English and Korean. The log stays English.

`problem_*` are found by the kind of an error, `cron_missing` and its like by the state of the lines
that `utils.cron.crontab.advice` returns.
"""

from utils.texts import Table

TEXTS: Table = {
    "welcome": (
        "Five questions, then this machine collects the Korean stock market by night.\n"
        "Enter takes the answer in [brackets]. Ctrl-C leaves at any time: what was\n"
        "answered so far is kept in .env; run it again, and Enter keeps each answer.",
        "다섯 가지를 정하면 이 컴퓨터가 매일 밤 한국 주식시장을 수집합니다.\n"
        "Enter를 누르면 [대괄호] 안의 답을 그대로 씁니다. Ctrl-C를 누르면 나갑니다.\n"
        "그때까지 답한 것은 .env에 남으며, 다시 실행해 Enter를 누르면 그대로 씁니다.",
    ),
    "heading": ("{number} of 5  {title}", "{number}/5  {title}"),
    "choice": ("Choice", "선택"),
    "wrong_choice": (
        "Type a number from 1 to {count}.",
        "1부터 {count}까지의 숫자를 입력하십시오.",
    ),
    "wrong_yes_no": ("Type y or n.", "y(예) 또는 n(아니오)을 입력하십시오."),
    "nothing_typed": ("Nothing was typed.", "입력한 것이 없습니다."),
    "by_option": (
        "Set by an option of this command: {value}",
        "이 명령의 옵션으로 정해져 있습니다: {value}",
    ),
    "by_environment": ("Set by the environment: {value}", "환경 변수로 정해져 있습니다: {value}"),
    "left": (
        "interrupted. Nothing is lost; run it again, and Enter keeps each answer.",
        "중단했습니다. 잃은 것은 없습니다. 다시 실행해 Enter를 누르면 답한 것을 그대로 씁니다.",
    ),
    "left_held": (
        "interrupted. The answers that lead to another database were not kept: the scripts\n"
        "go on with the present one. Run it again to change that.",
        "중단했습니다. 다른 데이터베이스로 바꾸는 답은 저장하지 않았습니다. 스크립트는 지금의\n"
        "데이터베이스를 계속 씁니다. 바꾸려면 다시 실행하십시오.",
    ),
    "held": (
        "Nothing is set up there yet, so .env changes with the last answer: until then the\n"
        "scripts go on with the present database.",
        "그곳에는 아직 설정된 것이 없어 마지막 질문에 답한 뒤에 .env를 바꿉니다.\n"
        "그때까지 스크립트는 지금의 데이터베이스를 씁니다.",
    ),
    # 1
    "database": ("Where to keep the data", "데이터를 둘 곳"),
    "database_here": (
        "here, in an embedded database: nothing to install, for one machine",
        "이 컴퓨터의 내장 데이터베이스: 설치할 것이 없음, 컴퓨터 한 대용",
    ),
    "database_mongodb": (
        "in a MongoDB (4.4 or newer): also for several machines",
        "MongoDB(4.4 이상): 여러 컴퓨터에서도 사용",
    ),
    "uri_hint": (
        "An address such as mongodb://user@host:27017/, without the password: that is\n"
        "asked for next and not shown.",
        "mongodb://user@host:27017/ 같은 주소를 비밀번호 없이 적으십시오.\n"
        "비밀번호는 바로 다음에 화면에 보이지 않게 묻습니다.",
    ),
    "uri": ("Address", "주소"),
    "uri_password": (
        "Password of {user} (not shown; Enter for none)",
        "{user}의 비밀번호(보이지 않음, 없으면 Enter)",
    ),
    "trying_database": (
        "Trying it, for at most ten seconds ...",
        "연결해 보는 중입니다(최대 10초)...",
    ),
    "database_works": ("It works: {location}.", "정상입니다: {location}."),
    "put_aside": (
        "If you have a backup, answer n and restore that. Else the file is renamed in\n"
        "{folder}; nothing is deleted. Begin with an empty database?",
        "백업이 있으면 n으로 답하고 백업을 복원하십시오. 없으면 {folder}에서 파일 이름만\n"
        "바꾸며, 아무것도 지우지 않습니다. 빈 데이터베이스로 시작할까요?",
    ),
    "is_put_aside": (
        "It is {file} now. What was in it is loaded anew.",
        "이제 파일 이름은 {file}입니다. 그 안에 있던 것은 새로 받습니다.",
    ),
    "embedded": ("embedded database in {folder}", "내장 데이터베이스({folder})"),
    # 2
    "exchange": ("How to reach the exchange", "거래소에 접속하는 방법"),
    "exchange_account": (
        "an account of data.krx.co.kr: each session on its own evening",
        "data.krx.co.kr 계정: 당일 저녁에 그날의 데이터를 받음",
    ),
    "exchange_key": (
        "a key of the official Open API: each session the next morning",
        "공식 오픈 API 인증키: 다음 날 아침에 받음",
    ),
    "exchange_both": (
        "both: evenings through the account, history through the key",
        "둘 다: 당일 저녁은 계정으로, 지난 데이터는 인증키로 받음",
    ),
    "exchange_demo": (
        "the local demo exchange: an invented market, no account",
        "로컬 데모 거래소: 가상의 시장, 계정이 필요 없음",
    ),
    "exchange_hint": (
        "Account and key are free, at data.krx.co.kr and openapi.krx.co.kr. Read the\n"
        "exchange's terms first: README.md says what they are about.",
        "계정(data.krx.co.kr)과 인증키(openapi.krx.co.kr)는 무료입니다. 먼저 거래소\n"
        "약관을 읽으십시오(README.ko.md).",
    ),
    "login_name": ("Login name", "아이디"),
    "password": ("Password (not shown)", "비밀번호(보이지 않음)"),
    "password_kept": (
        "Password (one is set and not shown; Enter keeps it)",
        "비밀번호(저장된 것은 보이지 않음, Enter를 누르면 그대로 유지)",
    ),
    "key": ("Key (not shown)", "인증키(보이지 않음)"),
    "key_kept": (
        "Key (one is set and not shown; Enter keeps it)",
        "인증키(저장된 것은 보이지 않음, Enter를 누르면 그대로 유지)",
    ),
    "key_again": (
        "Key (not shown; Enter tries the last one again)",
        "인증키(보이지 않음, Enter를 누르면 방금 것을 다시 시험)",
    ),
    "trying_account": (
        "Logging in, and asking for one day ...",
        "로그인하고 하루치를 받아 보는 중입니다...",
    ),
    "trying_key": (
        "Asking each service for one day ...",
        "서비스마다 하루치를 받아 보는 중입니다...",
    ),
    "account_works": ("Logged in.", "로그인했습니다."),
    "key_works": ("The key works for every service.", "모든 서비스에서 인증키가 정상입니다."),
    "no_numbers": (
        "The market's numbers cannot be had just now, so no counts are shown: {detail}",
        "지금은 시장 데이터를 받을 수 없어 종목 수를 보여 드리지 못합니다.\n  ({detail})",
    ),
    "tries_left": (
        "The exchange locks an account after several wrong logins. Tries left: {left}.",
        "여러 번 틀리면 거래소가 계정을 잠급니다. 남은 시도: {left}번.",
    ),
    "too_many_refusals": (
        "the exchange has refused {refused} logins with this login name in a row. Before the next "
        "one locks the account, log in once at https://data.krx.co.kr by hand. Then run this "
        "again.",
        "거래소가 이 아이디의 로그인을 연달아 {refused}번 거부했습니다. 더 틀리면 계정이 잠길 수 "
        "있으니 먼저 https://data.krx.co.kr 에서 직접 로그인해 보십시오. 그다음 다시 실행하십시오.",
    ),
    "logged_in_by_hand": (
        "The exchange has refused {refused} logins with this login name in a row, and locks "
        "accounts.\n"
        "Have you logged in at https://data.krx.co.kr by hand since?",
        "거래소가 이 아이디의 로그인을 연달아 {refused}번 거부했으며, 더 틀리면 계정을 잠급니다.\n"
        "그 뒤 https://data.krx.co.kr 에서 직접 로그인하는 데 성공했습니까?",
    ),
    "demo_hint": (
        "Start it in this folder, in another terminal:\n"
        "    .venv/bin/python -m sandbox --port 8765",
        "다른 터미널을 열어 이 폴더에서 시작하십시오.\n    .venv/bin/python -m sandbox --port 8765",
    ),
    "demo_address": ("Its address", "데모 거래소 주소"),
    "demo_wrong_address": (
        "An address begins with http:// or https://.",
        "주소는 http:// 나 https:// 로 시작합니다.",
    ),
    "demo_down": (
        "Nobody answers there. Start it as shown above, then press Enter.",
        "응답이 없습니다. 위의 명령으로 시작한 다음 Enter를 누르십시오.",
    ),
    "demo_apart": (
        "What is invented is kept apart from real data: {name}={value}",
        "가상의 데이터는 실제 데이터와 따로 둡니다: {name}={value}",
    ),
    # What keeps an answer from working; {detail} is what is logged for it.
    "problem_login_refused": (
        "The exchange does not accept this login name and password.",
        "거래소가 이 아이디와 비밀번호를 받아들이지 않습니다.",
    ),
    "problem_password_change_due": (
        "The exchange wants a new password, as every three months (CD010). Change it at "
        "https://data.krx.co.kr, then type the new one here.",
        "거래소가 비밀번호 변경을 요구합니다(석 달마다, CD010). https://data.krx.co.kr 에서 바꾼 "
        "다음 새 비밀번호를 여기에 입력하십시오.",
    ),
    "problem_logged_in_elsewhere": (
        "{detail}",
        "이 아이디가 다른 곳에서 로그인되어 있습니다. 그쪽에서 로그아웃하거나 전용 계정을 "
        "쓰십시오.\n"
        "  ({detail})",
    ),
    "problem_key_refused": (
        "{detail}",
        "오픈 API가 인증키를 받아들이지 않습니다. 서비스마다 따로 신청해야 하며 인증키는 1년 뒤 "
        "만료됩니다.\n"
        "  ({detail})",
    ),
    "problem_banned": (
        "{detail}",
        "거래소가 자동 접속을 감지해 하루 동안 접속을 막았습니다. 그때까지 아무것도 요청하지 "
        "마십시오.\n"
        "  ({detail})",
    ),
    "problem_refused": (
        "{detail}",
        "거래소가 지금은 요청을 거절합니다. 잠시 뒤 다시 해 보십시오. 클라우드 호스트의 주소는 "
        "아예 거절되는 일이 많으니, 그런 곳에서는 오픈 API 인증키를 쓰십시오.\n  ({detail})",
    ),
    "problem_down": (
        "{detail}",
        "거래소가 응답하지 않습니다. 네트워크를 확인하고 잠시 뒤 다시 해 보십시오.\n  ({detail})",
    ),
    "problem_store": (
        "{detail}",
        "데이터베이스가 응답하지 않습니다. 서버가 켜져 있는지, 주소가 맞는지 확인하십시오.\n"
        "  ({detail})",
    ),
    "problem_store_unusable": (
        "{detail}",
        "이 데이터베이스를 쓸 수 없습니다. 주소와 사용자, 비밀번호 또는 폴더를 확인하십시오.\n"
        "  ({detail})",
    ),
    "problem_damaged": (
        "{detail}",
        "저장된 데이터가 손상되었습니다. 할 일은 docs/what-to-do.md에 있습니다.\n  ({detail})",
    ),
    "problem_unopenable": (
        "The database file is damaged and cannot be opened.\n  ({detail})",
        "데이터베이스 파일이 손상되어 열 수 없습니다.\n  ({detail})",
    ),
    "problem_locked": (
        "{detail}",
        "지금 다른 실행이 거래소에서 데이터를 받고 있습니다. 끝난 다음 다시 실행하십시오.\n"
        "  ({detail})",
    ),
    "env_unwritable": (
        "{file} cannot be written, so no answer could be kept. Correct the rights of file and "
        "folder, or the disk.\n"
        "  ({detail})",
        "{file}에 쓸 수 없어 답을 남길 수 없습니다. 파일과 폴더의 권한이나 디스크를 확인하십시오.\n"
        "  ({detail})",
    ),
    "problem_other": ("{detail}", "지금은 되지 않습니다.\n  ({detail})"),
    # 3
    "markets": ("Which markets to choose targets from", "분석 대상을 고를 시장"),
    "markets_shown": (
        "Tickers on {session}: {counts}.\n"
        "All are stored. Targets are what is analysed: choose where they are from.",
        "{session}의 종목 수: {counts}.\n"
        "모두 저장합니다. 분석할 대상 종목을 고를 시장을 정하십시오.",
    ),
    "markets_question": ("Markets", "시장"),
    "wrong_markets": (
        "One or more of KOSPI, KOSDAQ, KONEX, separated by commas.",
        "KOSPI, KOSDAQ, KONEX 가운데 하나 이상을 쉼표로 나누어 적으십시오.",
    ),
    # 4
    "threshold": ("How large a target must be", "분석 대상의 크기"),
    "threshold_column": ("least market cap", "최소 시가총액"),
    "targets_column": ("targets on {session}", "{session} 대상 종목 수"),
    "threshold_question": ("Least market cap in won", "최소 시가총액(원)"),
    "threshold_hint": (
        "Any amount: 200bn, 1.5tn, 2000억, 1조 5000억 or 200000000000.",
        "어떤 금액이든 됩니다: 2000억, 1조 5000억, 200bn, 200000000000.",
    ),
    "little_amount": (
        "{amount:,} won? That makes nearly every ticker a target. Is it meant so",
        "{amount:,}원이 맞습니까? 그러면 거의 모든 종목이 대상이 됩니다",
    ),
    "wrong_amount": (
        "An amount from 0 to 10^18 won, such as 200bn, 2000억 or 200000000000.",
        "0원에서 10^18원까지 적으십시오. 예: 2000억, 200bn, 200000000000.",
    ),
    "targets_today": (
        "{targets:,} targets at {amount} or more.",
        "{amount} 이상: 대상 {targets:,}종목.",
    ),
    # 5
    "sessions": ("How many past sessions to load", "받을 지난 거래일 수"),
    "estimate": (
        "{count} sessions, {missing} of them still to load: about {requests:,} requests, {time}.",
        "{count}거래일 가운데 {missing}거래일을 받아야 합니다: 요청 약 {requests:,}번, {time}.",
    ),
    "nothing_to_load": (
        "{count} sessions: all of them are stored.",
        "{count}거래일이 모두 저장되어 있습니다.",
    ),
    "a_minute": ("a minute or less", "1분 안팎"),
    "minutes": ("about {count} minutes", "약 {count}분"),
    "hours": ("about {count} hours", "약 {count}시간"),
    "sessions_question": ("Sessions (a year has about 246)", "거래일 수(1년은 약 246일)"),
    "few_sessions": (
        "With fewer than {least}, 52-week highs and lows are those of {count} sessions, and\n"
        "averages over more sessions than are stored stay empty (the longest takes 120).",
        "{least}거래일보다 적으면 52주 최고가와 최저가는 {count}거래일 안의 값이 되고, 저장된\n"
        "것보다 긴 이동평균(최장 120일)은 비어 있습니다.",
    ),
    "wrong_sessions": (
        "A whole number from 1 to 7800, within the calendar (since 2001).",
        "1부터 7800까지의 정수를 적으십시오(2001년 이후).",
    ),
    # The end
    "kept": (
        "Your answers are in {file}, for you alone to read.",
        "답은 {file}에 있으며 본인만 읽을 수 있습니다.",
    ),
    "begin": ("Begin now?", "지금 시작할까요?"),
    "not_begun": (
        "Nothing was loaded. Run manual_setup.py again when it suits you: {file} holds your "
        "answers.",
        "아무것도 받지 않았습니다. 답은 {file}에 있으니 편할 때 manual_setup.py를 다시 "
        "실행하십시오.",
    ),
    "loading": ("Loading sessions", "거래일 받는 중"),
    "loading_dataset": ("Loading {name}", "{name} 받는 중"),
    "reset": (
        "Delete {sessions} sessions and all results in the {location}?",
        "{location}의 {sessions}거래일과 모든 결과를 지울까요?",
    ),
    "not_deleted": (
        "Nothing was deleted. Leave out --reset to keep what is stored.",
        "아무것도 지우지 않았습니다. 저장된 것을 두려면 --reset 없이 실행하십시오.",
    ),
    "done": (
        "{sessions} sessions and {targets:,} targets are in the {location}.",
        "{sessions}거래일과 대상 {targets:,}종목이 {location}에 있습니다.",
    ),
    "next": ("What to do next", "이제 할 일"),
    "cron_missing": (
        "These lines start the scripts at night, right for this host's time zone.\n"
        "   `manual_setup.py --cron install` puts them into your crontab:",
        "다음 줄이 밤마다 스크립트를 실행합니다. 이 컴퓨터의 시간대에 맞습니다.\n"
        "   `manual_setup.py --cron install`이 crontab에 넣습니다.",
    ),
    "cron_installed": (
        "Nothing: these lines are in your crontab already.",
        "할 일이 없습니다. 다음 줄이 이미 crontab에 있습니다.",
    ),
    "cron_impossible": (
        "This host has no `crontab` command: install cron, or take the systemd timers\n"
        "   of docs/cron.md. For cron:",
        "이 컴퓨터에는 `crontab` 명령이 없습니다. cron을 설치하거나 docs/cron.md의\n"
        "   systemd 타이머를 쓰십시오. cron이라면 다음과 같습니다.",
    ),
    "cron_refused": (
        "Your crontab does not take the lines as it is: {detail}\n"
        "   After that `manual_setup.py --cron install` puts these lines into it:",
        "지금 상태의 crontab에는 다음 줄을 넣을 수 없습니다. 고친 다음\n"
        "   `manual_setup.py --cron install`을 실행하십시오.\n   ({detail})",
    ),
    "cron_not_running": (
        "No cron daemon is running on this host: nothing starts before one does.",
        "이 컴퓨터에서 cron 데몬이 실행되고 있지 않습니다. 실행해야 스크립트가 시작됩니다.",
    ),
    "cron_offer": ("Put the lines into your crontab now?", "지금 이 줄을 crontab에 넣을까요?"),
    "next_look": (
        "Tomorrow morning, see how the first night went:",
        "내일 아침, 첫날 밤이 어땠는지 확인하십시오.",
    ),
    "next_report": ("The report: {path}", "리포트: {path}"),
    "demo_look": ("See what there is:", "무엇이 있는지 확인하십시오."),
    "analyse_now": (
        "Analyse the targets now, in some ten seconds, and write the report?",
        "10초쯤 걸립니다. 지금 대상 종목을 분석하고 리포트를 만들까요?",
    ),
    "analyse_now_without_report": (
        "Analyse the targets now, in some ten seconds?",
        "10초쯤 걸립니다. 지금 대상 종목을 분석할까요?",
    ),
    "not_analysed": (
        "Nothing is analysed now. This does it at any time:",
        "지금은 분석하지 않습니다. 다음 명령으로 언제든 분석할 수 있습니다.",
    ),
    "report": (
        "The report is a page for your browser:\n   {path}\n   {address}",
        "리포트는 브라우저로 여는 페이지입니다.\n   {path}\n   {address}",
    ),
    "demo_real": (
        "For the real exchange, run manual_setup.py again and choose 1, 2 or 3 at the second\n"
        "   question. What is invented stays apart from its data.",
        "실제 거래소를 쓰려면 manual_setup.py를 다시 실행해 두 번째 질문에서 1, 2, 3 가운데\n"
        "   하나를 고르십시오. 가상의 데이터는 따로 남습니다.",
    ),
    "next_notify": (
        "To be told when a night fails, set NOTIFY_URLS in .env (docs/notifications.md).",
        "실패 알림을 받으려면 .env에 NOTIFY_URLS를 적으십시오(docs/notifications.md).",
    ),
    "next_told": (
        "See that you are told: `manual_setup.py --dry-run` sends a test notification.",
        "알림이 오는지 확인하십시오. `manual_setup.py --dry-run`이 시험 알림을 보냅니다.",
    ),
}
