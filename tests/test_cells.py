from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import screen

CASES = Path(__file__).parent / "cases" / "cells.csv"
with open(CASES, encoding="utf-8", newline="") as file:
    CELLS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", CELLS, ids=lambda row: f"{row['kind']}-{row['cell'][:40]!r}")
def test_a_cell_is_asked_whole_and_by_the_names_in_it(row):
    read = screen.read_cell(row["cell"])
    assert " || ".join(read.names) == row["names"]
    assert (read.unnamed or read.unreadable) == row["note"]


LISTED = [
    ("Tako LLC", ["Tako LLC"]), ("Address 01", []), ("Import/Export Tako", ["Import/Export Tako"]),
    ("Tako Works OAO;Miko JSC", ["Tako Works OAO;Miko JSC", "Tako Works OAO", "Miko JSC"]),
    ("Tako Army / Miko Front", ["Tako Army / Miko Front", "Tako Army", "Miko Front"]),
    ("Tako OOO (f.k.a., Miko Works)", ["Tako OOO (f.k.a., Miko Works)", "Tako OOO", "Miko Works"]),
    ("Tako Institute (SINI)", ["Tako Institute (SINI)", "Tako Institute"]),
    ("Tako Bank (Asia) Ltd", ["Tako Bank (Asia) Ltd"]),
    ("Tako LLC (PRC entity); and any successor, sub-unit, or subsidiary thereof",
     ["Tako LLC (PRC entity); and any successor, sub-unit, or subsidiary thereof", "Tako LLC"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names"), LISTED)
def test_a_listed_name_stands_whole_and_by_the_names_in_it(text, names):
    assert list(dict.fromkeys(screen.split_listed(text))) == names


@pytest.mark.parametrize("row", screen.read_table("cells"), ids=lambda row: row["pattern"][:30])
def test_every_row_of_the_table_has_a_kind_that_is_consulted(row):
    assert row["kind"] in {*screen.SHAPES, "nobody", "glued", "mail", "domain"}
    assert row["example"] and all(map(screen.fold_cell, row["pattern"].split("|")))


@given(st.text(max_size=80))
@settings(deadline=None, max_examples=300)
def test_any_cell_is_asked_or_says_why_not(text):
    read = screen.read_cell(text)
    assert read.names or read.unnamed or read.unreadable
    assert len(read.names) <= screen.MOST_NAMES and all(read.names)


HOSTILE = ["a", "a.", "a/k/a ", "and any ", "(", "A (B) ", "&amp;", "?", "_x", "%20", "Ã", "1 ", ", ",
           "Tako LLC, ", "12 Oak Road ", "; Tako", "华", "Hong Kong, "]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_cell_is_read_in_time(piece, no_hang):
    cell = piece * (100_000 // len(piece))
    assert screen.read_cell(cell) is not None and screen.split_listed(cell[:5_000]) is not None
