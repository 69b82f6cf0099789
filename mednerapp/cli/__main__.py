"""`python -m mednerapp.cli`, what the supervisor starts its workers with."""

from mednerapp.cli.main import main

main()
