"""Selftest: names as senders write them, and the command that counts how many still hit."""

import json
import random
from datetime import date

import pytest
from click.testing import CliRunner

import screen

NAMES = (
    ("e1", "entity", "Zhonglan Hikvision Optical Instruments Co., Ltd."),
    ("e2", "entity", "Kremniy Microelectronics International Trading LLC"),
    ("e3", "entity", "Orbelian Precision Bearings Manufacturing GmbH"),
    ("e4", "individual", "BOGDANOVSKY, Valentin Arkadyevich"),
    ("e5", "individual", "QASIMZADEH, Farhad"),
    ("e6", "entity", "Solnechny Veter Shipping Company"),
)


def load(threshold: float = 85.0) -> screen.Screener:
    entries = [
        screen.ListEntry("OWN", number, kind, ((name, "primary"), ("Zzyzx Kvant", "weak")))
        for number, kind, name in NAMES
    ]
    options = screen.Options(as_of=date(2026, 11, 23), threshold=threshold)
    return screen.Screener(entries, (), options)


def lines(threshold: float) -> dict[tuple[str, str], tuple[int, int, float]]:
    return {row[:2]: row[2:] for row in screen.measure_recall(load(threshold), 100)}


def varied(seed: int = 0) -> list[tuple[int, str, str, str]]:
    return list(screen.vary_names(load(), 100, seed))


def test_the_same_seed_varies_alike_and_another_otherwise():
    assert varied(1) == varied(1) != varied(2)


@pytest.mark.parametrize("kind", screen.SLIP_KINDS)
def test_a_slip_falls_on_any_letter(kind):
    name, rng = "Kremniy Kvant LLC", random.Random(1)
    made = {screen.write_slip(name, kind, rng) for _ in range(300)} - {name}
    assert made and all(screen.OSA.distance(name, one) <= 2 for one in made)
    if kind in ("lost", "doubled", "sign"):
        assert any(one.startswith("Kremniy Kvant ") for one in made)  # the legal form too
        assert any(one.endswith(" Kvant LLC") for one in made)


def test_only_individuals_have_initials():
    rng = random.Random(1)
    assert "initial" in dict(screen.write_habits("QASIMZADEH, Farhad", "individual", rng))
    assert "initial" not in dict(screen.write_habits("Qasimzadeh, Farhad Co", "entity", rng))


def test_weak_aliases_are_not_varied():
    assert not any("zzyzx" in text.lower() for *_, text in varied())


def test_usual_variations_hit_and_neighbours_do_not():
    found = lines(85)
    assert found["all", "slip"][2] >= 90 and found["all", "habit"][2] >= 85
    assert found["all", "neighbour"][2] <= 20


def test_a_matcher_that_knows_only_equal_names_is_shown_up():
    assert lines(100)["all", "slip"][2] < lines(85)["all", "slip"][2] - 20


def test_a_matcher_that_is_blind_is_shown_up(monkeypatch):
    blind = load()
    monkeypatch.setattr(blind.matcher, "find_hits", lambda texts, floor: [[] for _ in texts])
    assert {row[3] for row in screen.measure_recall(blind, 100)} == {0}


def test_the_groups_add_up():
    rows = screen.measure_recall(load(), 100)
    for column in (2, 3):
        kinds = sum(row[column] for row in rows if row[0] not in ("all", "any entry"))
        assert kinds == sum(row[column] for row in rows if row[0] == "all")


def test_the_command_prints_a_record_a_kind(tmp_path):
    file = tmp_path / "own.csv"
    rows = "".join(f'"{name}",{kind}\n' for _, kind, name in NAMES)
    file.write_text(f"name,type\n{rows}", "utf-8")
    call = ["selftest", "-l", str(file), "-t", "90", "-f", "jsonl", "--sample", "4", "-q"]
    ran = CliRunner().invoke(screen.main, call)
    assert ran.exit_code == 0, ran.output
    records = [json.loads(line) for line in ran.stdout.splitlines()]
    assert list(records[0]) == ["kind", "group", "tried", "raised", "percent"]
    groups = [r["group"] for r in records if r["kind"] == "all"]
    assert groups == ["habit", "neighbour", "slip"]


def test_the_command_says_how_it_was_measured(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("name\nKremniy Kvant Orbelian\n", "utf-8")
    ran = CliRunner().invoke(screen.main, ["selftest", "-l", str(file), "-t", "90"])
    last = ran.stderr.splitlines()[-1]
    assert last == "variations of at most 1,500 names at threshold 90"
