"""Sends the mails that tell people of the end of their jobs, from a thread of the worker.

A notice is claimed in the database before it is sent, so that a job has one mail at most, whoever else looks. A worker
that dies between the end of a job and the mail leaves it to the next one. What the mail server or the network says is
never logged in its words: only what kind of error it was.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from email.message import EmailMessage
from threading import Event, Thread

from mednerapp.services import noticing
from mednerapp.services.noticing import Notice
from mednerapp.settings import Settings
from mednerapp.store import Store

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds
AFTER_FAILURE = 60.0
ANSWER_WITHIN = 10.0  # seconds


class Mailer:
    def __init__(self, store: Store, settings: Settings, stopping: Event) -> None:
        self._store, self._settings, self._stopping = store, settings, stopping

    def start(self) -> None:
        """Without a mail server in the settings there is nothing to do."""
        if self._settings.smtp_host:
            Thread(target=self._run, name="mailer", daemon=True).start()

    def _run(self) -> None:
        wait = LOOK_EVERY
        while not self._stopping.wait(wait):
            try:
                wait = LOOK_EVERY if self.send_all() else AFTER_FAILURE
            except Exception as error:  # noqa: BLE001 -- a database that is away for a while
                log.warning("Cannot see which mails are to be sent (%s).", type(error).__name__)

    def send_all(self) -> bool:
        """Everything that is due; False when the mail server did not take one, which is then due again."""
        while not self._stopping.is_set() and (notice := noticing.take(self._store)):
            try:
                server = self._connect()
            except (OSError, smtplib.SMTPException) as error:
                log.warning("The mail server cannot be used (%s); trying again later.", type(error).__name__)
                noticing.give_back(self._store, notice)
                return False
            # From here on it may have been taken although nothing says so: rather no mail than two.
            try:
                with server:
                    server.send_message(message_of(notice, self._settings))
            except (OSError, smtplib.SMTPException) as error:
                log.warning("The mail about job %d was not sent (%s).", notice.job_id, type(error).__name__)
        return True

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context()
        if settings.smtp_tls == "tls":
            server = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=ANSWER_WITHIN, context=context)
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=ANSWER_WITHIN)
        try:
            if settings.smtp_tls == "starttls":
                server.starttls(context=context)
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
        except BaseException:
            server.close()
            raise
        return server


def message_of(notice: Notice, settings: Settings) -> EmailMessage:
    """Kind, state, project and a link; nothing of what the job said or worked on."""
    message = EmailMessage()
    message["Subject"] = f"MedNER: {notice.subject}"
    message["From"] = settings.smtp_from or settings.smtp_user or "medner@localhost"
    message["To"] = notice.address
    message["Auto-Submitted"] = "auto-generated"
    where = f"{settings.public_url.rstrip('/')}/jobs" if settings.public_url else "The page Jobs"
    message.set_content(
        f"{notice.subject}: job {notice.job_id}.\n\n{where} says more.\n\n"
        "You asked for a mail when a job that you started has ended. The page Jobs turns this off.\n"
    )
    return message
