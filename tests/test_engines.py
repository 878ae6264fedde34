"""The same file through the command line, Dask and Spark, as README shows it: the same rows."""

from __future__ import annotations

import pickle
import shutil
import sys
import threading
from datetime import date
from importlib.util import find_spec

import pandas as pd
import pytest

import screen
from caller import call
from conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
SNIPPET = README.partition("```python\n")[2].partition("```")[0]
DAY = date(2026, 11, 23)


def read_rows(path):
    """The CSV file `path` as text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def frame():
    return read_rows(ROOT / "samples" / "shipments.csv")


@pytest.fixture(scope="module")
def by_command_line(tmp_path_factory):
    """What the command line flags, which README's screener must flag too."""
    out = tmp_path_factory.mktemp("out") / "flagged.csv"
    done = call("-q", "-o", out, ROOT / "samples" / "shipments.csv")
    assert done.exit_code == 0, done.stderr
    return sort_rows(read_rows(out))


def sort_rows(found):
    """The cells of `found` in the order of shipments, without the number within a partition."""
    kept = found.drop(columns="screen_row").sort_values("Shipment")
    return kept.astype(object).to_numpy().tolist()


def run_snippet(frames, monkeypatch):
    """The variables after README's lines, of which those of engines not in `frames` are left out."""
    monkeypatch.chdir(ROOT)
    lines = [n for n in SNIPPET.splitlines() if all(e not in n or e in frames for e in ENGINES)]
    found = dict(frames)
    exec("\n".join(lines), found)
    return found


ENGINES = ("dask_frame", "spark_frame")


def test_two_processes_of_dask(frame, by_command_line, monkeypatch):
    dataframe = pytest.importorskip("dask.dataframe")
    parts = dataframe.from_pandas(frame, npartitions=4)
    found = run_snippet({"frame": frame, "dask_frame": parts}, monkeypatch)["from_dask"]
    rows = found.compute(scheduler="processes", num_workers=2)
    assert sort_rows(rows) == by_command_line


@pytest.mark.skipif(
    not (find_spec("pyspark") and shutil.which("java")), reason="needs pyspark and Java"
)
def test_two_workers_of_spark(frame, by_command_line, monkeypatch):
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    with builder.getOrCreate() as session:
        parts = session.createDataFrame(frame).repartition(4)
        found = run_snippet({"frame": frame, "spark_frame": parts}, monkeypatch)["from_spark"]
        assert sort_rows(found.toPandas()) == by_command_line


@pytest.fixture
def own_list(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("name\nKvantek Severnaya Zarya\n")
    return path


def test_a_process_loads_a_screener_that_travels_once(own_list):
    screener = screen.Screener.load([own_list], as_of=DAY, columns={"consignee": "Who"})
    one, other = (pickle.loads(pickle.dumps(screener)) for _ in range(2))
    assert one is other and len(pickle.dumps(screener)) < 2_000
    assert len(one.screen(pd.DataFrame({"Who": ["Kvantek Severnaya Zarya"]}))) == 1


def test_a_worker_with_other_lists_is_refused(own_list):
    sent = pickle.dumps(screen.Screener.load([own_list], as_of=DAY))
    own_list.write_text("name\nAnother\n")
    with pytest.raises(screen.ScreenError, match="other lists are there"):
        pickle.loads(sent)


def test_a_screener_of_entries_does_not_travel(own_list):
    entries, reports = screen.read_lists([own_list], screen.ListOptions(DAY))
    with pytest.raises(TypeError, match=r"made by Screener\.load"):
        pickle.dumps(screen.Screener(entries, reports, screen.Options(DAY)))


def test_threads_share_a_screener_that_forgets(own_list, monkeypatch):
    monkeypatch.setattr(screen, "MOST_KNOWN", 1)
    screener, found = screen.Screener.load([own_list], as_of=DAY), []
    some = pd.DataFrame(
        {"consignee": [*(f"Firm {n}" for n in range(50)), "Kvantek Severnaya Zarya"]}
    )
    threads = [
        threading.Thread(target=lambda: found.append(len(screener.screen(some)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
