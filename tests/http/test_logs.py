"""The log says where something broke, never what it was about."""

from __future__ import annotations

import logging

import pytest

from mednerapp.errors import NotFound
from mednerapp.http.logs import describe, hide_messages_of_errors

SECRET = "Mrs Vellacott has pneumonia"


def fail() -> None:
    try:
        print({}[SECRET])
    except KeyError as error:
        raise RuntimeError(SECRET) from error


@pytest.fixture
def formatted() -> str:
    before = logging.getLogRecordFactory()
    hide_messages_of_errors()
    try:
        fail()
    except RuntimeError as error:
        info = (type(error), error, error.__traceback__)
        record = logging.getLogRecordFactory()("x", logging.ERROR, "f", 1, "It broke.", (), info)
        return logging.Formatter().format(record)
    finally:
        logging.setLogRecordFactory(before)
    raise AssertionError


def test_a_logged_error_names_its_type_and_place_without_its_message(formatted: str) -> None:
    assert SECRET not in formatted
    assert "KeyError" in formatted
    assert "RuntimeError" in formatted
    assert "in fail" in formatted
    assert "It broke." in formatted


def test_our_own_errors_keep_their_text() -> None:
    assert "There is no note 7." in describe(NotFound("There is no note 7."))
