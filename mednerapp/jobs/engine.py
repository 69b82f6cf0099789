"""The port to the job engine, DBOS Transact: a durable priority queue from which several workers take.

It is told ids only. The `job` rows say what is to be done and what became of it; the engine decides who does it when.
Its own records live in tables of its own and hold no history: what has ended there is deleted. See docs/decisions/0003.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID

from mednerapp.domain.jobs import Job

QUEUE = "jobs"
POLL_EVERY = 0.25  # seconds; what a person waits at most before an idle worker takes a job
LIVE = ("ENQUEUED", "PENDING")
ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
# Workflows are one call with integers; as long as that holds, workers of all releases share the queue.
APPLICATION_VERSION = "1"


def workflow_id(job: Job) -> str:
    """The id of the next attempt at a queued job; the same whoever asks, so that it is entered once.

    At another priority it is another one: the offer at the old priority is turned down when its turn comes.
    """
    return f"job-{job.id}-{job.attempt + 1}-{job.priority}"


class Engine:
    """One per process, because DBOS is.

    perform: called with (job id, attempt, priority at which it was offered) in a thread of the engine, one call at a
        time.
    """

    def __init__(self, *, url: str, worker_id: str, perform: Callable[[int, int, int | None], None]) -> None:
        self._worker_id = worker_id

        def attempt_job(job_id: int, attempt: int, priority: int | None = None) -> None:  # None: by an earlier release
            perform(job_id, attempt, priority)

        self._workflow = DBOS.workflow(name="perform")(attempt_job)
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        config: DBOSConfig = {
            "name": "medner",
            "system_database_url": url,
            "executor_id": worker_id,
            "application_version": APPLICATION_VERSION,
            "serializer": DBOSPortableJSONSerializer(),  # the default is pickle
            "use_listen_notify": False,
            "enable_otlp": False,
            "log_level": "WARNING",
            "sys_db_pool_size": 5,
        }
        DBOS(config=config)

    def start(self) -> None:
        """Create or migrate the engine's tables and begin to take jobs; goes on with what this worker had taken."""
        DBOS.listen_queues([QUEUE])
        DBOS.launch()
        # Counted per worker: a dead worker's unfinished job must not hold up the others.
        DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_EVERY, on_conflict="always_update")

    def enqueue(self, job: Job) -> None:
        """Offer the next attempt at a queued job to the workers. Once offered, offering again changes nothing."""
        with SetWorkflowID(workflow_id(job)), SetEnqueueOptions(priority=job.priority):
            DBOS.enqueue_workflow(QUEUE, self._workflow, job.id, job.attempt + 1, job.priority)

    def tidy(self, workers: Collection[str]) -> set[str]:
        """Delete what has ended and what was taken by workers other than `workers`; the ids that remain.

        A queued job whose id is not among them has to be offered (again).
        """
        remaining: set[str] = set()
        gone: list[str] = []
        for flow in DBOS.list_workflows(status=[*LIVE, *ENDED], queue_name=QUEUE, load_input=False, load_output=False):
            waiting = flow.status == "ENQUEUED"
            if waiting or (flow.status == "PENDING" and flow.executor_id in {*workers, self._worker_id}):
                remaining.add(flow.workflow_id)
            else:
                gone.append(flow.workflow_id)
        if gone:
            DBOS.delete_workflows(gone)
        return remaining

    def close(self) -> None:
        """Take no more jobs. A call that is under way is not waited for."""
        DBOS.destroy()
