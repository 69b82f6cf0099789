from __future__ import annotations

import pytest

from mednerapp.bench.annotating import command


@pytest.mark.usefixtures("warm")
def test_notes_from_files_come_out_once_each_though_the_run_was_killed(capsys: pytest.CaptureFixture[str]) -> None:
    trial = command.run(notes=300, kills=2, seed=3)
    command.report(trial)
    printed = capsys.readouterr().out
    assert trial.good, printed
    assert trial.killed.kills == 2
    assert trial.verdict.rejected == trial.planted.rejected == 6
    assert trial.spans > 0
    assert "each note once" in printed
