"""An exchange and an installation of the project, as every test of the scripts uses them.

A run is started in one of three ways:

- `in_process`: within the test's own process. It costs no start-up, and a wait moves the clock.
  An `Installation` does so unless told otherwise.
- `as_process`: as a process of its own, as cron starts it.
- `tests.storm.forks.Forks`: as a fork of a process that has imported everything, to be killed at
  any write. The storm uses it.

A conversation needs a terminal too: `tests.process.conversation.terminal`.
"""

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
