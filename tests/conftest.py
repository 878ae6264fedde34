"""Makes screen.py, one level up, and the helpers in tests/ importable."""

import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from own import LIST  # noqa: E402, it stands beside this file

ENOUGH = 120  # seconds; what is linear takes one, what is not takes hours


@pytest.fixture
def no_hang():
    """Fails a test on hostile input that would go on for hours; no measure of speed."""

    def stop(*_):
        raise TimeoutError(f"no end after {ENOUGH} s")

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, stop)
        signal.alarm(ENOUGH)
    yield
    if hasattr(signal, "SIGALRM"):
        signal.alarm(0)


@pytest.fixture
def own_place(tmp_path, monkeypatch):
    """A folder, made the current one, with own.csv."""
    (tmp_path / "own.csv").write_text(LIST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCREEN_LISTS", raising=False)
    return tmp_path
