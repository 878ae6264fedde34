"""Runs that are killed, interrupted or cut off at random moments: nothing half, lost or doubled."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT

PROGRAM = str(ROOT / "screen.py")
ROWS = 40_000
WHOLE_AFTER = 2.5  # seconds in which a run is stopped somewhere; it takes about as long
SIGNALS = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    (folder / "own.csv").write_text("name,countries\nOrbita Plus,CN\nKvantek Zarya,RU\n")
    firms = ["Orbita Plus", "Nobody Known", "Kvantek Zarja", ""]
    rows = (f"{n},{firms[n % 4]} {n // 40},8482.10,KG\n" for n in range(ROWS))
    (folder / "rows.csv").write_text("No,Consignee,HS code,Destination\n" + "".join(rows))
    return folder


def start(place, *args, **more):
    """A run of the shipments, with its own standard streams."""
    command = [sys.executable, PROGRAM, "-l", "own.csv", "--jobs", "2", "--all", *args, "rows.csv"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(command, cwd=place, **pipes)


@pytest.fixture(scope="module")
def whole(place):
    """What an undisturbed run writes."""
    out, _ = start(place, "-q").communicate(timeout=120)
    assert out.count(b"\n") == ROWS + 1
    return out


def leftovers(place):
    """What a run left beside its output."""
    return [path for path in place.iterdir() if path.name.startswith(".")]


def sweep(place, *names):
    """Away with what an earlier run left."""
    for path in [*leftovers(place), *(place / name for name in names)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sign", SIGNALS, ids=lambda sign: sign.name)
def test_a_file_is_whole_or_not_there(place, whole, sign, seed):
    sweep(place, "out.csv", "run.json")
    with start(place, "-o", "out.csv", "--receipt", "run.json") as run:
        time.sleep(random.Random(f"{sign} {seed}").uniform(0, WHOLE_AFTER))
        run.send_signal(sign)
        _, talk = run.communicate(timeout=60)
    out, receipt = place / "out.csv", place / "run.json"
    assert not out.exists() or out.read_bytes() == whole
    assert not receipt.exists() or receipt.read_bytes().endswith(b"\n}\n")
    assert run.returncode in (0, -sign, 128 + sign)
    if run.returncode == 128 + sign:
        assert talk.decode().splitlines()[-1].startswith("interrupted")
        assert leftovers(place) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sign", SIGNALS, ids=lambda sign: sign.name)
def test_whole_lines_of_a_stream_are_the_first_rows(place, whole, sign, seed):
    with start(place) as run:
        time.sleep(random.Random(f"{seed} {sign}").uniform(0, WHOLE_AFTER))
        run.send_signal(sign)
        out, talk = run.communicate(timeout=60)
    lines = out[: out.rfind(b"\n") + 1]
    assert whole.startswith(lines) and run.returncode in (0, -sign, 128 + sign)
    if run.returncode == 128 + sign and b"so far" in talk:
        said = int(talk.decode().split("so far ")[1].split(" rows")[0].replace(",", ""))
        assert abs(max(lines.count(b"\n") - 1, 0) - said) <= 1  # the row that was being written


@pytest.mark.parametrize("lines", [1, 100, ROWS // 2])
def test_a_reader_that_leaves_gets_the_first_rows_and_is_no_error(place, whole, lines):
    with start(place, "-q") as run:
        read = [run.stdout.readline() for _ in range(lines)]
        run.stdout.close()
        talk = run.stderr.read()
    assert (run.returncode, talk) == (0, b"") and whole.startswith(b"".join(read))


@pytest.mark.parametrize("size", [0, 10_000, 1_000_000])
def test_a_full_disk_leaves_no_file(place, size):
    sweep(place, "out.csv")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    with start(place, "-q", "-o", "out.csv", preexec_fn=limit) as run:
        _, talk = run.communicate(timeout=60)
    assert run.returncode == 2 and talk.decode().count("\n") == 1
    assert talk.startswith(b"Error: ") and b"out.csv" in talk
    assert not (place / "out.csv").exists() and leftovers(place) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write")
@pytest.mark.parametrize("option", ["-o", "--receipt"])
def test_a_read_only_folder_is_said_before_anything_is_read(place, option):
    with start(place, "-q", option, "/proc/out.csv") as run:
        out, talk = run.communicate(timeout=60)
    assert (run.returncode, out) == (2, b"") and talk.startswith(b"Error: /proc/out.csv: ")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes made by fork")
def test_a_killed_run_leaves_no_process_behind(place):
    with start(place, "-q", "-o", "out.csv") as run:
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        if not children.parent.is_dir():
            pytest.skip("needs Linux's /proc")
        while not (born := children.read_text().split()):
            assert run.poll() is None, "no second process took part"
            time.sleep(0.01)
        run.kill()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in born) and time.monotonic() < end:
        time.sleep(0.1)
    assert [pid for pid in born if Path(f"/proc/{pid}").exists()] == []
