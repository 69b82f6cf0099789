"""The settings that the shipped starter is made with; docs/starter.md has what else was tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mednerapp.domain.labels import MEDICAL_SCHEMA

LABELS: tuple[str, ...] = MEDICAL_SCHEMA.names
INIT_HASH = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INIT_NAME = "all-MiniLM-L6-v2"
VOCABULARY_SIZE = 18_000
# Unmarked texts: trial reports, answers to patients, and visit notes that are read twice because there are few of them.
PRETRAINING_TEXTS = ("pmc_rct_open/all", "medquad/all", "aci_bench/train", "aci_bench/train")


@dataclass(frozen=True, slots=True)
class Pretraining:
    """Masked-word training. A step sees `batch_size` windows of `length` tokens."""

    steps: int = 6000
    batch_size: int = 256
    length: int = 256
    learning_rate: float = 5e-4
    masked: float = 0.2  # share of the words
    warm_up: float = 0.04  # share of the steps
    seed: int = 3


@dataclass(frozen=True, slots=True)
class Learning:
    """Training on annotated windows.

    share: of the windows of each corpus, how many an epoch sees; drawn anew for every epoch. soft_share: the same for
    windows that teachers have tagged.
    own_weight, product_weight: what the loss of the corpora's own labels, and that of the product's, count.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    own_weight: float
    product_weight: float
    share: float = 1.0
    soft_share: float = 1.0
    seed: int = 1
    warm_up: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0


@dataclass(frozen=True, slots=True)
class Distilling:
    """Several models tag unmarked windows, and one learns from what they say on average.

    windows: so many drawn from the unmarked texts, beside all of the annotated corpora other than MACCROBAT.
    """

    teachers: int
    windows: int
    student: Learning


@dataclass(frozen=True, slots=True)
class Recipe:
    """`product`: on MACCROBAT, alone or as a teacher; `distilling`: None for one model without teachers."""

    pretraining: Pretraining = Pretraining()
    corpora: Learning = Learning(epochs=4, learning_rate=4e-4, batch_size=16, own_weight=1.0, product_weight=0.5)
    product: Learning = Learning(epochs=12, learning_rate=5e-4, batch_size=16, own_weight=0.5, product_weight=1.0)
    distilling: Distilling | None = Distilling(
        teachers=5,
        windows=5000,
        student=Learning(
            epochs=12, learning_rate=5e-4, batch_size=16, own_weight=0.5, product_weight=1.0, soft_share=0.15
        ),
    )


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
            "by Lehman et al. 2019 and DeYoung et al. 2020); MedQuAD (Ben Abacha and Demner-Fushman, BMC "
            "Bioinformatics 2019), CC BY 4.0; ACI-Bench (Yim et al., Sci Data 2023), CC BY 4.0."
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
