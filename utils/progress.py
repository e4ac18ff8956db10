"""Progress bar on stderr for a person who waits; none under cron or in a pipe."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

log = logging.getLogger(__name__)
Advance = Callable[[int], None]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s")


@contextmanager
def progress_bar(
    what: str, total: int, log_every: int = 0, console: Console | None = None
) -> Iterator[Advance]:
    """Show the progress of a piece of work. Yield a function that takes the number of new steps.

    Lines that are logged meanwhile stand above the bar.

    Args:
        what: the work, such as `Loading sessions`.
        total: number of steps; with one or none nothing is shown.
        log_every: without a bar, log a line after so many steps; never when 0.
        console: where to show it; stderr when None.
    """
    console = Console(stderr=True) if console is None else console
    shown = console.is_terminal and total > 1
    done = 0
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not shown,
    ) as bar:
        task = bar.add_task(what, total=total)

        def advance(steps: int) -> None:
            nonlocal done
            before, done = done, done + steps
            bar.update(task, completed=done)
            if (
                log_every
                and not shown
                and (before // log_every < done // log_every or done == total)
            ):
                log.info("%s: %d of %d.", what, done, total)

        yield advance


def waiting(what: str, console: Console | None = None) -> AbstractContextManager[object]:
    """Show a spinner during work without a count of steps, such as `Reading sessions`.

    Like `progress_bar` it appears on a terminal only, and leaves nothing behind.
    """
    console = Console(stderr=True) if console is None else console
    return console.status(Text(what)) if console.is_terminal else nullcontext()
