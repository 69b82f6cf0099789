"""Experiments: the same training for several encoders and seeds, started, continued, watched and cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.experiments import OPEN, Cell, CellState, Experiment
from mednerapp.domain.jobs import FINISHED, Job, JobKind, JobState
from mednerapp.domain.models import Encoder, HyperParameters, Run, RunState
from mednerapp.errors import InvalidValue, NothingToTrainOn
from mednerapp.services import fine_tuning
from mednerapp.services.models import SHIPPED
from mednerapp.store import Store, Transaction

MAX_NAME = 200
MAX_CELLS = 300
MAX_SEED = 2**31 - 1
DEFAULT_SEEDS = (13, 14, 15)
_OF_RUN = {
    RunState.QUEUED: CellState.WAITING,
    RunState.RUNNING: CellState.TRAINING,
    RunState.FAILED: CellState.FAILED,
    RunState.INTERRUPTED: CellState.INTERRUPTED,
    RunState.CANCELLED: CellState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell with where it stands. `share`: how much of its training is done, in [0, 1]. `error`: why it ended."""

    encoder: Encoder
    run: Run
    state: CellState
    done: int
    total: int
    unit: str
    error: str

    @property
    def share(self) -> float:
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """An experiment as it stands. `cells`: in the order of `experiment.cells`."""

    experiment: Experiment
    dataset: Dataset
    cells: tuple[CellView, ...]

    def count(self, *states: CellState) -> int:
        return sum(cell.state in states for cell in self.cells)

    @property
    def live(self) -> bool:
        return any(cell.state in OPEN for cell in self.cells)

    @property
    def complete(self) -> bool:
        return all(cell.state is CellState.DONE for cell in self.cells)

    @property
    def seconds_left(self) -> float | None:
        """Until the last open cell is trained, judged by those before it; None while nothing can be said.

        A waiting cell takes as long as the finished cells of its encoder, or else as the average of all.
        """
        known: dict[int, list[float]] = {}
        for cell in self.cells:
            if seconds := _seconds(cell):
                known.setdefault(cell.encoder.id, []).append(seconds)
        every = [seconds for found in known.values() for seconds in found]
        if not every:
            return None
        left = 0.0
        for cell in self.cells:
            if cell.state in (CellState.WAITING, CellState.TRAINING):
                found = known.get(cell.encoder.id, every)
                left += sum(found) / len(found) * (1 - cell.share)
        return left / max(1, self.count(CellState.TRAINING))


def _seconds(cell: CellView) -> float | None:
    """How long the training of the cell took, or will have taken at its speed so far."""
    run = cell.run
    if run.started_at is None:
        return None
    if cell.state in (CellState.SCORING, CellState.DONE) and run.finished_at:
        return (run.finished_at - run.started_at).total_seconds()
    if cell.state is CellState.TRAINING and cell.share > 0:
        return (now() - run.started_at).total_seconds() / cell.share
    return None


def start(
    store: Store,
    *,
    user: User,
    project_id: int,
    dataset_id: int,
    encoder_ids: Sequence[int],
    seeds: Sequence[int],
    hyper: HyperParameters,
    preset: str = "",
    name: str = "",
) -> Experiment:
    """Queue a run for each encoder and seed. Asked for again, the experiment that is there goes on.

    A run of the project with the same dataset, encoder, settings and seed that has succeeded or is under way is taken,
    whoever started it, instead of computing the same again. One seed goes over all encoders before the next begins, so
    that an experiment that is cut short compares all of them.

    Raises:
        InvalidValue: for encoders or seeds that are missing, too many or named twice.
        NothingToTrainOn: if the dataset has no training or no test note.
    """
    user.require(Permission.TRAIN)
    _check(encoder_ids, seeds)
    with store.write() as tx:
        tx.projects.lock(project_id)  # whoever starts the same at the same moment gets the same experiment
        wanted = {(encoder_id, seed) for encoder_id in encoder_ids for seed in seeds}
        for there in tx.experiments.all(project_id):
            same = {(cell.encoder_id, cell.seed) for cell in there.cells} == wanted
            if same and there.dataset_id == dataset_id and replace(there.hyper, seed=hyper.seed) == hyper:
                _continue(tx, there, user=user, only_interrupted=False)
                return there
        if not tx.datasets.get(dataset_id).notes[Split.TEST]:
            raise NothingToTrainOn("The dataset has no test note, so nothing could be compared on it.")
        encoders = {encoder_id: tx.models.installed(encoder_id) for encoder_id in encoder_ids}
        reusable = _reusable(tx, project_id=project_id, dataset_id=dataset_id)
        cells: list[Cell] = []
        for seed in seeds:
            for encoder in encoders.values():
                one = replace(hyper, seed=seed)
                run_id = (
                    reusable.get((encoder.id, one))
                    or fine_tuning.queue(
                        tx,
                        project_id=project_id,
                        dataset_id=dataset_id,
                        encoder_id=encoder.id,
                        hyper=one,
                        name=f"{encoder.name[:100]}, seed {seed}",
                        user_id=user.id,
                    ).id
                )
                cells.append(Cell(encoder.id, seed, run_id))
        experiment = tx.experiments.add(
            project_id=project_id,
            dataset_id=dataset_id,
            name=_name(name, encoders=len(encoders), seeds=len(seeds)),
            preset=preset,
            hyper=hyper,
            cells=cells,
            user_id=user.id,
        )
        _score_missing(tx, experiment, user=user)
        tx.audit.add(
            user=user,
            action="experiment started",
            target=f"experiment:{experiment.id}",
            dataset_id=dataset_id,
            runs=len(cells),
        )
    return experiment


@dataclass(frozen=True, slots=True)
class Plan:
    """What `start` would do. `finished`, `under_way`: of the runs, those that are there already and would be taken."""

    runs: int
    finished: int
    under_way: int


def plan(
    store: Store,
    *,
    user: User,
    project_id: int,
    dataset_id: int,
    encoder_ids: Sequence[int],
    seeds: Sequence[int],
    hyper: HyperParameters,
) -> Plan:
    """How many runs an experiment would need. Changes nothing.

    Raises:
        InvalidValue: as `start`.
    """
    user.require(Permission.TRAIN)
    _check(encoder_ids, seeds)
    with store.read() as tx:
        reusable = _reusable(tx, project_id=project_id, dataset_id=dataset_id)
        wanted = [(encoder_id, replace(hyper, seed=seed)) for encoder_id in encoder_ids for seed in seeds]
        there = [tx.runs.get(reusable[key]).state for key in wanted if key in reusable]
    finished = there.count(RunState.SUCCEEDED)
    return Plan(len(wanted), finished, len(there) - finished)


def resume(store: Store, *, user: User, experiment_id: int, only_interrupted: bool = False) -> int:
    """Queue again what ended without a result; how many runs and evaluations. What is finished is kept.

    only_interrupted: leave alone what failed or was cancelled.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        return _continue(tx, tx.experiments.get(experiment_id), user=user, only_interrupted=only_interrupted)


def cancel(store: Store, *, user: User, experiment_id: int) -> int:
    """End its runs that wait or train, also where another experiment waits for the same; how many. Results stay."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        experiment = tx.experiments.get(experiment_id)
        ended = sum(fine_tuning.end(tx, run_id=cell.run_id) for cell in _by_run(experiment))
        if ended:
            tx.audit.add(user=user, action="experiment cancelled", target=f"experiment:{experiment_id}", runs=ended)
    return ended


def experiments(store: Store, *, user: User, project_id: int) -> list[Experiment]:
    """Newest first."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return tx.experiments.all(project_id)


def look(store: Store, *, user: User, experiment_id: int) -> ExperimentView:
    """The experiment with where each of its cells stands."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return view(tx, tx.experiments.get(experiment_id))


def choosable(store: Store, *, user: User) -> list[Encoder]:
    """The encoders that an experiment takes: all that are installed; of the shipped starter's, the newest."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        found = tx.models.encoders()
    newest = max((encoder.id for encoder in found if encoder.source == SHIPPED), default=None)
    return [encoder for encoder in found if encoder.source != SHIPPED or encoder.id == newest]


def view(tx: Transaction, experiment: Experiment) -> ExperimentView:
    """Reads rows only; for services that have a transaction open."""
    encoders = {encoder_id: tx.models.encoder(encoder_id) for encoder_id in experiment.encoder_ids}
    runs = [tx.runs.get(cell.run_id) for cell in experiment.cells]
    scored = tx.evaluations.scored(experiment.dataset_id, Split.TEST)
    jobs = tx.jobs.evaluations(experiment.dataset_id, after=min(run.job_id for run in runs))
    cells: list[CellView] = []
    for run in runs:
        job = tx.jobs.get(run.job_id)
        state, error = _state(run, job, scored=scored, evaluations=jobs)
        cells.append(CellView(encoders[run.encoder_id], run, state, job.done, job.total, job.unit, error))
    return ExperimentView(experiment, tx.datasets.get(experiment.dataset_id), tuple(cells))


def _state(run: Run, job: Job, *, scored: set[int], evaluations: dict[int, Job]) -> tuple[CellState, str]:
    """Where a cell stands, and why it ended where it ended without a result."""
    if run.state is not RunState.SUCCEEDED or run.adapter_id is None:
        stale = run.state in fine_tuning.LIVE and job.state in FINISHED
        return CellState.INTERRUPTED if stale else _OF_RUN.get(run.state, CellState.INTERRUPTED), run.error
    if run.adapter_id in scored:
        return CellState.DONE, ""
    evaluation = evaluations.get(run.adapter_id)
    if evaluation is None:
        return CellState.INTERRUPTED, "The evaluation on the test notes is missing."
    if evaluation.state not in FINISHED:
        return CellState.SCORING, ""
    cancelled = evaluation.state is JobState.CANCELLED
    return CellState.CANCELLED if cancelled else CellState.FAILED, evaluation.message


def _continue(tx: Transaction, experiment: Experiment, *, user: User, only_interrupted: bool) -> int:
    states = {CellState.INTERRUPTED} if only_interrupted else set(CellState) - OPEN - {CellState.DONE}
    wanted = [cell for cell in view(tx, experiment).cells if cell.state in states]
    queued = 0
    for cell in sorted(wanted, key=lambda cell: cell.run.id):
        if cell.run.adapter_id is None:
            queued += fine_tuning.queue_again(tx, run_id=cell.run.id, user_id=user.id)
        else:
            _score(tx, experiment, cell.run.adapter_id, user=user)
            queued += 1
    if queued:
        target = f"experiment:{experiment.id}"
        tx.audit.add(user=user, action="experiment continued", target=target, queued=queued)
    return queued


def _score_missing(tx: Transaction, experiment: Experiment, *, user: User) -> None:
    """Of runs that were there before the experiment, the evaluation may be missing."""
    for cell in view(tx, experiment).cells:
        if cell.run.adapter_id is not None and cell.state not in (CellState.DONE, CellState.SCORING):
            _score(tx, experiment, cell.run.adapter_id, user=user)


def _score(tx: Transaction, experiment: Experiment, adapter_id: int, *, user: User) -> None:
    args = {"adapter_id": adapter_id, "dataset_id": experiment.dataset_id}
    tx.jobs.add(kind=JobKind.EVALUATE, args=args, user_id=user.id)


def _reusable(tx: Transaction, *, project_id: int, dataset_id: int) -> dict[tuple[int, HyperParameters], int]:
    """Ids of the runs that have succeeded or are under way, a finished one before one that is not."""
    found: dict[tuple[int, HyperParameters], int] = {}
    runs = tx.runs.of_dataset(dataset_id, project_id=project_id)
    for run in sorted(runs, key=lambda run: (run.state is RunState.SUCCEEDED, run.id)):
        finished = run.state is RunState.SUCCEEDED and run.adapter_id is not None
        alive = run.state in fine_tuning.LIVE and tx.jobs.get(run.job_id).state not in FINISHED
        if finished or alive:
            found[run.encoder_id, run.hyper] = run.id
    return found


def _by_run(experiment: Experiment) -> list[Cell]:
    """In the order in which everybody locks them."""
    return sorted(experiment.cells, key=lambda cell: cell.run_id)


def _name(name: str, *, encoders: int, seeds: int) -> str:
    name = name.strip()
    if len(name) > MAX_NAME:
        raise InvalidValue(f"The name of an experiment has at most {MAX_NAME} characters, not {len(name)}.")
    return name or f"{encoders} encoder{'s' * (encoders != 1)}, {seeds} seed{'s' * (seeds != 1)}"


def _check(encoder_ids: Sequence[int], seeds: Sequence[int]) -> None:
    if not encoder_ids or not seeds:
        raise InvalidValue("An experiment needs at least one encoder and one seed.")
    for what, values in (("encoder", encoder_ids), ("seed", seeds)):
        if len(set(values)) < len(values):
            raise InvalidValue(f"An experiment names each {what} once, not twice.")
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise InvalidValue(f"A seed is a whole number from 0 to {MAX_SEED}, not {seed}.")
    if len(encoder_ids) * len(seeds) > MAX_CELLS:
        raise InvalidValue(f"An experiment has at most {MAX_CELLS} runs, not {len(encoder_ids) * len(seeds)}.")
