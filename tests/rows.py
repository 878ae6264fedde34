"""Labelled cases, and the phrases of a table's row as somebody would write them."""

import csv
from pathlib import Path

CASES = Path(__file__).parent / "cases"


def read_cases(name):
    """The rows of tests/cases/`name`.csv."""
    with open(CASES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def phrases_of(row):
    """What `pattern` of `row` meets: a stem as a word, nothing in a gap."""
    phrases = row["pattern"].replace("*", "").replace("~ ", "").split("|")
    return [phrase for phrase in phrases if phrase]
