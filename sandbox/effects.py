"""Effects of faults on a request: another answer, no answer, or the true answer changed."""

import gzip
import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from sandbox import delivery, row_faults
from sandbox.answers import Rows, dump
from sandbox.exchange import Exchange, Record, error_page
from sandbox.messages import Delivery, Request, Response
from sandbox.publication import is_final


@dataclass(frozen=True)
class FaultContext:
    """Request that a fault is about to hit.

    `value` is the fault's parameter as its kind reads it, `date` the fault's date. `truth` gives
    the exchange's answer to any request without faults.
    """

    request: Request
    record: Record
    value: Any
    date: str | None
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
    """Return the effect of a change of rows. `change` takes the rows, and the fault's value if it
    has one."""

    def effect(context: FaultContext) -> Response | None:
        told = () if context.value is None else (context.value,)
        return _with_rows(context.true_answer(), lambda rows: change(rows, *told))

    return effect


def other_day(context: FaultContext) -> Response | None:
    """Return the true answer for another day: the session before, or the one that the fault
    names."""
    other = context.value or _session_before(context)
    if other is None or context.record.day is None:
        return None
    moved = other.replace("-", "")
    if context.record.kind == "openapi":
        return _if_good(
            context.truth(replace(context.request, query={**context.request.query, "basDd": moved}))
        )
    return _if_good(
        context.truth(replace(context.request, form={**context.request.form, "trdDd": moved}))
    )


def _session_before(context: FaultContext) -> str | None:
    sessions = context.exchange.market.sessions
    position = bisect_left(sessions, context.record.day or "")
    return sessions[position - 1] if position else None


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
