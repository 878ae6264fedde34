"""Damages samples, lists and cells at random, screens them, and keeps what breaks a promise.

python tests/fuzz.py --minutes 60 --seed 1

Promises: nothing but a ScreenError escapes, no input takes longer than LONGEST seconds, every row
that was read is written once and counted, and no name that could hit is skipped. An input that
breaks one is kept in tests/cases/found/TARGET-…, and test_fuzz.py checks it from then on.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import itertools
import json
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import screen  # noqa: E402

CASES = ROOT / "tests" / "cases"
FOUND = CASES / "found"
DAY = date(2026, 11, 23)
LONGEST = 20  # seconds; the slowest sound input takes one
LARGEST = 200_000  # bytes of an input
# What breaks readers: separators, encodings, formulas, escapes, long words, other scripts.
PIECES = [
    *(b'" , ; | "" "," \\ \xff\xfe \xef\xbb\xbf \xe4\xb8 \xc3 \x1a \x00 \x1b[2J =1+1 @x'.split(b" ")),
    *(b"\n \r \r\n \t \"\n -0- a.k.a. c/o %s <!DOCTYPE <a> </a> &amp; PK\3\4 \x1f\x8b 1e309".split(b" ")),
    *(b"-1 NaN NULL nan Consignee name 8542.31 8,54E+05 2026-02-30 0000-00-00 99999999999999999999".split()),
    *(word.encode() for word in "華為 Роснефть שלום العربية İı ß \u202e \u200b ﷺ 𝕳 e\u0301 ٣ Ⅷ ½ ﬁ".split()),
    b"A" * 5_000, b"( " * 500, b"a.k.a. " * 300, b"1 " * 1_000, "é".encode() * 2_000, b",," * 400,
]  # fmt: skip


class Edit(NamedTuple):
    """One damage: at `place` (0-1 of the text) `piece` comes in place of `cut` bytes."""

    place: float
    cut: int
    piece: bytes


def damage(text: bytes, edits: Sequence[Edit]) -> bytes:
    """`text` after `edits`, one by one."""
    for edit in edits:
        at = int(edit.place * len(text))
        text = text[:at] + edit.piece + text[at + edit.cut :]
    return text[:LARGEST]


def make_edits(rng: random.Random, text: bytes) -> list[Edit]:
    """Some edits: pieces, bytes of chance, parts of the text itself, cuts."""
    edits = []
    for _ in range(rng.choice((1, 1, 2, 3, 8, 30))):
        at = rng.randrange(len(text) + 1)
        own = text[at : at + rng.choice((1, 10, 200))]
        piece = rng.choice((rng.choice(PIECES), rng.choice(PIECES), rng.randbytes(3), own, b""))
        edits.append(Edit(rng.random(), rng.choice((0, 0, 1, 1, 5, 100, len(text) // 4)), piece))
    return edits


# Targets: what takes the bytes of an input, and must keep the promises ----------------------------

SCREENERS: list[screen.Screener] = []  # loaded at the first input


def get_screener(*_: object) -> screen.Screener:
    """The one screener of this process, of the samples' own list."""
    if not SCREENERS:
        own = str(ROOT / "samples" / "own_list.csv")
        SCREENERS.append(screen.Screener.load([own], as_of=DAY, hits="all"))
    return SCREENERS[0]


@contextlib.contextmanager
def kept(text: bytes, name: str) -> Iterator[Path]:
    """`text` as file `name` in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_bytes(text)
        yield file


def check_shipments(text: bytes) -> None:
    """Every row read is written once, in order, by --all in every format, and counted."""
    with kept(text, "shipments.csv") as file:
        accounts = {form: screen_to(file, form) for form in ("csv", "jsonl", "table")}
    assert len({*accounts.values()}) == 1, accounts


def screen_to(file: Path, form: str) -> str:
    """The account of a run that writes every row of `file` as `form`."""
    out, talk = file.with_name(form), screen.Talk(quiet=True)
    request = screen.RunRequest((str(file),), (), DAY, every=True, form=form)
    with open(out, "w", encoding="utf-8", newline="") as stream:
        writer = screen.RowWriter(stream, form, False, safe_cells=False)
        screen.screen_file(str(file), request, get_screener(), writer, talk)
    written = out.read_text("utf-8")
    if form == "csv":
        header, *rows = list(csv.reader(io.StringIO(written, newline="")))
        assert {len(row) for row in rows} <= {len(header)}, "a row of another width"
        numbers = [int(row[-len(screen.SCREEN_COLUMNS)]) for row in rows]
    elif form == "jsonl":
        numbers = [json.loads(line)["row"] for line in written.split("\n")[:-1]]
    else:
        lines = written.split("\n")[1:-1]
        numbers = [int(line.split()[0]) for line in lines]
        assert not re.search(r"[\0-\x1f\x7f-\x9f\u202e]", "".join(lines)), "a sign that acts"
    assert numbers == list(range(1, talk.rows + 1)), "rows lost or doubled"
    return talk.account()


def check_list(text: bytes) -> None:
    """A list is refused or read, and what was read can be screened with."""
    with kept(text, "list.csv") as file:
        options = screen.ListOptions(DAY, admit=frozenset([file.name]))
        for entries, report in screen.judge_lists([file], options):
            assert report.entries == len(entries) and (entries or report.status == "refused")
            json.dumps(asdict(report), ensure_ascii=False).encode()
            screener = screen.Screener(entries, [report], screen.Options(DAY, hits="all"))
            names = [name for entry in screener.entries[:20] for name, _ in entry.names]
            look_up("\n".join(names), screener)


def check_names(text: bytes) -> None:
    """Names of any letters are looked up."""
    look_up(text.decode("utf-8", "replace"), get_screener())


def look_up(text: str, screener: screen.Screener) -> None:
    """Every line of `text` is looked up; each score is of 0-100 and can be explained."""
    names = text.split("\n")[:200]
    screener.learn_names(names)
    assert all(80 <= c.score <= 100 for name in names for c, _ in screener.known.get(name, ()))
    for cells in ({"consignee": (name,)} for name in names):
        flags = screener.screen_row(cells, screener.find_parties(cells), "")
        assert all(flag.reason for flag in flags)


def check_pruning(text: bytes) -> None:
    """No listed name that reaches the floor is skipped: half of the lines are listed."""
    words = sorted(set(re.findall(r"\w+", text.decode("utf-8", "ignore"))))[:400]
    rng, names = random.Random(text), []
    for _ in range(24):
        names.append(" ".join(rng.choice(words) for _ in range(rng.randint(1, 5))) if words else "")
    entries = [
        screen.ListEntry("X", str(n), "", ((name, "primary"),)) for n, name in enumerate(names[12:])
    ]
    matcher = screen.Matcher(entries, screen.load_language())
    for name, floor in itertools.product(names, (0, 60, 85)):
        assert matcher.find_hits([name], floor)[0] == score_every_pair(matcher, name, floor), name


def score_every_pair(matcher: screen.Matcher, text: str, floor: float) -> list[tuple[float, int]]:
    """As `find_hits` of one text, no candidate skipped."""
    queries = screen.fold_queries([text], matcher.language)[0]
    matcher.learn(queries)
    best: dict[int, float] = {}
    for query, n in itertools.product(queries, range(len(matcher.index.texts))):
        value = screen.compare_names(query, n, matcher).score
        if value >= floor and value > best.get(n, 0):
            best[n] = value
    return sorted(((s, n) for n, s in best.items()), key=lambda hit: (-hit[0], hit[1]))


def check_cells(text: bytes) -> None:
    """Every reader of a single cell takes any text."""
    for cell in text.decode("utf-8", "replace").split("\n")[:200]:
        for code in screen.parse_hs_cell(cell):
            screen.find_goods(code.digits, screen.parse_country(cell))
        for read in CELL_READERS:
            read(cell)
        screen.find_description_flags(cell, ("854231",))
        cells = tuple((role, cell) for role in ("destination", "consignee_address", "end_user"))
        screen.find_route_flags(screen.Route(cells, (screen.HIGH_PRIORITY,), "1"))
        assert not re.search(r"[\0-\x1f\x7f-\x9f\u202e]", screen.clean(cell)), "a sign that acts"
        assert not screen.neutralise(cell).startswith(tuple("=+-@\t\r")), "a formula"
        assert len(screen.fit(screen.clean(cell), 20)) <= 20 + len(cell)


CELL_READERS: Sequence[Callable[[str], Any]] = (
    screen.find_hs_code_flag, screen.find_region_flags, screen.read_cell, screen.find_numbers,
    screen.find_role, screen.parse_month, screen.parse_amount, 
    screen.find_unread_country, screen.split_listed,
    lambda cell: get_screener().places.find_addresses(cell),
)  # fmt: skip


def check_history(text: bytes) -> None:
    """A history gives groups, or says what it lacks."""
    with kept(text, "history.csv") as file:
        ledger = screen.read_history([str(file)], screen.ReadOptions(), screen.Talk(quiet=True))
        screen.surge_keys(screen.find_surges(ledger))


def check_clearances(text: bytes) -> None:
    """Decisions are read or refused, and asked."""
    with kept(text, "cleared.csv") as file:
        screener = get_screener()
        try:
            screener.cleared = screen.read_clearances(str(file))
            look_up("Varnholt Dynamics FZE", screener)
        finally:
            screener.cleared = screen.Clearances(())


class Target(NamedTuple):
    """A check, the inputs that are damaged for it, and how often of a hundred it has its turn."""

    check: Callable[[bytes], None]
    bases: Sequence[bytes]
    share: int


def read_bases(*patterns: str) -> list[bytes]:
    """The files under the project by pattern that are small enough to be damaged often."""
    found = sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())
    return [path.read_bytes() for path in found if path.stat().st_size < LARGEST]


CLEARED = ",".join(screen.CLEARANCE_COLUMNS) + (
    "\nVarnholt Dynamics FZE,AE,,HOUSE,H-001,names:1 aliases:2,A. Clerk,another firm,2026-01-05,2027-01-05"
    "\n\"Kestrel, Ltd\",,,HOUSE,H-002,,B. Clerk,no relation,2026-01-05,\n"
)  # fmt: skip
TARGETS = {
    "shipments": Target(check_shipments, read_bases("samples/*.csv", "tests/cases/damaged/*"), 35),
    "list": Target(check_list, read_bases("samples/own*.csv", "tests/cases/lists/**/*"), 20),
    "names": Target(check_names, read_bases("tests/cases/names*.csv", "samples/own*.csv"), 10),
    "pruning": Target(check_pruning, read_bases("tests/cases/names*.csv", "samples/own*.csv"), 10),
    "cells": Target(check_cells, read_bases("samples/*.csv", "tests/cases/*.csv"), 15),
    "history": Target(check_history, read_bases("samples/history.csv"), 5),
    "cleared": Target(check_clearances, [CLEARED.encode()], 5),
}


# Runs ---------------------------------------------------------------------------------------------


def check(name: str, text: bytes) -> None:
    """Raises what the target `name` raises on `text`, a ScreenError aside; TimeoutError if slow."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        with contextlib.suppress(screen.ScreenError):
            TARGETS[name].check(text)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def keep(name: str, text: bytes) -> Path:
    """The file in which an input that broke a promise is kept."""
    FOUND.mkdir(exist_ok=True)
    file = FOUND / f"{name}-{hashlib.sha256(text).hexdigest()[:8]}"
    file.write_bytes(text)
    return file


@click.command(help=__doc__)
@click.option("--minutes", default=1.0, help="How long.")
@click.option("--seed", default=0, help="Of chance; another one, other inputs.")
@click.option("--only", type=click.Choice(sorted(TARGETS)), help="One target.")
def main(minutes: float, seed: int, only: str | None) -> None:
    """Damage inputs until the time is up, and end with 1 if one broke a promise."""
    rng, counts, broken = random.Random(seed), Counter[str](), 0
    names, shares = list(TARGETS), [target.share for target in TARGETS.values()]
    start = time.monotonic()
    while time.monotonic() - start < 60 * minutes:
        name = only or rng.choices(names, shares)[0]
        base = rng.choice(TARGETS[name].bases)
        text = damage(base, make_edits(rng, base))
        counts[name] += 1
        try:
            check(name, text)
        except Exception:
            broken += 1
            click.echo(f"{keep(name, text)}\n{traceback.format_exc()}")
    spent = (time.monotonic() - start) / 60
    said = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
    total = f"{counts.total():,} inputs ({said})"
    click.echo(f"{spent:.1f} minutes, seed {seed}: {total}, {broken} broke")
    raise SystemExit(broken > 0)


if __name__ == "__main__":
    main()
