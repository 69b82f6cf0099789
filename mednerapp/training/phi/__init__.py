"""How the PHI adapter that ships is made: LoRA over the starter, from texts with planted identifiers.

    python -m mednerapp.training.phi build --corpora CORPORA

Everything it learns from, and everything that chose a setting, is of the half that `mednerapp deid evaluate` does not
report (`deid.measuring.is_for_tuning`): texts, notes, values and sentences alike.
"""
