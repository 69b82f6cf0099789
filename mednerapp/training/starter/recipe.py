"""The settings that the shipped starter is made with; docs/starter.md has what else was tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mednerapp.domain.labels import MEDICAL_SCHEMA

LABELS: tuple[str, ...] = MEDICAL_SCHEMA.names
INIT_HASH = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INIT_NAME = "all-MiniLM-L6-v2"
VOCABULARY_SIZE = 18_000
# Unmarked texts: trial reports, and visit notes that are read twice because there are few of them.
PRETRAINING_TEXTS = ("pmc_rct_open/all", "aci_bench/train", "aci_bench/train")


@dataclass(frozen=True, slots=True)
class Pretraining:
    """Masked-word training. A step sees `batch_size` windows of `length` tokens."""

    steps: int = 3639
    batch_size: int = 256
    length: int = 256
    learning_rate: float = 5e-4
    masked: float = 0.2  # share of the words
    warm_up: float = 0.04  # share of the steps
    seed: int = 3


@dataclass(frozen=True, slots=True)
class Learning:
    """Training on annotated windows.

    share: of the windows of each corpus, how many an epoch sees; drawn anew for every epoch.
    own_weight, product_weight: what the loss of the corpora's own labels, and that of the product's, count.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    own_weight: float
    product_weight: float
    share: float = 1.0
    seed: int = 1
    warm_up: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    pretraining: Pretraining = Pretraining()
    corpora: Learning = Learning(
        epochs=1, learning_rate=4e-4, batch_size=16, own_weight=1.0, product_weight=0.5, share=0.25
    )
    product: Learning = Learning(epochs=10, learning_rate=5e-4, batch_size=16, own_weight=0.5, product_weight=1.0)


LINEAGE: dict[str, Any] = {
    "encoder": {
        "name": INIT_NAME,
        "source": "sentence-transformers/all-MiniLM-L6-v2",
        "revision": "",
        "weights_hash": INIT_HASH,
    },
    "license": "Apache-2.0",
    "attribution": [
        "Initial weights: sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.",
        (
            "Pre-training texts: open-licence trial reports of PubMed Central (CC BY, CC0 or public domain; collected "
            "by Lehman et al. 2019 and DeYoung et al. 2020); ACI-Bench (Yim et al., Sci Data 2023), CC BY 4.0."
        ),
        (
            "MACCROBAT2020 (Caufield JH, figshare 2020, doi:10.6084/m9.figshare.9764942.v2), CC BY 4.0; five of its "
            "entity types, renamed, and its own types for training only."
        ),
        "BC5CDR (Li et al., Database 2016) and NCBI Disease (Dogan et al., J Biomed Inform 2014), public domain.",
        "Chia (Kury et al., Sci Data 2020, doi:10.6084/m9.figshare.11855817.v2), CC BY 4.0.",
        "PHEE (Sun et al., EMNLP 2022), MIT. NeuroTrialNER (Doneva et al., EMNLP 2024), MIT.",
    ],
}
