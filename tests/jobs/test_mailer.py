"""The mail about a job that has ended, through a real mail server on this machine that keeps what it is sent."""

from __future__ import annotations

import logging
import socketserver
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_string, policy
from threading import Event

import pytest
from support.makers import make_user

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.domain.labels import schema_from
from mednerapp.jobs.mailer import Mailer
from mednerapp.services import noticing
from mednerapp.settings import Settings
from mednerapp.store import Store

NOTE_TEXT = "Mrs Miller has diabetes"
PASSWORD = "not-to-be-logged"


class Sink(socketserver.ThreadingTCPServer):
    """Takes mails without encryption. refuses: answers the message itself with an error."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.mails: list[str] = []
        self.refuses = False


class Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        sink = self.server
        assert isinstance(sink, Sink)
        self.say("220 sink")
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self.say("354 go on")
                kept: list[bytes] = []
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    kept.append(part)
                if not sink.refuses:
                    sink.mails.append(b"".join(kept).decode())
                self.say(f"550 {NOTE_TEXT}" if sink.refuses else "250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def mailer(store: Store, sink: Sink) -> Mailer:
    return Mailer(store, settings_of(sink.server_address[1]), Event())


def settings_of(port: int) -> Settings:
    return Settings(
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_tls="off",
        smtp_from="medner@example.org",
        smtp_password=PASSWORD,
        public_url="https://medner.example.org/",
    )


def ended_job(store: Store, user: User | None, state: JobState = JobState.FAILED) -> int:
    name = f"Cardiology {uuid.uuid4().hex}"
    with store.write() as tx:
        project = tx.projects.add(name=name, schema=schema_from([("Drug", "#336699", "")]))
        job = tx.jobs.add(kind=JobKind.PREDICT, args={"project_id": project.id}, user_id=user.id if user else None)
        assert tx.jobs.claim(job.id, worker="w", attempt=1)
        assert tx.jobs.finish(job.id, worker="w", attempt=1, state=state, message=NOTE_TEXT)
    return job.id


def test_who_asked_for_it_gets_one_mail_with_kind_state_project_and_link(
    store: Store, sink: Sink, mailer: Mailer
) -> None:
    user, other = make_user(store), make_user(store, Role.ADMIN)
    before = ended_job(store, user)
    noticing.set_mail(store, user=user, wanted=True)
    assert noticing.wants_mail(store, user=user)
    assert not noticing.wants_mail(store, user=other)
    job_id = ended_job(store, user)
    ended_job(store, other)
    ended_job(store, None)
    assert mailer.send_all()
    assert mailer.send_all()
    assert before != job_id
    (mail,) = sink.mails
    message = message_from_string(mail, policy=policy.default)
    with store.read() as tx:
        project = tx.projects.get(int(tx.jobs.get(job_id).args["project_id"])).name
    assert (message["To"], message["From"]) == (user.email, "medner@example.org")
    assert message["Subject"] == f"MedNER: Highlighting notes has failed ({project})"
    text = message.get_content()
    assert f"job {job_id}" in text
    assert "https://medner.example.org/jobs" in text
    assert NOTE_TEXT not in mail


def test_a_worker_that_died_before_the_mail_leaves_it_to_the_next_one(store: Store, sink: Sink, mailer: Mailer) -> None:
    user = make_user(store)
    noticing.set_mail(store, user=user, wanted=True)
    ended_job(store, user, JobState.SUCCEEDED)  # and whoever ended it is gone
    workers = [mailer, Mailer(store, settings_of(sink.server_address[1]), Event())]
    threads = [threading.Thread(target=one.send_all) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mailer.send_all()
    assert len(sink.mails) == 1


def test_who_turned_it_off_again_gets_none(store: Store, sink: Sink, mailer: Mailer) -> None:
    user = make_user(store)
    noticing.set_mail(store, user=user, wanted=True)
    ended_job(store, user)
    noticing.set_mail(store, user=user, wanted=False)
    assert mailer.send_all()
    assert sink.mails == []


def test_a_server_that_is_away_is_tried_again_and_named_without_secrets(
    store: Store, sink: Sink, mailer: Mailer, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user(store)
    noticing.set_mail(store, user=user, wanted=True)
    ended_job(store, user)
    nobody = Mailer(store, settings_of(1), Event())
    with caplog.at_level(logging.DEBUG):
        assert not nobody.send_all()
    assert "The mail server cannot be used (ConnectionRefusedError)" in caplog.text
    assert PASSWORD not in caplog.text
    assert mailer.send_all()
    assert len(sink.mails) == 1


def test_a_mail_that_the_server_may_have_taken_is_not_sent_twice(
    store: Store, sink: Sink, mailer: Mailer, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user(store)
    noticing.set_mail(store, user=user, wanted=True)
    ended_job(store, user)
    sink.refuses = True
    assert mailer.send_all()
    sink.refuses = False
    assert mailer.send_all()
    assert sink.mails == []
    assert "was not sent (SMTPDataError)" in caplog.text
    assert NOTE_TEXT not in caplog.text


def test_what_ended_long_ago_is_no_news(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user(store)
    noticing.set_mail(store, user=user, wanted=True)
    ended_job(store, user)
    monkeypatch.setattr(noticing, "now", lambda: now() + timedelta(days=2))
    assert noticing.take(store) is None
