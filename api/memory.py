"""
What the C library keeps of the memory that was freed. Only glibc is asked, elsewhere nothing is.

A chart or a fold takes some arrays of up to 2 MB, frees them, and takes them again.
By itself glibc gives each back to the kernel at once, which clears its pages when
they come again: half of what a chart of 100,000 points costs.
"""

import asyncio
import ctypes
import time
from contextlib import suppress

# By their numbers in malloc.h: allocations from 4 MB on are the kernel's at once, up to
# 16 MB at the end of a heap are kept, and all threads share two heaps, of which every
# further one would keep its own share.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
SETTINGS = {_M_TRIM_THRESHOLD: 16 * 2**20, _M_MMAP_THRESHOLD: 4 * 2**20, _M_ARENA_MAX: 2}

LOOK_EVERY_S = 1.0
# Seconds of the processor: what has worked for longer has freed what is worth to be given back,
# and what works less from one look to the next is at rest.
WORK_S, REST_S = 0.5, 0.1


def settle() -> None:
    """Before there are threads: keep what is soon taken again."""
    with suppress(OSError, AttributeError):
        for parameter, value in SETTINGS.items():
            ctypes.CDLL(None).mallopt(parameter, value)


def trim() -> None:
    """What a large fold has freed stays, 100 MB, until it is asked for."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class Rest:
    """Memory is given back once by a process that has worked and is at rest."""

    def __init__(self) -> None:
        self._seen = self._given = time.process_time()

    async def look(self) -> bool:
        """Whether it was given back; to be asked every `LOOK_EVERY_S`."""
        now = time.process_time()
        spent, self._seen = now - self._seen, now
        if spent > REST_S or now - self._given < WORK_S:
            return False
        self._given = now
        await asyncio.to_thread(trim)
        return True
