"""`mednerapp serve` that starts a killed child again at once, so that fifty kills do not take an hour."""

import sys

from mednerapp.jobs import supervisor
from mednerapp.settings import Settings

supervisor.FIRST_DELAY = supervisor.LONGEST_DELAY = 0.1
sys.exit(supervisor.serve(Settings()))
