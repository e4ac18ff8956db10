"""`python -m sandbox`: the local exchange as a process. Prints its URL and serves until it is
stopped."""

import argparse
import re
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import date, datetime

from sandbox.exchange import OPENAPI_SERVICES
from sandbox.faults import Fault, parse_fault
from sandbox.market import Market
from sandbox.publication import read_kst
from sandbox.registry import REGISTRY
from sandbox.replay import ReplayMarket
from sandbox.server import LocalExchange
from sandbox.synthetic import FIRST, LAST, SEED, SyntheticMarket
from utils.date_utils import AFTER_MARKET_SINCE
from utils.errors import WrongUsage
from utils.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        market = _market(options)
        starts_at = options.now or load_settings().kst_now
        exchange = LocalExchange(
            market, starts_at, options.account, options.openapi_key, options.port
        )
        for fault in options.fault:
            exchange.fail(**fault.told())
        exchange.start()
    except (ValueError, OSError, WrongUsage) as error:
        parser.error(str(error))
    try:
        _serve(exchange)
    finally:
        exchange.stop()
    return 0


def _serve(exchange: LocalExchange) -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    print(exchange.url, flush=True)
    print("The local exchange is open there, until Ctrl-C.", file=sys.stderr)
    ended.wait()


def _market(options: argparse.Namespace) -> Market:
    if options.replay:
        return ReplayMarket(options.replay)
    return SyntheticMarket(
        options.tickers,
        options.seed,
        options.first,
        options.last,
        after_market_since=options.after_market_since,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A local Korean stock exchange over HTTP."
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="on 127.0.0.1; 0 takes a free one (default)"
    )
    _add_market_options(parser)
    parser.add_argument(
        "--now",
        type=_moment,
        metavar="T",
        help="the exchange's time in KST, YYYY-MM-DDTHH:MM (default: KST_NOW)",
    )
    parser.add_argument(
        "--account",
        type=_account,
        action=_Collect,
        metavar="ID:PW",
        help="may be repeated (demo:demo)",
    )
    parser.add_argument(
        "--openapi-key",
        type=_key,
        action=_Collect,
        metavar="KEY",
        help="may be repeated (demo-key)",
    )
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME[:key=value,...]",
        help="a failure from the start on; keys: times, kind, request, date, since, until, value, "
        f"market, rows; may be repeated. Names: {', '.join(REGISTRY)}",
    )
    return parser


def _add_market_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the market that is shown."""
    parser.add_argument(
        "--tickers", type=int, default=2700, help="listed at the start (default 2700)"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, help=f"another number, another market (default {SEED})"
    )
    parser.add_argument(
        "--first", type=_date, default=FIRST, metavar="D", help=f"YYYY-MM-DD (default {FIRST})"
    )
    parser.add_argument(
        "--last", type=_date, default=LAST, metavar="D", help=f"YYYY-MM-DD (default {LAST})"
    )
    parser.add_argument(
        "--after-market-since",
        type=_date_or_never,
        default=AFTER_MARKET_SINCE,
        metavar="D",
        help=f"first session with an after-market, or never (default {AFTER_MARKET_SINCE})",
    )
    parser.add_argument(
        "--replay", nargs="+", metavar="FILE", help="recorded days instead of a synthetic market"
    )


class _Collect(argparse.Action):
    """Collects (key, value) pairs of a repeated option in one dict."""

    def __call__(  # type: ignore[no-untyped-def]
        self, parser, namespace, values, option_string=None
    ):
        key, value = values
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), key: value})


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0-65535)")
    return int(text)


def _date(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)")
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from error


def _date_or_never(text: str) -> str | None:
    if text == "never":
        return None
    try:
        return _date(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error} and not never") from error


def _moment(text: str) -> datetime:
    try:
        return read_kst(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a moment in KST (YYYY-MM-DDTHH:MM)"
        ) from error


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _account(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise argparse.ArgumentTypeError(f"{text!r} is not ID:PW")
    return name, password


def _key(text: str) -> tuple[str, frozenset[str]]:
    if not text:
        raise argparse.ArgumentTypeError("an empty key")
    return text, OPENAPI_SERVICES


if __name__ == "__main__":
    sys.exit(main())
