"""The workspace's one training slot: jobs take turns, first made first served.

Waiting needs no server: every job's process holds a lock on its own ticket file while it waits,
and the kernel drops the locks of a process that dies, so a killed job never blocks the others.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SLOT, TICKET = "slot.lock", "waiting.lock"
POLL_S = 0.2


@contextmanager
def slot(job_dir: Path, *, on_wait: Callable[[], None], check: Callable[[], None]) -> Iterator[int]:
    """Hold the slot of the jobs folder around `job_dir`; yield the lock's file descriptor.

    Among the jobs that wait, the smallest folder name (the earliest id) goes first.

    Args:
        on_wait: Called once, before the first look at the slot.
        check: Called before every look; raises to give up waiting.
    """
    jobs_dir = job_dir.parent
    on_wait()
    ticket = _open(job_dir / TICKET)
    holder = _open(jobs_dir / SLOT)
    try:
        fcntl.flock(ticket, fcntl.LOCK_EX)
        while True:
            check()
            if not _others_before(job_dir) and _try_lock(holder, fcntl.LOCK_EX):
                break
            time.sleep(POLL_S)
        os.close(ticket)
        ticket = -1
        yield holder
    finally:
        if ticket != -1:
            os.close(ticket)
        os.close(holder)


def _others_before(job_dir: Path) -> bool:
    earlier = (path for path in job_dir.parent.glob(f"*/{TICKET}") if path.parent < job_dir)
    return any(_is_held(path) for path in earlier)


def _is_held(ticket: Path) -> bool:
    descriptor = _open(ticket)
    try:
        # A shared lock, so that two jobs looking at one ticket do not mistake each other for it.
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _try_lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
