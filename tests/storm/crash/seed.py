"""Points that are tried today where trying all takes too long: in time it is all of them."""

import os

from utils.clock import Clock

SEED = int(os.environ.get("BREAK_SEED") or Clock().now_kst().toordinal())
"""Every day others. BREAK_SEED, which the summary shows, takes those of a day again."""
