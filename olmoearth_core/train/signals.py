"""Turn a request to stop into a flag; the trainer acts on it at a step boundary that all ranks share.

SIGTERM and SIGUSR1 (what schedulers send before a time limit) ask for a requeue, SIGINT (Ctrl-C) does not. A second
Ctrl-C ends the process at once.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

REQUEUE = 143
"""Exit code of a run that was asked to stop and left a checkpoint: start the same command again."""
INTERRUPTED = 130
"""Exit code of a run that a person stopped; it left a checkpoint, too."""


class Signals:
    """While entered, signals only set flags."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.requeue = False
        self.interrupt = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        """Take over the handlers; outside the main thread Python does not allow it, and nothing changes."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGUSR1", signal.SIGTERM)):
                self._before.setdefault(number, signal.signal(number, self._hear))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            if self.interrupt:
                raise KeyboardInterrupt
            self.interrupt = True
        else:
            self.requeue = True
