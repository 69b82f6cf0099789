"""Engine, tables, constraints, migrations. Imports nothing of MedNER: a migration means the same for ever."""
