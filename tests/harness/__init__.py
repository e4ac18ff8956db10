"""An exchange and an installation of the project, as every test of the scripts uses them."""

from tests.harness.exchange import KEY, LOGIN_ID, PASSWORD, Exchange, small_market
from tests.harness.installation import Ended, Installation
from tests.harness.ways import as_process, in_process

__all__ = [
    "KEY",
    "LOGIN_ID",
    "PASSWORD",
    "Ended",
    "Exchange",
    "Installation",
    "as_process",
    "in_process",
    "small_market",
]
