"""Every kind of damage of tests/damage.py, on a made-up list with a profile made of it."""

import csv

import pytest

import damage
import profiles
import screen

HEADER = (damage.ROOT / "tests/cases/lists/csl-minimal-quotes.csv").read_text().splitlines()[0]
CODES = {"EL": 700, "SDN": 900, "DPL": 120, "UVL": 80}
WORDS = ["Borealis", "Lantern", "Quill", "Tin Kite", "Møller", "Żuraw", "Paper Fan", "Old Lamp"]


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """A CSL of 1,800 made-up entries, with the profile that tests/profiles.py makes of it."""
    path = tmp_path / "consolidated.csv"
    columns = HEADER.split(",")
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        out.writeheader()
        for code, count in CODES.items():
            for n in range(count):
                name = f"{WORDS[n % 8]} {code} {n * 7919 % 10007} Works, Ltd."
                out.writerow({
                    "_id": f"{code}{n}", "source": f"Made-up List ({code}) - Treasury Department",
                    "type": "Entity", "programs": "P1; P2", "name": name,
                    "addresses": f"{n} Quay Rd, Osh, KG", "start_date": "2025-01-02",
                    "alt_names": f"{WORDS[n % 7]} {n} {code}; and BWW {n}" if n % 2 else "",
                })  # fmt: skip
    rows = profiles.build_rows("US-CSL", [("2026-01-01", [str(path)])])
    keys = ("list", "measure", "least", "since", "until", "digests", "source", "as_of")
    profile = [dict(zip(keys, map(str, row), strict=True)) for row in rows]
    sources = [{**row, "canaries": ""} for row in screen.read_table("sources")]
    table, tables = screen.read_table, {"list_profiles": profile, "sources": sources}
    changed = lambda name: tables[name] if name in tables else table(name)  # noqa: E731
    monkeypatch.setattr(screen, "read_table", changed)
    return path


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_damaged_list_is_refused_or_whole(seed, made_up, tmp_path):
    (tmp_path / "copy").mkdir()
    found = list(damage.damage_file(made_up, seed, tmp_path / "copy"))
    assert [row for row in found if row[1] == "LOST"] == []
    verdicts = [verdict for _, verdict, _ in found]
    assert len(verdicts) > 50 and min(map(verdicts.count, ("refused", "whole"))) > 15
