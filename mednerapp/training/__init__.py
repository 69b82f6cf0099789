"""Fine-tuning: token encoding, LoRA set-up, the training loop, and the starter model that ships."""

from __future__ import annotations

from mednerapp.errors import MedNerError


class TrainingStopped(MedNerError):  # noqa: N818  named for what happened, like the others
    """Somebody asked the training to stop; nothing was written."""


class PeerLost(MedNerError):  # noqa: N818
    """Another process of the same training does not answer any more."""
