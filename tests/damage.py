"""Damages list files in every way that was met or thought of, and says what becomes of each.

    python tests/damage.py [--seed N] FILE [FILE ...]

Each damaged copy must be refused, or give all entries and names of the sound file: what loads with
names missing is printed as LOST and ends the program with 1. A set (sdn.csv, add.csv, alt.csv) is
given as its main file; its part files are found beside it.
"""

import csv
import io
import random
import re
import sys
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import screen  # noqa: E402

OPTIONS = screen.ListOptions(date(2026, 11, 25))
PARTS = {"sdn.csv": ("add.csv", "alt.csv"), "cons_prim.csv": ("cons_add.csv", "cons_alt.csv")}
NAMES = re.compile(r"name|企業|alias|別名", re.I)


class Sheet:
    """A delimited file as rows, to be damaged and written again as it was."""

    def __init__(self, body, draw):
        self.text, self.draw = body.decode("utf-8-sig"), draw
        self.text = self.text.rstrip("\x1a")
        first = max(self.text[:9000].splitlines()[:3], key=len)
        self.mark = max(",;\t", key=first.count)
        rows = [
            row
            for row in csv.reader(io.StringIO(self.text, newline=""), delimiter=self.mark)
            if row
        ]
        top = (
            0
            if rows[0][0].isdecimal()
            else next(n for n, r in enumerate(rows) if len([c for c in r if c]) > 2) + 1
        )
        self.head, self.rows = rows[:top], rows[top:]
        width = max(map(len, self.rows))
        heads = (
            [n for n, text in enumerate(self.head[-1]) if NAMES.search(text)]
            if self.head
            else [1, width - 2]
        )
        self.names = heads or [0]
        self.filled = [
            n
            for n in range(width)
            if sum(bool(r[n : n + 1] and r[n]) for r in self.rows) > len(self.rows) / 3
        ]

    def write(self, rows=None, head=None, mark=None, code="utf-8", quoting=csv.QUOTE_MINIMAL):
        """The bytes of the sheet with these rows."""
        out = io.StringIO()
        lines = [*(self.head if head is None else head), *(self.rows if rows is None else rows)]
        csv.writer(
            out, delimiter=mark or self.mark, quoting=quoting, lineterminator="\n"
        ).writerows(lines)
        return out.getvalue().encode(code, "replace")

    def change(self, column, make, share=1.0):
        """The bytes with a column's cells made anew, in a share of the rows."""
        rows = [list(row) for row in self.rows]
        for row in rows:
            if self.draw.random() < share and len(row) > column:
                row[column] = make(row[column])
        return self.write(rows)

    def reorder(self, order, header=True):
        """The bytes with the columns in another order; the header's too, or not."""
        move = lambda row: [row[n] for n in order if n < len(row)]  # noqa: E731
        head = [*self.head[:-1], move(self.head[-1])] if self.head and header else self.head
        return self.write([move(row) for row in self.rows], head)


def list_sheet_kinds(sheet):
    """Kind of damage -> a function that gives the damaged bytes."""
    draw, rows, text = sheet.draw, sheet.rows, sheet.text
    name, some = draw.choice(sheet.names), draw.choice(sheet.filled)
    width = max(map(len, rows))
    swapped = list(range(width))
    other = draw.choice([n for n in range(width) if n != name] or [name])
    swapped[name], swapped[other] = other, name
    less = [n for n in range(width) if n != name]

    def renamed(n):
        """The header with one of its columns called otherwise."""
        last = [f"{c} x" if i == n else c for i, c in enumerate(sheet.head[-1])]
        return [*sheet.head[:-1], last]

    part = draw.uniform(0.3, 0.85)
    keep = lambda share: [row for row in rows if draw.random() < share]  # noqa: E731
    wrong = {",": ";", ";": ",", "\t": ","}[sheet.mark]
    kinds = {
        "cut at a byte": lambda: text.encode()[: int(part * len(text))],
        "cut at a row": lambda: sheet.write(rows[: int(part * len(rows))]),
        "begins late": lambda: sheet.write(rows[int((1 - part) * len(rows)) :]),
        "a name column emptied": lambda: sheet.change(name, lambda _: ""),
        "a name column emptied in half": lambda: sheet.change(name, lambda _: "", 0.5),
        "a filled column emptied": lambda: sheet.change(some, lambda _: ""),
        "a name column dropped": lambda: sheet.reorder(less),
        "columns in another order": lambda: sheet.reorder(draw.sample(range(width), width)),
        "two columns swapped under their header": lambda: sheet.reorder(swapped, False),
        "cells shifted in some rows": lambda: sheet.write([["", *r[:-1]] if draw.random() < 0.3 else r for r in rows]),
        "cells dropped in some rows": lambda: sheet.write([r[1:] if draw.random() < 0.1 else r for r in rows]),
        "holes of a third": lambda: sheet.write(keep(0.67)),
        "every second row": lambda: sheet.write(rows[::2]),
        "a hole in the middle": lambda: sheet.write(rows[: len(rows) // 3] + rows[2 * len(rows) // 3 :]),
        "half of every name cut": lambda: sheet.change(name, lambda t: t[: len(t) // 2]),
        "names cut at ten": lambda: sheet.change(name, lambda t: t[:10]),
        "names masked": lambda: sheet.change(name, lambda t: "REDACTED" if t else t),
        "names reversed": lambda: sheet.change(name, lambda t: t[::-1]),
        "digits in place of names": lambda: sheet.change(name, lambda t: str(len(t)) if t else t),
        "rows shuffled": lambda: sheet.write(draw.sample(rows, len(rows))),
        "rows sorted": lambda: sheet.write(sorted(rows)),
        "rows once each": lambda: sheet.write([list(r) for r in dict.fromkeys(map(tuple, rows))]),
        "rows twice": lambda: sheet.write([*rows, *rows]),
        "header twice": lambda: sheet.write([*sheet.head[-1:], *rows]),
        "header in the middle": lambda: sheet.write([*rows[:50], *sheet.head[-1:], *rows[50:]]),
        "all quoted": lambda: sheet.write(quoting=csv.QUOTE_ALL),
        "quotes stripped": lambda: text.replace('"', "").encode(),
        "quotes doubled": lambda: text.replace('"', '""').encode(),
        "another delimiter": lambda: sheet.write(mark=wrong),
        "tabs": lambda: sheet.write(mark="\t"),
        "delimiter replaced": lambda: text.replace(sheet.mark, wrong).encode(),
        "as ASCII": lambda: sheet.write(code="ascii"),
        "as cp1252": lambda: sheet.write(code="cp1252"),
        "as UTF-16": lambda: sheet.write(code="utf-16"),
        "read as cp1252, written as UTF-8": lambda: text.encode().decode("cp1252", "replace").encode(),
        "a line break in some cells": lambda: re.sub(r"(?<=[a-z]) (?=[A-Z])", lambda m: "\n" if draw.random() < 0.02 else " ", text).encode(),
        "lone quotes": lambda: re.sub(r"(?<=[a-z])(?=[A-Z])", '"', text).encode(),
        "blank lines between": lambda: text.replace("\n", "\n\n").encode(),
        "carriage returns": lambda: sheet.write().replace(b"\n", b"\r"),
        "NULs in it": lambda: text.replace("a", "a\0", 3).encode(),
        "as an HTML page": lambda: b"<html><body><table>" + "".join(f"<tr><td>{'<td>'.join(r)}" for r in rows).encode(),
        "as JSON": lambda: b'{"rows": ' + repr(rows[:50]).replace("'", '"').encode() + b"}",
        "empty": lambda: b"",
        "header alone": lambda: sheet.write([]),
        "cells trimmed": lambda: sheet.write([[c.strip() for c in r] for r in rows]),
        "cells padded": lambda: sheet.write([[f" {c} " for c in r] for r in rows]),
        "capitals": lambda: sheet.change(name, str.upper),
        "dates of a spreadsheet": lambda: re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", r"\3/\2/\1", text).encode(),
    }  # fmt: skip
    if sheet.head:
        kinds |= {
            "a name column renamed": lambda: sheet.write(head=renamed(name)),
            "a column renamed": lambda: sheet.write(head=renamed(some)),
            "every second column renamed": lambda: sheet.write(
                head=[
                    *sheet.head[:-1],
                    [c if n % 2 else f"col{n}" for n, c in enumerate(sheet.head[-1])],
                ]
            ),
            "header dropped": lambda: sheet.write(head=[]),
            "header in capitals": lambda: sheet.write(
                head=[[c.upper() for c in r] for r in sheet.head]
            ),
        }
    if "source" in (sheet.head or [[]])[-1]:
        at = sheet.head[-1].index("source")
        gone = draw.choice([c for c, n in Counter(r[at] for r in rows).items() if n > 40])
        kinds["a sub-list gone"] = lambda: sheet.write([r for r in rows if r[at] != gone])
        kinds["half a sub-list gone"] = lambda: sheet.write(
            [r for n, r in enumerate(rows) if r[at] != gone or n % 2]
        )
        kinds["one sub-list alone"] = lambda: sheet.write([r for r in rows if r[at] == gone])
    return kinds


def list_tree_kinds(body, draw):
    """The same for XML, damaged as text."""
    text = body.decode("utf-8-sig")
    ends = [
        m.end()
        for m in re.finditer(
            r"</(?:sanctionEntity|INDIVIDUAL|ENTITY|record|sdnEntry|Designation)>", text
        )
    ]
    start = ends[0]
    part = draw.uniform(0.3, 0.85)
    middle = int(part * len(ends))
    tail = re.search(r"\s*</[\w:-]+>\s*$", text)[0]
    pieces = [text[a:b] for a, b in zip([start, *ends[1:-1]], ends[1:], strict=True)]
    join = lambda some: (text[:start] + "".join(some) + text[ends[-1] :]).encode()  # noqa: E731
    name = draw.choice(
        ["wholeName", "FIRST_NAME", "LastName", "lastName", "Name6", "EntityOrShip", "nameAlias"]
    )
    there = (
        name
        if name in text
        else next(
            n for n in ("wholeName", "FIRST_NAME", "LastName", "lastName", "Name6") if n in text
        )
    )
    return {
        "cut at a byte": lambda: text[: int(part * len(text))].encode(),
        "cut at a record": lambda: text[: ends[middle]].encode(),
        "cut at a record, tags closed": lambda: (text[: ends[middle]] + tail).encode(),
        "begins late": lambda: join(pieces[int((1 - part) * len(pieces)) :]),
        "holes of a third": lambda: join(p for p in pieces if draw.random() < 0.67),
        "every second record": lambda: join(pieces[::2]),
        "records shuffled": lambda: join(draw.sample(pieces, len(pieces))),
        "a name element renamed": lambda: text.replace(there, there + "X").encode(),
        "names emptied": lambda: re.sub(rf'(<{there}>)[^<]*|({there}=")[^"]*', r"\1\2", text).encode(),
        "names emptied in half": lambda: re.sub(rf'(<{there}>)[^<]*|({there}=")[^"]*', lambda m: m[0] if draw.random() < 0.5 else (m[1] or m[2]), text).encode(),
        "names cut at six": lambda: re.sub(rf'((?:<{there}>|{there}=")[^<"]{{6}})[^<"]*', r"\1", text).encode(),
        "aliases gone": lambda: re.sub(r"(?s)<(\w*(?:ALIAS|Alias|aka))\b[^>]*?(?:/>|>.*?</\1>)", "", text).encode(),
        "as ASCII with signs": lambda: text.encode("ascii", "replace"),
        "read as cp1252, written as UTF-8": lambda: text.encode().decode("cp1252", "replace").encode(),
        "as UTF-16": lambda: text.replace("UTF-8", "UTF-16").replace("utf-8", "utf-16").encode("utf-16"),
        "another namespace": lambda: re.sub(r'xmlns="[^"]*"', 'xmlns="urn:x"', text, count=1).encode(),
        "a document type": lambda: re.sub(r"(<\?xml.*?\?>)?", r"\1<!DOCTYPE x [<!ENTITY a 'b'>]>", text, count=1).encode(),
        "root renamed": lambda: re.sub(r"CONSOLIDATED_LIST|(?<=[<:/])export\b|data-set|sdnList", "root", text).encode(),
        "an end tag lost": lambda: (text[: ends[middle] - 5] + text[ends[middle] :]).encode(),
        "an ampersand unescaped": lambda: (text[: ends[middle]] + "&" + text[ends[middle] :]).encode(),
        "empty": lambda: b"",
        "as an HTML page": lambda: b"<!DOCTYPE html><html><body>" + text.encode()[:5000],
        "all on one line": lambda: re.sub(r">\s+<", "><", text).encode(),
    }  # fmt: skip


def read(paths):
    """(verdict, entries, names, note) of the list in `paths`."""
    (*_, (entries, report)) = screen.judge_lists(paths, OPTIONS)
    fold = lambda text: re.sub(r"[\W_]", "", text.casefold())  # noqa: E731, as names are compared
    names = {(entry.list, fold(text)) for entry in entries for text, _ in entry.names}
    count = len({(entry.list, *(fold(text) for text, _ in entry.names)) for entry in entries})
    return report.status, count, names, report.note


def judge(kind, paths, sound):
    """What became of a damaged copy: refused, whole, or LOST."""
    try:
        status, count, names, note = read(paths)
    except screen.ScreenError as err:
        return "refused", err.message
    if status == "refused":
        return "refused", note
    whole = count >= sound[1] and sound[2] <= names
    return (
        "whole" if whole else "LOST"
    ), f"{kind}: {sound[1] - count} entries, {len(sound[2] - names)} names"


def damage_file(path, seed, folder):
    """(kind, verdict, words) of every damage to one list."""
    draw = random.Random(f"{seed} {path.name}")
    beside = [path.with_name(name) for name in PARTS.get(path.name, ())]
    sound = read([path, *beside])
    for target in (path, *beside):
        body = target.read_bytes()
        tree = body.lstrip(b"\xef\xbb\xbf \r\n")[:1] == b"<"
        kinds = list_tree_kinds(body, draw) if tree else list_sheet_kinds(Sheet(body, draw))
        for kind, make in kinds.items():
            copies = []
            for one in (path, *beside):
                copies.append(folder / one.name)
                new = make() if one == target else one.read_bytes()
                end = b"\x1a" * (one == target and body.endswith(b"\x1a"))  # OFAC's end mark
                copies[-1].write_bytes(new + end)
            yield (f"{target.name}: {kind}", *judge(kind, copies, sound))


def main(files, seed):
    """Prints what is lost and the counts; how many are lost."""
    total = Counter()
    with tempfile.TemporaryDirectory() as place:
        for path in map(Path, files):
            counts = Counter()
            for kind, verdict, words in damage_file(path, seed, Path(place)):
                counts[verdict] += 1
                if verdict == "LOST":
                    print(f"LOST {kind}: {words}", flush=True)
            print(f"{path}: {dict(counts)}", flush=True)
            total += counts
    print(f"seed {seed}: {total.total()} damaged files, {dict(total)}")
    return total["LOST"]


if __name__ == "__main__":
    words = sys.argv[1:]
    seed = int(words.pop(1)) if words[:1] == ["--seed"] else 1
    sys.exit(bool(main([w for w in words if w != "--seed"], seed)))
