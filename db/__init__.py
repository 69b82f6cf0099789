"""Engine, tables, constraints and migrations. Imports nothing of MedNER, so that a migration means the same for ever."""
