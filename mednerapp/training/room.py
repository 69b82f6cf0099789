"""How many tokens go through the model together; once, when the memory is exhausted, made fewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mednerapp.errors import ModelProblem
from mednerapp.ner.memory import is_exhausted, release
from mednerapp.training.encoding import pass_tokens

SMALLER = 4  # times
Result = TypeVar("Result")


class Room:
    """Shared by everything of one run that takes memory.

    tokens: most that go through the model in one pass of the training; without gradients twice as many have room. A
        step of the optimizer adds up the gradients of as many passes as its windows need, so that fewer tokens change
        the result by rounding (and by other draws of the dropout) only.
    log: told when it is made smaller.
    """

    def __init__(self, device: str, *, log: Callable[[str], None] | None = None) -> None:
        self._device = device
        self._log = log
        self.tokens = self._all = pass_tokens(device)

    @property
    def smaller(self) -> bool:
        return self.tokens < self._all

    def call(self, work: Callable[[], Result], *, undo: Callable[[], None] = lambda: None) -> Result:
        """What `work` gives; if the memory does not suffice, once more after `undo` with smaller passes.

        Raises:
            ModelProblem: if it does not suffice then either, or if passes had been made smaller before.
        """
        try:
            return work()
        except Exception as error:
            if not is_exhausted(error):
                raise
            if self.smaller:
                raise self._too_small() from None
        # Outside the handler: what it holds of the failed work would still take the room.
        undo()
        release()
        self.tokens = self._all // SMALLER
        if self._log:
            self._log(
                f"Out of memory on {self._device}: from now on {self.tokens:,} tokens at a time instead of "
                f"{self._all:,}, with the gradients added up; batch size and learning rate stay as they are."
            )
        try:
            return work()
        except Exception as error:
            if not is_exhausted(error):
                raise
            raise self._too_small() from None

    def _too_small(self) -> ModelProblem:
        return ModelProblem(
            f"There is not enough memory on {self._device}, also with {self.tokens:,} tokens at a time. Adapt fewer "
            "layers, use a smaller encoder or a device with more memory, or stop what else runs there; then start the "
            "run again."
        )
