"""Inputs that once broke a promise of tests/fuzz.py, and new damage on every target."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fuzz

FOUND = sorted(fuzz.FOUND.iterdir())
EDITS = st.lists(
    st.builds(
        fuzz.Edit,
        place=st.floats(0, 1),
        cut=st.sampled_from([0, 1, 5, 100, 1000]),
        piece=st.sampled_from([piece for piece in fuzz.PIECES if len(piece) < 100])
        | st.binary(max_size=8)
        | st.text(max_size=8).map(str.encode),
    ),
    max_size=6,
)


@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.name)
def test_what_fuzzing_found_stays_mended(file):
    fuzz.check(file.name.rpartition("-")[0], file.read_bytes())


@pytest.mark.parametrize("name", fuzz.TARGETS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damage_breaks_no_promise(name, data):
    base = data.draw(st.sampled_from(fuzz.TARGETS[name].bases))
    fuzz.check(name, fuzz.damage(base, data.draw(EDITS)))


def test_edits_of_one_seed_are_the_same():
    texts = [fuzz.damage(b"abc", fuzz.make_edits(random.Random(5), b"abc")) for _ in range(2)]
    assert texts[0] == texts[1] != b"abc"


def fail(text):
    raise ZeroDivisionError


def hang(text):
    while True:
        pass


@pytest.mark.parametrize("broken", [fail, hang])
def test_a_broken_promise_is_seen(broken, monkeypatch):
    monkeypatch.setitem(fuzz.TARGETS, "cells", fuzz.Target(broken, [b""], 1))
    monkeypatch.setattr(fuzz, "LONGEST", 1)
    with pytest.raises((ZeroDivisionError, TimeoutError)):
        fuzz.check("cells", b"")
