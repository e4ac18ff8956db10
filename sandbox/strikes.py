"""What a failure does to a request: another answer, no answer, or the true one spoilt."""

import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from sandbox import delivery, spoilers
from sandbox.answers import Rows, dump
from sandbox.exchange import Exchange, Record, error_page
from sandbox.messages import Delivery, Request, Response
from sandbox.publication import is_final


@dataclass(frozen=True)
class Blow:
    """A request about to be struck.

    `value` is the fault's parameter as its switch reads it, `date` the fault's. `truth` is what the
    exchange says to any request when nothing strikes.
    """

    request: Request
    record: Record
    value: Any
    date: str | None
    exchange: Exchange
    truth: Callable[[Request], Response]

    def true_answer(self) -> Response:
        return self.truth(self.request)


Strike = Callable[[Blow], Response | None]
"""The answer to a struck request; None when there is nothing in this one to strike, so that it does
not count."""


NOTHING = Response(HTTPStatus.OK, b"")


# -- instead of the answer


def answering(response: Response) -> Strike:
    return lambda _: response


def log_out(blow: Blow) -> Response:
    blow.exchange.forget_web_session(blow.request)
    return Response(HTTPStatus.BAD_REQUEST, b"LOGOUT")


def server_error(blow: Blow) -> Response:
    return error_page(HTTPStatus(blow.value))


def undelivered(way: Delivery) -> Strike:
    return answering(replace(NOTHING, delivery=way))


# -- the true answer, spoilt


def drip(blow: Blow) -> Response | None:
    answer = _if_good(blow.true_answer())
    return answer and replace(answer, delivery=delivery.drip(blow.value))


def die(blow: Blow) -> Response | None:
    answer = _if_good(blow.true_answer())
    return answer and replace(answer, delivery=delivery.die)


def truncate(blow: Blow) -> Response | None:
    answer = _if_good(blow.true_answer())
    return answer and replace(answer, body=answer.body[: len(answer.body) // 2])


def _if_good(answer: Response) -> Response | None:
    """None for a refusal: it is left as it is."""
    return answer if answer.status == HTTPStatus.OK else None


def without_block(blow: Blow) -> Response | None:
    answer = blow.true_answer()
    if _block_of(answer) is None:
        return None
    document = json.loads(answer.body)
    return replace(
        answer,
        body=dump({key: part for key, part in document.items() if not isinstance(part, list)}),
    )


# -- the rows of the true answer, spoilt


def spoiling(spoil: Callable[..., Rows | None]) -> Strike:
    """`spoil` takes the rows, and the fault's value where the switch has one."""

    def strike(blow: Blow) -> Response | None:
        told = () if blow.value is None else (blow.value,)
        return _with_rows(blow.true_answer(), lambda rows: spoil(rows, *told))

    return strike


def other_day(blow: Blow) -> Response | None:
    """The true answer for another day: the session before, or the one the fault names."""
    other = blow.value or _session_before(blow)
    if other is None or blow.record.day is None:
        return None
    moved = other.replace("-", "")
    if blow.record.kind == "openapi":
        return _if_good(
            blow.truth(replace(blow.request, query={**blow.request.query, "basDd": moved}))
        )
    return _if_good(blow.truth(replace(blow.request, form={**blow.request.form, "trdDd": moved})))


def _session_before(blow: Blow) -> str | None:
    sessions = blow.exchange.market.sessions
    place = bisect_left(sessions, blow.record.day or "")
    return sessions[place - 1] if place else None


def late(blow: Blow) -> Response | None:
    """As if the day were not out: dashes, no row in a series, nothing in the Open API."""
    if blow.record.day is None:
        spoil: Callable[[Rows], Rows | None] = partial(
            spoilers.without_session, session=str(blow.date)
        )
    else:
        spoil = spoilers.no_rows if blow.record.kind == "openapi" else spoilers.all_dashes
    return _with_rows(blow.true_answer(), spoil)


def revised(blow: Blow) -> Response | None:
    """Until the day is final."""
    session = blow.record.day
    if session is None or is_final(session, blow.record.at):
        return None
    return _with_rows(blow.true_answer(), lambda rows: spoilers.revised(rows, blow.value, session))


def _with_rows(answer: Response, spoil: Callable[[Rows], Rows | None]) -> Response | None:
    block = _block_of(answer)
    if block is None:
        return None
    document = json.loads(answer.body)
    rows = spoil(document[block])
    return None if rows is None else replace(answer, body=dump({**document, block: rows}))


def _block_of(answer: Response) -> str | None:
    """The name of the table in an answer, None when it has none."""
    if answer.status != HTTPStatus.OK or not answer.body.startswith(b"{"):
        return None
    return next(
        (name for name, part in json.loads(answer.body).items() if isinstance(part, list)), None
    )
