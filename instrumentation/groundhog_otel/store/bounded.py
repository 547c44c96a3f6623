"""A file that is appended to without end, and kept within a bound: what is oldest in it is let go."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from groundhog_otel.store.layout import earlier_file

__all__ = ("BoundedFile",)


class BoundedFile:
    """A file of lines, and one beside it with those before them: together no larger than the bound, and a batch.

    Every line goes to the file in one unbuffered write: nothing is left behind in memory for a forked child, or a
    crash, to tear a line with.
    """

    def __init__(self, file: Path, max_bytes: int | None, *, warn: Callable[[str], None]) -> None:
        """Open the file. ``warn`` is told when something is let go.

        Raises:
            OSError: it cannot be written to.
        """
        self._file = file
        self._max_bytes = max_bytes
        self._warn = warn
        self.stream = self._opened()

    def make_room(self) -> bool:
        """Put the file aside when it has half of what may be kept, in place of what was put aside before.

        Returns:
            Whether ``stream`` is another one now.

        Raises:
            OSError: the new file cannot be written to.
        """
        if self._max_bytes is None or os.fstat(self.stream.fileno()).st_size < self._max_bytes / 2:
            return False
        aside = earlier_file(self._file)
        if aside.exists():
            self._warn(
                f"{self._file} has become too large: what is oldest in it is let go. To keep more, set "
                f"GROUNDHOG_FILE_MAX_BYTES above {self._max_bytes}, or to none."
            )
        self.stream.close()
        try:
            self._file.replace(aside)
        except OSError as error:
            self._warn(f"{self._file} cannot be put aside ({error.strerror}): it goes on growing.")
            self._max_bytes = None
        self.stream = self._opened()
        return True

    def _opened(self) -> IO[str]:
        return io.TextIOWrapper(io.FileIO(self._file, "a"), encoding="utf-8", write_through=True)
