"""Looking at other threads' frames, while collections let those threads run on."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from groundhog_otel.runtime.uncollected import uncollected

WALKS = """
import gc, random, sys, threading, time
from groundhog_otel.runtime.uncollected import uncollected

gc.callbacks.append(lambda phase, info: [None for _ in range(300)])
gc.set_threshold(20)
sys.setswitchinterval(1e-5)
functions = []
for size in range(12):  # frames of different sizes, so that what one leaves behind fits no other
    arguments = "".join(f", v{place}=frozenset" for place in range(3 * size))
    space = {"random": random, "functions": functions}
    body = "kept = [n, {n: n}]; return random.choice(functions)(n - 1) + 1 if n else 0"
    exec(f"def f(n{arguments}): {body}", space)
    functions.append(space["f"])

def work():
    while time.monotonic() < end:
        functions[0](20)

end = time.monotonic() + 3
thread = threading.Thread(target=work)
thread.start()
while time.monotonic() < end:
    with uncollected():
        frame = sys._current_frames().get(thread.ident)
        while frame is not None:
            frame = (frame.f_code, frame.f_back)[1]
    time.sleep(0.0005)
thread.join()
assert gc.isenabled()
"""


@pytest.mark.timeout(60)
def test_frames_can_be_walked_while_collections_run_callbacks() -> None:
    # Without uncollected() the process ends by SIGSEGV on Python 3.11, or an attribute is missing of what is no frame.
    done = subprocess.run([sys.executable, "-c", WALKS], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("enabled", [True, False])
def test_collections_are_left_as_they_were(enabled: bool) -> None:
    if not enabled:
        gc.disable()
    try:
        with uncollected():
            assert gc.isenabled() is (enabled and sys.version_info[:2] != (3, 11))
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
