"""What is said of an error that nobody foresaw: what went wrong and what to do, without the error's own text.

That text may quote what was being read or stored, so it stays out of the job and out of the log.
"""

from __future__ import annotations

import errno

from mednerapp.ner.memory import is_exhausted
from mednerapp.store import Trouble, trouble_of

FULL = "The disk is full, so nothing more could be stored; what was stored before is whole. Free some room, then retry."
MEMORY = (
    "There was not enough memory, also with smaller batches. Use a smaller encoder or a device with more memory, or "
    "stop what else runs there; then retry."
)
GONE = "A file or folder that the job needs is not there any more. Run `mednerapp doctor`, bring it back, then retry."
LOCKED = "A file or folder that the job needs may not be read or written. See to its permissions, then retry."


def said_of(error: BaseException) -> str:
    """A sentence for the person who looks at the job."""
    if trouble_of(error) is Trouble.FULL or "No space left on device" in str(error):  # safetensors has no errno
        return FULL
    if is_exhausted(error):
        return MEMORY
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return FULL
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return GONE
        if isinstance(error, PermissionError):
            return LOCKED
    return f"Unexpected error ({type(error).__name__}); see the worker log."
