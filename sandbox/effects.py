"""Effects of faults on a request: another answer, no answer, or the true answer changed."""

import gzip
import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from sandbox import cells, delivery, row_faults
from sandbox.answers import Rows, day_rows, dump, openapi_day_rows
from sandbox.cells import MARKET_IDS, Extent
from sandbox.exchange import OPENAPI_DAYS, OPENAPI_ROOT, Exchange, Record, error_page
from sandbox.messages import Delivery, Request, Response
from sandbox.publication import is_final


@dataclass(frozen=True)
class FaultContext:
    """Request that a fault is about to hit.

    `value`, `date`, `market` (KOSPI, KOSDAQ, KONEX; None: all) and `extent` are the fault's
    parameters as its kind reads them. `truth` gives the exchange's answer to any request without
    faults.
    """

    request: Request
    record: Record
    value: Any
    date: str | None
    market: str | None
    extent: Extent | None
    exchange: Exchange
    truth: Callable[[Request], Response]

    def true_answer(self) -> Response:
        return self.truth(self.request)


Effect = Callable[[FaultContext], Response | None]
"""Answer to the request that is hit. None when the fault does not apply to it, so that it does not
count."""


NOTHING = Response(HTTPStatus.OK, b"")
_MEGABYTE = gzip.compress(b"-" * (1 << 20))


# -- instead of the answer


def answering(response: Response) -> Effect:
    return lambda _: response


def log_out(context: FaultContext) -> Response:
    context.exchange.forget_web_session(context.request)
    return Response(HTTPStatus.BAD_REQUEST, b"LOGOUT")


def server_error(context: FaultContext) -> Response:
    return error_page(HTTPStatus(context.value))


def endless(context: FaultContext) -> Response:
    return replace(NOTHING, delivery=delivery.endless(context.value))


def too_large(context: FaultContext) -> Response:
    """Return an answer of so many megabytes, packed into a thousandth of that."""
    body = gzip.compress(b'{"OutBlock_1":["') + context.value * _MEGABYTE
    packed = {"Content-Encoding": "gzip"}
    return Response(HTTPStatus.OK, body, "application/json; charset=utf-8", packed)


def undelivered(failure: Delivery) -> Effect:
    return answering(replace(NOTHING, delivery=failure))


# -- the true answer, changed


def drip(context: FaultContext) -> Response | None:
    answer = _if_good(context.true_answer())
    return answer and replace(answer, delivery=delivery.drip(context.value))


def die(context: FaultContext) -> Response | None:
    answer = _if_good(context.true_answer())
    return answer and replace(answer, delivery=delivery.die)


def truncate(context: FaultContext) -> Response | None:
    answer = _if_good(context.true_answer())
    return answer and replace(answer, body=answer.body[: len(answer.body) // 2])


def _if_good(answer: Response) -> Response | None:
    """Return None for a refusal, which is left as it is."""
    return answer if answer.status == HTTPStatus.OK else None


def without_block(context: FaultContext) -> Response | None:
    answer = context.true_answer()
    if _block_of(answer) is None:
        return None
    document = json.loads(answer.body)
    return replace(
        answer,
        body=dump({key: part for key, part in document.items() if not isinstance(part, list)}),
    )


# -- the rows of the true answer, changed


def with_row_fault(change: Callable[..., Rows | None]) -> Effect:
    """Return the effect of a change of rows. `change` takes the rows of the fault's market, their
    number if the fault has an extent, and the fault's value if it has one."""

    def effect(context: FaultContext) -> Response | None:
        told = () if context.value is None else (context.value,)

        def change_all(rows: Rows) -> Rows | None:
            number = () if context.extent is None else (context.extent.of(len(rows)),)
            return change(rows, *number, *told)

        return _with_rows(context.true_answer(), partial(_in_market, context, change_all))

    return effect


def _in_market(
    context: FaultContext, change: Callable[[Rows], Rows | None], rows: Rows
) -> Rows | None:
    """Change the rows of the fault's market, and leave the others alone. The Open API has a request
    for each market."""
    if context.market is None:
        return change(rows)
    market_id = MARKET_IDS[context.market]
    if context.record.kind == "openapi":
        return change(rows) if OPENAPI_DAYS.get(context.record.name) == market_id else None
    positions = [
        position for position, row in enumerate(rows) if row.get(cells.MARKET) == market_id
    ]
    changed = change([rows[position] for position in positions]) if positions else None
    if changed is None:
        return None
    if len(changed) != len(positions):
        return [row for row in rows if row.get(cells.MARKET) != market_id] + changed
    of_position = dict(zip(positions, changed, strict=True))
    return [of_position.get(position, row) for position, row in enumerate(rows)]


def other_day(context: FaultContext) -> Response | None:
    """Return the true answer for another day: the session before, or the one that the fault
    names."""
    other = _other_session(context)
    if other is None:
        return None
    moved = other.replace("-", "")
    if context.record.kind == "openapi":
        return _if_good(
            context.truth(replace(context.request, query={**context.request.query, "basDd": moved}))
        )
    return _if_good(
        context.truth(replace(context.request, form={**context.request.form, "trdDd": moved}))
    )


def other_figures(context: FaultContext) -> Response | None:
    """Return the final prices of another session under the day that was asked for, be it one that
    is not over yet: of the whole market or of one."""
    other = _other_session(context)
    service = OPENAPI_DAYS.get(context.record.name)
    if other is None or not (service or context.record.name == "MDCSTAT01501"):
        return None
    day = context.exchange.market.day(other)
    if service:
        asked = {"BAS_DD": context.record.dates["basDd"]}
        shown = [row | asked for row in openapi_day_rows(day.of_market(service))]
    else:
        shown = day_rows(day.of_market(MARKET_IDS.get(context.market or "", "ALL")))

    def change(rows: Rows) -> Rows | None:
        return shown if any(map(cells.has_prices, rows)) and shown != rows else None

    return _with_rows(context.true_answer(), partial(_in_market, context, change))


def other_market(context: FaultContext) -> Response | None:
    """Return the answer of the Open API for another market: KOSPI's for KOSDAQ, KOSDAQ's for
    others."""
    service = OPENAPI_DAYS.get(context.record.name)
    if service is None or context.market not in (None, _MARKET_OF[service]):
        return None
    other = _SERVICES["KSQ" if service != "KSQ" else "STK"]
    return _if_good(context.truth(replace(context.request, path=f"{OPENAPI_ROOT}{other}")))


_SERVICES = {market_id: service for service, market_id in OPENAPI_DAYS.items()}
_MARKET_OF = {market_id: market for market, market_id in MARKET_IDS.items()}


def _other_session(context: FaultContext) -> str | None:
    """Return the session that the fault names: by its date, or by its distance from the day that is
    asked for, in sessions. None where there is none."""
    day, sessions = context.record.day, context.exchange.market.sessions
    if day is None or isinstance(context.value, str):
        return day and context.value
    position = bisect_left(sessions, day) + context.value
    return sessions[position] if 0 <= position < len(sessions) else None


def late(context: FaultContext) -> Response | None:
    """Return the answer as if the day were not published: dashes, no row in a series, nothing in
    the Open API."""
    if context.record.day is None:
        change: Callable[[Rows], Rows | None] = partial(
            row_faults.without_session, session=str(context.date)
        )
    else:
        change = row_faults.no_rows if context.record.kind == "openapi" else row_faults.all_dashes
    return _with_rows(context.true_answer(), change)


def revised(context: FaultContext) -> Response | None:
    """Return figures that are revised later, until the day is final."""
    session = context.record.day
    if session is None or is_final(session, context.record.at):
        return None
    return _with_rows(
        context.true_answer(), lambda rows: row_faults.revised(rows, context.value, session)
    )


def _with_rows(answer: Response, change: Callable[[Rows], Rows | None]) -> Response | None:
    block = _block_of(answer)
    if block is None:
        return None
    document = json.loads(answer.body)
    rows = change(document[block])
    return None if rows is None else replace(answer, body=dump({**document, block: rows}))


def _block_of(answer: Response) -> str | None:
    """Return the name of the table in an answer, None when it has none."""
    if answer.status != HTTPStatus.OK or not answer.body.startswith(b"{"):
        return None
    return next(
        (name for name, part in json.loads(answer.body).items() if isinstance(part, list)), None
    )
