"""Prints rows of lists/list_profiles.csv from editions of official lists that lie on this machine.

    python tests/profiles.py LIST DATE FILE [FILE ...] -- DATE FILE [FILE ...] -- …

The first editions are older than the last. Floors hold for any of them; what only the last one has
(its names, its sub-lists' sizes) binds lists of its date or later. Names are kept as digests.
"""

import csv
import sys
from dataclasses import replace
from datetime import date
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import screen  # noqa: E402

ROOM = 0.85  # of an edition's sizes: ending one programme took 5 % of the SDN list
ROOM_OF_ONE = 0.8  # where one edition is known, and others are years apart
LEAST_PART = 20  # entries of a sub-list: a smaller one may end
SAMPLE, NEWEST = 160, 60  # names kept
SURE = 95  # percent of the sample that must be there; where one edition is known:
SURE_OF_ONE, SURE_UNDATED = 80, 92


def hold(files):
    """The list in `files`; "FILE#US-SDN" is what a file holds of one list."""
    path, _, code = files[0].partition("#")
    if code:
        held = hold([path])
        entries = [entry for entry in held.entries if entry.list == code]
        sizes = screen._measure_list(held.files, entries)
        return replace(held, entries=entries, measures=sizes)
    read = [screen.read_list_file(Path(file)) for file in files]
    (group,) = screen._group_files(read)
    return screen._hold_list(group, screen._find_source(""))


def names_of(held):
    """All names of a list."""
    return {text for entry in held.entries for text, _ in entry.names}


def sample(names, count):
    """`count` of `names`, the same ones each time, as digests."""
    return " ".join(sorted(map(screen.digest_name, names))[:: max(1, len(names) // count)][:count])


def find_floors(held, others):
    """Measures that all editions have, and the least of each."""
    sizes = [one.measures for one in (held, *others)]
    room = ROOM if others else ROOM_OF_ONE
    for word in held.measures:
        least = min(measures.get(word, 0) for measures in sizes)
        share = "of 100" in word or "for 100" in word
        if word == "primary names":
            continue
        if word.startswith("entries of ") and (least < LEAST_PART or len(held.measures) < 12):
            continue
        if least >= (1 if share else LEAST_PART):
            yield word, int(least * (0.99 if "with an entry" in word else room))


def build_rows(name, editions):
    """(measure, least, since, until, digests, source, as_of) of a list with these editions."""
    held = [(day, hold(files)) for day, files in editions]
    day, last = held[-1]
    older = [one for _, one in held[:-1]]
    counts = "; ".join(f"{len(one.entries):,} entries on {on}" for on, one in held)
    lasting = names_of(last).intersection(*map(names_of, older))
    rows = [(word, least, "", "", "") for word, least in find_floors(last, older)]
    alone = SURE_OF_ONE if last.published else SURE_UNDATED
    sure = SURE if older else alone
    rows.append(("of 100 names that every edition holds", sure, "", "", sample(lasting, SAMPLE)))
    foreign = {text for text in lasting if not text.isascii()}
    if len(foreign) >= LEAST_PART:
        rows.append(("of 100 names in other letters", sure, "", "", sample(foreign, NEWEST)))
    for _, one in held:
        if one.published:
            rows.append(("entries", len(one.entries), one.published, one.published, ""))
            rows.append(("names", len(names_of(one)), one.published, one.published, ""))
            kept = sample(names_of(one), SAMPLE)
            rows.append((f"of 100 names of {one.published}", 99, *[one.published] * 2, kept))
    if older:
        known = names_of(older[-1])
        fresh = [e.names[0][0] for e in last.entries if e.names[0][0] not in known]
        if not last.published and len(fresh) >= LEAST_PART:
            rows.append(
                (f"of 100 newest names of {day}", 0, day, "", sample(set(fresh[-400:]), NEWEST))
            )
        rows += [(word, least, day, "", "") for word, least in find_floors(last, [])]
        rows.append((f"of 100 names of {day}", SURE, day, "", sample(names_of(last), SAMPLE)))
    return [(name, *row, counts, day) for row in rows]


if __name__ == "__main__":
    name, *words = sys.argv[1:]
    parts = [list(part) for dash, part in groupby(words, "--".__eq__) if not dash]
    editions = [(str(date.fromisoformat(day)), files) for day, *files in parts]
    csv.writer(sys.stdout, lineterminator="\n").writerows(build_rows(name, editions))
