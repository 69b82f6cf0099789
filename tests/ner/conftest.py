from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.loading import open_words
from tests.tiny_models import FAMILIES, make_tiny_encoder, make_tiny_starter


@pytest.fixture(scope="session")
def encoder_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {family: make_tiny_encoder(tmp_path_factory.mktemp("encoders") / family, family) for family in FAMILIES}


@pytest.fixture(scope="session")
def word_encoders(encoder_folders: dict[str, Path]) -> dict[str, WordEncoder]:
    return {family: open_words(folder) for family, folder in encoder_folders.items()}


@pytest.fixture(scope="session")
def tiny_starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starters") / "starter"
    make_tiny_starter(folder, MEDICAL_SCHEMA.names)
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("the network is off in these tests")

    connect = socket.socket.connect

    def within(found: socket.socket, address: str) -> None:
        return connect(found, address) if found.family == socket.AF_UNIX else refuse()

    monkeypatch.setattr("socket.socket.connect", within)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
