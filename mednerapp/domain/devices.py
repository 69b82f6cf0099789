"""The device of a worker as a person writes it: one ("auto", "cpu", "cuda:1"), or several to train on at once."""

from __future__ import annotations

from typing import Literal

from mednerapp.errors import InvalidValue

Precision = Literal["fp32", "bf16", "int8"]
"""What a CPU predicts in; bf16 where it has units for that. A GPU always predicts in bf16."""


def devices_of(text: str) -> tuple[str, ...]:
    """Each device of "cuda:0,cuda:1" by name, in the order given; the first one also predicts and scores.

    Several are of one kind, each with its number: "cpu:0,cpu:1" are two processes on the CPU.

    Raises:
        InvalidValue: if several are not like that.
    """
    names = tuple(name.strip() for name in text.split(","))
    if len(names) == 1:
        return names
    kinds = {kind for kind, _, _ in (name.partition(":") for name in names)}
    numbers = [number for _, _, number in (name.partition(":") for name in names)]
    if len(kinds) > 1 or not kinds <= {"cuda", "cpu"} or not all(number.isdecimal() for number in numbers):
        raise InvalidValue(f"Several devices are of one kind, each with its number, as cuda:0,cuda:1; not {text!r}.")
    if len({int(number) for number in numbers}) < len(numbers):
        raise InvalidValue(f"A device is named once: {text!r}.")
    return names


def first_of(text: str) -> str:
    """The device that predicts and scores: "cpu:0" of a list is "cpu"."""
    first = text.partition(",")[0].strip()
    return "cpu" if first.startswith("cpu:") and "," in text else first
