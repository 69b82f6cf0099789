"""Background jobs: the engine behind a small port, the worker that does them, and `mednerapp serve`."""
