"""Selftest: names as senders write them, and the command that counts how many still hit."""

import json
import random
from datetime import date

import pytest
from click.testing import CliRunner

import screen

SPEECH = screen.load_language()
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


def vary(name: str, kind: str = "entity") -> dict[str, str]:
    return screen.vary_name(name, kind, ["nordwind"], SPEECH)


def edits(one: str, other: str) -> int:
    return screen.OSA.distance(one, other)


def lines(threshold: float) -> dict[tuple[str, str], tuple[int, int, float]]:
    return {row[:2]: row[2:] for row in screen.measure_recall(load(threshold), 100)}


@pytest.mark.parametrize("name", [name for *_, name in NAMES])
def test_the_same_name_is_varied_alike_each_time(name):
    assert vary(name) == vary(name)


@pytest.mark.parametrize("name", [name for *_, name in NAMES])
@pytest.mark.parametrize("kind", ["typo", "transposition", "look-alike", "accents", "split"])
def test_a_misspelling_is_one_edit_away(name, kind):
    assert edits(vary(name + " Kvantor")[kind], name + " Kvantor") == 1


def test_every_kind_of_variation_is_tried():
    tried = {kind for _, kind, name in NAMES for kind in vary(name, "individual")}
    assert tried == set(screen.VARIATIONS)


def test_first_letters_are_mistyped_too_but_not_always():
    words = [dict(screen.vary_word("kremniy", random.Random(n)))["typo"] for n in range(100)]
    assert 5 < sum(word[:1] != "k" for word in words) < 40


@pytest.mark.parametrize(
    ("kind", "name", "varied"),
    [
        ("joined", "Solnechny Veter", "SolnechnyVeter"),
        ("reordering", "Solnechny Veter", "Veter Solnechny"),
        ("abbreviation", "Kremniy Manufacture", "Kremniy mfg"),
        ("legal form dropped", "Solnechny Veter GmbH", "solnechny veter"),
        ("cut-off", "Solnechny Veter Orbelian", "Solnechny Veter Orb"),
        ("cut-off", "Solnechny Veter Orbelian Kremniy Kvant", "Solnechny Veter Orbelian Kremniy Kv"),
        ("dropped generic", "Kremniy Trading", "Kremniy"),
        ("near-neighbour", "Kremniy Trading", "nordwind Trading"),
    ],
)  # fmt: skip
def test_a_variation_is_what_its_kind_says(kind, name, varied):
    assert vary(name)[kind] == varied


def test_only_individuals_have_initials():
    assert vary("QASIMZADEH, Farhad", "individual")["initials"] == "QASIMZADEH, f."
    assert "initials" not in vary("QASIMZADEH, Farhad")


def test_a_name_of_one_word_has_no_near_neighbour():
    assert "near-neighbour" not in vary("Kremniy")


def test_weak_aliases_are_not_varied():
    assert not any("vant" in text for _, _, text in screen.vary_names(load(), 100))


def test_the_sample_is_as_large_as_asked():
    assert len({e for e, *_ in screen.vary_names(load(), 2)}) == 2


def test_usual_variations_hit_and_neighbours_do_not():
    found = lines(85)
    assert found["all", "spelling"][2] >= 90
    assert found["all", "near-neighbour"][2] == 0


def test_a_matcher_that_knows_only_equal_names_is_shown_up():
    strict, usual = lines(100), lines(85)
    assert strict["typo", "spelling"][2] == 0
    assert strict["all", "spelling"][2] < usual["all", "spelling"][2] - 20


def test_a_matcher_that_hits_everything_is_shown_up(monkeypatch):
    every = load()
    hits = [(100.0, n) for n in range(len(every.matcher.index.owners))]
    monkeypatch.setattr(every, "find_comparisons", lambda texts, floor: [hits for _ in texts])
    rows = {row[:2]: row[4] for row in screen.measure_recall(every, 100)}
    assert rows["near-neighbour", "near-neighbour"] == rows["any entry", "near-neighbour"] == 100


def test_a_matcher_that_is_blind_is_shown_up(monkeypatch):
    blind = load()
    monkeypatch.setattr(blind, "find_comparisons", lambda texts, floor: [[] for _ in texts])
    assert {row[3] for row in screen.measure_recall(blind, 100)} == {0}


def test_the_groups_add_up():
    rows = screen.measure_recall(load(), 100)
    for column in (2, 3):
        kinds = sum(row[column] for row in rows if row[0] in screen.VARIATIONS)
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
    assert [r["group"] for r in records if r["kind"] == "all"] == [
        *dict.fromkeys(screen.VARIATIONS.values())
    ]


def test_the_command_says_how_it_was_measured(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("name\nKremniy Kvant Orbelian\n", "utf-8")
    ran = CliRunner().invoke(screen.main, ["selftest", "-l", str(file), "-t", "90"])
    last = ran.stderr.splitlines()[-1]
    assert last == "variations of at most 1,500 names at threshold 90"
