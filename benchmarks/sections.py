"""One section of the measurement in a process of its own: `python -m benchmarks.sections NAME PLAN
RESULT`.

The result is a JSON object; every section adds the peak memory of its process.
"""

import json
import logging
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import analysis, collection, growth, market, mongodb, night, page
from benchmarks.plan import Plan, read_plan

KILOBYTE = 1 if sys.platform == "darwin" else 1024
"""The unit of ru_maxrss."""


def record(plan: Plan) -> dict[str, Any]:
    market.record(plan.bodies, plan.tickers, plan.sessions)
    return {}


SECTIONS: dict[str, Callable[[Plan], dict[str, Any]]] = {
    "record": record,
    "collection": collection.measure,
    "analysis memory": analysis.measure_memory,
    "analysis": analysis.measure,
    "usual": analysis.measure_usual,
    "growth": growth.measure,
    "page": page.measure,
    "night": night.measure,
    "mongodb": mongodb.measure,
}


def main() -> None:
    name, plan, result = sys.argv[1], read_plan(Path(sys.argv[2])), Path(sys.argv[3])
    logging.basicConfig(level=logging.ERROR)
    found = SECTIONS[name](plan)
    peak = KILOBYTE * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result.write_text(json.dumps(found | {"peak_bytes": peak}), encoding="utf-8")


if __name__ == "__main__":
    main()
