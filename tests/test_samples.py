"""The samples raise what they are there to show, and nothing else; what they brought to light."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import screen
from conftest import ROOT

SAMPLES = ("shipments", "sendungen", "declarations")
LISTS = ("-l", str(ROOT / "lists" / "starter.csv"), "-l", str(ROOT / "samples" / "own_list.csv"))
HISTORY = ("--history", str(ROOT / "samples" / "history.csv"))


def call(*args: str | Path) -> Result:
    """What `screen.py` makes of `args`."""
    return CliRunner().invoke(screen.main, [str(arg) for arg in args])


def sample(name: str) -> Path:
    return ROOT / "samples" / f"{name}.csv"


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict]]:
    """The flagged rows of every sample as JSONL has them, own list and history given."""
    outputs = {
        name: call("run", "-f", "jsonl", *LISTS, *HISTORY, sample(name)).stdout for name in SAMPLES
    }
    return {name: [json.loads(line) for line in out.splitlines()] for name, out in outputs.items()}


def read_expected(name: str) -> list[dict[str, str]]:
    with open(ROOT / "tests" / "cases" / "samples.csv", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["sample"] == name]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_raises_what_it_shows_and_nothing_else(name: str, rows: dict) -> None:
    found = [(str(row["row"]), ";".join(row["flags"])) for row in rows[name]]
    assert found == [(row["row"], row["flags"]) for row in read_expected(name)]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_meets_the_listed_names_that_it_was_made_for(name: str, rows: dict) -> None:
    found = [
        "|".join(dict.fromkeys(h["listed_name"] for h in row["hits"] if "listed_name" in h))
        for row in rows[name]
    ]
    assert found == [row["listed_names"] for row in read_expected(name)]


def test_the_shipments_show_every_kind_of_flag(rows: dict) -> None:
    assert {kind for row in rows["shipments"] for kind in row["flags"]} == set(screen.FLAG_KINDS)


def test_most_rows_of_the_shipments_raise_nothing(rows: dict) -> None:
    whole = len(pd.read_csv(sample("shipments"), dtype=str, keep_default_na=False))
    assert 60 <= whole <= 100 and len(rows["shipments"]) < whole / 2


def test_the_samples_name_listed_parties_of_the_starter_list_only(rows: dict) -> None:
    lists = {
        hit["list"]
        for name in SAMPLES
        for row in rows[name]
        for hit in row["hits"]
        if "list" in hit
    }
    assert lists == {"US-EL", "US-SDN", "HOUSE"}


@pytest.mark.parametrize("name", SAMPLES)
def test_input_cells_come_out_as_they_went_in(name: str) -> None:
    form = {"sep": ";", "encoding": "cp1252"} if name == "sendungen" else {}
    frame = pd.read_csv(sample(name), dtype=str, keep_default_na=False, **form)
    printed = call("run", "-q", "-a", sample(name)).stdout.splitlines()
    cells = list(csv.reader(printed))[1:]
    assert [row[: len(frame.columns)] for row in cells] == frame.values.tolist()


def test_the_starter_list_stands_in_and_says_so() -> None:
    (line,) = [
        line for line in call("run", sample("shipments")).stderr.splitlines() if "starter" in line
    ]
    assert line.startswith("starter: 720 entries, 1,344 names, 2026-09-24")
    assert line.endswith(
        "a starter list, used because no official list is loaded: run `screen.py update`"
    )


def test_an_own_list_given_alone_is_used_alone() -> None:
    assert "starter" not in call("run", "-l", sample("own_list"), sample("shipments")).stderr


def find_party(row: dict) -> dict:
    return next(hit for hit in row["hits"] if hit["kind"] == "party")


def test_country_and_address_move_the_score_by_what_the_evidence_says(rows: dict) -> None:
    for hit in (
        find_party(row) for name in SAMPLES for row in rows[name] if "party" in row["flags"]
    ):
        lost = sum(said["points"] for said in hit["evidence"])
        assert hit["score"] == pytest.approx(100 - lost)


def test_an_exact_name_is_not_said_to_differ_in_an_address_that_the_list_has_not(
    rows: dict,
) -> None:
    (row,) = [row for row in rows["shipments"] if row["row"] == 3]
    assert "country agrees; forbids" in find_party(row)["reason"]


def test_an_empty_frame_gives_the_empty_shape() -> None:
    frame = pd.read_csv(sample("shipments"), dtype=str, keep_default_na=False).iloc[:0]
    found = screen.Screener.load([str(sample("own_list"))]).screen(frame)
    assert found.shape == (0, 18 + len(screen.SCREEN_COLUMNS)) and set(found.dtypes) == {
        frame.astype(object).dtypes.iloc[0]
    }


def test_a_weak_alias_alone_is_not_said_to_be_under_the_threshold() -> None:
    shown = call("name", "-q", "-f", "table", "-l", sample("own_list"), "KGC").stdout
    assert shown.splitlines()[1] == '  not raised without support: 100 "KGC" (weak, HOUSE H-002)'


def test_clearances_printed_twice_into_one_file_are_read(tmp_path: Path) -> None:
    printed = call("clear", "-q", sample("shipments"), "12").stdout
    decided = printed.replace(",,,,,\n", ",clear,A. Reviewer,another firm,2026-10-06,\n")
    (tmp_path / "cleared.csv").write_text(decided + decided, "utf-8")
    done = call("run", "--cleared", tmp_path / "cleared.csv", sample("shipments"))
    assert done.exit_code == 0 and " flags cleared by decisions" in done.stderr
    assert '"Chipgo' not in done.stdout


def test_a_history_without_odd_cells_is_not_talked_about() -> None:
    assert "could not be read" not in call("surge", sample("history")).stderr


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("ООО «Каргoлайн»", "OSOO KARGOLAYN"),
        ("ЗАО Мунaй Мырза", "ZAO MUNAY MYRZA"),
        ("Таko LLC", "Tako LLC"),
    ],
)
def test_a_letter_of_another_script_hides_no_name(written: str, listed: str) -> None:
    found = call("name", "-q", "-f", "jsonl", "-l", LISTS[1], written).stdout.splitlines()
    (hit,) = [hit for hit in map(json.loads, found) if hit["listed_name"] == listed]
    assert hit["score"] == 100
