"""Dialogue with a person at a terminal: one question at a time, until its answer can be used."""

import getpass
import io
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from utils.cli import screen
from utils.errors import NightShiftError, WrongUsage
from utils.logs import Redaction
from utils.texts import Texts

T = TypeVar("T")
_YES, _NO = ("y", "yes", "예", "네"), ("n", "no", "아니오", "아니요")


class Dialogue:
    """Questions and what is said between them. Ctrl-C and Ctrl-D at a question leave as
    KeyboardInterrupt, EOFError."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        for stream in (sys.stdin, sys.stdout):
            if isinstance(stream, io.TextIOWrapper):
                # Half a Korean letter, or a terminal that knows no ✓.
                stream.reconfigure(errors="replace")
        self._console = screen(highlight=False)

    def welcome(self) -> None:
        text = Text(self._texts("welcome"))  # no markup: it speaks of [brackets]
        self._console.print(Panel(text, title="krx-night-shift", expand=False, border_style="cyan"))

    def heading(self, number: int, title: str) -> None:
        self._console.print()
        self.say(self._texts("heading", number=number, title=self._texts(title)), style="bold cyan")

    def say(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style)

    def hint(self, text: str) -> None:
        self.say(text, style="dim")

    def works(self, text: str) -> None:
        self.say(f"✓ {text}", style="green")

    def wrong(self, text: str) -> None:
        self.say(f"✗ {text}", style="yellow")

    def explain(self, problem: NightShiftError) -> None:
        """Say why an answer does not work, in the person's language, without passwords."""
        name = f"problem_{problem.kind}"
        detail = Redaction([])(str(problem))
        self.wrong(self._texts(name if name in self._texts else "problem_other", detail=detail))

    def show(self, table: Table) -> None:
        self._console.print(table)

    def waiting(self, text: str) -> AbstractContextManager[object]:
        """Show a text while something is tried."""
        return self._console.status(Text(text))

    def ask(self, question: str, default: str, read: Callable[[str], T]) -> T:
        """Return the answer as `read` understands it; ask again as long as that raises
        `WrongUsage`.

        Enter is the default, and no answer where that is empty.
        """
        shown = f" [{default}]" if default else ""
        while True:
            answer = self._console.input(Text(f"{question}{shown}: ")).strip() or default
            try:
                return read(answer)
            except WrongUsage as wrong:
                self.wrong(str(wrong))

    def choose(self, options: Sequence[str], default: int) -> int:
        """Return the number of the chosen option, from 1 on."""
        for number, option in enumerate(options, 1):
            self.say(f"  {number}  {option}")
        return self.ask(
            self._texts("choice"), str(default), lambda answer: self._number(answer, len(options))
        )

    def ask_hidden(self, question: str, needed: bool = True) -> str:
        """Return what is typed without being shown. Enter is an empty answer unless it is
        needed."""
        while True:
            try:  # getpass prints the prompt: it must not stand there before the echo is off
                answer = getpass.getpass(f"{question}: ").strip()
            except UnicodeDecodeError:
                answer, needed = "", True
            if answer or not needed:
                return answer
            self.wrong(self._texts("nothing_typed"))

    def agrees(self, question: str, default: bool) -> bool:
        return self.ask(f"{question} (y/n)", "y" if default else "n", self._yes_or_no)

    def _number(self, answer: str, count: int) -> int:
        if answer.isdecimal() and 1 <= int(answer) <= count:
            return int(answer)
        raise WrongUsage(self._texts("wrong_choice", count=count))

    def _yes_or_no(self, answer: str) -> bool:
        if answer.lower() not in _YES + _NO:
            raise WrongUsage(self._texts("wrong_yes_no"))
        return answer.lower() in _YES
