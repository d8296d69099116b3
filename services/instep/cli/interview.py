"""Puts questions to the person at the terminal, unless options have answered them already.

Each answer is checked at once: a fault is said, and the question is put again. A fault in an option ends the command, and so
does the end of the input. `?` lists the possible answers.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instep.cli.output import note
from instep.cli.paper import printable
from instep.errors import NetworkError
from instep.network.drafting import Answer, Question

OPTIONS: Mapping[str, str] = {"effective_from": "--from", "review_by": "--until"}
"""The options that are not called after their keys."""


def option_of(key: str) -> str:
    """The option that answers the question about a key of the agreement."""
    return OPTIONS.get(key, f"--{key.replace('_', '-')}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Interview:
    """Asks questions. `given` are the answers of options by key: one each, or one for each share.

    With `defaults`, nobody is asked: what no option answers gets its default.
    """

    given: Mapping[str, Sequence[str]]
    defaults: bool = False

    def __call__(self, question: Question) -> Answer:
        """The answer as read. Raises NetworkError for an unreadable option, or where nobody answers."""
        text = self._from_options(question)
        if text is None and self.defaults:
            text = question.default
            if not text:
                raise NetworkError(f"{question.asks} is not given: give {option_of(question.key)}.")
        if text is None:
            return self._asked(question)
        try:
            return question.read(text)
        except NetworkError as error:
            raise NetworkError(f"{option_of(question.key)}: {error}") from error

    def _from_options(self, question: Question) -> str | None:
        events = self.given.get("event", ())
        if question.key == "another":
            # Whoever names types of event by options has named them all.
            return ("yes" if (question.share or 0) < len(events) else "no") if events else None
        answers = self.given.get(question.key, ())
        at = question.share or 0
        return answers[at] if at < len(answers) else None

    def _asked(self, question: Question) -> Answer:
        note(f"\n{question.asks}{' (? lists the answers)' if question.choices else ''}")
        note(f"  {question.help}")
        while True:
            text = _line(question)
            if text == "?" and question.choices:
                for name, words in question.choices:
                    note(printable(f"  {name}: {words}"))
                continue
            try:
                return question.read(text or question.default)
            except NetworkError as error:
                note(printable(f"  {error}"))


def _line(question: Question) -> str:
    sys.stderr.write(f"{f'[{question.default}] ' if question.default else ''}> ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise NetworkError(
            f"The input ended before the question: {question.asks.lower()}; {option_of(question.key)} answers it too, and"
            " nothing was written."
        )
    return line.strip().encode("utf-8", "replace").decode("utf-8")
