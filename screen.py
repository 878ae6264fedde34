#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["click>=8.1.7", "pandas>=2.2.0", "rapidfuzz>=3.9.0"]
# ///
"""Screen export shipments: listed parties, controlled goods, embargoed or diverted destinations.

The file reads from top to bottom, each room calling only what stands above it: Vocabulary, Goods,
Destinations, Files, Tables, Lists, Verdicts, Update, Cells, Names, Match, Shipments, History,
Surges, Output, Show, Report, Clearances, Since, Places, Owners, Screening, Selftest, Run, Receipt,
Command line. Facts are tables in lists/, each row with its source and date. Standard output
carries rows, standard error the talk; README.md says what users may rely on.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036, a true sentence in place of a traceback
    print("Error: screen.py needs Python 3.11 or newer: run it with one.", file=sys.stderr)
    raise SystemExit(2)

import base64
import codecs
import contextlib
import csv
import errno
import filecmp
import functools
import gc
import gzip
import hashlib
import html
import http.client
import io
import json
import math
import multiprocessing
import os
import random
import re
import select
import shlex
import shutil
import signal
import socket
import string
import sys
import tempfile
import threading
import time
import traceback
import unicodedata
import urllib.error
import urllib.request
import warnings
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, chain, islice, pairwise, repeat, zip_longest
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeGuard
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

try:
    import click
    import numpy as np
    from click.shell_completion import CompletionItem
    from rapidfuzz import process
    from rapidfuzz.distance import OSA
except ImportError as err:
    if __name__ != "__main__":
        raise
    packages = "python3 -m pip install click pandas rapidfuzz"
    print(f"Error: the package {err.name} is missing: run `{packages}`.", file=sys.stderr)
    raise SystemExit(2) from None

if TYPE_CHECKING:
    import pandas as pd  # else where frames are made: it takes longer to start than all the rest

VERSION = "1.0.0"

# ==================================================================================================
# Vocabulary
# Takes nothing, gives the error, the records and the words that all rooms share, and the rows of
# the fact tables. Does not know what any of them is for.

TABLES = Path(__file__).resolve().parent / "lists"
UNREAD = (OSError, EOFError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)  # of a file
FLAG_KINDS = (
    "party", "address", "identifier", "destination", "diversion", "surge", "goods", "description",
    "hs-code", "unscreened",
)  # fmt: skip
PARTY_ROLES = (
    "consignee", "intermediate_consignee", "end_user", "notify_party", "shipper", "forwarder",
    "bank", "vessel", "owner",
)  # fmt: skip
Row = Mapping[str, str]  # of a fact table
Roles = Mapping[str, tuple[tuple[int, ...], ...]]  # role -> fields: columns that make one text
Cells = Mapping[str, tuple[str, ...]]  # of one row: role -> its cells, an address as its lines


BIDI = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))  # turn text round
CONTROLS = {c: "\ufffd" for c in (*range(32), *range(127, 160), *BIDI)}  # terminals obey them


def say(text: str) -> None:
    """Write lines on standard error; no sign of a cell, name or path acts on the terminal, and talk
    that nobody can hear stops no run."""
    with contextlib.suppress(OSError):
        click.echo("\n".join(line.translate(CONTROLS) for line in text.split("\n")), err=True)


class ScreenError(click.ClickException):
    """What stops a run, as one sentence: file, row, column, found, expected, what to do."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it."""
        say(f"Error: {self.message}")


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One designation on one list, whatever the list's own layout."""

    list: str  # "US-EL"; CSL `source` code, own lists' `list` column
    entry_id: str  # "RUS2176"; unique within `list`
    type: str  # "entity", "individual", "vessel", "aircraft" or ""
    names: tuple[tuple[str, str], ...]  # (text as listed, kind: primary, alias, former, weak)
    countries: tuple[str, ...] = ()  # ISO 3166 alpha-2, of addresses and nationality
    addresses: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()  # "IMO 9253325", "Tax ID No. 7707083893"
    programmes: tuple[str, ...] = ()
    listed_on: str = ""  # ISO date
    expires_on: str = ""  # ISO date; passed = counted, not raised
    citation: str = ""
    url: str = ""
    remarks: str = ""
    licence: str = ""  # licence requirement and policy of a BIS entry


def read_cells(row: Sequence[str], roles: Roles) -> Cells:
    """The cells of `row` by role; of a name over several columns what they say together."""
    return {role: tuple([join_field(row, at) for at in fields]) for role, fields in roles.items()}


def join_field(row: Sequence[str], columns: tuple[int, ...]) -> str:
    """The one text that stands in `columns` of a row.

    >>> join_field(["1", "MAHAN", "AIR"], (1, 2))
    'MAHAN AIR'
    """
    if len(columns) == 1:
        return row[columns[0]]
    return " ".join(filter(None, [row[n].strip() for n in columns]))


def join_address(lines: Iterable[str]) -> str:
    """The lines of an address as one text."""
    return ", ".join(filter(None, lines))


def join_cells(texts: Iterable[str]) -> str:
    """The filled cells of a role as one text."""
    return " ".join(filter(None, texts))


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason why a row needs a person; `facts` are the contract's JSON keys of that kind."""

    kind: str  # one of FLAG_KINDS
    reason: str
    facts: Mapping[str, Any]


def flag(kind: str, reason: str, row: Row | None = None, **facts: Any) -> Flag:
    """The flag with `facts`, its `reason` ended with the source and date of the `row` behind it."""
    said = f"{reason} ({row['source']}, {row['as_of']})" if row else reason
    return Flag(kind, said, facts)


@functools.cache
def read_table(name: str) -> list[dict[str, str]]:
    """Rows of the fact table lists/`name`.csv; every one has its `source` and `as_of`."""
    with open(TABLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ==================================================================================================
# Goods
# Takes the text of an HS code or description cell; gives the tables it meets, the codes that cannot
# be read, and the texts that name other goods than the code. An HS code never proves control.
# Does not know parties, routes, files or dates.

Phrase = tuple[tuple[str, int], ...]  # how each word begins, the gap before
Phrases = Mapping[str, Sequence[tuple[Phrase, Row]]]  # by three letters
PhraseHit = tuple[int, int, Row]  # start and end of a phrase, its row
HIGH_PRIORITY = "Common High Priority List"  # lists/goods.csv `table`
ANY_DESTINATION = "*"  # meets also the rules that only some destinations make apply
CAUTION = "an HS code never proves control: check the parameters"
HS_LABEL = re.compile(
    r"(?:(?:hs|hts|htsus|hsn|taric|cn|kn|ncm|zolltarifnummer|g[tT][iİ]p|тн|вэд|тнвэд|еаэс|"
    r"schedule b|tariff|customs|code|код|no|nr|№)[\s.:#№-]*)+(?=\d)",
    re.IGNORECASE,
)
SEVERAL_CODES = (  # what parts them, and how many digits each has
    (r"[;|\n&]", 2), (r"[,/]|\band\b|\bor\b|\s-\s", 4), (r"\s+|[-–]", 6), (r"[^\d.]{3,}", 6),
)  # fmt: skip
WORD = re.compile(r"(?:(~) )?([\u3040-\u9fff]|[^\W_\u3040-\u9fff]+)(\*?)")  # "ball ~ bearing*"
GRADES = ("high", "medium", "with", "low")  # the others say what is not the goods
# Characters that are read, so that no cell takes minutes; of a longer one it is said.
LONGEST_CODE, LONGEST_TEXT = 400, 4_000
GAP_WORDS = 3  # `~`: "tantalum chip SMD capacitors" has 2; at 5 two goods get joined
# At most one word: "bearing mounting grease", "for the oscilloscope".
NEAR = re.compile(r"\s*(?:[^\s,;:()]+\s*)?")


class HsCode(NamedTuple):
    """One code as read; even one with a fault is looked up."""

    digits: str  # "854231"
    fault: str  # why a person must look; "" for a code that stands or was mended

    @property
    def sound(self) -> bool:
        """Whether the code can be vouched for."""
        return not self.fault


@functools.cache
def read_goods() -> Mapping[str, Sequence[Row]]:
    """Rows of lists/goods.csv by each prefix of theirs, which they have as `rule`."""
    index: dict[str, list[Row]] = defaultdict(list)
    for row in read_table("goods"):
        for prefix in row["prefix"].split("|"):
            index[prefix].append({**row, "rule": prefix})
    return index


def _find_begun(digits: str) -> list[Row]:
    """The rules that `digits` only begin, for codes of five digits or fewer."""
    if not 2 <= len(digits) < 6:
        return []
    rules = read_goods().items()
    return [
        row for rule, rows in rules if digits != rule and rule.startswith(digits) for row in rows
    ]


@functools.cache
def _heading_exists(digits: str) -> bool:
    """Whether chapter and, if given, heading of `digits` stand in the HS."""
    last = {row["chapter"]: row["last_heading"] for row in read_table("hs_chapters")}  # "8549"
    return digits[:4] <= last.get(digits[:2], "") and digits[2:4] != "00"


@functools.lru_cache(maxsize=1 << 16)
def parse_hs_code(text: str) -> HsCode:
    """The HS code that `text` holds; `digits` is what can be looked up even where it is not sound.

    >>> parse_hs_code("8,54231E+05").digits, parse_hs_code("HTS: 8542.31.0001").digits
    ('854231', '8542310001')
    >>> parse_hs_code("1069000").digits, parse_hs_code("8542.3X").sound
    ('01069000', False)
    """
    if len(text) > LONGEST_CODE:
        start = parse_hs_code(text[:LONGEST_CODE])
        return HsCode(start.digits, f"the cell is longer than {LONGEST_CODE} characters")
    plain = unicodedata.normalize("NFKC", text)
    plain = HS_LABEL.sub("", plain.strip(" \t\r\n'\"`’‘“”=./,_-\u200b\ufeff"), count=1)
    if not (first := re.search(r"\d[\d.\s-]*", plain)):
        return HsCode("", "no digits")
    if rounded := re.fullmatch(r"\d(?:[.,](\d+))?e\+?\d{1,2}", plain, re.IGNORECASE):
        digits, kept = f"{Decimal(plain.replace(',', '.')):f}", len(rounded[1] or "") + 1
        if kept >= 6 or 4 <= kept <= len(digits) <= 6:
            return _check_digits(digits)
        return HsCode(digits[:kept], "rounded by a spreadsheet: the rest is lost")
    # Words may stand behind, as in "8542.31 - other goods" or "8542.31 (chips)".
    found = re.fullmatch(r"(.*?\d)(\s*[-–,:]?\s+[^\W\d]{2}.*|\s*[(\[].*)?", plain, re.DOTALL)
    if found is None or re.search(r"[^\d.,\s/_-]", found[1]):
        return HsCode(re.sub(r"\D", "", first[0]), "letters or signs in the code")
    code = re.sub(r"^(\d{4})\.0$|^(\d{5,})\.0+$", r"\1\2", found[1])  # the tail of a float
    digits = re.sub(r"\D", "", code)
    # 8541.10 read as a number is 8541.1; 8542.3 though begins four lines.
    cut = re.fullmatch(r"\d{4}[.,][1-9]", code)
    if cut and all(row["rule"][:6] == digits + "0" for row in _find_begun(digits)):
        return _check_digits(digits + "0")
    return _check_digits(digits)


def _check_digits(digits: str) -> HsCode:
    """The code that `digits` are, a lost zero put back, or what is wrong with them."""
    bare, odd = digits.lstrip("0"), len(digits) % 2
    stands, padded = _heading_exists(digits), odd and _heading_exists("0" + digits)
    if len(digits) > 12 or len(digits) in (1, 3):
        return HsCode(digits, f"{len(digits)} digits where 2 to 12 were expected")
    if not stands and len(bare) >= 4 and bare != digits:
        return _check_digits(bare)
    if padded and not stands:
        return HsCode("0" + digits, "")
    if padded:  # 9011100 is coffee, 0901.11, or a microscope, 9011.10
        return HsCode(digits, f"a digit was lost: 0{digits} or {digits[:6]}")
    if not stands:
        return HsCode(digits, f"the Harmonized System has no heading {digits[:4]}")
    return HsCode(digits, "a digit was lost or added" if odd and len(digits) < 7 else "")


@functools.lru_cache(maxsize=1 << 16)
def parse_hs_cell(text: str) -> tuple[HsCode, ...]:
    """The distinct codes of a cell, where it holds several; always at least one.

    >>> [code.digits for code in parse_hs_cell("8542.31; 8541.10")]
    ['854231', '854110']
    >>> [code.digits for code in parse_hs_cell("8542,31")]
    ['854231']
    """
    for separator, least in SEVERAL_CODES:
        parts = [part for part in re.split(separator, text) if part.strip()]
        if len(parts) > 1 and all(sum(map(str.isdigit, part)) >= least for part in parts):
            return tuple(dict.fromkeys(code for part in parts for code in parse_hs_cell(part)))
    return (parse_hs_code(text),)


def read_codes(cells: Iterable[str]) -> list[tuple[str, HsCode]]:
    """The codes of a row's HS `cells`, each with its cell; one that only begins a longer one of the
    row says nothing more and is left out.

    >>> [code.digits for _, code in read_codes(["84", "8419", "8419908580"])]
    ['8419908580']
    """
    read = [(text, code) for text in cells for code in parse_hs_cell(text)]
    begun = {code.digits[:n] for _, code in read for n in range(1, len(code.digits))}
    return [(text, code) for text, code in read if code.digits not in begun]


@functools.lru_cache(maxsize=1 << 16)
def screen_codes(cells: tuple[str, ...], ways: tuple[str, ...]) -> tuple[Flag, ...]:
    """The `goods` and `hs-code` flags of HS cells on the way to `ways` (ISO alpha-2).

    >>> [one.kind for one in screen_codes(("8542.31", "7701.10"), ())]
    ['goods', 'goods', 'goods', 'hs-code']
    """
    flags: dict[str, Flag] = {}
    read = read_codes(cells)
    for way in ways or ("",):
        for _, code in read:
            flags |= {one.reason: one for one in find_goods(code.digits, way)}
    for text, code in read:
        if code.fault:
            reason = f'HS code "{text}": {code.fault}; look by hand which goods these are'
            flags[reason] = flag("hs-code", reason, hs_code=code.digits, found=text)
    return tuple(flags.values())


@functools.cache
def read_destinations(text: str) -> frozenset[str]:
    """The countries that `destinations` of a rule name or sum up; none for all."""
    points = {row["rule"]: row["countries"] for row in read_table("destinations")}
    named = [points.get(name, name).split("|") for name in text.split("|") if name]
    return frozenset(chain.from_iterable(named))


def applies(row: Row, ways: Iterable[str]) -> bool:
    """Whether a rule holds on one of `ways`.

    >>> applies({"destinations": "near Russia|TR"}, ["KG"]), applies({"destinations": "RU"}, [""])
    (True, False)
    """
    places = read_destinations(row["destinations"])
    return not places or any(way in places or way == ANY_DESTINATION for way in ways)


@functools.lru_cache(maxsize=1 << 16)
def find_goods(digits: str, destination: str) -> tuple[Flag, ...]:
    """One `goods` flag for each table that `digits` meet on the way to `destination` (ISO alpha-2),
    high priority first; in a table the longest prefix decides.

    >>> [flag.facts["tier"] for flag in find_goods("85423100", "DE")][0], find_goods("610910", "DE")
    ('1', ())
    """
    met: dict[str, list[Row]] = {}
    for rows in (_find_begun(digits), *(read_goods().get(code, ()) for code in accumulate(digits))):
        here: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if applies(row, [destination]):
                here[row["table"]].append(row)
        met |= here
    flags = [_goods_flag(digits, rows) for rows in met.values() if rows[0]["effect"] == "include"]
    return tuple(sorted(flags, key=lambda flag: flag.facts["table"] != HIGH_PRIORITY))


def _goods_flag(digits: str, rows: Sequence[Row]) -> Flag:
    """The `goods` flag of `digits` for the `rows` of one table that they meet."""
    first, tier = rows[0], min(row["tier"] for row in rows)
    table = first["table"] + (f", tier {tier}" if tier else "")
    rule, condition = first["rule"], first["condition"]
    controls = "; ".join(dict.fromkeys(row["controls"] for row in rows if row["controls"]))
    said = f"HS {digits} ({first['description']}): {table}"
    if len(rule) > len(digits):
        good = f"such as {rule} ({first['description']})"
        said = (
            f"HS {digits} is too short to decide: under it are {len(rows)} lines, {good}: {table}"
        )
        rule, controls, condition = digits, "", ""
    reason = "; ".join(filter(None, (said, controls, condition, CAUTION)))
    facts = {"hs_code": digits, "rule": rule, "table": first["table"], "tier": tier}
    return flag("goods", reason, first, **facts, controls=controls, edition=first["edition"])


def tier_of(digits: str) -> str:
    """The Common High Priority tier of `digits`, "" for none; of a short code its strictest line's.

    >>> tier_of("848210"), tier_of("8482"), tier_of("848240")
    ('3.B', '3.B', '')
    """
    return next((str(t) for flag in find_goods(digits, "") if (t := flag.facts["tier"])), "")


def fold_phrase(text: str) -> str:
    """`text` without case and accents, dotless i as i: how phrases of tables are compared.

    >>> fold_phrase("Bilyalı RULMAN")
    'bilyali rulman'
    """
    if text.isascii():
        return text.lower()
    marked = unicodedata.normalize("NFKD", text.casefold()).replace("ı", "i")
    return "".join(char for char in marked if not unicodedata.combining(char))


def index_phrases(rows: Iterable[Row]) -> Phrases:
    """The phrases in `pattern` of `rows` by three letters; a Han letter is a word.

    `|` parts phrases, `stem*` is any word so begun, `~` stands for up to three words: a little
    language in place of regular expressions, so that no text can make a search slow.
    """
    index: dict[str, list[tuple[Phrase, Row]]] = defaultdict(list)
    for row in rows:
        for phrase in filter(None, fold_phrase(row["pattern"]).split("|")):
            words = WORD.findall(phrase)
            pieces = tuple((w if star else w + " ", GAP_WORDS * len(gap)) for gap, w, star in words)
            index[pieces[0][0][:3]].append((pieces, row))
    return index


@functools.cache
def read_phrases(table: str) -> Phrases:
    """The phrases of lists/`table`.csv."""
    return index_phrases(read_table(table))


def find_phrases(text: str, phrases: Phrases) -> list[PhraseHit]:
    """Where `phrases` stand in folded `text`."""
    found = list(WORD.finditer(text))
    words = [word[2] + " " for word in found]
    return [
        (found[place].start(2), found[last - 1].end(2), row)
        for place, word in enumerate(words)
        for pieces, row in phrases.get(word[:3], ())
        if (last := _phrase_end(words, place, pieces))
    ]


def _phrase_end(words: list[str], start: int, pieces: Phrase) -> int:
    """The place behind phrase `pieces` that begins at word `start`, 0 for none."""
    place = start
    for stem, gap in pieces:
        for word in words[place : place + gap + 1]:
            place += 1
            if word.startswith(stem):
                break
        else:
            return 0
    return place


def screen_descriptions(
    cells: tuple[str, ...], codes: tuple[str, ...], ways: tuple[str, ...]
) -> tuple[Flag, ...]:
    """The flags of `cells` that describe goods beside HS cells `codes`, by `ways`."""
    digits = [code.digits for _, code in read_codes(codes) if code.sound]
    text = " ".join(filter(None, cells))
    return find_description_flags(text, tuple(dict.fromkeys(digits)), ways) if text else ()


@functools.lru_cache(maxsize=1 << 16)
def find_description_flags(
    text: str, digits: tuple[str, ...], ways: tuple[str, ...] = ()
) -> tuple[Flag, ...]:
    """The `goods` flags of what `text` names, one a table, and the `description` flag where it
    names goods of another heading than `digits` say.

    `digits` are the row's sound codes, () for none. Of a text that is too long `unscreened` says
    that its end was not read.

    >>> [one.facts["found"] for one in find_description_flags("Ball bearings", ("870899",))]
    ['ball bearings']
    >>> find_description_flags("Ball bearing grease", ("340319",))
    ()
    >>> [one.facts["table"] for one in find_description_flags("GPU cards A800", ("847330",))]
    ['AI accelerators']
    """
    folded = fold_phrase(text[:LONGEST_TEXT])
    named = [hit for hit in _find_named_goods(folded) if applies(hit[2], ways)]
    flags: dict[str, Flag] = {}  # by goods table, "" for the one that gainsays the code
    for start, end, row in named:
        words = folded[start:end]
        if row["table"] and (row["precision"] == "high" or _expects(row, digits, 6)):
            flags.setdefault(row["table"], _words_flag(words, row, digits))
        if _is_odd(row, named, digits):
            flags.setdefault("", _description_flag(words, row, digits))
    if len(text) > LONGEST_TEXT:
        said = f"the description is longer than {LONGEST_TEXT:,} characters, its end was not read"
        flags["long"] = flag("unscreened", said, role="description", found=text[-100:])
    return tuple(flags.values())


def _is_odd(row: Row, named: Sequence[PhraseHit], digits: tuple[str, ...]) -> bool:
    """Whether goods of `row` among the `named` do not go with `digits`. Grade `high` is odd alone;
    `medium` where the chapter is another too, no code is declared, or a second name agrees; `low`
    only supports, and `with` speaks only with its heading."""
    grade = row["precision"]
    if not row["expected_hs"]:  # words without goods of their own: military end use
        return grade == "medium" and any(map(tier_of, digits))
    if grade not in ("high", "medium"):
        return False
    goods = [other for _, _, other in named if other["expected_hs"]]
    agreed = {other["precision"] for other in goods if _expects(other, digits, 6)}
    if _expects(row, digits, 6) or agreed & {grade, "high", "with"}:
        return False
    others = {other["label"] for other in goods if not _expects(other, digits, 6)}
    return grade == "high" or len(others) > 1 or not _expects(row, digits, 2)


def _expects(row: Row, digits: tuple[str, ...], length: int) -> bool:
    """Whether `digits` agree with the goods of `row` in their first `length` digits."""
    expected = [one[:length] for one in row["expected_hs"].split("|") if one]
    return any(code.startswith(one) or one.startswith(code) for code in digits for one in expected)


def find_words_rules(cell: str) -> list[Row]:
    """Rows of lists/descriptions.csv, one a kind of goods, that the codes of `cell` may be."""
    digits = tuple(code.digits for code in parse_hs_cell(cell) if code.sound)
    rows = [row for row in read_table("descriptions") if row["table"]]
    first = {row["label"]: row for row in reversed(rows) if _expects(row, digits, 6)}
    return list(first.values())


@functools.lru_cache(maxsize=1 << 16)
def _find_named_goods(text: str) -> tuple[PhraseHit, ...]:
    """Goods in folded `text`, best grade first, but for names within other names."""
    hits = find_phrases(text, read_phrases("descriptions"))

    def is_goods(start: int, end: int, grade: str) -> bool:
        for a, b, row in hits:
            match row["precision"]:
                case "other" if a < end and start < b and "," not in text[a:b]:
                    return False
                case "accessory" if grade != "with" and NEAR.fullmatch(text, end, a):
                    return False
                case "purpose" if NEAR.fullmatch(text, b, start):
                    return False
        return True

    graded = [hit for grade in GRADES for hit in hits if hit[2]["precision"] == grade]
    return tuple((a, b, row) for a, b, row in graded if is_goods(a, b, row["precision"]))


def _words_flag(words: str, row: Row, digits: tuple[str, ...]) -> Flag:
    """The flag of goods in a table that `words` name by `row` of descriptions.csv."""
    declared = ", ".join(digits)
    reason = f'"{words}" beside HS {declared or "none"} names {row["label"]}: {row["table"]}; '
    said = f"{reason}{row['controls']}; words prove no control"
    keys = {key: row[key] for key in ("table", "tier", "controls")}
    return flag("goods", said, row, hs_code=declared, rule=row["label"], edition="", **keys)


def _description_flag(words: str, row: Row, digits: tuple[str, ...]) -> Flag:
    """The flag for goods of `row` that `words` name beside the declared `digits`."""
    declared = ", ".join(digits)
    tier = f", high-priority tier {row['tier']}" if row["tier"] else ""
    usual = f" (HS {row['expected_hs'].replace('|', ', ')}{tier})" if row["expected_hs"] else ""
    against = f"HS {declared} is declared" if digits else "no sound HS code is declared"
    reason = f'the text names {row["label"]}{usual} by "{words}" while {against}'
    return flag("description", reason, row, hs_code=declared, found=words)


# ==================================================================================================
# Destinations
# Takes country, name and address cells, and the goods flags of their row; gives the embargo,
# country-group and diversion flags, each with publication and date.
# Does not know listed parties, HS codes or files.

# US states whose letters are a country's too: "Los Angeles, CA" is not in Canada.
US_STATES = "AL AR AZ CA CO DE GA ID IL IN KY LA MA MD ME MN MO MS MT NC NE PA SC SD TN VA".split()
PARTS_OF_CELL = re.compile(r"[,;/()\[\]|:]|\s[-–—]\s")
# Names are compared as bags of words: "Korea (Democratic People's Republic of)" is "Dem. Peoples
# Rep. of Korea".
WRITTEN_OUT = {
    "rep": "republic", "repub": "republic", "dem": "democratic", "fed": "federation",
    "peoples": "people", "isl": "islamic", "is": "islands",
}  # fmt: skip
LITTLE_WORDS = frozenset("of the and de la du des del der da do".split())
STATE_WORDS = frozenset("republic kingdom state federation federal commonwealth".split())
NEAR_NAME = 8  # letters from which one slip is still the name: "Granada" is not Grenada
APOSTROPHE = re.compile(r"(?<=\w)['`´’‘ʼʹ](?=\w)")  # Donets'k
WAY = ("destination", "transit")
BUYERS = ("consignee", "intermediate_consignee", "end_user")  # who may send the goods on


@functools.lru_cache(maxsize=1 << 16)
def fold_words(text: str) -> str:
    """The words of `text`, folded, & and St. written out, to compare them."""
    words = re.findall(r"\w+", fold_phrase(text).replace("&", " and "))
    return " ".join("saint" if word == "st" else word for word in words)


@functools.cache
def read_rules(iso2: str) -> Sequence[Row]:
    """Rows of lists/destinations.csv for the country `iso2`."""
    rules = [row for row in read_table("destinations") if row["kind"] != "points"]
    return [row for row in rules if iso2 in row["countries"].split("|")]


def is_partner(iso2: str) -> bool:
    """Whether `iso2` has export controls on Russia of its own (EAR 746 Supp. 3)."""
    return any(row["kind"] == "partner" for row in read_rules(iso2))


def rank_country(iso2: str) -> tuple[bool, int]:
    """How strictly `iso2` is dealt with: embargoed or not, and by how many rules."""
    rules = [row for row in read_rules(iso2) if row["kind"] != "partner"]
    return not all(row["needs"] for row in rules), len(rules)


def _bag_words(text: str) -> frozenset[str]:
    """The words of a country's name, abbreviations written out."""
    words = fold_words(text).replace("people s", "people").split()
    bag = {WRITTEN_OUT.get(word, word) for word in words}
    return frozenset(bag - LITTLE_WORDS or bag)


@functools.cache
def read_country_names(*columns: str) -> Mapping[frozenset[str], str]:
    """ISO alpha-2 by the words in `columns` of lists/countries.csv, a later column first; as they
    stand: towns that stand for their state, ports by UN/LOCODE, numbers, codes, names."""
    names: dict[frozenset[str], str] = {}
    for column in columns or ("places", "ports", "number", "iso3", "iso2", "names"):
        for row in read_table("countries"):
            for name in filter(None, row[column].split("|")):
                names[_bag_words(name)] = row["iso2"]
    return names


@functools.cache
def _spell_names() -> Mapping[str, str]:
    """Long names as one text, words in alphabetic order, to find those with a slip."""
    spelt = {" ".join(sorted(bag)): iso2 for bag, iso2 in read_country_names().items()}
    return {name: iso2 for name, iso2 in spelt.items() if len(name) >= NEAR_NAME}


@functools.lru_cache(maxsize=1 << 14)
def parse_country(text: str) -> str:
    """ISO alpha-2 of the country that `text` names in any usual way, "" where that is not sure.

    Of several the embargoed one. What stands unread behind a name that states share ("Korea, …")
    makes it the stricter one where it sounds like it, else nothing is sure.

    >>> parse_country("RU - Russia"), parse_country("Korea, Demokr. Peoples Rep")
    ('RU', 'KP')
    >>> parse_country("Iran/Turkey"), parse_country("Korea, Suwon")
    ('IR', '')
    """
    if whole := _read_country(text):
        return whole
    parts = [part.strip() for part in PARTS_OF_CELL.split(text[:LONGEST_TEXT])]
    parts = [part for part in parts if part and part not in US_STATES]
    read = [_read_country(part) for part in parts]
    found = sorted({iso2 for iso2 in read if iso2}, key=rank_country)
    if len(found) != 1:
        return found[-1] if found and rank_country(found[-1])[0] else ""
    place = read.index(found[0])
    unread = [part for part, iso2 in zip(parts[place:], read[place:], strict=True) if not iso2]
    return _choose_namesake(found[0], parts[place], unread) if unread else found[0]


def _read_country(part: str) -> str:
    """The country that `part` names in any order of words, by its kind of state, twice ("IR IRAN",
    "RU-RUSSIA") or with one slip; "" for none."""
    names, bag = read_country_names(), _bag_words(part)
    if found := names.get(bag) or names.get(bag - STATE_WORDS):
        return found
    each = {names.get(frozenset([word]), "") for word in bag}
    text, spelt = " ".join(sorted(bag)), _spell_names()
    if (len(each) > 1 or each == {""}) and NEAR_NAME <= len(text) <= LONGEST_CODE:
        near = process.extract(text, spelt.keys(), scorer=OSA.distance, score_cutoff=1)
        each = {spelt[name] for name, _, _ in near}
    return each.pop() if len(each) == 1 else ""


def _choose_namesake(iso2: str, part: str, unread: Iterable[str]) -> str:
    """`iso2` named in `part`, or a stricter namesake if what is `unread` is like it."""
    kin: dict[str, set[str]] = defaultdict(set)
    for name, other in read_country_names().items():
        if _bag_words(part) < name:
            kin[other] |= {word[:4] for word in name}
    strictest = max(kin, key=rank_country, default=iso2)
    if rank_country(strictest) <= rank_country(iso2):
        return iso2
    said = {word[:4] for word in _bag_words(" ".join(unread))}
    return strictest if said & (kin[strictest] - kin[iso2]) else ""


def find_country(role: str, cells: Cells) -> str:
    """The cell with the country of party `role`; for buyers at last the destination."""
    texts = cells.get(f"{role}_country", ())
    if role in BUYERS:
        texts += cells.get("destination", ())
    return next(filter(parse_country, texts), next(filter(None, texts), ""))


def find_ways(texts: Iterable[str], instead: Iterable[str] = ()) -> tuple[str, ...]:
    """The distinct countries (ISO alpha-2) that `texts` name, else those that `instead` names.

    >>> find_ways(["Hamburg", "DE", "RU"], ["KG"]), find_ways(["Port of Poti", ""], ["Georgia"])
    (('DE', 'RU'), ('GE',))
    """
    found = tuple(dict.fromkeys(filter(None, map(parse_country, texts))))
    return found or (find_ways(instead) if instead else ())


def _find_country_flags(iso2: str, met: Set[str], start: str) -> list[Flag]:
    """One flag for each kind of rule on `iso2` whose needs are `met`."""
    name = next(r["names"].split("|")[0] for r in read_table("countries") if r["iso2"] == iso2)
    flags: list[Flag] = []
    for kind in ("destination", "diversion"):
        rows = [row for row in read_rules(iso2) if row["kind"] == kind and _meets(row, met)]
        if rows:
            why = "; ".join(dict.fromkeys(map(_say_basis, rows)))
            rule, table = (
                "; ".join(dict.fromkeys(r[key] for r in rows)) for key in ("rule", "table")
            )
            said = f"{start}{name}: {why}"
            flags.append(flag(kind, said, rule=rule, table=table, country=iso2))
    return flags


def _meets(row: Row, met: Set[str]) -> bool:
    """Whether one of the `needs` of a rule, parted by "|", is `met` in all its parts; a rule that
    needs nothing is met alone."""
    needs = [set(filter(None, one.split("+"))) for one in row["needs"].split("|")]
    return any(one <= met for one in needs) and any(needs) == bool(met)


def _say_basis(row: Row) -> str:
    """The basis of a rule with its source, date and note."""
    note = f", {row['note']}" if row["note"] else ""
    return f"{row['basis']} ({row['source']}, {row['as_of']}){note}"


@functools.lru_cache(maxsize=1 << 12)
def find_destination_flags(iso2: str, role: str = "destination") -> tuple[Flag, ...]:
    """The embargo and special-control flags of country `iso2`, which `role` of the row names.

    >>> [one.facts["rule"] for one in find_destination_flags("BY")], find_destination_flags("KG")
    (['russia_belarus_controls'], ())
    """
    start = role.replace("_", " ") + ": "
    return tuple(_find_country_flags(iso2, frozenset(), start)) if iso2 else ()


@functools.cache
def read_place_phrases() -> Phrases:
    """The phrases of lists/regions.csv, and those of embargoed states in lists/countries.csv: names
    and towns as `place`, names and adjectives as `state`."""
    rows: list[Row] = list(read_table("regions"))
    for country in read_table("countries"):
        rules = [row for row in read_rules(country["iso2"]) if row["kind"] == "destination"]
        for rule in (row for row in rules if not row["needs"]):
            said = {**rule, "code": country["iso2"], "region": country["names"].split("|")[0]}
            for what, more in (("place", "places"), ("state", "adjectives")):
                pattern = APOSTROPHE.sub("", f"{country['names']}|{country[more]}")
                rows.append({**said, "what": what, "pattern": pattern})
    return index_phrases(rows)


@functools.lru_cache(maxsize=1 << 16)
def find_region_flags(text: str, places: bool = True) -> tuple[Flag, ...]:
    """The `destination` flags of `text` for offices of embargoed states and regions and, if
    `places`, for places there: occupied regions of Ukraine (EAR 746.6 has Crimea, Donetsk,
    Luhansk) and towns of such states. A street, hotel or bar named after a place is none.

    >>> [one.facts["country"] for one in find_region_flags("г. Севастополь, ул. Ленина 5")]
    ['UA-43']
    >>> find_region_flags("Lugansk str. 5, Kyiv"), find_region_flags("Cuba Libre Bar", False)
    ((), ())
    """
    folded = APOSTROPHE.sub("", fold_phrase(text[:LONGEST_TEXT]))
    hits = find_phrases(folded, read_place_phrases())
    beside = [hit for hit in hits if hit[2]["what"] in ("other", "before", "behind", "number")]
    office = next((f' beside "{folded[a:b]}"' for a, b, row in hits if row["what"] == "office"), "")
    sought = {"place": places, "whole": places or office, "state": office}
    flags: dict[str, Flag] = {}
    for start, end, row in hits:
        if not sought.get(row["what"]) or _names_street(folded, start, end, beside):
            continue
        note = f"; {row['note']}" if row["note"] else ""
        said = f'"{folded[start:end]}" stands{office} in "{text}": {row["region"]}, {row["basis"]}'
        facts = {"rule": row["rule"], "country": row["code"], "table": "embargoed places"}
        flags.setdefault(row["code"], flag("destination", said + note, row, **facts))
    return tuple(flags.values())


def _names_street(text: str, start: int, end: int, hits: Iterable[PhraseHit]) -> bool:
    """Whether the place at `start` to `end` of `text` is another town, or names a street or house
    by what stands right beside it."""
    for a, b, row in hits:
        before = b <= start and not text[b:start].strip(" .'")
        behind = end <= a and not text[end:a].strip(" .-")
        numbered = re.match(r"[ ,.]*\d" if before else r"[ .]*(?:[\d,;]|$)", text[max(b, end) :])
        match row["what"]:
            case "other" if a < end and start < b:
                return True
            case "before" if before:
                return True
            case "behind" if behind:
                return True
            case "number" if numbered and (before or behind):  # not "Yalta, str. Kirova"
                return True
    return False


def screen_places(role: str, text: str) -> tuple[Flag, ...]:
    """What one cell says of the way: the embargo on the country it names, on places and offices in
    it, and `unscreened` for a destination that names no country and for what was not read."""
    if role in PARTY_ROLES or role.endswith("_address"):
        country, flags = "", find_region_flags(text, role not in PARTY_ROLES)
    else:
        country = parse_country(text)
        flags = (*find_destination_flags(country, role), *find_region_flags(text))
    unread = ""
    if len(text) > LONGEST_TEXT:
        unread = f"the {role} cell is longer than {LONGEST_TEXT:,} characters, its end was not read"
    elif role == "destination" and text.strip() and not country:
        unread = f'destination "{text}" names no one country: its rules were not run'
    return (*flags, *([flag("unscreened", unread, role=role, found=text)] if unread else ()))


def screen_way(cells: Cells, goods: Iterable[Flag]) -> tuple[Flag, ...]:
    """The `destination` and `diversion` flags of what travels in the company of the `goods` flags:
    country groups, transshipment points and red flags."""
    listed = [one.facts for one in goods if one.kind == "goods"]
    tier = min((facts["tier"] for facts in listed if facts["tier"]), default="")
    seats = [text for role in BUYERS for text in cells.get(f"{role}_country", ())]
    ways = find_ways([*cells.get("destination", ()), *seats])
    said = {  # what `needs` of a rule may name, beside the goods tables
        "goods": listed, "tier": tier, "third": not ways or not all(map(is_partner, ways)),
        "intermediate": any(map(str.strip, cells.get("intermediate_consignee", ()))),
    }  # fmt: skip
    company = {facts["table"] for facts in listed} | {word for word, true in said.items() if true}
    groups = [_find_country_flags(way, company, "with such goods, ") for way in ways]
    return (*chain.from_iterable(groups), *_find_signs(cells, company)) if listed else ()


def _find_signs(cells: Cells, company: Set[str]) -> Iterator[Flag]:
    """The red flags that `cells` show where what they need is in `company`."""
    goals = find_ways(cells.get("destination", ()))
    for row in read_table("red_flags"):
        if _meets(row, company) and (shown := _show_sign(row, cells, goals)):
            reason = f"{row['sign']}: {shown} ({row['publication']}, {row['as_of']})"
            where = next(iter(goals), "")
            yield flag("diversion", reason, rule=row["id"], country=where, table="red flags")


@functools.lru_cache(maxsize=1 << 16)
def _find_sign_words(text: str) -> frozenset[str]:
    """The red flags, by id, whose words stand in `text`."""
    found = find_phrases(fold_phrase(text), read_phrases("red_flags"))
    return frozenset(row["id"] for _, _, row in found)


def _show_sign(row: Row, cells: Cells, goals: Sequence[str]) -> str:
    """What `cells` show of the red flag `row`, "" for nothing."""
    for role in row["applies_to"].split("|"):
        filled = [text for text in cells.get(role, ()) if text.strip()]
        if row["test"] == "blank" and role in cells and not filled:
            return f"{role} is blank"
        for text in filled:
            if row["test"] == "words" and row["id"] in _find_sign_words(text):
                return f'{role} "{text}"'
            country = parse_country(text)
            told = country in row["countries"].split("|") or (row["test"] == "elsewhere" and goals)
            if row["test"] != "words" and country and told and country not in goals:
                return f"{role} is {country}, the goods go to {' and '.join(goals)}"
    return ""


# ==================================================================================================
# Files: bytes of a file, packed or not, a workbook or text in any encoding -> complete lines.
# Takes a path, `-` or bytes; memory follows the block read. Knows nothing of headers or rows.

BLOCK = 1 << 18  # bytes read at once, and looked at for encoding and header
PACK_RATIO = 200  # bytes unpacked from one packed; CSV gives 3-30, bombs 1,000
PAUSE = 0.2  # seconds without input after which the rows read so far are handed on
LINE_CHARS = 1 << 20  # of one line; beyond is a dump or an attack, and is cut and reported
ENDLESS = 1 << 28  # bytes without a line end at which nobody waits for one: /dev/zero
HEADER_LINES = 50  # lines in which the header must stand: reports open with a title and filters
CUT = "\uffff"  # a noncharacter, so free to mark where a line was cut
MARKS = ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# Encodings that go over to other letters and back in plain bytes.
SHIFTED = {
    "iso2022_jp": rb"\x1b\$[@B](?:[!-~]{2})+\x1b\([BJ]",
    "iso2022_kr": rb"\x1b\$\)C[^\x0e]*\x0e(?:[!-~]{2})+\x0f",
    "hz": rb"~\{(?:[!-w][!-~])+~\}",
}
SURE_BYTES = 200  # above ASCII, from which on an encoding found by letters stays
SAMPLE_BYTES = 6_000  # of lines that are not ASCII: enough to tell an encoding
MARGIN = 4.0  # bits by which the best encoding must be ahead, else its letters do not tell it
SIGNS = frozenset("“”„‘’‚«»‹›–—…•·°ºª²³½¼¾×±§©®™€£¥№´¿¡\xa0，。、：；（）《》「」【】・　")
BLANK_FORMULA = rb"(?:</f>|<f[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>|</c>)"
CAUSES: Mapping[type[BaseException], str] = {
    FileNotFoundError: "there is no such file: check its name and folder",
    IsADirectoryError: "this is a folder: give the files in it",
    PermissionError: "you may not read it: ask for the right to, or for a copy",
}
RankHeader = Callable[[Sequence[str]], float]  # how surely the cells of a line are a header; 0: not


class WorkbookError(ValueError):
    """A workbook is no text: its sheets are read one by one."""


def load_openpyxl(cure: str) -> Any:
    """The package for workbooks, which need not be installed; `cure` says what to do without."""
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError as err:
        fault = "a workbook needs the package openpyxl: pip install openpyxl"
        raise ScreenError(f"{fault}, {cure}.") from err
    return openpyxl


def name_source(source: str) -> str:
    """How `source` is called in talk."""
    return "standard input" if source == "-" else source


def open_packed(stream: Any) -> Any:
    """The bytes in `stream`, a gz or zip archive's unpacked as they are read, never onto disk."""
    start = stream.peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(stream)
    if start != b"PK\3\4":
        return stream
    if not stream.seekable():
        raise ValueError("a zip archive or workbook in a pipe: give the file itself")
    archive = zipfile.ZipFile(stream)
    members = [m for m in archive.namelist() if not re.search(r"/$|__MACOSX/|(^|/)\.[^/]*$", m)]
    if "xl/workbook.xml" in members:
        raise WorkbookError("an Excel workbook: save it as CSV UTF-8")
    if {"[Content_Types].xml", "content.xml"} & set(members):
        raise ValueError("an office document other than .xlsx: save it as CSV UTF-8")
    if len(members) != 1:
        some = ", ".join(map(repr, members[:5]))
        raise ValueError(f"{len(members)} files in the archive, one expected: {some}")
    return archive.open(members[0])


def _read_blocks(
    source: str, raw: bytes | None, rank: RankHeader, notes: list[str]
) -> Generator[bytes]:
    """Bytes of `source` as they come; b"" when a pipe has had nothing for PAUSE seconds."""
    size = waiting = 0
    try:
        with _open_source(source, raw) as file:
            whole = os.path.getsize(source) if os.path.isfile(source) and raw is None else 0
            stream: Any = file if hasattr(file, "peek") else io.BufferedReader(file)
            try:
                unpacked = open_packed(stream)
            except WorkbookError:
                yield from _read_workbook(stream, rank, notes)
                return
            while True:
                if unpacked is stream and _is_quiet(file):
                    yield b""
                if not (block := unpacked.read1(BLOCK)):
                    break
                size += len(block)
                waiting = 0 if b"\n" in block or b"\r" in block else waiting + len(block)
                if unpacked is not stream and size > PACK_RATIO * max(whole or size, BLOCK):
                    raise ValueError(f"{PACK_RATIO} times its size unpacked: unpack it yourself")
                if waiting > ENDLESS:
                    raise ValueError("no line end comes any more")
                yield block
            if unpacked is stream and size < whole:
                raise ValueError(f"it had {whole:,} when it was opened: it was cut meanwhile")
    except UNREAD as err:
        said = f"cannot be opened ({err}): give a readable CSV file"
        why = CAUSES.get(type(err), str(err) if type(err) is ValueError else said)
        broken = f"reading broke off after {size:,} bytes ({err}): give the whole file"
        raise ScreenError(f"{name_source(source)}: {broken if size else why}.") from err


def _open_source(source: str, raw: bytes | None) -> Any:
    """The open file `source`, or `raw` as if it were one."""
    if re.match(r"~\$|\.~lock\.", os.path.basename(source)):
        raise ValueError("this is the lock of an open office document: give the document itself")
    if raw is not None:
        return io.BytesIO(raw)
    if source != "-":
        return open(source, "rb")
    if sys.stdin is None:
        raise ValueError("it is closed: give a file")
    return nullcontext(sys.stdin.buffer)


def _is_quiet(raw: Any) -> bool:
    """Whether nothing comes from `raw` for PAUSE seconds; False where it cannot be waited for."""
    try:
        return not select.select([raw], [], [], PAUSE)[0]
    except (OSError, ValueError):  # Windows, a stream without a descriptor
        return False


def _read_workbook(stream: Any, rank: RankHeader, notes: list[str]) -> Iterator[bytes]:
    """The sheets of a workbook as CSV in UTF-8: those whose header ranks well, one by one.

    `notes` says which sheets were not read. A later sheet's header is left out if it is the same.
    """
    openpyxl = load_openpyxl("or save it as CSV UTF-8")
    _check_workbook(stream)
    book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
    heads = {sheet: list(islice(_read_sheet(sheet), HEADER_LINES)) for sheet in book.worksheets}
    filled = {sheet: max(head, key=rank) for sheet, head in heads.items() if any(head)}
    best = max(map(rank, filled.values()), default=0.0)
    read = [s for s, header in filled.items() if best and 2 * rank(header) >= best]
    read = read or list(filled)[:1]
    for sheet in read:
        header = filled[sheet]
        same = sheet is not read[0] and header == filled[read[0]]
        rows = islice(_read_sheet(sheet), heads[sheet].index(header) + 1 if same else 0, None)
        while batch := list(islice(rows, 1_000)):
            text = io.StringIO(newline="")
            padded = (row + [""] * (len(header) - len(row)) if row else row for row in batch)
            csv.writer(text, lineterminator="\n").writerows(padded)
            yield text.getvalue().encode()
    names = {s.title: s in read for s in filled}
    if left := [repr(name) for name, known in names.items() if not known]:
        notes.append(f"sheets not read, no such header in them: {', '.join(left)}")
    if len(read) > 1:
        several = ", ".join(repr(name) for name, known in names.items() if known)
        notes.append(f"{len(read)} sheets read one after the other: {several}")


def _check_workbook(stream: Any) -> None:
    """Raises ValueError for a workbook that unpacks without end, or has formulas not worked out:
    other programs than Excel write them, and their cells would be blank."""
    with zipfile.ZipFile(stream) as archive:
        packed = sum(info.compress_size for info in archive.infolist())
        if sum(info.file_size for info in archive.infolist()) > PACK_RATIO * max(packed, BLOCK):
            raise ValueError(f"{PACK_RATIO} times its size unpacked: save it as CSV UTF-8")
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        if any(re.search(BLANK_FORMULA, archive.read(name)) for name in sheets):
            raise ValueError("its formulas have no values: open and save it in Excel")
    stream.seek(0)


def _read_sheet(sheet: Any) -> Iterator[list[str]]:
    """The rows of a sheet as texts, without the blank cells at their ends."""
    sheet.reset_dimensions()  # what a file says of its size may be wrong, and cut it
    for row in sheet.iter_rows():
        texts = [show_cell(cell.value, cell.number_format) for cell in row]
        while texts and not texts[-1]:
            texts.pop()
        yield texts


def show_cell(value: Any, style: str) -> str:
    """The text of a workbook's cell as its sheet shows it; a day is an ISO date.

    >>> show_cell(84821010.0, "General"), show_cell(1012100, "00000000"), show_cell(True, "General")
    ('84821010', '01012100', 'TRUE')
    """
    if isinstance(value, datetime) and value.time() == datetime.min.time():
        return str(value.date())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).upper() if isinstance(value, bool) else str(value or "")
    plain = re.sub(r'\\.|"[^"]*"|_.', "", style.split(";")[0])
    if shape := re.fullmatch(r"(0+)(\.?)(0*)", plain):
        return f"{value:.{len(shape[3])}f}".zfill(len(plain))
    return str(int(value)) if value == int(value) else f"{value:.15g}"


def find_encodings(head: bytes) -> list[str]:
    """The encoding of a file that begins with `head`, then those that may be it as well.

    By its mark, its NULs, as UTF-8, by shifts to other letters and back; else that in which its
    letters are likeliest: each costs bits, the fewer the more usual it is (lists/letters.csv).

    >>> find_encodings("Müller".encode("cp1252")), find_encodings("Łódź".encode("cp1250"))
    (['cp1252'], ['cp1250'])
    >>> find_encodings("收货人：东方贸易".encode("gbk"))
    ['gb18030']
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return [name]
    pairs = len(head) // 2 or 1
    upper, lower = head[::2].count(0) / pairs, head[1::2].count(0) / pairs
    if max(upper, lower) > 0.2 and min(upper, lower) < 0.02:
        return ["utf-16-be" if upper > lower else "utf-16-le"]
    if shifted := [name for name, shift in SHIFTED.items() if re.search(shift, head)]:
        return shifted
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head)
    odd = len(re.findall(r"[\udc80-\udcff]", text))
    wide = len(re.findall(r"[^\0-\x7f]", text)) - odd
    if odd <= 3 + wide // 2 and (wide or not odd):  # some Latin bytes among UTF-8 are damage
        return ["utf-8"]
    lines = [line for line in dict.fromkeys(head.split(b"\n")) if not line.isascii()]
    sample, texts, bits = b"\n".join(lines)[:SAMPLE_BYTES], {}, {}
    for row in read_table("encodings"):
        name = row["encoding"]
        texts[name] = codecs.getincrementaldecoder(name)("replace").decode(sample)
        bits[name] = float(row["bits"]) + _count_bits(texts[name], row)
    best = min(bits, key=bits.__getitem__)
    letters = {name: re.sub(r"\W", "", text) for name, text in texts.items()}
    near = [name for name in bits if bits[name] < bits[best] + MARGIN]
    return [best, *(name for name in near if letters[name] != letters[best])]


@functools.cache
def _read_letters(languages: str) -> list[dict[str, float]]:
    """The bits that each usual letter costs, for each of the `languages` of an encoding."""
    costs = []
    for row in read_table("letters"):
        if row["language"] in languages.split("|"):
            ranked = [(row["letters"].upper(), row["letters"].lower(), row["letters"])]
            letters = [pair for forms in ranked for form in forms for pair in enumerate(form)]
            costs.append({c: float(row["bits"]) + math.log2(n + 3) for n, c in letters})
    return costs


def _count_bits(text: str, encoding: Row) -> float:
    """What `text` costs if it was written in `encoding`, each line in one language.

    An ASCII character costs four bits: two bytes may be one letter or two.
    """
    languages = _read_letters(encoding["languages"])
    usual = re.compile(encoding["usual_bytes"].encode("latin-1") or b"(?!)")
    others = {}  # what a letter costs in a line of another language
    for char in set(re.findall(r"[^\0-\x7f]", text)):
        if char in SIGNS:
            unknown = 5.0 if char == "’" else 8.0
        elif ord(char) > 0x2E80 and char != "\ufffd":
            unknown = 12.5 if usual.fullmatch(char.encode(encoding["encoding"])) else 17.0
        else:
            unknown = 14.0 if char.isalpha() else 20.0
        others[char] = min(unknown, 3 + min(bits.get(char, 99.0) for bits in languages))
    total = 4.0 * len(re.findall(r"[\0-\x7f]", text))
    for line in text.split("\n"):
        odd = [char for char in line if char > "\x7f"]
        total += min(sum(min(b.get(c, 99.0), others[c]) for c in odd) for b in languages)
    return total + sum(map(_count_odd, re.findall(r"(?s)(?=(.[^\0-\x7f].))", f" {text} ")))


@functools.lru_cache(1 << 14)
def _count_odd(three: str) -> float:
    """The bits that the middle letter of `three` costs for standing between the others."""
    left, char, right = tuple(three)
    near = left + right
    if not char.isalpha():
        return 6.0 if near.isalpha() and char not in "’·…–" else 0.0
    odd = 6.0 * ((left.islower() and char.isupper()) + (char.islower() and right.isupper()))
    odd += 8.0 * near.isdigit()
    if ord(char) >= 0x370:  # no Latin letter, or Latin ones look odd beside it
        odd += 6.0 * sum(c.isascii() and c.isalpha() for c in near)
        odd += 4.0 * (ord(char) < 0x2E80 and not left.isalpha() and not right.isalpha())
    return odd


def _read_lines(
    blocks: Iterable[bytes], encodings: list[str], rivals: list[str], given: bool
) -> Iterator[tuple[str, bool]]:
    """Text of complete lines, and whether it is the last, whose line end may be missing.

    "" stands for a pause. What LINE_CHARS leaves of a long line ends in CUT, as its last piece may.
    Unless `given`, the encoding is looked at again until enough bytes above ASCII have come; if
    they tell another one, it is read from there on, and `encodings` gains it.
    """
    decoder, held = codecs.getincrementaldecoder(encodings[-1])("replace"), ""
    odd, sure = b"", given
    for block in blocks:
        if not sure and not (block.isascii() and b"\x1b" not in block):
            lines = block[:BLOCK].split(b"\n")
            odd += b"\n".join(n for n in lines if not n.isascii() or b"\x1b" in n) + b"\n"
            sure = len(odd) >= BLOCK or len(re.findall(rb"[\x80-\xff]", odd)) >= SURE_BYTES
            now, *rivals[:] = find_encodings(b"\n" + odd)  # a mark tells at the file's start alone
            if now != encodings[-1]:
                encodings.append(now)
                decoder = codecs.getincrementaldecoder(now)("replace")
        try:
            text = held + decoder.decode(block)
        except UnicodeError as err:  # UTF-16 without its mark
            fault = f"the file is no text in it ({err}), give another or none"
            raise ScreenError(f"--encoding: {encodings[-1]!r}: {fault}.") from err
        end = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1  # a last \r may belong to \r\n
        held = text[end:] if len(text) - end <= LINE_CHARS else text[end:][:LINE_CHARS] + CUT
        if end or not block:
            yield text[:end], False
    yield held + decoder.decode(b"", True), True


# ==================================================================================================
# Tables: lines of text -> the header, and rows exactly as wide as it, in chunks, with what is
# damaged in words. Every non-blank record is one row; whoever asks decides what damage means.
# Memory follows the chunk. Knows no role and no list.

COLUMNS = 300  # customs-data exports have up to 150; padding short rows must not fill the memory
DELIMITERS = ",;\t|"
RECORD_LINES = 100  # lines a quoted cell may run over: addresses take 10, a stray quote thousands
CHUNK_CELLS = 3_000_000  # at most, so that files of 300 columns take no more memory than others
REMOVED = {0: None, ord(CUT): None}
BLANK = codecs.BOM_UTF8 + b" \t\r\n"
FAULTS = {
    "\0": "NUL bytes, removed",
    CUT: f"a line longer than {LINE_CHARS:,} characters, the rest of it not read",
    "\ufffd": "characters that cannot be read (U+FFFD)",
    "\x85": "a line end in a cell (U+0085) that may part two rows",
    "\u2028": "a line end in a cell (U+2028) that may part two rows",
}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How the user says a file is to be read; None means: find out."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # role -> headers
    delimiter: str | None = None
    encoding: str | None = None
    chunk_rows: int = 50_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows in file order; `damage` says in words what is wrong with a row, by its index."""

    first_row: int  # data row number of rows[0]; the file's first is 1
    rows: list[list[str]]  # each as wide as the header
    lines: list[int]  # physical line on which each row starts, 1-based, preamble counted
    damage: dict[int, str]  # 4 -> "line 7: 3 cells where the header has 5"
    # 4 -> the row as meant: a blank follow-up line filled from the line above. Of shipments alone.
    meant: dict[int, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of text being read: its layout as found, and its rows in `chunks`, once."""

    name: str  # "shipments.csv", "standard input"
    headers: tuple[str, ...]  # as in the file, empty and duplicate ones too; () where none was seen
    delimiter: str
    header_line: int  # 1-based
    preamble: tuple[str, ...]  # lines above the header
    encodings: Sequence[str]  # as found; gains one where later letters tell another
    notes: Sequence[str]  # what the user must hear: sheets not read, letters that do not tell
    chunks: Iterator[Chunk]

    @property
    def encoding(self) -> str:
        """The encoding that rows are read in now."""
        return self.encodings[-1]

    def read(self) -> Chunk:
        """All rows at once."""
        whole = Chunk(1, [], [], {})
        for chunk in self.chunks:
            start = len(whole.rows)
            whole.damage.update((start + n, words) for n, words in chunk.damage.items())
            whole.rows.extend(chunk.rows)
            whole.lines.extend(chunk.lines)
        return whole


class _Header(NamedTuple):
    """Lines that may be the header."""

    start: int  # lines above it
    span: int  # lines it takes, more than 1 when a quoted header holds a line break
    cells: Sequence[str]
    delimiter: str
    rank: float


def _parse_record(
    lines: Sequence[str], mark: str, width: int = 0
) -> tuple[list[str], int, str, int]:
    """Cells of the first record in `lines`, the lines it takes, what is wrong with it, and the
    lines that its quotes reach over.

    One that is damaged, or spans lines and has not `width` cells, is its first line alone: quotes
    obeyed, unless ignoring them gives `width` cells.
    """
    reader = csv.reader(lines, delimiter=mark, strict=True)
    try:
        cells, fault = next(reader, []), ""
    except csv.Error as err:
        cells, fault = [], str(err)
    if not fault and (reader.line_num < 2 or len(cells) == width or not width):
        return cells, reader.line_num, "", reader.line_num
    line = lines[0].rstrip("\r\n")
    plain = line.split(mark)
    if len(plain) != width and len(line) <= csv.field_size_limit():
        plain = next(csv.reader([line], delimiter=mark), [""])
    return plain, 1, fault or "not as wide as the header", 1 if fault else reader.line_num


def _count_filled(cells: Sequence[str]) -> int:
    """How many of `cells` are not blank."""
    return sum(bool(cell.strip()) for cell in cells)


def _find_header(lines: Sequence[str], delimiter: str | None, rank: RankHeader) -> _Header:
    """The likeliest header in `lines`: the first that ranks half as high as the best.

    Not simply the best: a row of made-up header words, or the header of a second and wider table,
    would hide all rows above it. If none ranks, the first line with the most cells, of rank 0.
    """
    found = []
    for mark in delimiter or DELIMITERS:
        for start in range(len(lines) or 1):
            cells, span, *_ = _parse_record(lines[start : start + 10], mark)
            ranked = rank(cells) if len(cells) <= COLUMNS else 0.0
            found.append(_Header(start, span, cells, mark, ranked))
    best = max(header.rank for header in found)
    if not best:
        return max(found, key=lambda header: (len(header.cells), -header.start))

    def heads_rows(header: _Header) -> bool:
        """Whether more than half of its cells are known headers."""
        return 2 * header.rank > _count_filled(header.cells) > 2

    good = [h for h in found if h.rank and (2 * h.rank >= best or heads_rows(h))]
    first = max(good, key=lambda header: (-header.start, header.rank))
    # "Consignee,Consignee,Goods" may stand above "Name,Country,HS code": headings of groups.
    next_line = first.start + first.span, first.delimiter
    below = next((h for h in found if (h.start, h.delimiter) == next_line), first)
    return below if below.rank > first.rank else first


def _check_table(name: str, head: bytes, header: _Header) -> None:
    """Raises ScreenError for what is no table of text: a document, an archive, a web page."""
    start = head.lstrip(BLANK)
    if not start or not header.cells:
        raise ScreenError(f"{name}: the file is empty, a header line expected.")
    noise = len(re.findall(rb"[\1-\x08\x0e-\x1f\x7f]", head)) > 0.02 * len(head)
    begins = start[:16].hex()
    signs = read_table("foreign_files")
    foreign = (sign["what"] for sign in signs if begins.startswith(sign["begins_hex"]))
    if what := next(foreign, "binary data" if noise and not header.rank else ""):
        raise ScreenError(f"{name}: this is {what}, not CSV: save it as CSV UTF-8 and give that.")
    if len(header.cells) > COLUMNS:
        where = f"{name}, line {header.start + 1}"
        raise ScreenError(f"{where}: {len(header.cells):,} columns, at most {COLUMNS} expected.")


def _check_options(options: ReadOptions) -> None:
    """Raises ScreenError for a delimiter or encoding that does not exist."""
    mark = options.delimiter
    if mark is not None and (len(mark) != 1 or mark in '"\r\n\0'):
        raise ScreenError(f"--delimiter: {mark!r} found, one character expected: , ; | or a tab.")
    try:
        probe = b"\xff\xfea,\xff +2AA- \\ud800\n"  # some escape what no text may hold
        str(probe, options.encoding or "utf-8", "replace").encode()
    except (LookupError, ValueError) as err:
        text = f"--encoding: {options.encoding!r} is no text encoding: give one such as cp1252."
        raise ScreenError(text) from err


class _RowReader:
    """The chunk being filled, and the text of a record whose quote is still open.

    Text comes in blocks of complete lines. A sound block (as many records as lines, all as wide as
    the header) is taken whole; any other goes record by record, and the open end of a quoted one is
    held back until the next block comes.
    """

    def __init__(self, header: _Header, encodings: Sequence[str], rivals: Sequence[str]) -> None:
        self.delimiter, self.width = header.delimiter, len(header.cells)
        self.line, self.open_text = 1, ""
        self.encodings, self.rivals = encodings, rivals
        self.doubt = 0  # the line up to which a torn record may reach
        self.chunk = Chunk(1, [], [], {})

    def read_chunks(self, texts: Iterable[tuple[str, bool]], enough: int) -> Iterator[Chunk]:
        """Chunks of at least `enough` rows, smaller ones at the end or when the input pauses."""
        for text, last in texts:
            self.add(self.open_text + text, last)
            count = len(self.chunk.rows)
            if count >= enough or (count and (last or not text)):
                yield self.chunk
                self.chunk = Chunk(self.chunk.first_row + count, [], [], {})

    def add(self, text: str, last: bool) -> None:
        """Adds the rows of `text`: at once if each line is a whole row and every byte is sound."""
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter, strict=True)
        torn = self.line < self.doubt or any(mark in text for mark in FAULTS)
        torn = torn or (bool(self.rivals) and not text.isascii())
        try:
            rows = [] if torn else list(reader)
        except csv.Error:
            rows = []
        if text and (len(rows) != reader.line_num or {*map(len, rows)} != {self.width}):
            return self._add_torn(text, last)
        self.chunk.rows.extend(rows)
        self.chunk.lines.extend(range(self.line, self.line + len(rows)))
        self.line, self.open_text = self.line + len(rows), ""

    def _add_torn(self, text: str, last: bool) -> None:
        """Adds the rows of `text` record by record, as many as are known to have ended.

        A record that spans lines and does not fit is damage on its first line alone, and reading
        resumes on the next: one stray quote must not swallow the file.
        """
        torn = list(io.StringIO(text, newline=""))
        lines, at = [line.translate(REMOVED) for line in torn], 0
        while at < len(lines):
            if torn[at] in ("\n", "\r\n", "\r"):
                at, self.line = at + 1, self.line + 1
                continue
            for count in (1, RECORD_LINES):  # most records are one line
                near = lines[at : at + count]
                cells, span, fault, reach = _parse_record(near, self.delimiter, self.width)
                if not fault.startswith("unexpected end"):
                    break
            if fault.startswith("unexpected end") and at + len(near) == len(lines) and not last:
                break
            source = "".join(torn[at : at + span])
            faults = self._find_faults(source, bool(fault))
            self.doubt = max(self.doubt, self.line + reach)
            full = [n for n in near[:span] if n.count(self.delimiter) >= max(1, self.width - 1)]
            if len(full) > 1:
                faults.append(f"quotes that may join {span} rows")
            if source.strip("\r\n" if self.width == 1 else " \r\n"):
                self.add_row(cells, faults)
            at, self.line = at + span, self.line + span
        self.open_text = "".join(torn[at:])

    def _find_faults(self, source: str, torn: bool) -> list[str]:
        """What is wrong with the text `source` of a record, in words."""
        faults = [words for mark, words in FAULTS.items() if mark in source]
        for rival in self.rivals:
            read = source.encode(self.encodings[-1], "replace").decode(rival, "replace")
            if re.sub(r"\W", "", read) != re.sub(r"\W", "", source):
                faults.append(f"letters that may be {rival} as well: give --encoding")
        if torn or (self.line < self.doubt and source.count('"') % 2):
            faults.append("quotes out of place, or a cell over 131,072 characters")
        return faults

    def add_row(self, cells: list[str], faults: list[str]) -> None:
        """Adds one row of `cells`, made as wide as the header; a surplus is kept in the words."""
        surplus, missing = cells[self.width :], self.width - len(cells)
        self.chunk.rows.append(cells[: self.width] + [""] * missing)
        self.chunk.lines.append(self.line)
        counts = f"{len(cells)} cells where the header has {self.width}"
        if any(map(str.strip, surplus)):  # blank cells beyond the end are no damage
            faults.append(f"{counts}: the surplus is {', '.join(map(repr, surplus))}")
        elif missing > 0:
            faults.append(counts)
        if faults:
            words = f"line {self.line}: {'; '.join(faults)}"
            self.chunk.damage[len(self.chunk.rows) - 1] = words

    def add_above(self, lines: Sequence[str], header: _Header, rank: RankHeader) -> tuple[str, ...]:
        """Adds the `lines` above the header that look like rows, so that none is lost; the rest."""
        rest, most = [], 2 * _count_filled(header.cells)
        for line in lines:
            cells = _parse_record([line], self.delimiter)[0]
            wide = len(cells) >= self.width and 4 * _count_filled(cells) > most > 2
            if wide and rank(cells) < 1:
                self.add_row(cells, ["above the header line, which may not be its own"])
            else:
                rest.append(line.rstrip("\r\n"))
            self.line += 1
        return tuple(rest)


@contextmanager
def open_table(
    source: str, options: ReadOptions, rank_header: RankHeader, raw: bytes | None = None
) -> Iterator[Table]:
    """The table at path `source` (`-`: standard input; or `raw`, its bytes), open for one reading.

    Its header is the likeliest line by `rank_header`; () if none ranks, and then its first line is
    a row. Raises ScreenError for what is no table of text, and while chunks are read, for a file
    that breaks off: never after a silent half.
    """
    name, notes = name_source(source), list[str]()
    _check_options(options)
    with closing(_read_blocks(source, raw, rank_header, notes)) as blocks:
        head, text = b"", ""
        for block in blocks:
            head += block
            if len(head) >= BLOCK or (head.lstrip(BLANK) and not block):
                break
        found = [options.encoding] if options.encoding else find_encodings(head)
        encodings, rivals = found[:1], found[1:]
        sure = options.encoding is not None or encodings[0].startswith("utf-16")
        begun_with = chain([head, b""], blocks)  # the pause after `head` has been used up
        texts = _read_lines(begun_with, encodings, rivals, sure)
        for more, last in texts:  # in a stream the header may come after a pause
            text += more
            lines = list(io.StringIO(text.removeprefix("\ufeff"), newline=""))
            begin = [line.translate(REMOVED) for line in lines[:HEADER_LINES]]
            header = _find_header(begin, options.delimiter, rank_header)
            if last or len(text) >= BLOCK or header.rank >= 1:
                break
        _check_table(name, head, header)
        reader = _RowReader(header, encodings, rivals)
        start = header.start + header.span if header.rank else 0
        above = lines[: header.start] if header.rank else []
        preamble = reader.add_above(above, header, rank_header)
        reader.line = start + 1
        begun = [("".join(lines[start:]), last), ("", last)]  # rows read so far must not wait
        enough = min(options.chunk_rows, CHUNK_CELLS // len(header.cells))
        chunks = reader.read_chunks(chain(begun, texts), enough)
        cells = tuple(header.cells) if header.rank else ()
        where = header.start + 1
        yield Table(name, cells, header.delimiter, where, preamble, encodings, notes, chunks)


# ==================================================================================================
# Lists: files of listed parties -> entries. Which list a file is stands in list_layouts.csv, what
# stands where in it in list_fields.csv (class Rule explains a row): a new format is rows of both.
# Knows nothing of what a whole list holds, of folders or of matching.
LARGEST_LIST = 256 * 2**20  # bytes, unpacked; the largest official file known has 126 MB
HEAD = 30_000  # characters, in which a file shows what it is
REMARK_CUT = 1000  # characters, where OFAC cuts even a word; the comments file goes on from there
CSL_NUMBER = re.compile(r"(?!\d{4}-\d\d-\d\d$).*\d")  # of a passport, but not its dates
SHIP_NUMBER = re.compile(r"(?:.*\W)?IMO\W*(\d{7})(?:\D.*)?", re.I | re.S)
# What OFAC calls a number; gender, birth and notes on sanctions stand among them.
LABELS = (
    r"(?!DOB|POB|Gender|Secondary|Linked|Additional|Transactions|national|citizen)"
    r"(?:[^\d;,:]*(?:No\.?|Number|\bID|#|\(USCC\)|\(MSN\)|Address - [A-Z]+|Identification)"
    r"|ISIN|MMSI|SWIFT/BIC|C\.U\.R\.P\.|R\.F\.C\.|Passport)"
)
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%b-%Y")  # of publication: EU XML and UN, EU CSV, UK
NO_BIDI = dict.fromkeys(BIDI)  # OFAC wraps Arabic names in them
TYPES = ("vessel", "aircraft", "individual", "entity")  # a ship is an entity to the EU
NAME_KINDS = ("primary", "alias", "former", "weak")
DATES = ("listed_on", "expires_on")
ONE_TEXT = ("entry_id", "code", "citation", "url", *DATES)
Node = ElementTree.Element  # a record, or a row whose columns are attributes
Draft = dict[str, list[str]]  # field of list_fields.csv -> an entry's texts as read, in order


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file as read and recognised; `fault` says why it is no whole list, "" when it is."""

    path: Path
    raw: bytes = b""
    layout: Row = field(default_factory=lambda: defaultdict(str))  # of list_layouts.csv
    drafts: Mapping[str, Draft] = field(default_factory=dict)  # by key, else by number
    published: str = ""  # as it stands there
    unread: Sequence[str] = ()  # columns that no rule reads
    fault: str = ""


class Rule(NamedTuple):
    """Where a field of an entry stands: a row of list_fields.csv, in the one language of layouts.

    `at` is the way to the elements that are read one by one, "akaList/aka"; empty: the row of a
    table or the record itself. `take` names columns, elements or attributes there; several are
    joined by a blank, "Name 1 + Name 2", or by a comma, "city , country"; "=entity" is the word
    itself, "program_ids?" a column that may be missing, "#" the record's own tag. `pattern` cuts
    the text where it matches; with a group in it, the texts are what the group finds. `when` lets
    the rule hold where texts begin like that: "Alias strength=low & Name type=(?!primary)".
    Rows of one `key` are one entry; `labelled` are identifiers among other things; rules `at`
    "entry" read a field of the finished entry.
    """

    field: str
    at: str
    take: tuple[str, ...]
    glue: str  # "" for one column
    pattern: re.Pattern[str] | None
    when: tuple[tuple[str, re.Pattern[str]], ...]
    optional: bool

    def is_plain(self) -> bool:
        """Whether it reads one column and nothing else, as most rules of tables do."""
        return not (self.when or self.glue) and self.take[0][0] != "="

    def read(self, node: Node) -> list[str]:
        """The texts of this field in a row or record."""
        texts: list[str] = []
        for place in node.iterfind(self.at) if self.at else (node,):
            if all(test.match("".join(_find_texts(place, way))) for way, test in self.when):
                found = [text for way in self.take for text in _find_texts(place, way)]
                joined = [self.glue.join(map(str.strip, found))] if self.glue and found else found
                texts += joined
        return self.cut(texts)

    def cut(self, texts: list[str]) -> list[str]:
        """What the pattern makes of `texts`."""
        if self.pattern is None:
            return texts
        if self.pattern.pattern == "csv":  # OpenSanctions: a CSV line in a cell
            lines = (csv.reader(io.StringIO(t, newline=""), delimiter=";") for t in texts)
            return [cell for line in lines for row in line for cell in row]
        part = self.pattern.findall if self.pattern.groups else self.pattern.split
        return [piece for text in texts for piece in part(text)]


def _find_texts(place: Node, way: str) -> list[str]:
    """The filled texts of a column, attribute or of elements; OFAC's null is `-0- `."""
    if way[0] in "=#":
        return [way[1:] or place.tag]
    column = place.get(way)
    below = place.iterfind(way) if column is None and len(place) else ()
    found = (column, *(one.text for one in below))
    return [text for text in found if text and text.strip() not in ("", "-0-")]


@functools.cache
def _fold_column(header: str) -> str:
    """A column's name without case, underscores and line breaks (METI has these in its header)."""
    return " ".join(header.replace("_", " ").lower().split())


@functools.cache
def _read_rules(layout: str) -> tuple[Rule, ...]:
    """The rules of a layout; of a table they name columns as `_fold_column` makes them."""
    nested = any(row["record"] for row in read_table("list_layouts") if row["layout"] == layout)
    fold = str if nested else _fold_column
    rules = []
    for row in (row for row in read_table("list_fields") if row["layout"] == layout):
        names = row["take"].removesuffix("?").removesuffix(" ,")
        tests = [re.split(r"\??=", test, maxsplit=1) for test in row["when"].split(" & ") if test]
        rules.append(Rule(
            field=row["field"], at=row["at"], take=tuple(map(fold, re.split(r" [+,] ", names))),
            glue=", " if " ," in row["take"] else " " if " + " in row["take"] else "",
            pattern=re.compile(row["pattern"], re.S) if row["pattern"] else None,
            when=tuple((fold(way), re.compile(text, re.I)) for way, text in tests),
            optional=row["take"].endswith("?"),
        ))  # fmt: skip
    return tuple(rules)


@functools.lru_cache(100_000)
def parse_date(text: str, formats: tuple[str, ...] = DATE_FORMATS) -> str:
    """ISO date of `text` in the first format that fits, "" where none does.

    >>> parse_date("08-Oct-2026"), parse_date("2026-02-27T00:00:09Z"), parse_date("dd/mm/1968")
    ('2026-10-08', '2026-02-27', '')
    """
    for style in formats if text else ():
        with contextlib.suppress(ValueError):
            return datetime.strptime(re.split("[T ]", text.strip())[0], style).date().isoformat()
    return ""


@functools.lru_cache(1000)
def _find_code(source: str) -> str:
    """The list code of a CSL `source`, like US-NS-MBS; an own list's name as it is."""
    return re.sub(r".*?\(([A-Z-]+)(?: List)?\).* - .*", r"US-\1", source)


@functools.lru_cache(100_000)
def parse_identifier(text: str, labels: str) -> str:
    """A number behind one of `labels` in a remark of OFAC or a CSL `ids` item, "" for other items.

    >>> parse_identifier("alt. Tax ID No. 77077 (Russia)", "Tax ID No.|Passport")
    'Tax ID No. 77077'
    >>> parse_identifier("RU, 77077, Tax ID No.", "Tax ID No."), parse_identifier("DOB 1966", "ID")
    ('Tax ID No. 77077', '')
    """
    if ("IMO" in text or "imo" in text) and (ship := SHIP_NUMBER.fullmatch(text.strip())):
        return f"IMO {ship[1]}"
    if not labels:
        return text
    number = r"([^(]*?\d[^(]*?|[A-Z]{8,11})(?: issued| \(|$)"
    if found := re.match(rf"(?:alt\. )?({labels}) {number}", text):
        return f"{found[1]} {found[2]}"
    parts = text.split(", ")  # the CSL gives label, number, country and dates in any order
    label = next((part for part in parts[1:] and parts if re.fullmatch(labels, part)), "")
    numbers = [part for part in parts if part != label and CSL_NUMBER.match(part)]
    return f"{label} {numbers[0]}" if label and numbers else ""


def read_list_file(path: Path) -> ListFile:
    """The file's texts by entry, in a known layout; whatever is wrong with it is its `fault`."""
    raw = b""
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST_LIST + 1)
        body = _unpack(raw)
        code = "utf-16" if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        head = body[: 4 * HEAD].decode(code, "replace").lstrip()[:HEAD]
        told = _find_layout((), head, True) if head[:1] in ("<", "{") else None
        if told is None and head[:1] in ("<", "{", "["):
            what = " ".join(re.findall(r"<(?![?!]).*?>", head[:HEAD])[:1]) or "JSON"
            return ListFile(path, raw, fault=f"holds {what[:60]}, which is no list known here")
        read = _read_records(path, told, body, head) if told else _read_rows(path, body)
        return replace(read, raw=raw)
    except UNREAD as err:
        return ListFile(path, raw, fault=f"cannot be read ({err})")
    except ScreenError as err:
        why = err.message.removeprefix(f"{path}: ").rstrip(".")
        return ListFile(path, raw, fault=f"cannot be read ({why})")


def _unpack(raw: bytes) -> bytes:
    """The bytes of a list, unpacked unless they are a workbook."""
    stream = io.BufferedReader(io.BytesIO(raw))
    most = min(LARGEST_LIST, max(PACK_RATIO * len(raw), BLOCK))
    try:
        body = bytes(open_packed(stream).read(most + 1))
    except WorkbookError:
        return raw
    if len(body) > most:
        raise EOFError(f"it is larger than {most:,} bytes")
    return body


def _find_layout(columns: Sequence[str], head: str, nested: bool) -> Row | None:
    """The official layout of which a file shows most columns, else what it begins with; or None."""
    layouts = [row for row in read_table("list_layouts") if bool(row["record"]) == nested]
    shared = [len({*map(_fold_column, row["columns"].split("|"))} & {*columns}) for row in layouts]
    if max(shared):
        return layouts[shared.index(max(shared))]
    told = (row for row in layouts if row["content"] and re.search(row["content"], head))
    return next(told, None)


def _read_records(path: Path, layout: Row, body: bytes, head: str) -> ListFile:
    """The file with the records of its XML or JSON, one after the other, as they close."""
    drafts, fault = dict[str, Draft](), ""
    if "<!DOCTYPE" in head or "<!ENTITY" in head:
        fault = "declares a document type or entities, as no official list does"
        return ListFile(path, layout=layout, fault=fault)
    read = _read_xml if head[0] == "<" else _read_json
    try:
        _read_drafts(read(body, layout["record"].split("|")), layout, drafts)
    except (ElementTree.ParseError, ValueError, LookupError, AttributeError) as err:
        fault = f"breaks off or is garbled after entry {len(drafts):,} ({err})"
    published = _find_published(layout, head)
    return ListFile(path, layout=layout, drafts=drafts, published=published, fault=fault)


def _read_xml(body: bytes, records: Collection[str]) -> Iterator[Node]:
    """The elements called like one of `records`, as they close; publishers change the namespace."""
    for _, node in ElementTree.iterparse(io.BytesIO(body)):
        node.tag = node.tag.rpartition("}")[2]
        if node.tag in records:
            yield node
            node.clear()


def _read_json(body: bytes, records: Sequence[str]) -> Iterator[Node]:
    """The objects of a JSON list as if they were XML."""

    def plant(name: str, value: Any) -> Node:
        node = ElementTree.Element(name)
        for key, below in value.items() if isinstance(value, dict) else ():
            node.extend(plant(key, one) for one in (below if isinstance(below, list) else [below]))
        node.text = None if value is None or len(node) else str(value)
        return node

    for value in json.loads(body)[records[0]]:
        yield plant(records[0], value)


def _read_drafts(nodes: Iterable[Node], layout: Row, drafts: dict[str, Draft]) -> None:
    """Adds rows or records to `drafts`, by key where the layout has one, else by number."""
    rules = [rule for rule in _read_rules(layout["layout"]) if rule.at != "entry"]
    keys = [rule for rule in rules if rule.field == "key"]
    # Most rules of tables read one column, which most often is empty.
    plain = [] if layout["record"] else [rule.take[0] if rule.is_plain() else "" for rule in rules]
    for number, node in enumerate(nodes, 1):
        key = next((text.strip() for rule in keys for text in rule.read(node)), str(number))
        draft = drafts.setdefault(key, {})
        for rule, column in zip_longest(rules, plain):
            if column:
                text = node.get(column, "")
                texts = rule.cut([text]) if text and text[:3] != "-0-" else []
            else:
                texts = rule.read(node)
            if texts:
                draft.setdefault(rule.field, []).extend(texts)


def is_list_header(cells: Sequence[str]) -> bool:
    """Whether a line is the header of an official list, or has names and their aliases."""
    columns = [_fold_column(cell) for cell in cells]
    return {"name", "aliases"} <= {*columns} or _find_layout(columns, "", False) is not None


def rank_list_header(cells: Sequence[str]) -> float:
    """How many cells of a line are columns of lists: `name`, or two and no number among them."""
    columns = {_fold_column(cell) for cell in cells}
    known = len(columns & _read_columns())
    sure = "name" in columns or (known > 1 and not any(map(str.isdecimal, columns)))
    return known if sure else 0


@functools.cache
def _read_columns() -> frozenset[str]:
    """Every column that a layout of tables knows."""
    layouts = [row for row in read_table("list_layouts") if not row["record"]]
    rules = [rule for row in layouts for rule in _read_rules(row["layout"])]
    marks = [_fold_column(name) for row in layouts for name in row["columns"].split("|")]
    return frozenset([*marks, *(name for rule in rules for name in rule.take)]) - {""}


def _read_rows(path: Path, body: bytes) -> ListFile:
    """The file as a table: its layout by its columns, its entries, and the first damage in it."""
    bare = re.match(rb'"?\d+"?,', body)  # of OFAC's files; their remarks hold other delimiters
    options, text = ReadOptions(delimiter="," if bare else None), body.removesuffix(b"\x1a")
    with open_table(str(path), options, rank_list_header, text) as table:
        chunk = table.read()
    rows = [row for row in chunk.rows if tuple(row) != table.headers]  # the CSL repeats its header
    damage = [*table.notes, *chunk.damage.values()]
    head = "\n".join([*table.preamble, *("|".join(row) for row in (table.headers, *rows[:20]))])
    columns = [_fold_column(header) for header in table.headers]
    layout = _find_layout(columns, head, False) or _find_bare_layout(columns, rows, head)
    if layout is None:
        known = "neither an official list nor a table with a column `name`"
        return ListFile(path, fault=f"is {known}, it begins with {head.strip()[:60]!r}")
    due = layout["header"].split("|") if layout["header"] else ()
    if len(due) == len(columns) or not columns:
        columns = [_fold_column(name) for name in due]
    rules, drafts = _read_rules(layout["layout"]), dict[str, Draft]()
    nodes = (Node("row", dict(zip(columns, row, strict=False))) for row in rows)
    _read_drafts(nodes, layout, drafts)
    firm = [rule for rule in rules if not (rule.optional or rule.at)]
    needed = (name for rule in firm for name in rule.take if name[0] != "=")
    faults = [f"lacks the column {name!r}" for name in needed if name not in columns]
    ends = body.rstrip(b"\0").endswith((b"\n", b"\r", b'"', b"\x1a")) or body[:2] == b"PK"
    if layout["list"] and not ends:
        damage.append("breaks off in its last row")
    read = {name for rule in rules for name in (*rule.take, *(way for way, _ in rule.when))}
    return ListFile(
        path=path, layout=layout, drafts=drafts, published=_find_published(layout, head),
        unread=[name for name in columns if name not in {*read, "", "source"}],
        fault=next(iter([*faults, *damage]), ""),
    )  # fmt: skip


def _find_published(layout: Row, head: str) -> str:
    """The date that a file bears at its beginning, as it stands there."""
    return "".join(re.findall(layout["published"], head)[:1]) if layout["published"] else ""


def _find_bare_layout(
    columns: Sequence[str], rows: Sequence[Sequence[str]], head: str
) -> Row | None:
    """An own list with a column `name`, or OFAC's files, by width: they have no header."""
    layouts = read_table("list_layouts")
    if columns or not rows or not rows[0][0].strip().isdecimal():
        return next((row for row in layouts if not row["list"] and "name" in columns), None)
    bare = [row for row in layouts if len(row["header"].split("|")) == len(rows[0]) > 1]
    return next((row for row in bare if re.search(row["content"], head)), None)


def _read_names(draft: Draft) -> tuple[tuple[str, str], ...]:
    """Distinct names with kind, primary first; a list that marks none has it first by custom."""
    names: dict[str, str] = {}
    for kind in NAME_KINDS:
        for text in draft.get(kind, ()):
            plain = text if text.isascii() else text.translate(NO_BIDI)
            names.setdefault(" ".join(plain.split()), kind)
    names.pop("", None)
    first, *others = [*names.items()] or [("", "")]
    return (first[0], "primary"), *((t, "alias" if k == "primary" else k) for t, k in others)


def _find_distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """The distinct filled `texts`, in order."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, texts))))


@functools.cache
def _read_types() -> Mapping[str, str]:
    """The words of the lists for the types of entries, "ship" -> "vessel"."""
    return {row["word"]: row["type"] for row in read_table("entry_types")}


def _build_entry(draft: Draft, layout: Row, list_name: str) -> ListEntry:
    """The entry of a draft on a list; its only name is "" where the draft has none."""
    facts: dict[str, Any] = {k: draft[k][0].strip() if k in draft else "" for k in ONE_TEXT}
    formats = (layout["dates"], *DATE_FORMATS)
    facts |= {name: parse_date(facts[name], formats) for name in DATES}
    list_code = _find_code(" ".join(facts.pop("code").split())) or list_name
    remarks = _join_remarks(draft, layout)
    numbers = [parse_identifier(text, "") for text in draft.get("identifiers", ())]
    numbers += [parse_identifier(text.strip(), LABELS) for text in draft.get("labelled", ())]
    names = _read_names(draft)
    addresses = _find_distinct(draft.get("addresses", ()))
    countries = {parse_country(text.strip()) for text in draft.get("countries", ())}
    kinds = {_read_types().get(text.strip().lower()) for text in draft.get("type", ())}
    if not facts["entry_id"]:  # of the Denied Persons List what it says
        said = [names[0][0], *(facts[name] for name in (*DATES, "citation")), *addresses]
        facts["entry_id"] = hashlib.sha256("|".join(said).encode()).hexdigest()[:12]
    return ListEntry(
        list=list_code, type=next((kind for kind in TYPES if kind in kinds), ""), names=names,
        countries=tuple(sorted(countries - {""})), addresses=addresses,
        identifiers=_find_distinct(numbers), remarks=remarks,
        programmes=_find_distinct(draft.get("programmes", ())),
        licence="; ".join(draft.get("licence", ())), **facts,
    )  # fmt: skip


def _join_remarks(draft: Draft, layout: Row) -> str:
    """The remarks of an entry; what rules `at` "entry" find in them is added to the draft."""
    texts = list(filter(None, dict.fromkeys(draft.get("remarks", ()))))
    remarks = ("" if texts and len(texts[0]) == REMARK_CUT else "; ").join(texts).strip()
    for rule in _read_rules(layout["layout"]) if remarks else ():
        if rule.at == "entry":
            draft.setdefault(rule.field, []).extend(rule.cut([remarks]))
    return remarks


def read_entries(files: Sequence[ListFile], name: str) -> tuple[list[ListEntry], Counter[str]]:
    """Entries of the files of one list, main file first, and a count of what is odd about them."""
    main, entries = files[0], list[ListEntry]()
    layout = main.layout
    numbered = not layout["list"] or any(r.field == "key" for r in _read_rules(layout["layout"]))
    seen, notes = Counter[str](), Counter[str]()
    for key, draft in main.drafts.items() if layout["part"] in ("", "main") else ():
        whole = {"entry_id": [key]} | draft if numbered else draft
        for part in files[1:]:  # an entry of theirs that the main file lacks is on no list
            for word, texts in part.drafts.get(key, {}).items():
                whole[word] = [*whole.get(word, ()), *texts]
        entry = _build_entry(whole, layout, name)
        known = f"{entry.list} {entry.entry_id}"
        seen[known] += 1
        if seen[known] > 1:
            entry = replace(entry, entry_id=f"{entry.entry_id}-{seen[known]}")
        first = entry.names[0][0]
        entries += [entry] if first else []
        notes["rows without a name"] += bool(draft) > bool(first)
        lettered = any(letter.isalnum() for text, _ in entry.names for letter in text)
        notes["entries whose names have no letter: nothing can hit them"] += bool(first) > lettered
        notes["unreadable dates"] += any(k in draft and not getattr(entry, k) for k in DATES)
    return entries, +notes


# ==================================================================================================
# Verdicts: files and folders of lists -> entries, and a verdict on every list. A list is held to
# its rows of sources.csv and list_profiles.csv, however it came here; what falls short is refused.
# Knows what a whole list holds, not what it looks like, and downloads nothing.
MOST_FALL = 0.2  # of the last good copy: ending the SYRIA programme took 5 %, half a file must fail
MOST_SWELL = 2.0  # times the last good copy: SDN doubled in five years, weekly copies never
NEW_EDITION = 30  # percent of an edition's newest names: whoever has so many is no older than it
NAMELESS = 2  # percent of an own list's rows that may lack a name
NAME_COLUMN = re.compile(
    r"(?<!list )(?<!file )(?<!source )(?<!country )\b(?:names?|alias(?:es)?|a\.?k\.?a|former)\b"
)
STARTER = "a starter list, used because no official list is loaded: run `screen.py update`"
COPY_NOTE = "copy.json"  # beside the files of a download: measures, checked_at, tags by address


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The day that lists are judged for, their greatest age in days, and the user's overrides."""

    as_of: date
    max_age: int | None = None  # None: the registry's for downloads, a remark for files by hand
    admit: frozenset[str] = frozenset()  # names of lists or files


@dataclass(frozen=True, slots=True)
class ListReport:
    """What one list holds and the verdict on it; the contract's keys of `lists -f jsonl`."""

    list: str  # "US-CSL"; an own list's file stem
    title: str
    file: str  # of a set the main file
    format: str  # "ofac csv": `layout` of list_layouts.csv
    entries: int
    names: int
    weak_names: int
    addresses: int
    as_of: str  # ISO date of publication, else of the last download, else of the file
    age_days: int | None
    sha256: str  # of a set: over its files, main file first
    status: str  # "ok", "stale" or "refused"
    note: str


Judged = tuple[list[ListEntry], ListReport]


@dataclass(frozen=True, slots=True)
class HeldList:
    """What the files of one list hold; `source` is its row of the registry, empty of own lists."""

    files: Sequence[ListFile]  # main file first
    name: str  # "US-CSL"; an own list's file stem
    source: Row
    entries: list[ListEntry]
    notes: Counter[str]  # "rows without a name" -> how many
    published: str  # ISO date, "" for an undated list
    measures: Mapping[str, float]  # what it holds, called as a verdict says it: "names"


def _find_source(name: str) -> Row:
    """The registry's row of a list; every cell "" where it is not official."""
    found = (row for row in read_table("sources") if row["list"] == name)
    return next(found, defaultdict(str))


def _hold_list(files: Sequence[ListFile], due: Row) -> HeldList:
    """The list in `files`, which lie there for the list that `due` is the registry's row of."""
    main, layout = files[0], files[0].layout
    added = due["list"] if due["format"] == layout["layout"] else ""  # the user's own source
    name = layout["list"] or added or main.path.name.partition(".")[0]
    entries, notes = read_entries(files, name)
    if name == "*" and entries:  # OFAC's enhanced files: the list of most entries
        name = Counter(entry.list for entry in entries).most_common(1)[0][0]
    newest = (text for draft in main.drafts.values() for text in draft.get("published", ()))
    told = {main.published} if main.published else {*newest}
    published = max((parse_date(t, (layout["dates"], *DATE_FORMATS)) for t in told), default="")
    notes["unreadable date of publication"] += bool(told) > bool(published)
    measures = _measure_list(files, entries)
    source = due if due["list"] == name else _find_source(name)
    return HeldList(files, name, source, entries, notes, published, measures)


def _measure_list(files: Sequence[ListFile], entries: Sequence[ListEntry]) -> dict[str, float]:
    """Sizes and shares, each called as a verdict says it."""
    count, names = len(entries), sum(len(entry.names) for entry in entries)
    sizes = Counter[str](f"entries of {entry.list}" for entry in entries)
    for entry in entries:
        sizes.update(f"{kind} names" for _, kind in entry.names)
    shares = {"names for 100 entries": 100 * names / (count or 1)}
    for fact in ("countries", "type", "programmes"):
        filled = sum(bool(getattr(entry, fact)) for entry in entries)
        shares[f"of 100 entries with {fact}"] = 100 * filled / (count or 1)
    for part in files[1:]:
        what, placed = part.layout["part"], len(part.drafts.keys() & files[0].drafts.keys())
        shares[f"of 100 entries with a row in the {what} file"] = 100 * placed / (count or 1)
        shares[f"of 100 in the {what} file with an entry"] = 100 * placed / len(part.drafts)
    return {"entries": count, "names": names, **sizes, **shares}


def digest_name(text: str) -> str:
    """A listed name as list_profiles.csv keeps it: no list of names is copied there."""
    return f"{zlib.crc32(text.casefold().encode()):08x}"


def _find_short(held: HeldList) -> str:
    """In what a list falls short of its profile, by the rows for editions of its date; or "".

    An undated list is of the edition of which it holds some of the newest names.
    """
    profile = [row for row in read_table("list_profiles") if row["list"] == held.name]
    known = {digest_name(text) for entry in held.entries for text, _ in entry.names}
    found, edition = dict(held.measures), held.published
    for row in profile:
        if kept := set(row["digests"].split()):
            found[row["measure"]] = 100 * len(known & kept) / len(kept)
        if "newest" in row["measure"] and found[row["measure"]] >= NEW_EDITION:
            edition = max(edition, row["since"])
    for row in profile:
        number, least = found.get(row["measure"], 0), float(row["least"])
        if row["since"] <= edition <= (row["until"] or edition) and number < least:
            return f"has {number:,.6g} {row['measure']} where a full copy has {least:,.6g} or more"
    texts = "\n".join(text for entry in held.entries for text, _ in entry.names).casefold()
    lost = (name for name in held.source["canaries"].split("|") if name.casefold() not in texts)
    return next((f"lacks {name!r}, which the whole list holds" for name in lost), "")


def _find_change(held: HeldList, last: Mapping[str, float]) -> str:
    """In what a copy is far smaller or larger than the last good one; "" in nothing."""
    for word, before in last.items():
        number = held.measures.get(word, 0)
        swollen = word in ("entries", "names") and number > MOST_SWELL * before
        if number < (1 - MOST_FALL) * before or swollen:
            return f"has {number:,.6g} {word} where the last good copy had {before:,.6g}"
    return ""


def _find_file_fault(held: HeldList) -> str:
    """What is wrong with the files themselves, or why they are no set; or ""."""
    main, parts = held.files[0].path, {file.layout["part"] for file in held.files} - {""}
    lacking = sorted({"main", "add", "alt"} - parts) if parts else []
    if faulty := next((file for file in held.files if file.fault), None):
        return f"{faulty.path} {faulty.fault}"
    if len({file.raw.endswith(b"\x1a") for file in held.files}) > 1:
        return f"{main} is part of a set of which only some files have OFAC's end mark (Ctrl-Z)"
    return (
        f"{main} is part of a set, and its {' and '.join(lacking)} file is not there"
        if lacking
        else ""
    )


def _find_odd(held: HeldList) -> str:
    """Why what was read is no list at all, or names in it were not read; or ""."""
    count, nameless = len(held.entries), held.notes["rows without a name"]
    if not count:
        return "holds no entries"
    if 100 * nameless > NAMELESS * (count + nameless):
        return f"has {nameless:,} rows without a name beside {count:,} entries"
    own = () if held.files[0].layout["list"] else held.files[0].unread
    if column := next(filter(NAME_COLUMN.search, own), ""):
        cure = "call it aliases, former_names or weak_aliases, or take it out"
        return f"has a column {column!r} that looks like names and is not read ({cure})"
    return "has an unreadable date of publication" * held.notes["unreadable date of publication"]


def find_list_fault(held: HeldList, due: str, last: Mapping[str, float]) -> str:
    """Why a list is not the whole list `due` ("": any): what was found, what is expected; or ""."""
    if fault := _find_file_fault(held):
        return fault
    wrong = f"holds {held.name} where {due} is due" if due and held.name != due else ""
    fault = wrong or _find_odd(held) or _find_short(held) or _find_change(held, last)
    return f"{held.files[0].path} {fault}" if fault else ""


def _group_files(files: Sequence[ListFile]) -> list[list[ListFile]]:
    """The files of every list: part files go to the main file that knows most of their keys."""
    groups = [[file] for file in files if file.layout["part"] in ("", "main")]
    mains = [group for group in groups if group[0].layout["part"]]
    for file in (file for file in files if file.layout["part"] not in ("", "main")):
        shared = [len(group[0].drafts.keys() & file.drafts.keys()) for group in mains]
        most = max(shared, default=0)
        if most:
            mains[shared.index(most)].append(file)
        else:
            groups.append([file])
    return groups


def read_copy_note(folder: Path) -> dict[str, Any]:
    """What `update` noted of its copy in `folder`; {} of files laid there by hand."""
    try:
        return dict(json.loads((folder / COPY_NOTE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def find_copies(home: Path) -> list[Path]:
    """The folders of the copies that `update` keeps of one list in `home`, newest first."""
    return sorted((note.parent for note in home.glob(f"[0-9]*/{COPY_NOTE}")), reverse=True)


def _walk(folder: Path) -> Iterator[Path]:
    """The files under `folder`, behind links too, each folder once; hidden ones are no lists."""

    def stop(err: OSError) -> None:
        raise ScreenError(f"{err.filename} cannot be read ({err.strerror}): make it readable.")

    seen = set[str]()
    for home, folders, names in os.walk(folder, onerror=stop, followlinks=True):
        inner = sorted(folders) if os.path.realpath(home) not in seen else []
        folders[:] = [name for name in inner if name[0] not in ".~"]
        if os.path.realpath(home) not in seen:
            yield from (
                Path(home, n) for n in sorted(names) if n[0] not in ".~" and n[-3:] != ".md"
            )
        seen.add(os.path.realpath(home))


def _find_files(folder: Path) -> list[Path]:
    """The lists under `folder`: of those that `update` keeps the newest copy, or newer by hand."""
    files = list(_walk(folder))
    for home in {p.parent.parent for p in files if p.name == COPY_NOTE and p.parent != folder}:
        copy = find_copies(home)[0]
        since = (copy / COPY_NOTE).stat().st_mtime
        by_hand = [p for p in files if p.parent == home and p.stat().st_mtime > since]
        noted = {copy / name for name in read_copy_note(copy).get("files", ())}  # or it is missing
        used = by_hand or sorted(noted | {*copy.iterdir()})
        files = [path for path in files if home not in path.parents] + used
    if folder.resolve() == TABLES:
        files = [path for path in files if path.parent != folder or not is_table(path)]
        if any(folder / "official" in path.parents for path in files):
            files = [path for path in files if path != folder / "starter.csv"]
    return [path for path in files if path.name != COPY_NOTE]


def is_table(path: Path) -> bool:
    """Whether `path` is a table of this project, no list: each row has its source, none a name."""
    with open(path, encoding="utf-8", errors="replace") as file:
        columns = file.readline().strip().split(",")
    ours = path == TABLES / "report.html"
    return ours or (columns[-2:] == ["source", "as_of"] and "name" not in columns)


def _tell_age(held: HeldList, options: ListOptions) -> tuple[str, int | None, list[str]]:
    """The day a list is of, ISO, its age, and what is to be said: first that it is too old."""
    path = held.files[0].path
    as_of = held.published or read_copy_note(path.parent).get("checked_at", "")[:10]
    dated = bool(as_of)
    if not as_of and not held.files[0].raw:
        return "", None, ["", ""]
    as_of = as_of or date.fromtimestamp(path.stat().st_mtime).isoformat()
    age = (options.as_of - date.fromisoformat(as_of)).days
    limit = int(held.source["max_age_days"] or 30) if options.max_age is None else options.max_age
    late = age > limit and (held.files[0].layout["list"] or held.source["list"])
    old = f"{path} is of {as_of}, {age} days old where {limit} are allowed" if late else ""
    early = f"{path} is of {as_of}, after the day it is judged for" if dated and age < 0 else ""
    undated = held.source["list"] and not dated
    file_day = f"undated, so taken to be as old as its file, {as_of}" if undated else ""
    return as_of, age, [old or early, file_day]


def _judge_list(files: Sequence[ListFile], options: ListOptions) -> Judged:
    """Entries of a list and the verdict; what lies under official/ must be young too."""
    path = files[0].path
    real = Path(os.path.realpath(path))  # `resolve` raises for a link to itself
    folders = real.parts[-4:-1]
    due = folders[folders.index("official") + 1 :][:1] if "official" in folders else ()
    official = _find_source("".join(due))
    held = _hold_list(files, official)
    as_of, age, said = _tell_age(held, options)
    strict = "official" in folders or options.max_age is not None
    fault = find_list_fault(held, official["list"], {}) or (said[0] if strict else "")
    if not fault and all(
        entry.expires_on and entry.expires_on < f"{options.as_of}" for entry in held.entries
    ):
        fault = f"{path} holds only entries that have expired"
    if real == TABLES / "starter.csv":
        said.append(STARTER)
    if held.source["format"] == "transcription":
        said.append(f"a transcription of {as_of}, not the official file")
    counted = [f"{count:,} {what}" for what, count in held.notes.items() if count]
    unread = [f"column not read: {name}" for name in files[0].unread if not files[0].layout["list"]]
    notes = [text for text in (*counted, *unread, *said) if text and text != fault]
    if fault and held.entries and {held.name, *(file.path.name for file in files)} & options.admit:
        notes = [f"admitted by the user: {fault}", *notes]
    elif fault:
        cure = (
            f"run `screen.py update {held.name}`" if "official" in folders else "give a sound copy"
        )
        admit = f", or --admit {held.name} to screen on it all the same" if held.entries else ""
        notes = [f"{fault}: {cure}{admit}"]
    return held.entries, ListReport(
        list=held.name, title=held.source["title"] or held.name, file=str(path),
        format=files[0].layout["layout"], entries=len(held.entries),
        names=int(held.measures["names"]), weak_names=int(held.measures.get("weak names", 0)),
        addresses=sum(len(entry.addresses) for entry in held.entries), as_of=as_of, age_days=age,
        sha256=hashlib.sha256(b"".join(file.raw for file in files)).hexdigest(),
        status="refused" if fault else "stale" if said[0] else "ok", note="; ".join(notes),
    )  # fmt: skip


def judge_lists(paths: Sequence[Path], options: ListOptions) -> list[Judged]:
    """Every list under `paths` with its verdict; refused ones too, with what could be read."""
    read: dict[str, ListFile] = {}
    for path in paths:
        files = _find_files(path) if path.is_dir() else [path]
        read |= {os.path.realpath(file): read_list_file(file) for file in files}
        if not files:
            read[f"{path}"] = ListFile(path, fault="holds no list file")
    return [_judge_list(files, options) for files in _group_files([*read.values()])]


def read_lists(
    paths: Sequence[Path], options: ListOptions
) -> tuple[list[ListEntry], list[ListReport]]:
    """Entries of all lists under `paths`, and a report a list; a refused list raises ScreenError.

    Entries whose `expires_on` has passed are among them. No list at all gives two empty lists.
    """
    judged = judge_lists(paths, options)
    for _, report in judged:
        if report.status == "refused" and not report.note.startswith("admitted"):
            raise ScreenError(f"{report.note}.")
    return [entry for entries, _ in judged for entry in entries], [report for _, report in judged]


def find_unloaded(reports: Iterable[ListReport]) -> list[str]:
    """The official lists that are not loaded, not even inside another one: "Title (LIST)"."""
    loaded = {report.list for report in reports}
    rows = [row for row in read_table("sources") if row["list"] not in loaded]
    apart = [row for row in rows if not {*row["within"].split("|")} & loaded]
    return [f"{row['title']} ({row['list']})" for row in apart]


def check_download(
    paths: Sequence[Path], source: Row, last: Mapping[str, float]
) -> tuple[str, Mapping[str, float]]:
    """Why the downloaded files are not the list `source`, "" when sound; and what they hold."""
    held = _hold_list([read_list_file(path) for path in paths], source)
    fault = find_list_fault(held, source["list"], last)
    return fault.replace(f"{paths[0].parent}/", ""), held.measures


# ==================================================================================================
# Update: the registry's addresses -> checked copies under lists/official/. A copy is a folder of
# its own, LIST/NUMBER/, that appears whole in one step; the highest number is the one in use.
# Knows transport and disk only: whether a file is the list is for `check_download` to say.
PIECE = 64 * 1024  # bytes in memory at a time
# A file above MOST_GROWTH times the last good one is refused: SDN doubled in five years (2 would
# refuse it), a swollen answer is 100 times as large (200 would take it).
MOST_GROWTH = 10
NO_ADDRESS = "has no address to download from"  # a fault only for lists asked for by name
NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
NO_NETWORK = "is this machine on the network? The copies in use stay; run `screen.py update` then."
ERASE = "\r\033[K"  # the line on the terminal
HTTP_TAGS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


@dataclass(frozen=True, slots=True)
class UpdateLimits:
    """How long and how large a download may be, and whether a terminal watches it."""

    quiet_seconds: float = 30.0  # to connect, and between two reads; under 10 slow proxies fail
    total_seconds: float = 900.0  # the body of one file; 32 MB at 0.5 Mbit/s take 510
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0)  # seconds, each before another try
    largest: int = LARGEST_LIST
    progress: bool = False  # one line on standard error, rewritten


UPDATE_LIMITS = UpdateLimits()


class _PassingFault(ScreenError):
    """A fault worth another try."""


class _Unreachable(ScreenError):
    """The name of a host is not known, or no way leads there."""


def find_address_fault(url: str, came_from: str = "") -> str:
    """Why `url` may not be fetched, '' when it may: https, or http that stays on this machine.

    >>> find_address_fault("https://example.org/l.csv"), find_address_fault("http://127.0.0.1:80/")
    ('', '')
    >>> find_address_fault("http://127.0.0.1.example.org/l.csv")
    'http://127.0.0.1.example.org/l.csv is not https'
    """
    parts = urlsplit(url)
    loopback = re.fullmatch(r"localhost|127(\.\d+){3}|::1", parts.hostname or "")
    local = parts.scheme == "http" and loopback and not came_from.startswith("https:")
    return "" if local or (parts.scheme == "https" and parts.hostname) else f"{url} is not https"


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects, each held to the rule of the first address before a connection is made."""

    def redirect_request(self, req: Any, fp: Any, *rest: Any) -> urllib.request.Request | None:
        fp.close()  # urllib would read the redirect's own body to its end, however long
        if fault := find_address_fault(rest[-1], req.full_url):
            raise ScreenError(f"{req.full_url} was redirected, and {fault}")
        return super().redirect_request(req, fp, *rest)


def _save_body(answer: Any, file: Path, limits: UpdateLimits) -> None:
    """Writes the body of `answer` to `file`; one cut, too large or too slow raises."""
    end = time.monotonic() + limits.total_seconds
    with open(file, "wb") as target:
        while piece := answer.read1(PIECE):
            target.write(piece)
            size = target.tell() + (answer.length or 0)  # `length` is what is still to come
            if size > limits.largest:
                raise ScreenError(f"{answer.url} is larger than {limits.largest:,} bytes")
            if time.monotonic() > end:
                raise ScreenError(f"{answer.url} was not here within {limits.total_seconds:g} s")
            if limits.progress:
                so_far = f"{target.tell():,} of {size:,} bytes"
                click.echo(f"{ERASE}{answer.url}: {so_far}", nl=False, err=True)
        if answer.length:
            raise _PassingFault(f"{answer.url} was cut: {answer.length:,} bytes did not come")
        target.flush()
        os.fsync(target.fileno())


def _download(url: str, file: Path, tags: Row, limits: UpdateLimits) -> Row:
    """The answer's tags, once its body lies in `file`; `tags` themselves while they still hold."""
    conditions = {HTTP_TAGS[tag]: text for tag, text in tags.items()}
    headers = {"User-Agent": f"screen.py/{VERSION}", **conditions}
    ask = urllib.request.build_opener(_CheckedRedirects).open  # proxies as the environment says
    try:
        request = urllib.request.Request(url, None, headers)
        with ask(request, timeout=limits.quiet_seconds) as answer:
            if answer.status != 200:
                raise ScreenError(f"{url} answered HTTP {answer.status}")
            _save_body(answer, file, limits)
            return {tag: answer.headers[tag] for tag in HTTP_TAGS if tag in answer.headers}
    except urllib.error.HTTPError as err:
        err.close()
        if err.code == 304 and tags:
            return tags
        fault = _PassingFault if err.code == 429 or err.code >= 500 else ScreenError
        raise fault(f"{err.url} answered HTTP {err.code} ({' '.join(err.reason.split())})") from err
    except (OSError, http.client.HTTPException, ValueError) as err:
        why = getattr(err, "reason", "") or err or type(err).__name__
        no_way = isinstance(why, socket.gaierror) or getattr(why, "errno", 0) in NO_WAY
        fault = _Unreachable if no_way else _PassingFault
        raise fault(f"{url} could not be downloaded: {why}") from err
    finally:
        click.echo(ERASE * limits.progress, nl=False, err=True)


def _retry(url: str, file: Path, tags: Row, limits: UpdateLimits) -> Row:
    """What `_download` gives, tried again after growing pauses while the fault may pass."""
    for pause in limits.pauses:
        with contextlib.suppress(_PassingFault):
            return _download(url, file, tags, limits)
        time.sleep(pause)
    return _download(url, file, tags, limits)


def _gather(source: Row, room: Path, good: Path, limits: UpdateLimits) -> dict[str, Any]:
    """The note of a new copy, its checked files now in `room`; any fault raises."""
    note, tags, parts = read_copy_note(good), dict[str, Row](), _split_parts(source)
    for url, name in parts:
        if fault := find_address_fault(url):
            raise ScreenError(fault if url else f"{name} {NO_ADDRESS}")
        kept, known, largest = good / name, {}, limits.largest
        if kept.exists():
            known = note.get("tags", {}).get(url, {})
            largest = min(largest, MOST_GROWTH * kept.stat().st_size)
        tags[url] = _retry(url, room / name, known, replace(limits, largest=largest))
        if tags[url] is known:
            shutil.copyfile(kept, room / name)
    names = [name for _, name in parts]
    last = note.get("measures", {})
    fault, measures = check_download([room / name for name in names], source, last)
    if fault:
        raise ScreenError(fault)
    checked = datetime.now(UTC).isoformat(timespec="seconds")
    return {"checked_at": checked, "files": names, "measures": measures, "tags": tags}


def _update_list(source: Row, folder: Path, limits: UpdateLimits) -> str:
    """The closing line about a list; raises on a fault, before which nothing in use has changed."""
    home = folder / source["list"]
    home.mkdir(parents=True, exist_ok=True)
    good = next(iter(find_copies(home)), home / "0")
    room = home / f".partial-{os.getpid()}-{time.time_ns()}"
    room.mkdir()  # readable by all whom the umask allows, as its files are
    try:
        note = _gather(source, room, good, limits)
        same = good.exists() and not any(filecmp.cmpfiles(room, good, os.listdir(room), False)[1:])
        (room / COPY_NOTE).write_text(json.dumps(note, indent=1), "utf-8")
        if same:
            os.replace(room / COPY_NOTE, good / COPY_NOTE)
        else:
            os.replace(room, home / f"{int(good.name) + 1:06d}")  # now the new copy counts
    finally:
        shutil.rmtree(room, ignore_errors=True)
    _drop_old(home)
    count = note["measures"]["entries"]
    return f"{source['list']}: {count:,} entries, {'unchanged' if same else 'new copy'}"


def _drop_old(home: Path) -> None:
    """Drops copies older than the last two, and after an hour what killed runs left behind."""
    for path in {*home.glob("[0-9]*/"), *home.glob(".partial-*/")} - {*find_copies(home)[:2]}:
        if path.name[0] != "." or time.time() - path.stat().st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)


def _split_parts(source: Row) -> list[tuple[str, str]]:
    """(url, file name) per part of a list; the url is '' where there is none to download from."""
    return list(zip(source["url"].split("|"), source["files"].split("|"), strict=False))


def _tell_fault(source: Row, folder: Path, fault: str) -> str:
    """`fault` of a list as one sentence, with what is in use now and what the user can do."""
    home = folder / source["list"]
    dates = [read_copy_note(copy).get("checked_at", "")[:10] for copy in find_copies(home)]
    kept = f"the last good copy of {dates[0]} stays" if dates else "there is no good copy"
    fetch = [f"{url or source['manual']} as {home / name}" for url, name in _split_parts(source)]
    todo = f"run `screen.py update {source['list']}` again, or fetch by hand {', '.join(fetch)}."
    return f"{source['list']}: {fault.rstrip('.')}; {kept} in use; {todo}"


def find_update_folder() -> Path:
    """Where `update` writes: under the first folder that SCREEN_LISTS names, for `run` reads these
    alone, else under the program's own lists/."""
    named = [Path(part) for part in os.environ.get("SCREEN_LISTS", "").split(os.pathsep) if part]
    folders = [path for path in named if path.is_dir()]
    if named and not folders:
        raise ScreenError(
            "update: SCREEN_LISTS names no folder, and nothing else is read: unset it."
        )
    ours = not folders or TABLES in {Path(os.path.realpath(path)) for path in folders}
    return (TABLES if ours else folders[0]) / "official"


def update_lists(
    sources: Sequence[Row],
    names: Sequence[str],
    folder: Path,
    talk: Callable[[str], None],
    limits: UpdateLimits = UPDATE_LIMITS,
) -> list[str]:
    """A sentence per list of `names` (none: all) that could not be brought up to date.

    What is in use in `folder` changes list by list, each when its new copy is whole and checked.
    """
    known = {source["list"]: source for source in sources}
    if unknown := [name for name in names if name not in known]:
        raise ScreenError(
            f"update: no list {unknown[0]!r} in lists/sources.csv, which has: {', '.join(known)}."
        )
    faults: list[str] = []
    away: list[str] = []
    for name in dict.fromkeys(names or known):
        try:
            talk(_update_list(known[name], folder, limits))
        except _Unreachable as err:
            away.append(name)
            why = err.message
            if len(away) > 1:
                break  # two publishers at once: it is this machine that has no network
        except (ScreenError, OSError, ValueError) as err:
            by_hand_only = not names and str(err).endswith(NO_ADDRESS)
            (talk if by_hand_only else faults.append)(_tell_fault(known[name], folder, str(err)))
    if len(away) > 1:
        faults.append(f"no list could be reached ({why}): {NO_NETWORK}")
    elif away:
        faults.append(_tell_fault(known[away[0]], folder, why))
    return faults


# ==================================================================================================
# Cells
# Takes the text of a party cell or of a listed name, gives the names to ask the lists for, or why
# it names nobody. Does not know about lists or how names are compared. A cell is read as its shape,
# one letter for each word, phrase and sign, by lists/cells.csv: "Tako LLC, 5 Oak Road" is NE,9Nr.
# Rules over shapes say where names are parted and where they end.

SHAPES = {  # kind of a word -> its letter
    "name": "N", "whole": "N", "generic": "G", "place": "P", "particle": "p", "form": "F",
    "sure form": "S", "end form": "E", "party": "X", "role": "R", "also": "&", "others": "O",
    "title": "T", "ship": "s", "voyage": "V", "note": "n", "branch": "h", "beside": "b",
    "address": "A", "street": "t", "road": "r", "open": "(", "close": ")",
}  # fmt: skip
HINTING = frozenset(
    "nobody party role others title ship voyage note branch beside address street".split()
)
# Further: 9 a number, C one with letters, L a long one or a voyage, K a Chinese firm, a an address.
LOST = "\ufffd"  # a letter that was lost to a sign: any letter
EAST = "\u3041-\u30fa\u30fc-\u9fff"  # scripts without blanks
CELL_WORD = re.compile(  # "c/o" and "N.V." are one word, so is the l of "l'ordre"
    rf"[()\[\]&]|[^\W\d_](?:[./][^\W\d_])+(?![^\W_])\.?|[^\W\d_](?=['’])|[{EAST}]+|[^{EAST}\s!-&(-/:-@\[-_"
    r"{-~\xa1-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u2000-\u2018\u201a-\u206f\u2e00-\u2e7f"
    r"\u3000-\u3004\u3008-\u303f\u060c\u061b\u061f\u30fb]+"
)
CELL_SIGN = re.compile(r"([;|\n\r]|\s/+\s|//)|[,:]|[+/#]|\s[-–—]|[-–—]\s")
CUTS = (  # (where, letter that comes in place of every one there, or of [those] alone), in order
    ("R:", "X"), ("R", "G"), (":", ","), ("O[^;X]*", "a"),
    (r"\((?=[Xnb9LC])[^()]*\)", "[()];"),  # "Tako (formerly Miko) LLC"
    (r"\([^()]*(?:\)[,.;]*)?(?=[X;]|$)", "[()];"),  # "Tako LLC (Miko)"
    (r"\((?=[^()]*[NK])[^()]{2,}\)", "[()];"),  # "Tako (Miko Air) LLC"; not "Tako (Asia) LLC"
    (r"[()]", "."),
    (r"(?<=[^,;X.][FSE])(?:,(?!E)|,?&,?)(?=[^,;X&]*(?:[NK]|[GPC][^,;X&]*[GPC]))|(?<=K)[,&]", ";"),
)  # fmt: skip
ENDS = (
    ("(?<=.)t(?=[^;X]{0,7}[9CLA])[^;X]*", "a"),  # ul. Lenina 5
    ("[,;][^,;X]{0,3}r(?=[^;X]{0,4}[9CL])[^;X]*", "a"),  # ", Leninsky prospekt 12"
    ("(?<=[NGPCKFSE])Nr(?=[9CL])[^;X]*", "a"),
    ("(?<=.),[^,;XFSE]{1,3}r(?=[,;X]|$)[^;X]*", "a"),  # ", Oak Road"
    ("(?<=.)p?[9CL](?=[^;X]{0,6}[rt])[^;X]*", "a"),  # 12 Oak Road
    ("A[^;X]*", "a"),  # P.O. Box
    ("(?<=[NGPCKFSE.]),[9CL][^;X]+", "a"),  # ", 12 Springfield"
    ("(?<=[NGPCKFSEh,.&])[bV][^;X]*", "a"),  # VAT 4711
    ("(?<=[NGCK][SE])[NPC9L][^;X,FSE]{0,5}(?=[,;X]|$)", "a"),  # Tako JSC Soligorsk
    ("(?<=;)(?:t|[^;XFSE]*r)[^;XFSE]*(?=[;X]|$)", "a"),
    ("a(?:;+[^;XFSE]*(?=[;X]|$))+", "a"),  # behind an address only firms and named roles are names
)
BEFORE = re.compile("^(?:[Tsnb,.V]|[9LC][,.]|(?<=,)[9C]|L)*")
BEHIND = re.compile("(?:[,.]*[nVbL]|,+[9C])+[,.]*$|[,.]+$")
BRANCH = re.compile("(?:[,.]*P?h[9C]?P?|,+P+|[,.]*[nVbL]|,+[9C])+[,.]*$")
TOWN = re.compile("(?<=[NGCKFSE])P+$")
FIRM = re.compile("(?=.*[GFSEK]).*[NGPCK].*[NGPCKFSE]")
FORM_KINDS = {
    "LTD": "sure form",
    "PLC": "sure form",
    "LP": "form",
    "CORP": "form",
}  # "NPO" is a trade
STREETS = "strasse", "str", "straat"  # "Hauptstr. 5"
TAIL = re.compile(r"\d{2,5}[ensw]|v\d{1,5}[ensw]?|\d{6,}|(?=.*[^\W\d]).*\d{4}.*")  # "0123E", "V12"

REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});|&#\d{2,4}(?!\d)")
ESCAPE = re.compile(r"_x00([0-9A-Fa-f]{2})_|(%[0-9A-Fa-f]{2})+")
BREAK = re.compile(r"<(?:br|/p|/div|/li)\s{0,9}/?>|\\r\\n|\\[nrt]", re.IGNORECASE)
UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef]|</?[a-zA-Z][^<>]{0,80}>"
)
MIRRORED = re.compile("\u202e([^\u202c\n]*)\u202c?")
DOUBLE = re.compile(  # letters in UTF-8, each of whose bytes was read as a letter
    "[\xc2-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]"
    "|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xc3-\xc5\xce-\xd1]\ufffd"
)
READ_AS = ("cp1252", "cp1251", "cp1254", "mac_roman", "cp850")
COVERED = 0.9  # of the letters beyond ASCII are such: "ТРЁХ" has half
ACCENTED = 0.7  # of all letters: "ÀÎ ÀÐÃÓÌÅÍÒ" is АО АРГУМЕНТ, "ÇELEBÝ" has a third
ICELANDIC = str.maketrans("ÝÞÐýþð", "İŞĞışğ")  # of Turkish cp1254 read as latin-1
LOST_QUOTES = re.compile(r"(?<![^\s(])[?\ufffd]([^\W_][^?\ufffd]{1,80})[?\ufffd](?![^\s,.)])")
LOST_LETTER = re.compile(
    r"(?<=[^\W_])\?(?=\??\s{0,2}[^\W_(])|(?<![^\s?])\?(?=\??[^\W_])|\?(?=\?)|(?<=\?)\?"
)
LAST_LETTER = re.compile(r"(?<=[^\W_])\?(?=\W*$)|_(?=[^\W_])|(?<=[^\W_])_")  # or none
SCRIPTS = frozenset("LATIN CYRILLIC GREEK ARABIC HEBREW ARMENIAN GEORGIAN HANGUL HIRAGANA KATAKANA"
                    " CJK FULLWIDTH HALFWIDTH KATAKANA-HIRAGANA".split())  # fmt: skip
PLAIN_SIGNS = str.maketrans({".": "", ",": " ", "-": " ", "'": " ", "&": " "})
TELLING_SIGN = re.compile(
    r"\.(?=[A-Za-z]\b)|www\.|-\s|\s-|,(?! ?(?:inc|ltd|llc|co|limited|corp)\b)|&(?! co\b)",
    re.IGNORECASE,
)
MAIL = re.compile(r"(?:[\w.+-]{1,60}@|\bwww\.)([\w-]{1,60}(?:\.[\w-]{1,60}){1,4})")
BOTH_INITIALS = re.compile(r"(?<![\w.])([^\W\d_])\.([^\W\d_])\.(?![^\W_])")  # "Putin V.V."
LEET = re.compile(r"\b(?:[^\W\d_]+[013457]){2,}[^\W\d_]*\b")  # "M4H4N"
LEET_LETTERS = str.maketrans("013457", "oieast")
MOST_NAMES, MOST_CHARS, MOST_READ = 12, 500, 5_000  # names of a cell; letters of one, and of all
LISTED = re.compile(  # names of a list that may hold several
    r"[;()\[\]]|[./]k[./]a|\baka\b|\s/\s|successor|subsidiar|sub-unit|subordinate|formerly|\bc/o\b",
    re.IGNORECASE,
)


class CellNames(NamedTuple):
    """What a party cell names."""

    names: tuple[str, ...]  # to ask the lists for, the whole cell first; () if it names nobody
    unnamed: str = ""  # why it names nobody: "holds only a legal form"
    unreadable: str = ""  # why a name may be missed: 'holds letters that are lost: "HU\ufffdWEI"'


class Shape(NamedTuple):
    """The words and signs of a cell: each one's letter, folded word ("" for signs) and place."""

    letters: str
    words: list[str]
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class CellWords:
    """The words of lists/cells.csv and of other tables that cells consult."""

    phrases: Mapping[str, str]  # "p/o box #" -> its letter in a shape
    sizes: Mapping[str, Set[int]]  # first word -> how many words its phrases have
    kinds: Mapping[str, set[str]]  # kind -> its phrases
    hints: Set[str]  # a name that holds none of these has no phrase beside it
    chains: Set[str]  # "c/o", "i/l"
    glued: re.Pattern[str]  # a legal form written together with a name


def fold_cell(text: str) -> list[str]:
    """The folded words of a phrase.

    >>> fold_cell("P.O. Box #"), fold_cell("À l'ordre")
    (['p/o', 'box', '#'], ['a', 'l', 'ordre'])
    """
    words = map(fold_chain, CELL_WORD.findall(text.replace("#", "0")))
    return ["#" if word == "0" else word for word in words]


def fold_chain(word: str) -> str:
    """A folded word of a cell: "N.V." and "N/V" are "n/v"."""
    folded = fold_phrase(word)
    return folded if folded.isalnum() else re.sub("['`’]|[.]$", "", folded).replace(".", "/")


def read_patterns() -> Iterator[tuple[str, str]]:
    """(kind, phrases) of all tables that cells consult; what comes later holds."""
    for row in read_table("generic_words"):
        if row["class"] != "title":  # "Colonel" may be a name
            yield row["class"], row["word"]
    for row in read_table("countries"):
        yield "place", row["names"]
    for row in read_table("legal_forms"):
        if row["position"] != "start":
            yield FORM_KINDS.get(row["class"], "generic"), row["form"]
    for row in reversed(read_table("cells")):
        yield row["kind"], row["pattern"]


@functools.cache
def load_cell_words() -> CellWords:
    """What lists/ tell about cells, read once."""
    phrases: dict[str, str] = {}
    sizes: dict[str, set[int]] = defaultdict(set)
    kinds: dict[str, set[str]] = defaultdict(set)
    hints: set[str] = set()
    chains: set[str] = set()
    for kind, pattern in read_patterns():
        for words in filter(None, map(fold_cell, pattern.split("|"))):
            kinds[kind].add(" ".join(words))
            chains.update(word for word in words if "/" in word)
            if kind in SHAPES:
                phrases[" ".join(words)] = SHAPES[kind]
                sizes[words[0]].add(len(words))
            if kind in HINTING and "#" not in words and (kind != "nobody" or len(words) > 1):
                hints.add(max(words, key=lambda word: (word not in phrases, len(word))))
    glued = re.compile(rf"\b({'|'.join(kinds['glued'])})(?=[^\W\d_]{{6}})", re.IGNORECASE)
    return CellWords(phrases, sizes, kinds, hints, chains, glued)


def decode_signs(text: str) -> str:
    """`text` without the ways in which files write signs.

    >>> decode_signs("JSC &amp;quot;ARGUMENT&amp;quot;&#10;MAHAN%20AIR<br/>5_x000D_")
    'JSC "ARGUMENT"\\nMAHAN AIR\\n5\\r'
    """
    decoded = text
    for _ in range(3):  # "&amp;lt;br&amp;gt;"
        decoded = REFERENCE.sub(lambda m: html.unescape(m[0].replace("NBSP", "nbsp")), decoded)
    decoded = ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else unquote(m[0]), decoded)
    return BREAK.sub("\n", decoded)


@functools.cache
def map_bytes(encoding: str) -> Mapping[int, int]:
    """The byte of each letter of `encoding` beyond ASCII; a byte without a letter is itself."""
    pairs = ((bytes([n]).decode(encoding, "ignore"), n) for n in range(128, 256))
    return {ord(letter): n for letter, n in pairs if letter}


def repair_double(text: str) -> str:
    """`text` whose letters were written in UTF-8 and read as another encoding, as written.

    >>> repair_double("BÃœSCHER"), repair_double("РђРћ"), repair_double("ТРЁХ CAFÉ")
    ('BÜSCHER', 'АО', 'ТРЁХ CAFÉ')
    """
    for encoding in READ_AS:
        raw = text.translate(map_bytes(encoding))
        found, odd = DOUBLE.findall(raw), sum(letter > "\x7f" for letter in raw)
        if found and sum(map(len, found)) >= COVERED * odd:
            read = DOUBLE.sub(
                lambda m: m[0].encode("latin-1", "ignore").decode("utf-8", "replace"), raw
            )
            if not re.fullmatch("[\\0-\xa0\u0180-\u02af\ufffd]*", read):  # "CAFÉ™"
                return read
    return text


def find_readings(text: str) -> list[str]:
    """`text` as its letters may have been written in one byte each, likeliest first.

    >>> find_readings("ÀÎ ÀÐÃÓÌÅÍÒ")[0], find_readings("NOVÝ"), find_readings("ÇELEBİ")
    ('АО АРГУМЕНТ', ['NOVÝ', 'NOVİ'], ['ÇELEBİ'])
    """
    letters = [letter for letter in text if letter.isalpha()]
    accented = sum("\xc0" <= letter <= "\xff" for letter in letters)
    if accented > 3 and accented > ACCENTED * len(letters):
        raw = text.translate(map_bytes("cp1252")).encode("latin-1", "replace")
        return [raw.decode(encoding, "replace") for encoding in ("cp1251", "cp1253", "koi8_r")]
    if (
        re.fullmatch(r"[а-я\W]+|[а-я][А-Я]{2,}.*", text) and not text.isascii()
    ):  # koi8-r read as cp1251 has small letters for capitals
        return [text, text.encode("cp1251", "replace").decode("koi8_r")]
    return list(dict.fromkeys((text, text.translate(ICELANDIC) if accented else text)))


def find_lost(text: str) -> list[str]:
    """`text` with LOST for letters that were lost to a sign, and as it may be read besides.

    >>> find_lost("HU?WEI LTD"), find_lost("ООО ?АРГУМЕНТ?"), find_lost("A_B LTD"), find_lost("Q?")
    (['HU�WEI LTD'], ['ООО "АРГУМЕНТ"'], ['A B LTD', 'A�B LTD'], ['Q', 'Q�'])
    """
    lost = LOST_LETTER.sub(LOST, LOST_QUOTES.sub(r'"\1"', text))
    both = (LAST_LETTER.sub(sign, lost) for sign in (" ", LOST))
    return list(dict.fromkeys(re.sub("[?_]", " ", reading).strip() for reading in both))


def read_texts(text: str) -> list[str]:
    """What the cell `text` says, likeliest first: decoded, repaired, without unseen signs."""
    decoded = decode_signs(text)
    readings = [UNSEEN.sub("", decoded)]
    if not decoded.isascii():
        repaired = unicodedata.normalize("NFKC", repair_double(repair_double(readings[0])))
        readings = find_readings(repaired)
        if "\u202e" in decoded:
            readings.append(UNSEEN.sub("", MIRRORED.sub(lambda m: m[1][::-1], decoded)))
    return list(dict.fromkeys(lost for reading in readings for lost in find_lost(reading)))


def read_shape(text: str, known: CellWords) -> Shape:
    """The shape of `text`, a phrase as one."""
    found = list(CELL_WORD.finditer(text))
    words = [fold_chain(match[0]) for match in found]
    words = [word if word in known.chains else word.replace("/", "") for word in words]
    letters, told, spans = [], [], []
    place = last = 0
    while place < len(words):
        size, letter = find_phrase(words, place, known)
        start, end = found[place].start(), found[place + size - 1].end()
        for sign in CELL_SIGN.finditer(text, last, start):
            letters.append(";" if sign[1] else ":" if sign[0] == ":" else ",")
            told.append("")
            spans.append((start, start))
        letters.append(letter)
        told.append(" ".join(words[place : place + size]).strip("()[]"))
        spans.append((start, end))
        place, last = place + size, end
    return Shape("".join(letters), told, spans)


def find_phrase(words: Sequence[str], place: int, known: CellWords) -> tuple[int, str]:
    """How many words the longest phrase at `place` has, and its letter in a shape."""
    word = words[place]
    for size in sorted(known.sizes.get(word, ()), reverse=True):
        several = words[place : place + size]
        told = [w if w.isalpha() or not any(map(str.isdigit, w)) else "#" for w in several]
        if letter := known.phrases.get(" ".join(told)):
            return len(told), letter
    digits = sum(map(str.isdigit, word))
    if digits and (digits * 2 >= len(word) or word[0].isdigit()):
        return 1, "L" if TAIL.fullmatch(word) else "9" if digits == len(word) else "C"
    return 1, "K" if word.endswith("公司") else "r" if word.endswith(STREETS) else "N"


def rewrite_shape(letters: str, rules: Iterable[tuple[str, str]]) -> str:
    """The shape `letters` after `rules` of CUTS or ENDS, as long as before."""
    shape = letters
    for pattern, letter in rules:
        signs = re.compile(letter[:-1] or ".")
        shape = re.sub(pattern, lambda m: signs.sub(letter[-1], m[0]), shape)  # noqa: B023
    return shape


def find_names(text: str, shape: Shape, known: CellWords) -> tuple[list[str], str]:
    """The names in the parts of a cell `text`, and its parts as shapes but for those that are
    phrases for nobody."""
    letters = rewrite_shape(shape.letters, (*CUTS, *ENDS))
    names, held = [], []
    for part in re.finditer("[^;Xa]+", letters):
        lead = letters[: part.start()][-1:]
        for first, last in trim_part(part[0], part.start()):
            words = shape.words[first:last]
            nobody = is_nobody(words, letters[first:last], known)
            held.append("" if nobody else letters[first:last])
            if not nobody and is_named(letters[first:last], words, lead):
                names.append(text[shape.spans[first][0] : shape.spans[last - 1][1]])
    return names, ";".join(held)


def trim_part(part: str, start: int) -> Iterator[tuple[int, int]]:
    """Where the name in a `part` of a shape from `start` on lies: without titles and numbers, then
    without its branch and town behind a comma, then without its town."""
    first, last = len(part) - len(BEFORE.sub("", part, count=1)), len(part)
    for tail in (BEHIND, BRANCH, TOWN):
        cut = tail.search(part, first, last)
        if (
            cut
            and cut.start() > first
            and (tail is not TOWN or FIRM.match(part, first, cut.start()))
        ):
            last = cut.start()
        if last > first:
            yield start + first, start + last


def is_nobody(words: Sequence[str], letters: str, known: CellWords) -> bool:
    """Whether `words` of a part are a phrase for nobody: "not declared", "the shipper"."""
    told = [word for word, letter in zip(words, letters, strict=True) if letter not in "pT"]
    return not known.kinds["nobody"].isdisjoint(" ".join(filter(None, w)) for w in (words, told))


def is_named(letters: str, words: Sequence[str], lead: str) -> bool:
    """Whether a part of a cell, behind the `lead` of its shape, names a party; a lone common word,
    and a short one behind a sign, does not."""
    size = sum(len(word) for word, letter in zip(words, letters, strict=True) if letter in "NK")
    several = len(re.findall("[NGPCK]", letters)) > 1
    if lead == ";" and not re.search("[FSEK]", letters):
        return size > 3 or (several and "G" in letters)
    return several or size > 1 or (not lead and bool(re.search("[GPC]", letters)))


def find_spellings(text: str, known: CellWords) -> Iterator[str]:
    """Other ways to write the name `text`: form and initials apart, letters for digits, scripts.

    >>> [*find_spellings("OOOARGUMENT", load_cell_words())]
    ['OOO ARGUMENT']
    """
    yield known.glued.sub(r"\1 ", text)
    if LEET.search(text):
        yield text.translate(LEET_LETTERS)
    initials = BOTH_INITIALS.search(text)
    apart = BOTH_INITIALS.sub(r" \1 \2 ", text).split()
    if initials and len(apart) < 5 and fold_phrase(initials[1] + initials[2]) not in known.phrases:
        yield " ".join(apart)
    if not text.isascii():
        words = re.sub(f"([{EAST}]+)", r" \1 ", text).split()
        latin = [word for word in words if fold_phrase(word).isascii()]
        other = [word for word in words if not re.search("[a-z]", fold_phrase(word))]
        both = [read_shape(" ".join(several), known).letters for several in (latin, other)]
        if all(re.search("[NK]", letters) for letters in both):
            yield from (" ".join(latin), " ".join(other))


def say_unnamed(shape: Shape, parts: str, known: CellWords) -> str:
    """Why a cell of `shape`, whose `parts` are not for nobody, names nobody; "" where it may name
    somebody."""
    if not any(map(str.isalnum, "".join(shape.words))):
        return "holds no letter or digit"
    held = re.search("[^nbL9.,;&]", parts) or re.search("^T+$|[AtrhsVCL9]", shape.letters)
    return "" if held and not is_nobody(shape.words, shape.letters, known) else "names nobody"


def say_unread(text: str, shape: str) -> str:
    """Why what `text` of `shape` names may not be found, "" for no reason."""
    lost = re.search(rf"\S*{LOST}\S*", text)
    if lost:
        return f'holds letters that are lost: "{lost[0][:MOST_CHARS]}"'
    if re.fullmatch("[FSE9L.,;:]+", shape):
        return "holds only a legal form" if re.search("[FSE]", shape) else "holds only digits"
    names = [unicodedata.name(letter, "?") for letter in text[:MOST_CHARS] if letter.isalpha()]
    scripts = {name.split()[0] for name in names}
    odd = scripts and scripts.isdisjoint(SCRIPTS)
    return f"holds letters of a script without a table: {min(scripts).capitalize()}" if odd else ""


def is_plain(text: str, known: CellWords) -> bool:
    """Whether `text` is a name and nothing else, told in a moment."""
    bare = text.translate(PLAIN_SIGNS).lower()
    words = bare.split()
    if not text.isascii() or not bare.replace(" ", "").isalpha() or len(words) < 2:
        return False
    if not known.hints.isdisjoint(words) or not known.kinds["sure form"].isdisjoint(words[:-1]):
        return False
    return words[-1] not in known.kinds["place"] and not TELLING_SIGN.search(text)


@functools.lru_cache(maxsize=1 << 16)
def read_cell(text: str) -> CellNames:
    """Whom the party cell `text` names.

    >>> read_cell("TO THE ORDER OF BANK X, A/C Tako LLC, 5 Abovyan Street").names[1:]
    ('BANK X', 'Tako LLC')
    >>> read_cell("Marks and Spencer").names, read_cell("TO ORDER").unnamed
    (('Marks and Spencer',), 'names nobody')
    """
    known = load_cell_words()
    if is_plain(text, known):
        return CellNames((text,))
    names: dict[str, str] = {}
    unread = ""
    for reading in read_texts(text[:MOST_READ]):
        parted = MAIL.sub(name_host, reading)
        shape = read_shape(parted, known)
        unread = unread or ("" if names else say_unread(reading, shape.letters))
        found, parts = find_names(parted, shape, known)
        if unnamed := say_unnamed(shape, parts, known):
            return CellNames((), "" if unread else unnamed, unread)
        for name in (reading, *found):
            for spelling in (" ".join(name.split()), *find_spellings(name, known)):
                key = re.sub(r"[^\w.\ufffd]+", " ", spelling.lower()).strip(" .")
                names.setdefault(key, spelling[:MOST_CHARS])
    if len(names) > MOST_NAMES or len(text) > MOST_READ:
        unread = unread or f"holds more than {MOST_NAMES} names or {MOST_READ:,} letters"
    return CellNames(tuple(names.values())[:MOST_NAMES], "", unread)


def name_host(found: re.Match[str]) -> str:
    """The name in a mail address or the address of a site, parted from the rest of the cell."""
    kinds, labels = load_cell_words().kinds, fold_phrase(found[1]).split(".")
    names = [label for label in labels if label not in kinds["domain"] and len(label) > 2]
    return ";" if kinds["mail"].intersection(names) else f";{' '.join(names)};"


def split_listed(text: str) -> tuple[str, ...]:
    """The name `text` of a list, then the names in it; none of a name that stands for an address.

    >>> split_listed("Tako Works OAO; Miko LLC and any successor or subsidiary thereof")[1:]
    ('Tako Works OAO', 'Miko LLC')
    >>> split_listed("Import/Export Tako"), split_listed("Address 01")
    (('Import/Export Tako',), ())
    """
    if re.fullmatch(r"address \d+", text.lower()):
        return ()
    if not LISTED.search(text):
        return (text,)
    shape = read_shape(text, load_cell_words())
    letters = rewrite_shape(shape.letters, ((r"\([PGFSE.,]+\)", "."), *CUTS))
    names = [text]
    for part in re.finditer(r"[^;Xa,.&](?:[^;Xa]*[^;Xa,.&])?", letters):
        first, last = part.span()
        lead = letters[:first].rstrip(",.&")[-1:]
        if is_named(part[0], shape.words[first:last], lead) and (lead == "X" or last > first + 1):
            names.append(text[shape.spans[first][0] : shape.spans[last - 1][1]])
    return tuple(dict.fromkeys(names))


# ==================================================================================================
# Names
# Takes the text of a name, gives all its words in Latin letters with their canonical spellings and
# which of them are legal forms. Does not know lists or scores. Languages live in tables.

Sounds = tuple[tuple[re.Pattern[str] | str, str], ...]
Forms = Mapping[str, tuple[tuple[tuple[str, ...], str, str], ...]]
ANY_LETTER = "\u02d0"  # stands for a letter that was lost, U+FFFD in the text: it may be any


class FoldedName(NamedTuple):
    """A name as words in the order written; nothing is cut off."""

    words: tuple[str, ...]  # as written: ("huawei", "tech", "co", "ltd"); () without letters
    tokens: tuple[str, ...]  # canonical: ("huawei", "technology", "company", "limited")
    formal: tuple[bool, ...]  # which of them are part of a legal form
    forms: tuple[str, ...]  # classes of its legal forms, sorted: ("LTD",)
    script: str = ""  # "han": holds Chinese characters; "pinyin": Latin made of such; else ""


@dataclass(frozen=True, slots=True)
class Language:
    """The language tables in the shape that folding asks for."""

    canonical: Mapping[str, str]  # "intl" -> "international", "iii" -> "3"
    forms: Forms  # first word -> (words, position, class), the longest first
    form_words: Set[str]  # every word of a legal form
    letters: Mapping[str, str]  # "ж" -> "zh"
    digraphs: tuple[tuple[str, str], ...]  # ("ου", "u"), before single letters
    lookalikes: Mapping[int, str]  # letters of other scripts to the Latin ones that look so
    han_words: Mapping[str, str]  # "技术" -> "technology"
    simplified: Mapping[int, str]
    pinyin_starts: tuple[tuple[bytes, str], ...]  # (GB 2312 code where a syllable starts, it)
    pinyin: Mapping[str, str]  # characters outside the ordered level
    classes: Mapping[str, str]  # common word -> "generic", "place", "particle", "title", …
    sounds: Sounds  # ordered rules of the sound key
    compounds: Sounds  # "izzeddine" -> "izz din"
    given_names: Mapping[str, str]  # "bill" -> "william"


INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
ABJAD = re.compile("[\u0590-\u065f\u066e-\u06ef\u06fa-\u07ff\ufb1d-\ufdff\ufe70-\ufefc]")
LATIN = re.compile("[a-z\u00c0-\u024f\u1e00-\u1eff]", re.IGNORECASE)
FOREIGN = re.compile(
    "[\u0370-\u052f\u0530-\u07ff\u0900-\u1dff\u1f00-\u1fff\u3040-\u30ff\uac00-\ud7af]"
)
DOTTED = re.compile(  # "s.a. de c.v.", but not "st.petersburg"
    r"\b(?:[a-zː]\.){2,}(?:[a-zː]\b)?|\b[a-zː]\.[a-zː]\b(?!\.?\w)"
)
LEADING_ZEROS = re.compile(r"\b0+(?=\d)|(?<=\d)(?:st|nd|rd|th)\b")
JUNK = {c: " " for c in range(128) if not chr(c).isalnum() and c != 10} | {39: "", 96: ""}  # ' `
NAMED = re.compile(r"(LETTER|SYLLABLE|VOWEL SIGN|CHARACTER)(?: SMALL| CAPITAL| FINAL)* (\w+)")
APART = re.compile(r"[\s\-/,;:_|+\"]+")  # "Volvo-Вектор" is no word of mixed scripts
BEGINS = re.compile(r"(?=\w)|$")  # "(mhmd": behind the bracket
ABJAD_MARK = "\u02bf"  # before a word of consonants only: Arabic, Hebrew, Syriac
CONSONANTS = str.maketrans("eiouwypvqcxg", "aaaaaabfkkkj")


@functools.cache
def fold_letter(letter: str) -> str:
    """Latin for one lower-case `letter` of any script: by table, by its base letter, by its name.

    >>> fold_letter("ж"), fold_letter("ά"), fold_letter("감"), fold_letter("バ")
    ('zh', 'a', 'gam', 'ba')
    """
    known = load_language().letters.get(letter)
    if letter == ANY_LETTER or known is not None or letter.isascii() or HAN.match(letter):
        return letter if known is None else known
    name, base = unicodedata.name(letter, ""), unicodedata.normalize("NFKD", letter)[0]
    kana = "KATAKANA" in name or "HIRAGANA" in name
    if base != letter and not kana and "HANGUL" not in name:
        return fold_letter(base)
    match = NAMED.search(name)
    if match is None:
        return "" if unicodedata.category(letter) in ("Mn", "Lm", "Cf") else " "
    bare = match[1] in ("LETTER", "CHARACTER") and len(match[2]) > 1 and match[2][-1] in "AO"
    return match[2].lower()[:-1] if bare and not kana else match[2].lower()


def fold_han(run: str, language: Language, spell: bool) -> str:
    """A `run` of Chinese characters as words: company words in English, the rest kept or spelt."""
    text, words, rest, i = run.translate(language.simplified), [], "", 0
    while i < len(text):
        sizes = (n for n in range(8, 0, -1) if text[i : i + n] in language.han_words)
        if size := next(sizes, 0):
            words += [rest, language.han_words[text[i : i + size]]]
            rest, i = "", i + size
        else:
            rest += spell_han(text[i], language) if spell else text[i]
            i += 1
    return " ".join([*words, rest])


def spell_han(letter: str, language: Language) -> str:
    """Pinyin of one Chinese character; those of GB 2312 level 1 stand in its order."""
    if letter in language.pinyin:
        return language.pinyin[letter]
    code = letter.encode("gb2312", "ignore")
    place = bisect_right(language.pinyin_starts, (code, "~"))
    known = b"\xb0\xa1" <= code <= b"\xd7\xf9" and place
    return language.pinyin_starts[place - 1][1] if known else fold_letter(letter) or letter


def fold_word(word: str, language: Language) -> str:
    """One lower-case `word` of any script in Latin; Arabic and Hebrew ones carry ABJAD_MARK.

    A word of two scripts is read by sound, unless most of it is Latin: then by look.

    >>> fold_word("таko", load_language()), fold_word("huаwei", load_language())
    ('tako', 'huawei')
    """
    latin = len(LATIN.findall(word))
    if latin and not HAN.search(word) and latin >= len(FOREIGN.findall(word)) > 0:
        return spell_word(word.translate(language.lookalikes), language)
    return spell_word(word, language)


def spell_word(word: str, language: Language) -> str:
    """One lower-case `word` in Latin letter by letter."""
    joined = word
    for letters, sound in language.digraphs:
        joined = joined.replace(letters, sound)
    parts = []
    for part in unicodedata.normalize("NFC", joined).split():
        plain = "".join(map(fold_letter, part))
        parts += mark_bare(plain) if ABJAD.search(part) else [plain]
    return " ".join(parts)


def mark_bare(word: str) -> list[str]:
    """An Arabic or Hebrew `word` in Latin consonants, marked, without its article; what is written
    as one with Abd stands apart.

    >>> mark_bare("abdalazyz"), mark_bare("alrntysy"), mark_bare("(mhmd")
    (['ʿabd', 'ʿazyz'], ['ʿrntysy'], ['(ʿmhmd'])
    """
    parts = re.sub(r"^(\W*abd)al(?=\w{3})|^(\W*)al(?=\w{3})", r"\1 \2", word).split()
    return [BEGINS.sub(ABJAD_MARK, part, count=1) for part in parts]


def fold_script(text: str, language: Language, spell: bool) -> str:
    """`text` in plain Latin; Chinese characters stay unless `spell`.

    >>> fold_script("Таko LLC", load_language(), True)
    'tako llc'
    """
    known = INVISIBLE.sub("", text).replace(LOST, ANY_LETTER).replace("’", "'")
    clean = unicodedata.normalize("NFKC", known).lower()
    words = APART.split(HAN.sub(lambda m: f" {fold_han(m[0], language, spell)} ", clean))
    return " ".join([word if word.isascii() else fold_word(word, language) for word in words])


def mark_forms(words: Sequence[str], language: Language) -> tuple[tuple[bool, ...], list[str]]:
    """Which of `words` are part of a legal form, and its classes; a form alone is a name.

    >>> mark_forms(["tako", "llc"], load_language()), mark_forms(["llc"], load_language())
    (((False, True), ['LTD']), ((False,), []))
    """
    formal, classes, i = [False] * len(words), [], 0
    while i < len(words):
        size, kind = find_form(words, i, language)
        if size:
            classes.append(kind)
            formal[i : i + size] = [True] * size
        i += size or 1
    return (tuple(formal), classes) if not all(formal) else ((False,) * len(words), [])


def find_form(words: Sequence[str], i: int, language: Language) -> tuple[int, str]:
    """The length in words and the class of the legal form at place `i`; (0, "") for none."""
    for form, position, kind in language.forms.get(words[i], ()):
        there = position == "any" or (position == "end") == (i > 0)
        if there and tuple(words[i : i + len(form)]) == form:
            return len(form), kind
    return 0, ""


def fold_numbers(tokens: list[str], words: list[str]) -> None:
    """Write number words as one figure in both: "40", "4" of "forty four" -> "44", ""."""
    for i in range(1, len(tokens)):
        tens = tokens[i - 1][1:] == "0" and words[i - 1].isalpha()
        if tens and len(tokens[i]) == 1 and tokens[i].isdigit():
            tokens[i - 1 : i + 1] = [tokens[i - 1][0] + tokens[i], ""]
            words[i - 1] = tokens[i - 1]


def fold_names(texts: Sequence[str], language: Language, spell: bool = False) -> list[FoldedName]:
    """The folded name of each of `texts`, all at once: one pass of C code over the joined text.

    Chinese characters are kept, or with `spell` written in pinyin.
    """
    plain = [t.lower() if t.isascii() else fold_script(t, language, spell) for t in texts]
    joined = "\n".join([text.replace("\n", " ").replace("\r", " ") for text in plain])
    joined = DOTTED.sub(lambda m: m[0].replace(".", ""), joined.replace("&", " and "))
    joined = LEADING_ZEROS.sub("", joined.translate(JUNK))
    for pattern, words in language.compounds:
        joined = re.sub(pattern, words, joined)
    lines = joined.split("\n") if texts else []
    return [fold_line(line, text, language, spell) for line, text in zip(lines, texts, strict=True)]


def fold_line(line: str, text: str, language: Language, spell: bool) -> FoldedName:
    """The folded name of one `line` of plain Latin that `text` was written as."""
    words = line.split()
    tokens = [language.canonical.get(word, word) for word in words]
    fold_numbers(tokens, words)
    if "" in tokens:
        words = [word for word, token in zip(words, tokens, strict=True) if token]
        tokens = [token for token in tokens if token]
    formal, classes = mark_forms(words, language)
    han = not text.isascii() and HAN.search(text)
    script = "" if not han else "pinyin" if spell else "han"
    return FoldedName(tuple(words), tuple(tokens), formal, tuple(sorted({*classes})), script)


def key_sounds(words: Sequence[str], sounds: Sounds) -> list[str]:
    """The sound key of each of `words`: equal for the usual transliterations of one name.

    >>> key_sounds(["mohammed", "muhamad", "putin"], load_language().sounds)[:2]
    ['muhamad', 'muhamad']
    """
    if not words:
        return []
    joined = "^" + "$\n^".join(words) + "$"
    for found, sound in sounds:
        if isinstance(found, str):
            joined = joined.replace(found, sound)
        else:
            joined = found.sub(sound, joined)
    return joined.replace("^", "").replace("$", "").split("\n")


def key_consonants(words: Sequence[str]) -> list[str]:
    """The consonants of each of `words`, Latin or abjad: what scripts without vowels write.

    >>> key_consonants([ABJAD_MARK + "frnandw", "fernando"])
    ['frnd', 'frnd']
    """
    joined = "\n".join(words).replace(ABJAD_MARK, "").translate(CONSONANTS)
    joined = re.sub(r"(?<=[^\n])a+|h", "", joined)
    return re.sub(r"([^\n])\1+", r"\1", joined).split("\n")


def read_forms() -> dict[str, tuple[tuple[tuple[str, ...], str, str], ...]]:
    """Legal forms by their first word, longest first: (words, position, class)."""
    forms: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
    for row in read_table("legal_forms"):
        words = tuple(row["form"].split())
        forms.setdefault(words[0], []).append((words, row["position"], row["class"]))
    return {k: tuple(sorted(v, key=lambda form: -len(form[0]))) for k, v in forms.items()}


def read_sounds(kinds: Set[str]) -> Sounds:
    """The ordered rules of lists/phonetics.csv of `kinds`, a pattern or plain letters each."""
    rows = [row for row in read_table("phonetics") if row["kind"] in kinds]
    return tuple(
        (r["from"] if r["kind"] == "plain" else re.compile(r["from"], re.M), r["to"]) for r in rows
    )


@functools.cache
def load_language() -> Language:
    """The language tables of lists/, read once."""
    forms = read_forms()
    short = read_table("abbreviations")
    pinyin = read_table("pinyin")
    letters = {r["letter"]: r["latin"] for r in read_table("transliteration")}
    return Language(
        canonical={
            r["short"]: r["full"]
            for r in short
            if r["kind"] != "given_name" and len(r["short"]) > 1
        },
        forms=forms,
        form_words={word for several in forms.values() for form, *_ in several for word in form},
        letters=letters,
        digraphs=tuple((k, v) for k, v in letters.items() if len(k) > 1),
        lookalikes={ord(r["letter"]): r["latin"] for r in read_table("lookalikes")},
        han_words={r["han"]: r["english"] for r in read_table("han_words")},
        simplified={
            ord(old): new
            for r in read_table("traditional")
            for old, new in zip(r["traditional"], r["simplified"], strict=True)
        },
        pinyin_starts=tuple(
            sorted((r["first"].encode("gb2312"), r["pinyin"]) for r in pinyin if r["first"])
        ),
        pinyin={letter: r["pinyin"] for r in pinyin for letter in r["others"]},
        classes={r["word"]: r["class"] for r in read_table("generic_words")},
        sounds=read_sounds({"regex", "plain"}),
        compounds=read_sounds({"compound"}),
        given_names={r["short"]: r["full"] for r in short if r["kind"] == "given_name"},
    )


# ==================================================================================================
# Match
# Takes list entries and the names in a cell; gives scored hits with what each feature cost. Words
# meet words once (relations), names are weighed by the words that meet, and only those whose least
# cost is bearable are aligned word by word. Knows nothing of countries, roles or rows.

RARE_IN = 50_000  # entries in which a word would tell nothing; surnames (300 of them) tell half
CLASS_WEIGHT = {  # of a word at most, by its class in lists/generic_words.csv
    "form": 0.1,  # "Joint Stock Company": stock
    "particle": 0.03,  # "al", "bin", "of", "and"
    "title": 0.08,  # "President Erdogan"
    "letter": 0.15,  # "V. Putin" / Vladimir Putin
    "generic": 0.2,  # "Tako Trading" / "Tako Electronics" differ, "Tako Trading" / "Tako" hardly
    "place": 0.3,  # "Bank of X (Singapore)" / "(London)" must differ, "Huawei Dubai" hits Huawei
    "quality": 0.4,  # "Titan Medical" / "Titan Design Bureau": ordinary words as brands
    "patronymic": 0.35,  # "Vladimir Vladimirovich Putin" / Vladimir Putin
}
SHORT_WEIGHT = {2: 0.4, 3: 0.6}  # "ABC Health" / "ABD Health" differ, yet ABC alone decides little
SPELT_AMISS = 1.5  # times the weight of the common word that an unknown word misspells
TELLING = 0.3  # weight from which a word is one that tells parties apart
PATRONYMIC = re.compile(
    r"(?:[eijoy][vw]+i(?:t?s?ch|cz|tch)|[eijoy][vw]n[ay]|ichna|[oi]vych|ivna|oglu|ogl[yi]|kyzy|qizi)$"
)
HOW = (  # how two words can agree, and how many slips that counts
    ("equal", 0.0), ("one letter differs", 1.0), ("two letters swapped", 0.9),
    ("letters look alike", 0.8), ("same sound", 0.7), ("a letter lost", 0.5),
    ("written as one or apart", 0.5), ("vowels left out", 1.6), ("same consonants", 0.6),
    ("short for the given name", 1.5), ("two letters differ", 2.0), ("initial", 1.5),
    ("cut off", 1.0), ("spaced otherwise", 1.0),
)  # fmt: skip
(
    EQUAL, LETTER, SWAPPED, SCANNED, SOUND, ANY, JOINED, VOWELS, BARE, NICK, TWO, INITIAL, BROKEN,
    WHOLE,
) = range(len(HOW))  # fmt: skip
WORDS, ENDING, SPACED = range(3)  # ways to align: word by word, up to a break, as one run
SLIPS = np.array([slips for _, slips in HOW])
HALF_JOINED = np.array([SLIPS[JOINED] / 2])  # of each of two words that stand for one
SAID = {
    "thin": "little that tells parties apart agrees", "figures": "figures differ or are missing",
    "forms": "legal form differs or is missing", "short": "few letters agree",
    "firm_person": "a firm's legal form against a person", "moved": "words in another order",
    "firm_ship": "a firm's legal form against a ship", "initials": "initials stand for names",
    "cut": "the name is cut off", "generic": "only common words agree",
}  # fmt: skip
LONG = 9  # letters from which two may differ: "lukashnko"
CUT_FROM = 20  # letters of a name that may be cut off
ARTICLES = frozenset("al el ul il as es ad ed ar er an en az ez at et ash esh".split())
PERSON_TYPES = ("", "individual")  # BIS names no types
LETTER_WEIGHT, PLACE_WEIGHT = CLASS_WEIGHT["letter"], CLASS_WEIGHT["place"]
THIN_FORMS = 1.3  # agreed weight below which a legal form tells much
FORM_CLASSES = ("LTD", "PLC", "CORP", "LP", "SOE", "FOUND", "RND", "SOLE", "COOP")
SOLE = 0.6  # share of what agreed from which one word is the only telling one
MOST_CUT, CUT_WHOLE = 30, 28  # names that go on so; letters from which a cut may fall between words
SOLE_FEATURES = {"individual": "sole_person", "vessel": "sole_ship", "aircraft": "sole_ship"}
FIRM_AGAINST = {"individual": 1, "vessel": 2, "aircraft": 2}
ROUNDING = 0.06  # of a score, to its first decimal
MOST_WHOLE = 12  # letters that whole names differ by; beyond it is all the same
LONGEST_SQUEEZED = 80  # letters of a name that is compared as one run
MOST_WORDS = 60  # of a name; behind them it is no name
HASH_BASE = 0x9E3779B97F4A7C15
NO_VOWELS = str.maketrans("", "", "aeiou")
CONFUSED = str.maketrans("015826l", "oisbzgi")
BATCH = 4096  # names looked up at once

Array = np.ndarray[Any, Any]


class NameHit(NamedTuple):
    """A listed name that a name hits; 100 less the sum of `points` is the score."""

    score: float
    name: int  # number of the listed name
    asked: str
    points: tuple[tuple[str, float, str], ...]  # (feature, points, in words), most first
    words: tuple[tuple[str, str, str], ...]  # (query word, listed word, how they agree)


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Every name of the loaded entries by its words; a word is known by the number of its canonical
    spelling (its unit)."""

    texts: list[str]
    kinds: list[str]
    types: list[str]  # of the entry
    owners: Array  # name -> entry number
    folded: list[FoldedName]
    starts: Array  # name -> slice of `units` and `weights`
    units: Array
    weights: Array  # of the word there: 0 in a legal form
    vocabulary: list[str]  # unit -> canonical spelling
    rarity: Array  # unit -> weight
    posting_starts: Array  # unit -> slice of `postings`
    postings: Array  # name numbers
    pairs: Set[tuple[int, int]]  # units that stand side by side


def classify_word(word: str, language: Language) -> str:
    """The class of a common word, "" for one that tells."""
    if word in language.classes:
        return language.classes[word]
    if len(word) == 1 and word.isalpha():
        return "letter"
    if word in language.form_words:
        return "form"
    return "patronymic" if PATRONYMIC.search(word) else ""


def weigh_word(word: str, entries: int, language: Language) -> float:
    """What agreement on `word` tells, 0-1, when it stands in so many `entries`.

    >>> weigh_word("huawei", 1, load_language()), weigh_word("trading", 1, load_language())
    (1.0, 0.2)
    """
    rarity = 1 - math.log(max(entries, 1)) / math.log(RARE_IN)
    short = SHORT_WEIGHT.get(len(word), 1.0) if word.isascii() else 1.0
    most = min(CLASS_WEIGHT.get(classify_word(word, language), 1.0), short)
    return round(max(min(rarity, most), 0.02), 3)


def number_texts(texts: Iterable[str]) -> tuple[Array, list[str]]:
    """The place of each of `texts` among the distinct ones (int64), and these in order."""
    places: dict[str, int] = {}
    codes = [places.setdefault(text, len(places)) for text in texts]
    return np.array(codes, dtype=np.int64), list(places)


def spread_slices(starts: Array, sizes: Array) -> Array:
    """The places of all slices that begin at `starts` with `sizes`, one behind the other."""
    before = np.cumsum(sizes) - sizes
    places: Array = np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes)
    return places


def count_entries(units: Array, holders: Array, owners: Array, common: Array) -> Array:
    """For each unit the entries in whose names it stands beside another word that tells.

    A word that alone names firms ("Huawei Jamaica", "Huawei Chile") is no common word.
    """
    telling = ~common[units]
    words = np.bincount(holders, weights=telling, minlength=len(owners))
    beside = words[holders] - telling > 0
    several = len(owners) + 1
    seen = np.unique(units[beside] * several + owners[holders[beside]]) // several
    return np.bincount(seen, minlength=len(common)) + 1


def fold_listed(
    entries: Sequence[ListEntry], language: Language
) -> tuple[list[Any], list[FoldedName]]:
    """(text, kind, entry number) and folded name of names and their parts; those with Chinese
    characters stand as written and spelt."""
    rows, read = [], []
    for e, entry in enumerate(entries):
        for text, kind in entry.names:
            for part in split_listed(text):
                rows.append((text, kind, e))
                read.append(part)
    folded = fold_names(read, language)
    han = [n for n, name in enumerate(folded) if name.script == "han"]
    folded += fold_names([read[n] for n in han], language, spell=True)
    return rows + [rows[n] for n in han], folded


def build_index(entries: Sequence[ListEntry], language: Language) -> NameIndex:
    """The index of all names of `entries`."""
    rows, folded = fold_listed(entries, language)
    owners = np.array([row[2] for row in rows], dtype=np.int64)
    units, vocabulary = number_texts([token for name in folded for token in name.tokens])
    sizes = np.array([len(name.tokens) for name in folded], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    holders = np.repeat(np.arange(len(folded)), sizes)
    common = np.array([bool(classify_word(word, language)) for word in vocabulary], dtype=bool)
    counts = count_entries(units, holders, owners, common).tolist()
    rarity = np.array([weigh_word(w, n, language) for w, n in zip(vocabulary, counts, strict=True)])
    formal = np.array([mark for name in folded for mark in name.formal], dtype=bool)
    side = holders[1:] == holders[:-1]
    order = np.argsort(units, kind="stable")
    return NameIndex(
        texts=[row[0] for row in rows],
        kinds=[row[1] for row in rows],
        types=[entries[row[2]].type for row in rows],
        owners=owners,
        folded=folded,
        starts=starts,
        units=units,
        weights=np.where(formal, 0.0, rarity[units]) if len(units) else rarity,
        vocabulary=vocabulary,
        rarity=rarity,
        posting_starts=np.concatenate(
            [[0], np.cumsum(np.bincount(units, minlength=len(vocabulary)))]
        ),
        postings=holders[order],
        pairs={*zip(units[:-1][side].tolist(), units[1:][side].tolist(), strict=True)},
    )


# Relations: which units a word may stand for.


def hash_deletions(words: Sequence[str]) -> tuple[Array, Array]:
    """Hashes of each of `words`, whole and without each one letter, and the places of the words.

    Words one slip apart (a letter changed, lost or added, two swapped) share a hash. The hash is
    the sum of letter x P**place, so that leaving a letter out needs no second pass.
    """
    text = np.array([*words, ""], dtype=str)
    sizes, width = np.char.str_len(text), max(text.dtype.itemsize // 4, 1)
    letters = text.view(np.uint32).reshape(len(text), width).astype(np.uint64)
    powers = np.cumprod(np.full(width, HASH_BASE, dtype=np.uint64))
    here = np.cumsum(letters * powers, axis=1)
    moved = np.zeros_like(letters)  # letter x the power one place before its own
    moved[:, 1:] = letters[:, 1:] * powers[:-1]
    shorter = here - letters * powers + moved.sum(axis=1, keepdims=True) - np.cumsum(moved, axis=1)
    rows, columns = np.nonzero(np.arange(width) < sizes[:, None])
    hashes = np.concatenate([here[:-1, -1], shorter[rows, columns]])
    return hashes, np.concatenate([np.arange(len(words)), rows])


class SlipFinder:
    """Finds which of many words are one slip or none from others."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        hashes, places = hash_all(words)
        order = np.argsort(hashes)
        self.hashes, self.places = hashes[order], places[order]

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """(place in `words`, place in the own ones, 0 or 1 slips) of those that are near."""
        hashes, places = hash_all(words)
        first = np.searchsorted(self.hashes, hashes, "left")
        sizes = np.searchsorted(self.hashes, hashes, "right") - first
        mine, theirs = np.repeat(places, sizes), self.places[spread_slices(first, sizes)]
        both = np.sort(mine * len(self.words) + theirs)
        both = both[np.diff(both, prepend=-1) > 0]
        mine, theirs = (both // len(self.words)).tolist(), (both % len(self.words)).tolist()
        one, other = [words[i] for i in mine], [self.words[j] for j in theirs]
        slips = process.cpdist(one, other, scorer=OSA.distance, score_cutoff=1, dtype=np.uint8)
        near = (pair for pair in zip(mine, theirs, slips.tolist(), strict=True) if pair[2] < 2)
        return iter(near)


def hash_all(words: Sequence[str]) -> tuple[Array, Array]:
    """As `hash_deletions`, words of about one length at a time, so that little is padded."""
    groups: dict[int, list[int]] = defaultdict(list)
    for place, word in enumerate(words):
        groups[len(word) // 8].append(place)
    hashes, places = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    for own in groups.values():
        found, which = hash_deletions([words[place] for place in own])
        hashes.append(found)
        places.append(np.array(own)[which])
    return np.concatenate(hashes), np.concatenate(places)


def is_slip(one: str, other: str) -> bool:
    """Whether one of two words a letter apart may be the other misspelt: figures differ on purpose.

    >>> is_slip("huawei", "huawel"), is_slip("44", "45"), is_slip("b1", "b2")
    (True, False, False)
    """
    if one.isalpha() or other.isalpha():
        return True
    figures = [re.sub(r"\D", "", word) for word in (one, other)]
    return not (figures[0] and figures[1]) or (figures[0] == figures[1] and one != figures[0])


class Relations:
    """For each word the units that it may stand for, and how; what was asked is remembered."""

    def __init__(self, index: NameIndex, language: Language) -> None:
        self.index, self.language = index, language
        self.ids = {word: unit for unit, word in enumerate(index.vocabulary)}
        spellings = dict(self.ids)
        for name in index.folded:
            for word, token in zip(name.words, name.tokens, strict=True):
                spellings.setdefault(word, self.ids[token])
        for word, token in language.canonical.items():
            if token in self.ids:
                spellings.setdefault(word, self.ids[token])
        self.spellings = spellings  # every way in which a listed word is known to be written
        self.words, self.units = list(spellings), list(spellings.values())
        self.near = SlipFinder(self.words)
        self.keys: dict[str, list[int]] = defaultdict(list)
        for unit, keys in zip(self.units, self.key_words(self.words), strict=True):
            for key in keys:
                self.keys[key].append(unit)
        self.long: dict[tuple[str, int], list[int]] = defaultdict(list)
        for place, word in enumerate(self.words):
            if len(word) >= LONG - 1:
                self.long[word[0], len(word)].append(place)
        self.known: dict[str, dict[int, int]] = {}  # word -> unit -> how
        self.rows: dict[str, tuple[Array, Array]] = {}  # word -> units, slips
        self.weights: dict[str, float] = {}

    def find_halves(self, word: str) -> Iterator[tuple[int, int]]:
        """Units that stand side by side on the list and give `word` when written as one."""
        for place in range(1, len(word)):
            one, other = self.spellings.get(word[:place]), self.spellings.get(word[place:])
            if one is not None and other is not None and (one, other) in self.index.pairs:
                yield one, other

    def key_words(self, words: Sequence[str]) -> Iterator[list[str]]:
        """The keys under which each of `words` is found: its sound, its look, its consonants."""
        if not words:
            return
        looks = "\n".join(words).replace("rn", "m").replace("vv", "w").replace("cl", "d")
        ways = (
            key_sounds(words, self.language.sounds),
            looks.translate(CONFUSED).split("\n"),
            [word[:1] + word[1:].translate(NO_VOWELS) for word in words],
            key_consonants(words),
        )
        for word, sound, look, bare, consonants in zip(words, *ways, strict=True):
            keys = ["s" + sound] * (len(sound) > 2) + ["o" + look] * (len(look) > 1)
            keys += ["v" + bare] * (len(bare) > 2)
            side = "A" if word.startswith(ABJAD_MARK) else "a"
            yield keys + [side + consonants] * (len(consonants) > 1)

    def learn(self, words: Iterable[str]) -> None:
        """Fill `known` and `weights` for those of `words` that are new, all at once."""
        new = sorted({*words} - self.known.keys())
        if not new:
            return
        found: dict[str, dict[int, int]] = {word: {} for word in new}

        def note(word: str, unit: int, how: int) -> None:
            old = found[word].get(unit)
            if old is None or SLIPS[how] < SLIPS[old]:
                found[word][unit] = how

        for word, unit, how in chain(
            self.find_slips(new), self.find_far(new), self.find_keyed(new)
        ):
            note(word, unit, how)
        for word in new:
            token = self.language.canonical.get(word, word)
            if token in self.ids:
                note(word, self.ids[token], EQUAL)
            given = self.language.given_names.get(word)
            if given in self.ids:
                note(word, self.ids[given], NICK)
            self.weights[word] = self.weigh(word, token, found[word])
            hows = np.array([*found[word].values()], dtype=np.int64)
            self.rows[word] = np.array([*found[word]], dtype=np.int64), SLIPS[hows]
        self.known.update(found)

    def weigh(self, word: str, token: str, found: Mapping[int, int]) -> float:
        """The weight of a query `word`: a new one a slip from a common one is that, misspelt."""
        if token in self.ids:
            return float(self.index.rarity[self.ids[token]])
        own = weigh_word(token, 1, self.language)
        near = [self.index.rarity[unit] for unit, how in found.items() if SLIPS[how] <= 1]
        common = [weight for weight in near if weight < TELLING]
        return min(own, SPELT_AMISS * float(max(common))) if common else own

    def is_common(self, word: str) -> bool:
        """Whether `word` is one that everybody knows, so that it misspells no other."""
        return word in self.language.classes or word in self.language.form_words

    def find_slips(self, words: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """(word, unit, how) of `words` one slip from a listed spelling."""
        for i, j, slips in self.near.find(words):
            word, spelling = words[i], self.words[j]
            if not slips:
                continue
            if ANY_LETTER in word:
                yield word, self.units[j], ANY
            elif is_slip(word, spelling) and not self.is_common(word):
                swapped = len(word) == len(spelling) and sorted(word) == sorted(spelling)
                if swapped or min(len(word), len(spelling)) > 2:
                    yield word, self.units[j], SWAPPED if swapped else LETTER

    def find_far(self, words: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """(word, unit, how) of long `words` two letters from a listed spelling; of words in which
        several letters were lost, what may have stood there."""
        groups: dict[tuple[str, int], list[str]] = defaultdict(list)
        for word in words:
            if word.count(ANY_LETTER) > 1:
                yield from self.find_lost(word)
            elif len(word) >= LONG and word not in self.spellings and word.isalpha():
                groups[word[0], len(word)].append(word)
        for (letter, size), group in groups.items():
            near = [j for n in range(size - 2, size + 3) for j in self.long.get((letter, n), ())]
            if near:
                spelt = [self.words[j] for j in near]
                far = process.cdist(
                    group, spelt, scorer=OSA.distance, score_cutoff=2, dtype=np.uint8
                )
                for i, j in zip(*(side.tolist() for side in np.nonzero(far == 2)), strict=True):
                    if len(spelt[j]) >= LONG - 1:
                        yield group[i], self.units[near[j]], TWO

    def find_lost(self, word: str) -> Iterator[tuple[str, int, int]]:
        """(word, unit, how) of listed spellings that `word` may be, its lost letters filled in."""
        kept = sum(letter != ANY_LETTER for letter in word)
        pattern = re.compile(re.escape(word).replace(ANY_LETTER, "."))
        for spelling, unit in zip(self.words, self.units, strict=True):
            if kept > 1 and len(spelling) == len(word) and pattern.fullmatch(spelling):
                yield word, unit, ANY

    def find_keyed(self, words: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """(word, unit, how) of `words` that sound, look or are written without vowels like listed
        ones, or are one behind a glued article: "alfaqih"."""
        hows = {"s": SOUND, "o": SCANNED}
        for word, keys in zip(words, self.key_words(words), strict=True):
            for key in keys:
                how = hows.get(key[0])
                if how is not None and is_slip(word, word):
                    yield from ((word, unit, how) for unit in self.keys.get(key, ()))
                elif key == "v" + word and not self.is_common(word):
                    yield from ((word, unit, VOWELS) for unit in self.keys.get(key, ()))
                elif key[0] in "aA":  # one of the two is written without vowels
                    other = key[0].swapcase() + key[1:]
                    yield from ((word, unit, BARE) for unit in self.keys.get(other, ()))
        behind = {word: word[2:] for word in words if word[:2] in ARTICLES and len(word) > 6}
        for word, keys in zip(behind, self.key_words([*behind.values()]), strict=True):
            for unit in self.keys.get(keys[0], ()) if keys else ():
                yield word, unit, JOINED


# Scorecard: what each way of being unlike costs.


class Scorecard:
    """lists/scorecard.csv: feature -> values from which a bin begins, and its points."""

    def __init__(self, rows: Iterable[Row]) -> None:
        bins: dict[str, list[tuple[float, float]]] = defaultdict(lambda: [(-math.inf, 0.0)])
        for row in rows:
            bins[row["feature"]].append((float(row["from"]), float(row["points"])))
        self.bins = {feature: sorted(several) for feature, several in bins.items()}
        self.edges = {
            f: np.array([edge for edge, _ in several]) for f, several in self.bins.items()
        }
        self.points = {f: np.array([p for _, p in several]) for f, several in self.bins.items()}

    def cost(self, feature: str, value: float) -> float:
        """The points that `value` of `feature` costs."""
        several = self.bins.get(feature, [(-math.inf, 0.0)])
        return several[bisect_right(several, (value, math.inf)) - 1][1]

    def costs(self, feature: str, values: Array) -> Array:
        """The points that each of `values` costs."""
        if feature not in self.edges:
            return np.zeros(np.shape(values))
        return self.points[feature][np.searchsorted(self.edges[feature], values, "right") - 1]


@functools.cache
def load_scorecard() -> Scorecard:
    """The scorecard of lists/scorecard.csv."""
    return Scorecard(read_table("scorecard"))


# Alignment: which words of two names are partners.


class Pair(NamedTuple):
    """Words of the query and of a listed name that agree, by their places."""

    slips: float
    weight: float  # of the listed words
    mine: tuple[int, ...]
    theirs: tuple[int, ...]
    how: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Two names word by word."""

    query: FoldedName
    listed: FoldedName
    pairs: Sequence[Pair]
    mine_left: Sequence[int]  # places of words without a partner, legal forms among them
    theirs_left: Sequence[int]
    way: int  # ENDING: listed words behind the break are not without a partner


def find_pairs(query: FoldedName, n: int, relations: Relations) -> Iterator[Pair]:
    """What may agree between `query` and listed name `n`."""
    index = relations.index
    name, start = index.folded[n], index.starts[n]
    units = index.units[start : start + len(name.words)].tolist()
    weights = index.weights[start : start + len(name.words)].tolist()
    person = index.types[n] in PERSON_TYPES
    for i, word in enumerate(query.words):
        known = relations.known[word]
        for j, unit in enumerate(units):
            how = known.get(unit)
            if how is not None:
                yield Pair(SLIPS[how], weights[j], (i,), (j,), how)
            elif person and 1 in (len(word), len(name.words[j])) and word[0] == name.words[j][0]:
                yield Pair(SLIPS[INITIAL], min(weights[j], LETTER_WEIGHT), (i,), (j,), INITIAL)
    for i, both in enumerate(map("".join, pairwise(query.words))):
        unit = relations.spellings.get(both)
        for j in (j for j, own in enumerate(units) if own == unit):
            yield Pair(SLIPS[JOINED], weights[j], (i, i + 1), (j,), JOINED)
    for j, both in enumerate(map("".join, pairwise(name.words))):
        for i in (i for i, word in enumerate(query.words) if word == both):
            yield Pair(SLIPS[JOINED], weights[j] + weights[j + 1], (i,), (j, j + 1), JOINED)


def align(query: FoldedName, n: int, relations: Relations, way: int) -> Alignment:
    """The words of `query` and listed name `n` paired one to one, the likest and longest first; or
    in another `way`, where pairs of words would leave some over."""
    index, name = relations.index, relations.index.folded[n]
    weights = index.weights[index.starts[n] : index.starts[n + 1]].tolist()
    if way == ENDING:
        return Alignment(query, name, pair_ending(query, name, weights), (), (), way)
    mine, theirs = dict.fromkeys(range(len(query.words))), dict.fromkeys(range(len(name.words)))
    chosen: list[Pair] = []
    pairs = sorted(find_pairs(query, n, relations), key=lambda p: rank_pair(p, query, name))
    if sorted(query.tokens) == sorted(name.tokens):  # "Info Tech" is not "Infotech" then
        pairs = [pair for pair in pairs if pair.how == EQUAL]
    for pair in pairs:
        if all(i in mine for i in pair.mine) and all(j in theirs for j in pair.theirs):
            chosen.append(pair)
            for i in pair.mine:
                del mine[i]
            for j in pair.theirs:
                del theirs[j]
    left = [query.words[i] for i in mine if not query.formal[i]]
    left += [name.words[j] for j in theirs if not name.formal[j]]
    if way == SPACED and left and not any(map(is_number, left)):
        words = tuple(range(len(query.words))), tuple(range(len(name.words)))
        whole = Pair(SLIPS[WHOLE], sum(weights), *words, WHOLE)
        return Alignment(query, name, [whole], (), (), way)
    return Alignment(query, name, chosen, [*mine], [*theirs], WORDS)


def pair_ending(query: FoldedName, name: FoldedName, weights: Sequence[float]) -> list[Pair]:
    """The pairs of a `query` that breaks off within or behind a word of `name`."""
    hows = [
        EQUAL if one == other else BROKEN
        for one, other in zip(query.words, name.words, strict=False)
    ]
    return [Pair(SLIPS[how], weights[i], (i,), (i,), how) for i, how in enumerate(hows)]


def rank_pair(pair: Pair, query: FoldedName, name: FoldedName) -> tuple[Any, ...]:
    """What makes `pair` come first: few slips for the letters that it explains."""
    letters = sum(len(query.words[i]) for i in pair.mine) + spell_size(name, pair)
    return pair.slips - letters / 5, -pair.weight, pair.mine, pair.theirs


# Features of a pair.


class Lefts(NamedTuple):
    """What an alignment left over, legal forms aside, and what agreed."""

    mine: list[float]  # weights of the words of the query, 0 in a legal form
    theirs: list[float]
    mine_lone: list[int]  # places of words without a partner
    theirs_lone: list[int]
    agreed: float  # weight of the listed words that agree

    def heaviest(self) -> float:
        """The weight of the heaviest word without a partner."""
        lone = [self.mine[i] for i in self.mine_lone] + [self.theirs[j] for j in self.theirs_lone]
        return max(lone, default=0.0)


def measure(
    query: FoldedName, n: int, relations: Relations, way: int = WORDS
) -> tuple[dict[str, float], Alignment]:
    """The features of `query` against listed name `n`, 0 for what is alike, and the alignment."""
    index = relations.index
    found = align(query, n, relations, way)
    left = find_lefts(found, n, relations)
    size = max(sum(map(len, query.words)), sum(map(len, found.listed.words)))
    letters = sum(len(query.words[i]) for i in left.mine_lone)
    letters += sum(len(found.listed.words[j]) for j in left.theirs_lone)
    edits = sum(pair.slips for pair in found.pairs) + letters
    whole = 0.0 if way == ENDING else measure_whole(found, letters)
    features = measure_weights(left, found)
    features |= measure_words(left, found, index.types[n])
    features |= measure_forms(left, found, index.types[n])
    features |= {
        "generic": float(letters) if features.pop("common") else 0.0,
        "whole_unlike": whole if features["unlike"] else 0.0,
        "edits": edits,
        "edits_share": edits / max(size, 1),
        "whole": whole,
        "cut": max(0.0, 40.0 - size_of(query)) if way == ENDING else 0.0,
        "spaced": max(0.0, 20.0 - size) if found.way == SPACED else 0.0,
        "moved": float(is_moved(found)),
    }
    return features, found


def find_lefts(found: Alignment, n: int, relations: Relations) -> Lefts:
    """What the alignment with listed name `n` left over."""
    index, query = relations.index, found.query
    return Lefts(
        mine=[
            0.0 if formal else relations.weights[word]
            for word, formal in zip(query.words, query.formal, strict=True)
        ],
        theirs=index.weights[index.starts[n] : index.starts[n + 1]].tolist(),
        mine_lone=[i for i in found.mine_left if not query.formal[i]],
        theirs_lone=[j for j in found.theirs_left if not found.listed.formal[j]],
        agreed=sum(pair.weight for pair in found.pairs),
    )


def measure_weights(left: Lefts, found: Alignment) -> dict[str, float]:
    """The features that come of weights."""
    own = sum(left.mine[i] for pair in found.pairs for i in pair.mine)
    listed_left = share(sum(left.theirs[j] for j in left.theirs_lone), left.agreed)
    query_left = share(sum(left.mine[i] for i in left.mine_lone), own)
    return {
        "listed_left": listed_left,
        "query_left": query_left,
        "conflict": min(listed_left, query_left),
        "thin": max(0.0, 2.0 - left.agreed),
        "heavy_left": left.heaviest(),
    }


def measure_words(left: Lefts, found: Alignment, kind: str) -> dict[str, float]:
    """The features that come of the words that agree, with an entry of type `kind`."""
    telling = [pair for pair in found.pairs if pair.weight >= TELLING]
    sizes = [spell_size(found.listed, pair) for pair in telling]
    unlike = [pair.slips / max(1, size) for pair, size in zip(telling, sizes, strict=True)]
    heaviest = max((pair.weight for pair in telling), default=0.0)
    sole = bool(telling) and heaviest >= SOLE * left.agreed
    common = left.agreed > 0 and all(pair.weight <= PLACE_WEIGHT for pair in found.pairs)
    return {
        SOLE_FEATURES.get(kind, "sole_unlike"): max(unlike) if sole else 0.0,
        "unlike": sum(unlike),
        "common": float(common),
        "short": max(0.0, 12.0 - sum(sizes)),
        "initials": float(sum(pair.how == INITIAL for pair in found.pairs)),
    }


def measure_forms(left: Lefts, found: Alignment, kind: str) -> dict[str, float]:
    """The features that come of legal forms and figures, with an entry of type `kind`."""
    query, name = found.query, found.listed
    lacking = any(query.formal[i] for i in found.mine_left)
    lacking_too = any(name.formal[j] for j in found.theirs_left)
    apart = {*query.forms}.isdisjoint(name.forms) and query.forms != name.forms
    form = float(lacking + lacking_too) if apart else 0.0
    firm = bool(query.forms) and not name.forms
    figures = any(is_number(query.words[i]) for i in left.mine_lone)
    figures_too = any(is_number(name.words[j]) for j in left.theirs_lone)
    return {
        "forms": form,
        "forms_thin": form if left.agreed < THIN_FORMS else 0.0,
        "firm_person": float(firm and FIRM_AGAINST.get(kind) == 1),
        "firm_ship": float(firm and FIRM_AGAINST.get(kind) == 2),
        "figures": float(figures + figures_too),
    }


def measure_whole(found: Alignment, letters: int) -> float:
    """Letters by which the names differ as a whole, in the order written or that of the list; of a
    name written in consonants the `letters` left over."""
    plain, other = " ".join(found.query.words), " ".join(found.listed.words)
    if ABJAD_MARK in plain + other:
        return float(min(letters, MOST_WHOLE + 1))
    return min(
        float(OSA.distance(text, other, score_cutoff=MOST_WHOLE))
        for text in {plain, reorder(found)}
    )


def reorder(found: Alignment) -> str:
    """The words of the query in the order of their partners on the list, the others last."""
    pairs = sorted(found.pairs, key=lambda pair: pair.theirs)
    order = [i for pair in pairs for i in pair.mine] + [*found.mine_left]
    return " ".join(found.query.words[i] for i in order)


def share(part: float, rest: float) -> float:
    """`part` of `part` and `rest`."""
    return part / (part + rest) if part > 0 else 0.0


def spell_size(name: FoldedName, pair: Pair) -> int:
    """Letters of the listed words of `pair`."""
    return sum(len(name.words[j]) for j in pair.theirs)


def size_of(name: FoldedName) -> int:
    """Letters of `name` with the blanks between its words."""
    return sum(map(len, name.words)) + len(name.words) - 1


def is_number(word: str) -> bool:
    """Whether `word` holds a figure."""
    return not word.isalpha() and any(letter.isdigit() for letter in word)


def is_moved(found: Alignment) -> bool:
    """Whether the words that agree stand in another order."""
    order = [pair.theirs for pair in sorted(found.pairs, key=lambda pair: pair.mine)]
    return order != sorted(order)


# Search.


class Sums(NamedTuple):
    """What the words of a batch of queries may agree with; places count queries."""

    sizes: Array  # letters and blanks of the query
    written: Array  # letters of it
    voweled: Array  # whether it is written with vowels
    forms: Array  # bits of the classes of its legal forms
    formal: Array  # bits of its words in legal forms
    weights: Array  # query x word
    letters: Array  # query x word, 0 in a legal form
    figures: Array  # query x word
    keys: Array  # query * units + unit, sorted
    bits: Array  # of the words that may stand for the unit
    slips: Array  # the least of them
    initials: Array  # query x letter: bits of the single letters
    firsts: Array  # query x letter: bits of the words that begin so


class Met(NamedTuple):
    """What pairs of a query and a listed name may have in common at most."""

    words: Array  # bits of the query's words that have a partner
    weight: Array  # of the listed words, legal forms aside
    lone: Array  # of which without a partner
    heaviest: Array  # of these
    edits: Array  # slips of listed words that have a partner, letters of the others
    telling: Array  # letters of the listed words that tell and have a partner
    figures: Array  # whether a listed figure has no partner
    formal: Array  # whether a word of a listed legal form has none


class Matcher:
    """Finds the listed names that names hit; remembers what it learned of their words."""

    def __init__(
        self, entries: Sequence[ListEntry], language: Language, card: Scorecard | None = None
    ) -> None:
        self.index = build_index(entries, language)
        self.language = language
        self.card = card or load_scorecard()
        self.relations = Relations(self.index, language)
        self.exact: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for n, name in enumerate(self.index.folded):
            self.exact[bare_tokens(name)].append(n)
        words = [word for name in self.index.folded for word in name.words]
        formal = np.array([mark for name in self.index.folded for mark in name.formal], dtype=bool)
        self.totals = np.bincount(
            np.repeat(np.arange(len(self.index.folded)), np.diff(self.index.starts)),
            weights=self.index.weights,
            minlength=len(self.index.folded),
        )
        self.marks = formal.astype(np.int64)
        self.forms = np.array([form_bits(name) for name in self.index.folded])
        self.lengths = np.array([size_of(name) for name in self.index.folded])
        self.letters = np.where(formal, 0, np.array(list(map(len, words)), dtype=np.int64))
        self.sizes = np.array([sum(map(len, name.words)) for name in self.index.folded])
        self.figures = np.array([is_number(word) for word in self.index.vocabulary], dtype=bool)
        self.firsts = np.array([letter_place(word) for word in self.index.vocabulary])
        self.single = np.array([len(word) == 1 for word in self.index.vocabulary], dtype=bool)
        self.persons = np.array([kind in PERSON_TYPES for kind in self.index.types], dtype=bool)
        self.kinds = np.array([FIRM_AGAINST.get(kind, 0) for kind in self.index.types])
        self.formless = np.array([not name.forms for name in self.index.folded], dtype=bool)
        self.texts = [" ".join(name.words) for name in self.index.folded]
        self.bags = count_letters(self.index.folded)
        self.voweled = np.array([is_voweled(name) for name in self.index.folded], dtype=bool)
        self.squeezed = [
            n for n, name in enumerate(self.index.folded) if 4 < self.sizes[n] <= LONGEST_SQUEEZED
        ]
        self.spaced = SlipFinder(["".join(self.index.folded[n].words) for n in self.squeezed])
        self.plains = sorted(zip(self.texts, range(len(self.texts)), strict=True))

    def find_hits(self, texts: Sequence[str], floor: float) -> list[list[NameHit]]:
        """For each of `texts` the listed names at or above `floor`, best first."""
        asked = [find_asked(text) for text in texts]
        names = sorted(dict.fromkeys(chain.from_iterable(asked)), key=len)  # little is padded
        answers: dict[str, list[NameHit]] = {}
        for start in range(0, len(names), BATCH):
            answers.update(self.ask(names[start : start + BATCH], floor))
        hits = []
        for several in asked:
            best: dict[int, NameHit] = {}
            for hit in chain.from_iterable(answers[name] for name in several):
                if hit.name not in best or hit.score > best[hit.name].score:
                    best[hit.name] = hit
            hits.append(sorted(best.values(), key=lambda hit: (-hit.score, hit.name)))
        return hits

    def ask(self, names: Sequence[str], floor: float) -> dict[str, list[NameHit]]:
        """The hits of each of `names`, Chinese ones as written and spelt."""
        folded = fold_names(names, self.language)
        han = [i for i, name in enumerate(folded) if name.script == "han"]
        folded += fold_names([names[i] for i in han], self.language, spell=True)
        owners = [*range(len(names)), *han]
        words = chain.from_iterable(query.words[:MOST_WORDS] for query in folded)
        self.relations.learn(words)
        hits: dict[str, list[NameHit]] = {name: [] for name in names}
        queries = [trim(query) for query in folded]
        for q, n, way in self.find_candidates(queries, 100 - floor):
            hit = self.score(names[owners[q]], queries[q], n, way, floor)
            if hit is not None:
                hits[hit.asked].append(hit)
        return hits

    def score(
        self, asked: str, query: FoldedName, n: int, way: int, floor: float
    ) -> NameHit | None:
        """The hit of `query`, folded from `asked`, on listed name `n`; None below `floor`."""
        features, found = measure(query, n, self.relations, way)
        points = [] if is_equal(found, features) else self.weigh(features)
        score = round(max(0.0, 100 - sum(cost for _, cost in points)), 1)
        if score < floor:
            return None
        said = tuple((feature, cost, say_feature(feature, found)) for feature, cost in points)
        words = tuple(say_pair(pair, found) for pair in found.pairs)
        return NameHit(score=score, name=n, asked=asked, points=said, words=words)

    def weigh(self, features: Mapping[str, float]) -> list[tuple[str, float]]:
        """What each of `features` costs, most first; a name that is not equal costs something."""
        points = [(feature, self.card.cost(feature, value)) for feature, value in features.items()]
        points = sorted((p for p in points if p[1]), key=lambda p: -p[1])
        return points or [("edits", 0.1)]

    def find_candidates(
        self, queries: Sequence[FoldedName], budget: float
    ) -> list[tuple[int, int, int]]:
        """(query, listed name, way to align) of all that may cost `budget` at most."""
        if not queries:
            return []
        sums = self.sum_words(queries)
        q, n = self.meet(sums, budget)
        least = self.bound(sums, q, n)
        q, n, least = (x[least <= budget + ROUNDING] for x in (q, n, least))
        mine = count_letters(queries)
        apart = mine[q].astype(np.int16) - self.bags[n]
        whole = np.maximum(apart.clip(0).sum(axis=1), (-apart).clip(0).sum(axis=1))
        whole = np.where(sums.voweled[q] & self.voweled[n], whole, 0)
        keep = least + self.card.costs("whole", whole) <= budget + ROUNDING
        found = {(a, b, WORDS) for a, b in zip(q[keep].tolist(), n[keep].tolist(), strict=True)}
        for place, query in enumerate(queries):
            found.update((place, name, WORDS) for name in self.exact.get(bare_tokens(query), ()))
            found.update((place, name, ENDING) for name in self.find_cut(query))
        squeezed = ["".join(query.words) for query in queries]
        found.update((q, self.squeezed[j], SPACED) for q, j, _ in self.spaced.find(squeezed))
        spelt = self.index.folded
        return sorted(
            c for c in found if not queries[c[0]].script == spelt[c[1]].script == "pinyin"
        )

    def find_cut(self, query: FoldedName) -> Iterator[int]:
        """Listed names that go on where `query` breaks off."""
        size, plain = size_of(query), " ".join(query.words)
        if size < CUT_FROM or {*query.words} <= self.language.form_words:
            return
        start = bisect_left(self.plains, (plain, 0))
        for text, n in self.plains[start : start + MOST_CUT]:
            if not text.startswith(plain):
                return
            if len(text) > size and (text[size] != " " or size >= CUT_WHOLE):
                yield n

    def sum_words(self, queries: Sequence[FoldedName]) -> Sums:
        """The words of `queries` as arrays, and what each may stand for."""
        shape = len(queries), max(len(query.words) for query in queries) or 1
        weights, letters = np.zeros(shape), np.zeros(shape, dtype=np.int64)
        figures = np.zeros(shape, dtype=bool)
        initials, firsts = (np.zeros((len(queries), 27), dtype=np.uint64) for _ in range(2))
        parts: list[tuple[Array, Array]] = []
        owners, bits = [], []
        for q, query in enumerate(queries):
            for i, word in enumerate(query.words):
                bit = np.uint64(1 << i)
                if not query.formal[i]:
                    weights[q, i], letters[q, i] = self.relations.weights[word], len(word)
                    figures[q, i] = is_number(word)
                firsts[q, letter_place(word)] |= bit
                if len(word) == 1:
                    initials[q, letter_place(word)] |= bit
                parts.append(self.relations.rows[word])
                owners.append(q)
                bits.append(1 << i)
            for unit, several in self.find_joined(query):
                parts.append((np.array([unit]), HALF_JOINED))
                owners.append(q)
                bits.append(several)
        sizes = [len(units) for units, _ in parts]
        keys = np.repeat(owners, sizes) * len(self.index.vocabulary)
        keys += np.concatenate([units for units, _ in parts])
        slips = np.concatenate([slips for _, slips in parts])
        merged = merge_keys(keys, np.repeat(np.array(bits, dtype=np.uint64), sizes), slips)
        lengths = np.array([size_of(query) for query in queries])
        formal = [sum(1 << i for i, mark in enumerate(query.formal) if mark) for query in queries]
        forms = np.array([form_bits(query) for query in queries])
        marks = np.array(formal, dtype=np.uint64)
        voweled = np.array([is_voweled(query) for query in queries], dtype=bool)
        return Sums(
            sizes=lengths, written=np.array([sum(map(len, query.words)) for query in queries]),
            voweled=voweled, forms=forms, formal=marks, weights=weights, letters=letters,
            figures=figures, keys=merged[0], bits=merged[1], slips=merged[2], initials=initials,
            firsts=firsts,
        )  # fmt: skip

    def find_joined(self, query: FoldedName) -> Iterator[tuple[int, int]]:
        """(unit, bits of words) for words of `query` that stand for a listed one together, or one
        that stands for two."""
        spellings, words = self.relations.spellings, query.words
        for i, both in enumerate(map("".join, pairwise(words))):
            if both in spellings:
                yield spellings[both], 3 << i
        for i, word in enumerate(words):
            for one, other in self.relations.find_halves(word):
                yield one, 1 << i
                yield other, 1 << i

    def choose_words(self, sums: Sums, budget: float) -> tuple[Array, Array]:
        """Of each query the bits of its rarest words, as many as it takes until a listed name that
        has none of them costs more than `budget`; and the most that the others may prove."""
        several, sizes = len(self.index.vocabulary), np.diff(self.index.posting_starts)
        owner, unit = sums.keys // several, sums.keys % several
        spread, proof = np.zeros(sums.weights.shape), np.zeros(sums.weights.shape)
        for i in range(sums.weights.shape[1]):
            mine = (sums.bits >> np.uint64(i)) & np.uint64(1) > 0
            np.add.at(spread[:, i], owner[mine], sizes[unit[mine]])
            np.maximum.at(proof[:, i], owner[mine], self.index.rarity[unit[mine]])
        proof = np.maximum(proof, LETTER_WEIGHT * (sums.weights > 0))  # an initial of the list
        order = np.argsort(np.where(sums.weights > 0, spread, np.inf), axis=1, kind="stable")
        weights, letters, proof = (
            np.take_along_axis(x, order, axis=1) for x in (sums.weights, sums.letters, proof)
        )
        rest = proof.sum(axis=1, keepdims=True) - np.cumsum(proof, axis=1)
        share = np.cumsum(weights, axis=1) / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        lost = self.card.costs("query_left", share)
        lost += self.card.costs("edits", np.cumsum(letters, axis=1))
        lost += self.card.costs("thin", np.maximum(0.0, 2.0 - rest))
        lost += self.card.costs("heavy_left", np.maximum.accumulate(weights, axis=1))
        over = lost > budget + ROUNDING
        enough = (np.cumsum(over, axis=1) - over > 0) | (weights == 0)
        bits = np.where(enough, np.uint64(0), np.uint64(1) << order.astype(np.uint64))
        return np.bitwise_or.reduce(bits, axis=1), np.where(enough, proof, 0.0).sum(axis=1)

    def meet(self, sums: Sums, budget: float) -> tuple[Array, Array]:
        """Queries and listed names that share a rare word and may cost `budget` at most."""
        several, sizes = len(self.index.vocabulary), np.diff(self.index.posting_starts)
        asked, rest = self.choose_words(sums, budget)
        owner, unit = sums.keys // several, sums.keys % several
        chosen = (sums.bits & asked[owner]) > 0
        rows, held = unit[chosen], sizes[unit[chosen]]
        names = self.index.postings[spread_slices(self.index.posting_starts[rows], held)]
        both = np.repeat(owner[chosen], held) * len(self.sizes) + names
        order = np.argsort(both, kind="stable")
        both = both[order]
        firsts = np.flatnonzero(np.diff(both, prepend=-1))
        if not len(firsts):
            return both, both
        q, n = both[firsts] // len(self.sizes), both[firsts] % len(self.sizes)
        met = np.bitwise_or.reduceat(np.repeat(sums.bits[chosen], held)[order], firsts)
        proved = np.add.reduceat(np.repeat(self.index.rarity[rows], held)[order], firsts) + rest[q]
        longer = np.abs(sums.sizes[q] - self.lengths[n])
        longer = np.where(sums.voweled[q] & self.voweled[n], longer, 0)
        lost = self.lose(sums, q, met | ~asked[q], longer)
        lost += self.card.costs("thin", np.maximum(0.0, 2.0 - proved))
        lost += self.card.costs("listed_left", share_of(self.totals[n] - proved, self.totals[n]))
        keep = lost <= budget + ROUNDING
        return q[keep], n[keep]

    def lose(self, sums: Sums, q: Array, met: Array, longer: Array) -> Array:
        """The least that queries `q` cost whose words outside the bits `met` have no partner, and
        whose names differ in length by `longer`."""
        lacking, letters, heavy = np.zeros(len(q)), np.zeros(len(q)), np.zeros(len(q))
        for i in range(sums.weights.shape[1]):
            alone = (met >> np.uint64(i)) & np.uint64(1) == 0
            weight = np.where(alone, sums.weights[q, i], 0.0)
            lacking += weight
            heavy = np.maximum(heavy, weight)
            letters += np.where(alone, sums.letters[q, i], 0)
        left = share_of(lacking, sums.weights.sum(axis=1)[q])
        values = {"query_left": left, "edits": letters, "heavy_left": heavy, "whole": longer}
        return sum((self.card.costs(f, x) for f, x in values.items()), np.zeros(len(q)))

    def pair_words(self, sums: Sums, q: Array, n: Array) -> Met:
        """What the words of query `q` and listed name `n` have in common, for each pair of them:
        any word that has a partner counts as paired, though two may want the same."""
        index, several = self.index, len(self.index.vocabulary)
        sizes = index.starts[n + 1] - index.starts[n]
        rows, ends = spread_slices(index.starts[n], sizes), np.cumsum(sizes) - sizes
        owner, unit = np.repeat(q, sizes), index.units[rows]
        place = np.minimum(np.searchsorted(sums.keys, owner * several + unit), len(sums.keys) - 1)
        there = sums.keys[place] == owner * several + unit
        bits = np.where(there, sums.bits[place], np.uint64(0))
        slips = np.where(there, sums.slips[place], np.inf)
        person, first = np.repeat(self.persons[n], sizes), self.firsts[unit]
        letters = np.where(person, sums.initials[owner, first], np.uint64(0))
        letters |= np.where(person & self.single[unit], sums.firsts[owner, first], np.uint64(0))
        bits, there = bits | letters, there | (letters > 0)
        slips = np.where(letters > 0, np.minimum(slips, SLIPS[INITIAL]), slips)
        weights, own = index.weights[rows], self.letters[rows]
        lone = np.where(there, 0.0, weights)
        odd = ~there & (own > 0) & self.figures[unit]
        add = functools.partial(np.add.reduceat, indices=ends)
        return Met(
            words=np.bitwise_or.reduceat(bits, ends),
            weight=add(weights),
            lone=add(lone),
            heaviest=np.maximum.reduceat(lone, ends),
            edits=add(np.where(own > 0, np.minimum(slips, own), 0.0)),
            telling=add(np.where(there & (weights >= TELLING / 2), own, 0)),
            figures=add(odd.astype(np.int64)) > 0,
            formal=add(np.where(there, 0, self.marks[rows])) > 0,
        )

    def bound(self, sums: Sums, q: Array, n: Array) -> Array:
        """The least that query `q` against listed name `n` may cost, for each pair of them."""
        if not len(q) or not len(sums.keys):
            return np.zeros(len(q))
        met = self.pair_words(sums, q, n)
        edits, heavy, odd = met.edits.copy(), met.heaviest, np.zeros(len(q), dtype=bool)
        lacking = np.zeros(len(q))
        for i in range(sums.weights.shape[1]):
            alone = (met.words >> np.uint64(i)) & np.uint64(1) == 0
            weight = np.where(alone, sums.weights[q, i], 0.0)
            lacking += weight
            heavy = np.maximum(heavy, weight)
            edits += np.where(alone, sums.letters[q, i], 0)
            odd |= alone & sums.figures[q, i]
        listed_left = share_of(met.lone, met.weight)
        query_left = share_of(lacking, sums.weights.sum(axis=1)[q])
        size = np.maximum(self.sizes[n], sums.written[q])
        lacks = met.formal.astype(float) + ((sums.formal[q] & ~met.words) > 0)
        forms = np.where((sums.forms[q] & self.forms[n]) == 0, lacks, 0.0)
        firm = (sums.forms[q] > 0) & self.formless[n]
        agreed = met.weight - met.lone
        values = {
            "listed_left": listed_left, "query_left": query_left,
            "conflict": np.minimum(listed_left, query_left), "thin": np.maximum(0.0, 2.0 - agreed),
            "edits": edits, "edits_share": edits / np.maximum(size, 1), "heavy_left": heavy,
            "figures": met.figures.astype(float) + odd,
            "short": np.maximum(0.0, 12.0 - met.telling),
            "forms": forms, "forms_thin": np.where(agreed < THIN_FORMS, forms, 0.0),
            "firm_person": firm & (self.kinds[n] == 1), "firm_ship": firm & (self.kinds[n] == 2),
        }  # fmt: skip
        return sum((self.card.costs(f, value) for f, value in values.items()), np.zeros(len(q)))


def find_asked(text: str) -> tuple[str, ...]:
    """The names that the cell `text` asks for; of lost letters as they are too: a list may have the
    name with the same sign, "Fa?ur"."""
    names = read_cell(text).names
    return (*names, text) if names and "?" in text and text not in names else names


def merge_keys(keys: Array, bits: Array, slips: Array) -> tuple[Array, Array, Array]:
    """Distinct `keys` in order, with all their bits and the least of their slips."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    firsts = np.flatnonzero(np.diff(ordered, prepend=-1))
    if not len(firsts):
        return ordered, bits, slips
    every = np.bitwise_or.reduceat(bits[order], firsts)
    return ordered[firsts], every, np.minimum.reduceat(slips[order], firsts)


def count_letters(names: Sequence[FoldedName]) -> Array:
    """How often each letter, and any other sign, stands in each of `names`: by no fewer letters do
    two of them differ, whatever the order of their words (int16, names x 27)."""
    text = "\n".join("".join(name.words) for name in names)
    signs = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    ends = signs == ord("\n")
    row, place = np.cumsum(ends), np.where((signs > 96) & (signs < 123), signs - 97, 26)
    counts = np.bincount((row * 27 + place)[~ends], minlength=27 * len(names))
    return counts.reshape(-1, 27).astype(np.int16)


def is_voweled(name: FoldedName) -> bool:
    """Whether no word of `name` is written in consonants only."""
    return not any(word.startswith(ABJAD_MARK) for word in name.words)


def share_of(part: Array, whole: Array) -> Array:
    """`part` of `whole`, 0 of nothing."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def form_bits(name: FoldedName) -> int:
    """The classes of the legal forms of `name` as bits."""
    return sum(1 << FORM_CLASSES.index(form) for form in name.forms)


def bare_tokens(name: FoldedName) -> tuple[str, ...]:
    """The canonical words of `name` in order of the alphabet, without its legal forms."""
    return tuple(
        sorted(t for t, formal in zip(name.tokens, name.formal, strict=True) if not formal)
    )


def trim(name: FoldedName) -> FoldedName:
    """`name` without what stands behind its MOST_WORDS first words."""
    if len(name.words) <= MOST_WORDS:
        return name
    words, tokens, formal = name.words[:MOST_WORDS], name.tokens[:MOST_WORDS], name.formal
    return name._replace(words=words, tokens=tokens, formal=formal[:MOST_WORDS])


def letter_place(word: str) -> int:
    """The place of the first letter of `word` in the alphabet, 26 for what is no letter of it."""
    return ord(word[0]) - 97 if "a" <= word[0] <= "z" else 26


def is_equal(found: Alignment, features: Mapping[str, float]) -> bool:
    """Whether two names are equal after folding, whatever the order of their words."""
    return (
        found.way == WORDS
        and not features["edits"]
        and not features["forms"]
        and not features["query_left"]
        and not features["listed_left"]
    )


def say_feature(feature: str, found: Alignment) -> str:
    """What `feature` saw in an alignment, in words; "" where other words say it."""
    if feature == "query_left":
        left = [i for i in found.mine_left if not found.query.formal[i]]
        return f"only in the file: {', '.join(found.query.words[i] for i in left)}"
    if feature == "listed_left":
        left = [j for j in found.theirs_left if not found.listed.formal[j]]
        return f"only on the list: {', '.join(found.listed.words[j] for j in left)}"
    return SAID.get(feature, "")


def say_agreement(words: tuple[str, str, str]) -> str:
    """Words that agree, and how where they are not the same."""
    mine, theirs, how = words
    return mine if how == HOW[EQUAL][0] and mine == theirs else f"{mine}~{theirs} ({how})"


def say_pair(pair: Pair, found: Alignment) -> tuple[str, str, str]:
    """The words of `pair` and how they agree."""
    mine = " ".join(found.query.words[i] for i in pair.mine).replace(ABJAD_MARK, "")
    theirs = " ".join(found.listed.words[j] for j in pair.theirs).replace(ABJAD_MARK, "")
    return mine.replace(ANY_LETTER, LOST), theirs, HOW[pair.how][0]


# ==================================================================================================
# Shipments: a table of text -> the role of each of its columns, and chunks of rows with what makes
# a row doubtful. Spellings come from lists/columns.csv. Knows nothing of listed parties or flags.
#
# A role there may carry a mark: "consignee+" counts only beside a part (Shipping Name),
# "consignee/shipper" is a shipper and "hs_code/-" nothing where a surer column is. Parts (name,
# given_name, address …) tell what of a party is meant, "noise" nothing, "total_line" ends rows.

HEADER_CHARS = 100  # of one header; the longest known spelling has 45
SAMPLE_ROWS = 200  # rows whose values help to tell what a column holds
SIDES = tuple(f"{role}_{part}" for role in PARTY_ROLES for part in ("address", "country"))
ROLES = (
    *PARTY_ROLES, *SIDES, "reference", "hs_code", "description", "destination", "transit", "date",
    "value", "quantity", "weight", "identifier", "notes",
)  # fmt: skip
HALVES = ("given_name", "family_name")
PARTS = ("address", "country", "identifier", "name", *HALVES)  # of a party; the first tells more
LAST_WORDS = ("description", "hs_code", "notes", "reference")  # "Buyer's order number"
LINKING_WORDS = frozenset("the of for des der du de del della dell di do da van s".split())
MOST_PREFIX = 2  # unknown words before a phrase: "TPM Ship To Name", "US Importer"
NO_CONSIGNEE = ("-",)  # --column consignee=-


@dataclass(frozen=True, slots=True)
class Shipments(Table):
    """One shipment file being read: its table, and what its columns are."""

    roles: Roles  # every field of a role, in file order
    unread: tuple[str, ...]  # headers of names, addresses or countries that no role takes


def _split_header(header: str) -> list[str]:
    """The words of `header` without case, accents and linking words."""
    words = re.findall(r"[^\W_]+", fold_phrase(header[:HEADER_CHARS]))
    return [word for word in words if word not in LINKING_WORDS]


def fold_header(header: str) -> str:
    """The words of `header` in one, without a final number.

    >>> fold_header("NAME_of the Consignee 2"), fold_header("Empfänger-Land")
    ('nameconsignee', 'empfangerland')
    """
    return re.sub(r"(?<=\D)\d+$", "", "".join(_split_header(header)))


@functools.cache
def read_header_roles() -> Mapping[str, list[str]]:
    """Roles, parts and other meanings by the folded spellings of lists/columns.csv."""
    roles = defaultdict(list)
    for row in read_table("columns"):
        for spelling in row["headers"].split("|"):
            roles[fold_header(spelling)].append(row["role"])
    return dict(roles)


@functools.lru_cache(4096)
def find_role(header: str) -> str:
    """The role of `header`: a bare "Address" is "address", an unknown header is "".

    >>> find_role("Name of Consignee"), find_role("TPM Ship To Name"), find_role("SHIP_TO_CITY")
    ('consignee', 'consignee', 'consignee_address')
    >>> find_role("Consignee phone"), find_role("HS_CODE_DESCRIPTION"), find_role("Origin Country")
    ('', 'description', '')
    """
    short = header[:HEADER_CHARS]
    texts = [short, re.sub(r"[(\[].*?[)\]]", "", short), *re.split(r"[/|\n()]", short)[:4]]
    roles = (_compose_role(list(_find_phrases(_split_header(text)))) for text in texts)
    role = next(filter(None, roles), "")
    first, slash, _ = short.partition("/")
    if slash and role.endswith("_address") and find_role(first) in PARTY_ROLES:
        return find_role(first)  # "Notify Party/Address" holds both
    return role


def _find_phrases(words: Sequence[str]) -> Iterator[list[str]]:
    """The meanings of the known phrases that `words` are made of, longest first; () of others."""
    known, at = read_header_roles(), 0
    while at < len(words):
        spans = ((end, fold_header("".join(words[at:end]))) for end in range(len(words), at, -1))
        end, key = next(((end, key) for end, key in spans if key in known), (at + 1, words[at]))
        cuts = ((key[:n], key[n:]) for n in range(1, len(key)))
        if key in known:
            pieces = [known[key]]
        else:  # "Empfängerland", "收货人国家"
            halves = next((pair for pair in cuts if known.keys() >= {*pair}), ())
            pieces = [known[half] for half in halves] or [[]]
        yield from (p for p in pieces if "noise" not in p and not words[at].isdigit())
        at = end


def _compose_role(phrases: Sequence[Sequence[str]]) -> str:
    """The role of a header of such `phrases`: a party and a part of it, or what it ends with.

    >>> _compose_role([(), ["consignee"], ["name"]]), _compose_role([["consignee"], ()])
    ('consignee', '')
    """
    prefix = next((n for n, roles in enumerate(phrases) if roles), 0)
    if prefix > MOST_PREFIX or not phrases or not all(phrases[prefix:]):
        return ""
    said = list(chain.from_iterable(phrases))
    sure = [role for role in phrases[-1] if role[-1] != "+" and role not in ("name", *HALVES)]
    if len(phrases) == 1 or (set(sure) & {*LAST_WORDS} and not (prefix and "reference" in sure)):
        return next(iter(sure), "")
    party = next(
        (r for role in said if (r := role.rstrip("+").partition("/")[0]) in PARTY_ROLES), ""
    )
    part = next((part for part in PARTS if part in said), "name" if party in sure else "")
    if party and part in ("address", "country"):
        return f"{party}_{part}"
    return (part if part == "identifier" else party) if party and part else ""


def find_roles(
    headers: Sequence[str],
    columns: Mapping[str, tuple[str, ...]],
    rows: Sequence[Sequence[str]] = (),
) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Role -> its fields; `columns` (role -> headers) adds; the values of `rows` decide as well.

    >>> find_roles(["Cnee", "Country", "PO"], {})
    {'consignee': ((0,),), 'consignee_country': ((1,),), 'reference': ((2,),)}
    >>> find_roles(["Cnee Name 1", "Cnee Name 2"], {})
    {'consignee': ((0,), (1,), (0, 1))}
    """
    asked = {text.strip().casefold(): r for r, texts in columns.items() for text in texts}
    roles = [asked.get(text.strip().casefold()) or find_role(text) for text in headers]
    if columns.get("consignee") == NO_CONSIGNEE:
        roles = ["" if role.startswith("consignee") else role for role in roles]
    found: dict[str, list[int]] = defaultdict(list)
    for index, role in enumerate(_settle_roles(headers, roles, rows)):
        if role in ROLES and not (role == "reference" and role in found):
            found[role].append(index)  # a shipment has one number of its own
    return {role: _join_fields(headers, found[role], role) for role in found}


def _settle_roles(
    headers: Sequence[str], roles: Sequence[str], rows: Sequence[Sequence[str]]
) -> Iterator[str]:
    """The roles of columns side by side: second choices, a bare address its left party's, codes and
    numbers told by their values."""
    party, sure = "consignee", {*roles}
    coded = {n: _is_coded(sample_column(rows, n)) for n, r in enumerate(roles) if "hs_code" in r}
    for n, role in enumerate(roles):
        first, _, second = role.partition("/")
        chosen = second if second and first in sure else first
        if not coded.get(n, True) and any(coded.values()):
            chosen = ""
        if fold_header(headers[n]) == "name" and _are_numbers(sample_column(rows, n)):
            chosen = "reference"
        party = chosen if chosen in PARTY_ROLES else party
        yield f"{party}_{chosen}" if chosen in ("address", "country") else chosen


def sample_column(rows: Sequence[Sequence[str]], column: int) -> list[str]:
    """The distinct filled cells of a column in the first rows."""
    texts = (row[column].strip() for row in rows[:SAMPLE_ROWS])
    return [*dict.fromkeys(filter(None, texts))]


def _is_coded(values: Sequence[str]) -> bool:
    """Whether most of `values` are sound HS codes."""
    return 2 * sum(not parse_hs_code(text).fault for text in values) >= len(values)


def _are_numbers(values: Sequence[str]) -> bool:
    """Whether none of `values` has a word: numbers of orders, not names."""
    return bool(values) and not any(re.search(r"[^\W\d_]{2}", text) for text in values)


def _join_fields(
    headers: Sequence[str], columns: Sequence[int], role: str
) -> tuple[tuple[int, ...], ...]:
    """The fields of a role's `columns`: each alone, and names over several columns also joined.

    Name 1 and Name 2 may be one name or two parties: they are asked apart and joined. First and
    last name alone are nobody's.
    """
    stems, whole = defaultdict[str, list[int]](list), list[tuple[int, ...]]()
    for n in columns:
        words = _split_header(headers[n])
        halves = [w for w in words if {*HALVES} & {*read_header_roles().get(w, ())}]
        stem = "".join(w.rstrip("0123456789") for w in words if w not in halves)
        stems[stem].append(n)
        whole += [] if halves else [(n,)]
    joined = [
        tuple(several[:end])
        for several in stems.values()
        if role in PARTY_ROLES and len({headers[n].casefold() for n in several}) == len(several)
        for end in range(2, len(several) + 1)
    ]
    lone = [(n,) for n in columns if not any(n in field for field in (*whole, *joined))]
    return (*whole, *lone, *joined)


@functools.cache
def _read_form_words() -> frozenset[str]:
    """Legal forms of one word: "gmbh", "llc"."""
    return frozenset(row["form"] for row in read_table("legal_forms") if " " not in row["form"])


def score_names(header: str, values: Sequence[str]) -> float:
    """How much a column looks as if names stood in it, by its header and its `values`: 0 to 2."""
    about = set(chain.from_iterable(_find_phrases(_split_header(header))))
    worded = [text for text in values if re.search(r"[^\W\d_]{4}", text)]
    firms = [text for text in worded if {*fold_phrase(text).split()} & _read_form_words()]
    said = 0.5 if about & {*PARTS, *PARTY_ROLES} else 0.0
    return said + (2 * len(firms) + len(worded) / 10) / len(values) if worded else said / 2


def _find_unread(
    headers: Sequence[str], roles: Roles, rows: Sequence[Sequence[str]]
) -> Iterator[str]:
    """The headers without a role under which names, addresses or countries seem to stand."""
    taken = {n for fields in roles.values() for field in fields for n in field}
    for n, header in enumerate(headers):
        values = sample_column(rows, n)
        lands = [text for text in values if parse_country(text)]
        if n not in taken and (score_names(header, values) > 0.5 or 2 * len(lands) > len(values)):
            yield header


def _rank_header(options: ReadOptions) -> RankHeader:
    """How many roles a line of shipments names; below 1 if no consignee is among them."""

    def rank(cells: Sequence[str]) -> float:
        roles = find_roles(cells, options.columns)
        whole = "consignee" in roles or options.columns.get("consignee") == NO_CONSIGNEE
        return float(len(roles)) if whole else len(roles) / 100

    return rank


def _check_header(
    headers: Sequence[str], roles: Roles, rows: Sequence[Sequence[str]], options: ReadOptions
) -> Iterator[str]:
    """Why a file with `headers` cannot be screened, in words that end before the headers."""
    plain = {header.strip().casefold() for header in headers}
    for role, wanted in options.columns.items():
        for text in wanted:
            if text.strip().casefold() not in plain and wanted != NO_CONSIGNEE:
                yield f"no header {text!r} for --column {role}, give one of"
    if len(headers) == 1 and re.search(r"\w {2,}\w.* {2,}\w", headers[0]):
        yield "columns of a fixed width, or parted by a sign not known, give --delimiter; it has"
    if "consignee" in roles or options.columns.get("consignee") == NO_CONSIGNEE:
        return
    if [*headers[-2:]] == ["source", "as_of"]:
        yield "this is a table of screen.py, give a shipment file instead; it has"
    if is_list_header(headers):
        yield "this is a list of parties, give it with -l and a shipment file beside it; it has"
    scores = [score_names(text, sample_column(rows, n)) for n, text in enumerate(headers)]
    likely = headers[scores.index(max(scores))].replace('"', '\\"')
    column = f'--column consignee="{likely}", or --column consignee=- if there is none'
    yield f"no column for consignee, give the header of one, such as {column}"


class _RowJudge:
    """What makes whole rows doubtful: headers again, totals, blank lines; and whose they are."""

    def __init__(self, headers: Sequence[str], roles: Roles) -> None:
        self.columns = sorted({n for field in roles.get("consignee", ()) for n in field})
        self.key = self.columns[0] if self.columns else 0
        self.reference = roles["reference"][0][0] if "reference" in roles else None
        shared = (r for r in roles if r in (*PARTY_ROLES, *SIDES, "destination", "transit"))
        self.shared = [n for role in shared for field in roles[role] for n in field]
        self.again = {headers[self.key], "\ufeff" + headers[self.key]}
        spellings = (row["headers"].split("|") for row in read_table("columns"))
        words = [*headers, *chain.from_iterable(spellings)]
        said = {*words, *map(str.upper, words), *map(str.title, words)}
        # Consignee cells that no shipment has: only rows with one are looked at.
        self.odd = {"", *self.again, *said, *(f"{word}:" for word in said)}
        self.other_header = ""  # in words, once one of other columns stands above
        self.above: list[str] = []

    def judge(self, chunk: Chunk) -> Chunk:
        """`chunk`, its doubtful rows told in `damage`, its follow-up lines filled in `meant`."""
        rows = chunk.rows
        if self.other_header or not self.odd.isdisjoint([row[self.key] for row in rows]):
            for n, row in enumerate(rows):
                if row[self.key] in self.odd or self.other_header:
                    above = chunk.meant.get(n - 1, rows[n - 1]) if n else self.above
                    if self._follows(row, above):
                        chunk.meant[n] = self._fill(row, above)
                    elif fault := self._find_fault(row, chunk.lines[n]):
                        said = chunk.damage.get(n, f"line {chunk.lines[n]}")
                        chunk.damage[n] = f"{said}{'; ' if ': ' in said else ': '}{fault}"
        self.above = chunk.meant.get(len(rows) - 1, rows[-1])
        return chunk

    def _follows(self, row: Sequence[str], above: Sequence[str]) -> bool:
        """Whether `row` names nobody and goes on with the shipment of the line above."""
        if self.reference is None or not above or any(row[n].strip() for n in self.columns):
            return False
        return bool(row[self.reference].strip()) and row[self.reference] == above[self.reference]

    def _fill(self, row: Sequence[str], above: Sequence[str]) -> list[str]:
        """`row` with the parties and the way of the line above where its own are blank."""
        filled = list(row)
        for n in self.shared:
            filled[n] = row[n] if row[n].strip() else above[n]
        return filled

    def _find_fault(self, row: Sequence[str], line: int) -> str:
        """Why `row` may be no shipment at all, in words; "" if it may be one."""
        cells = [cell for cell in row if cell.strip()]
        known = [cell for cell in cells if cell in self.odd or find_role(cell)]
        if row[self.key] in self.again:
            self.other_header = ""
            return "the header line again"
        if row[self.key] in self.odd and 2 * len(known) > max(2, len(cells)):
            self.other_header = f"below line {line}, a header of other columns"
            return "a header line of other columns"
        if self.other_header:
            return self.other_header
        if 2 * len(cells) <= len(row) and cells and find_role(cells[0]) == "total_line":
            return "a total line"
        return "" if cells else "an empty row"


@contextmanager
def open_shipments(source: str, options: ReadOptions) -> Iterator[Shipments]:
    """The shipment file at path `source` (`-`: standard input), open for one reading.

    Raises ScreenError for what is no table, has no consignee column or no row, and while chunks are
    read, for a file that breaks off.
    """
    if unknown := [role for role in options.columns if role not in ROLES]:
        raise ScreenError(f"--column: {unknown[0]!r} is no role: use one of {', '.join(ROLES)}.")
    with open_table(source, options, _rank_header(options)) as table:
        first = next(table.chunks, Chunk(1, [], [], {}))
        headers = table.headers or tuple(first.rows[0])
        roles = find_roles(headers, options.columns, first.rows)
        where = f"{table.name}, line {table.header_line}"
        for fault in _check_header(headers, roles, first.rows, options):
            shown = ", ".join(repr(header[:60]) for header in headers)
            raise ScreenError(f"{where}: {fault}: {shown}.")
        if not first.rows:
            said = "no data row below the header: give a file with shipments"
            raise ScreenError(f"{where}: {said}.")
        chunks = map(_RowJudge(headers, roles).judge, chain([first], table.chunks))
        unread = tuple(_find_unread(headers, roles, first.rows))
        found = {name: getattr(table, name) for name in Table.__dataclass_fields__}
        yield Shipments(**{**found, "chunks": chunks}, roles=roles, unread=unread)


# ==================================================================================================
# History. Takes shipment histories as text columns, chunk by chunk; gives sums by group and month,
# and counts of what could not be read. Memory follows groups and months, not rows. Does not know
# about files, lists of parties or what the sums say.

AMOUNT_ROLES = ("value", "weight", "quantity")  # compared: the first that is stated
TIER_ORDER = ("1", "2", "3.A", "3.B", "4.A", "4.B", "")  # "": not listed
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DATE_FORMS = (  # form, year, month if the day comes first, month if it does
    (r"(\d{4})\D?(\d\d?)(?:\D?\d\d?(?:\D.*)?)?", 1, 2, 2),  # 2025-03-17T10:22, 20250317, 2025-03
    (r"(\d\d?)\D(\d{4})", 2, 1, 1),  # 03/2025
    (r"(\d\d?)\.(\d\d?)\.(\d{4}|\d\d)(?: .*)?", 3, 2, None),  # 17.03.25: dots are day first
    (r"(\d\d?)([-/ ])(\d\d?)\2(\d{4}|\d\d)(?: .*)?", 4, 3, 1),  # 17/03/2025, 3/17/25
    (rf"(?:\d\d?\W)?({'|'.join(MONTHS)})[a-z]*\W+(?:\d\d?, )?(\d{{4}}|\d\d)", 2, 1, 1),  # Mar-25
)
PENDING_ROWS = 100_000  # rows waiting to be summed up; fewer: slow, more: memory
LOT_LIMITS = (1000, 2500, 5000, 10000)  # 2,500 USD: 15 CFR 30.37(a)
LOT_BAND = 0.9  # of a limit to it: one ordinary value in fifteen falls there
PRICE_STEP = 0.05  # of the decimal logarithm of the value of a kilogram: 12 percent
GROUP = ["destination", "heading", "tier", "consignee"]
TRADE = [*GROUP, "day_first", "month_first", "file"]
SUMS = ["rows", *AMOUNT_ROLES]
SQUARES = [f"{name}_square" for name in SUMS]
LOTS, PRICES = [*GROUP, "month", "limit"], ["subheading", "step"]  # keys, as are:
TEXTS = {role: [*GROUP, role] for role in ("description", "consignee_address")}


@functools.lru_cache(maxsize=1 << 14)
def parse_month(text: str) -> tuple[int, int]:
    """Month of a date read (day first, month first), as year x 12 + month - 1; 0 where impossible.

    >>> [divmod(m, 12) for m in parse_month("03/04/2025")], parse_month("31/04/25")[1]
    ([(2025, 3), (2025, 2)], 0)
    """
    plain = text.strip().lower()
    if re.fullmatch(r"[2-7]\d{4}(\.\d+)?", plain):  # spreadsheet serial: days since 1899-12-30
        plain = (date(1899, 12, 30) + timedelta(days=int(plain[:5]))).isoformat()
    for form, year_at, day_first, month_first in DATE_FORMS:
        if found := re.fullmatch(form, plain):
            said = [found[at] if at else "0" for at in (day_first, month_first)]
            return _number_month(found[year_at], said[0]), _number_month(found[year_at], said[1])
    return 0, 0


def _number_month(year: str, month: str) -> int:
    """The number of a `month` as written in a `year` of two or four figures, or 0."""
    y = int(year) + 2000 * (len(year) == 2)
    m = MONTHS.index(month) + 1 if month in MONTHS else int(month)
    return y * 12 + m - 1 if 1990 <= y < 2100 and 1 <= m <= 12 else 0


def parse_amount(text: str, decimal_comma: bool = False) -> float:
    """The number in an amount cell, NaN where there is none or several.

    `decimal_comma`, how the rest of the column writes, settles 1.234 and 1,234.

    >>> parse_amount("USD 1.234,50"), parse_amount("1 234"), parse_amount("1,234")
    (1234.5, 1234.0, 1234.0)
    >>> parse_amount("1,234", decimal_comma=True), parse_amount("-")
    (1.234, nan)
    """
    numbers = re.findall(r"-?\d(?:[\d.,'\s]*\d)?", text)
    if len(numbers) != 1:
        return math.nan
    digits = re.sub(r"['\s]", "", numbers[0])
    whole, mark, tail = re.fullmatch(r"(.*?)([.,]?)(\d*)", digits).groups()  # type: ignore[union-attr]
    unsure = len(tail) == 3 and re.fullmatch(r"-?[1-9]\d*", whole)
    if mark in whole or (unsure and (mark == ",") != decimal_comma):
        mark = ""
    return float(re.sub("[.,]", "", whole) + mark.replace(",", ".") + tail)


class SurgeLedger:
    """Rows and amounts of a history, summed by group and month as chunks come in."""

    def __init__(self) -> None:
        self.rows = 0
        self.unread: Counter[str] = Counter()  # cells by role; their rows count
        self.spelling = {"": ""}  # by key: texts as first written
        self._tables: dict[tuple[str, ...], list[Any]] = defaultdict(list)

    def add(self, columns: Mapping[str, Sequence[str]], file: str = "") -> None:
        """Take in columns of text by role; a `file` has one order of day and month."""
        for role in ("destination", "hs_code", "date"):
            if role not in columns:
                raise ScreenError(
                    f"{file or 'history'}: found no {role} column among {', '.join(columns)}, "
                    f"expected one; name it with --column {role}=HEADER."
                )
        if not len(columns["date"]):
            return
        frame = self._read_rows(columns).assign(file=file, rows=1)
        self.rows += len(frame)
        for role, keys in TEXTS.items():
            told = frame[(frame[role] != "") & (frame["consignee"] != "")]
            if role == "consignee_address":  # without a number it is no one place
                told = told[told[role].str.contains(r"\d")]
            self._put(keys, told)
        priced = frame[(frame["value"] > 0) & (frame["weight"] > 0)]
        price = np.log10(priced["value"] / priced["weight"])
        self._put(PRICES, priced.assign(step=(price / PRICE_STEP).round().astype(int)))
        # Lines of an invoice come together, their noise does not even out.
        lots = frame.groupby([*TRADE, "day"], sort=False, as_index=False)[SUMS].sum()
        lots[SQUARES] = lots[SUMS] ** 2
        self._put(TRADE, lots)
        above = np.array(LOT_LIMITS)[np.searchsorted(LOT_LIMITS[:-1], lots["value"], "right")]
        below = lots["value"].between(LOT_BAND * above, above, "left")
        month = lots["day_first"].mask(lots["day_first"] == 0, lots["month_first"])
        self._put(LOTS, lots.assign(month=month, limit=above * below, lots=1))

    def _read_rows(self, columns: Mapping[str, Sequence[str]]) -> Any:
        """Groups, texts, amounts, both readings of the month; counts the unread."""
        import pandas as pd

        months = map(parse_month, columns["date"])
        frame = pd.DataFrame(months, columns=["day_first", "month_first"])
        blank = [""] * len(frame)
        digits = [parse_hs_code(text).digits for text in columns["hs_code"]]
        frame["day"] = columns["date"]
        frame["heading"] = [code[:4] if len(code) > 3 else "" for code in digits]
        frame["subheading"] = [code[:6] if len(code) > 5 else "" for code in digits]
        frame["tier"] = [TIER_ORDER.index(tier_of(code)) for code in digits]
        frame["destination"] = [parse_country(text) for text in columns["destination"]]
        for role in ("consignee", *TEXTS):
            texts = columns.get(role, blank)
            frame[role] = keys = [fold_words(text) for text in texts]
            self.spelling = dict(zip(reversed(keys), reversed(texts), strict=True)) | self.spelling
        for role in AMOUNT_ROLES:
            frame[role] = self._read_amounts(role, columns[role]) if role in columns else 0.0
        undated = (frame["day_first"] == 0) & (frame["month_first"] == 0)
        unread = {"hs_code": frame["heading"] == "", "destination": frame["destination"] == ""}
        for role, cells in {**unread, "date": undated}.items():
            self.unread[role] += int(cells.sum())
        return frame

    def _read_amounts(self, role: str, texts: Sequence[str]) -> Any:
        """The amounts of one column, 0 where unread; counts the unread."""
        import pandas as pd

        cells: Any = pd.Series(list(texts), dtype=object)
        amounts = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, copy=True)
        odd = ~np.isfinite(amounts)
        if odd.any():  # one mistyped 12,5 must not make thousands of units of the rest
            commas, points = (cells.str.contains(rf"[{m}]\d{{1,2}}\D*$").sum() for m in ",.")
            odd |= commas > points  # then 1.234, which looks a plain number, is 1,234
            amounts[odd] = [parse_amount(text, commas > points) for text in cells[odd]]
        unread = ~np.isfinite(amounts)
        self.unread[role] += int(unread.sum())
        return np.where(unread, 0.0, amounts)

    def _put(self, keys: Sequence[str], frame: Any) -> None:
        """Adds the numbers of `frame` to a table, summed up when enough rows wait."""
        tables = self._tables[tuple(keys)]
        tables.append(frame.reindex(columns=[*keys, "lots", *SUMS, *SQUARES], fill_value=0))
        if sum(map(len, tables[1:])) > max(PENDING_ROWS, len(tables[0])):
            self.table(keys)

    def table(self, keys: Sequence[str]) -> Any:
        """The sums of what was added, a row a group by `keys`."""
        import pandas as pd

        tables = self._tables[tuple(keys)]
        if tables:
            tables[:] = [pd.concat(tables).groupby(keys, sort=False).sum().reset_index()]
            return tables[0]
        return pd.DataFrame(columns=[*keys, "lots", *SUMS, *SQUARES], dtype=int)

    def trade(self) -> tuple[str, Any]:
        """What is compared ("value", …, "rows") and the trade by group, with `period`, `amount`.

        A file's dates are read month first where one of them fits only so, else day first.
        """
        table = self.table(TRADE)
        day, month = table["day_first"], table["month_first"]
        by_month = ((month > 0) & (day == 0)).groupby(table["file"]).transform("any")
        period = day.mask((day == 0) | ((month > 0) & by_month), month)
        stated = (r for r in AMOUNT_ROLES if r in self.unread and 2 * self.unread[r] <= self.rows)
        measure = next(stated, "rows")
        amounts = {"amount": table[measure], "amount_square": table[measure + "_square"]}
        return measure, table.assign(period=period, **amounts)


# ==================================================================================================
# Surges. Takes a ledger; gives the groups whose trade outgrew their own past, the patterns only
# several rows together show, and the flags of a row in such a group. Does not know the clock.

LATEST_MONTHS = 6  # 3: one late ship doubles a group; 12: a surge is a year old
LEAST_SAME_MONTHS = 3  # from 15 months on the same months a year before: seasons cancel
STRAY_SHARE = 0.001  # one date of 2052 in 5,000 rows must not empty the latest period
LEAST_GROWTH = 100.0  # percent; 50: trends shout; 300: a slow tripling hides
LEAST_GROUPS = 10  # in both periods; of fewer, the surge is the usual growth
LEAST_ROWS = 5  # three consignments after one are +200 % and say nothing
LEAST_SIGNAL = 2.5  # standard errors; N groups of noise reach sqrt(2 ln N)
LEAST_RISE = 0.1  # of the average group: 40 USD after 10 USD is no news
LEAST_MOVED = 0.1  # of a rise: a smaller fall elsewhere explains nothing
PRIORITY_WEIGHT = 2.0  # tier goods and transshipment points lead among equals
LEAST_LOTS = 6  # days of a month; a weekly standing order makes 5
LEAST_LOT_SHARE = 0.6  # of that month's days; busy groups fall below a limit by chance
# What is alike, what else is, what varies, least and most ways, least rows each, words. Over 3
# headings in the file is "spare parts"; one or two rows under one are slips of the pen. Two names
# at an address are neighbours, or a firm and its branch; over 20 an office tower.
SPREADS: tuple[tuple[Any, ...], ...] = (
    ("description", ["consignee"], "heading", 2, 3, 3, "alike goods under changing HS codes"),
    ("consignee_address", [], "consignee", 3, 20, 1, "one address under several consignee names"),
)
LEAST_PRICED = 30  # rows with value and weight; of fewer quartiles say little
# Far off the median value of a kilogram: ten times, and six times the spread of the middle half;
# bearings at 8 to 25 a kilogram reach 5 and 40 by chance, a tenth of that are castings or a lie.
LEAST_TIMES, LEAST_SPREADS = 1.0, 6.0
COMPARED = ["rows", "amount", "rows_square", "amount_square"]  # squares: of consignments


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """A group that outgrew its past, or a pattern; SURGE_COLUMNS are written."""

    destination: str  # "KG"
    heading: str  # "8482"; "" for a shared address
    baseline_rows: int | None = None  # scaled to the latest period; None in patterns
    current_rows: int
    baseline_amount: float | None = None  # scaled likewise
    current_amount: float | None = None
    growth_percent: float | None = None  # of the amount; None: new trade, or a pattern
    tier: str  # "3.B", the best of the codes seen
    reason: str
    group: str  # "KG x 8482", "Tulpar LLC x 8482"
    key: tuple[str, ...]  # what a row of the group shows: ("destination", "KG", "8482")


SURGE_COLUMNS = tuple(Surge.__dataclass_fields__)[:9]


def choose_periods(rows_by_month: Mapping[int, int]) -> list[tuple[int, int]]:
    """First and last month of the baseline and of the latest period; [] in a span of one month.

    The latest half year and the same months a year before; in spans under 15 months the latest
    third and all before it. Months on the edge with next to no rows are typing errors.

    >>> choose_periods({month: 9 for month in range(24)}), choose_periods({5: 9})
    ([(6, 11), (18, 23)], [])
    """
    counts = dict(rows_by_month)
    dated = np.repeat([*counts], [*counts.values()])
    if not len(dated):
        return []
    first, last = np.quantile(np.sort(dated), (STRAY_SHARE, 1 - STRAY_SHARE), method="nearest")
    first, last = int(first), int(last)
    if first == last:
        return []
    span = last - first + 1
    if span < 12 + LEAST_SAME_MONTHS:
        middle = last - max(1, span // 3)
        return [(first, middle), (middle + 1, last)]
    middle = last - min(LATEST_MONTHS, span - 12)
    return [(middle - 11, last - 12), (middle + 1, last)]


def _compare(trade: Any, periods: Sequence[tuple[int, int]]) -> Any:
    """Each group: rows, amount, squares before (0) and now (1), scaled; and tier."""
    known = trade[(trade["destination"] != "") & (trade["heading"] != "")]
    keys, sums = ["destination", "heading", "consignee"], []
    for number, (first, last) in enumerate(periods):
        scale = (periods[1][1] - periods[1][0] + 1) / (last - first + 1)
        part = known[known["period"].between(first, last)].groupby(keys)[COMPARED].sum()
        sums.append((part * scale ** np.array([1, 1, 2, 2])).add_suffix(str(number)))
    both = sums[0].join(sums[1], how="outer").fillna(0.0)
    return both.assign(tier=known.groupby(keys)["tier"].min())


def _find_outliers(groups: Any, least_growth: float) -> list[Any]:
    """The `groups` beyond noise and `least_growth` percent, with a `score`."""
    steady = groups[(groups["amount0"] > 0) & (groups["amount1"] > 0)]
    ratio = (steady["amount1"] / steady["amount0"]).median()
    usual = max(1.0, ratio) if len(steady) >= LEAST_GROUPS else 1.0
    signals = []
    for of in ("rows", "amount"):
        rise = groups[of + "1"] - usual * groups[of + "0"]
        noise = np.sqrt(groups[of + "_square1"] + usual**2 * groups[of + "_square0"])
        signals.append(rise / noise)
    first = groups["amount1"] / groups["rows1"]  # new trade: as if of one row
    times = groups["amount1"] / groups["amount0"].mask(groups["amount0"] <= 0, first)
    listed = groups["tier"] < TIER_ORDER.index("")
    peers = listed.map(listed.value_counts())
    keep = (
        (groups["rows1"] >= LEAST_ROWS)
        & (groups["amount1"] >= (usual + least_growth / 100) * groups["amount0"])
        & (np.maximum(*signals) > np.sqrt(2 * np.log(peers)).clip(lower=LEAST_SIGNAL))
        & (listed | (rise >= LEAST_RISE * groups["amount1"].mean()))
    )
    score = rise * np.log2(1 + times) * np.where(listed, PRIORITY_WEIGHT, 1.0)
    return [*groups.assign(score=score, usual=usual)[keep].reset_index().itertuples()]


def find_surges(ledger: SurgeLedger, least_growth: float = LEAST_GROWTH) -> list[Surge]:
    """Groups of `ledger` grown over `least_growth` percent beyond the file, then the patterns.

    Best first: amount risen times how often it doubled, more for tier goods and transshipment
    points. A consignee's group is left to its destination's where that one surged.
    """
    measure, trade = ledger.trade()
    dated = trade[trade["period"] > 0]
    ranked: list[tuple[float, Surge]] = []
    if periods := choose_periods(dated.groupby("period")["rows"].sum()):
        places = _compare(dated.assign(consignee=""), periods)
        found = _find_outliers(places, least_growth)
        taken = {(group.destination, group.heading) for group in found}
        buyers = _find_outliers(_compare(dated[dated["consignee"] != ""], periods), least_growth)
        for group in (*found, *(g for g in buyers if (g.destination, g.heading) not in taken)):
            route = _say_transshipment(group.destination)
            said = [_say_periods(periods), route, *_say_moved(places, group)]
            surge = _build_surge(ledger.spelling[group.consignee], measure, group, said)
            ranked.append((group.score * (PRIORITY_WEIGHT if route else 1.0), surge))
    grown = [surge for _, surge in sorted(ranked, key=lambda pair: -pair[0])]
    return [*grown, *find_patterns(ledger)]


def _build_surge(consignee: str, measure: str, group: Any, said: Sequence[str]) -> Surge:
    """The record of an outlier `group`, a `consignee`'s or else a destination's."""
    growth = round((group.amount1 / group.amount0 - 1) * 100, 1) if group.amount0 > 0 else None
    grown = "new trade" if growth is None else f"up {growth:,.0f} %"
    tier, name = TIER_ORDER[int(group.tier)], f"{consignee or group.destination} x {group.heading}"
    kind = "consignee" if consignee else "destination"
    reasons = [
        f"{name}: {measure} {grown} ({group.amount0:,.0f} to {group.amount1:,.0f}), rows "
        f"{group.rows0:,.0f} to {group.rows1:,.0f}; others {(group.usual - 1) * 100:+.0f} %",
        f"high-priority tier {tier} (check the parameters)" if tier else "",
        *said,
    ]
    return Surge(
        destination=group.destination,
        heading=group.heading,
        baseline_rows=round(group.rows0),
        current_rows=round(group.rows1),
        baseline_amount=round(group.amount0, 2),
        current_amount=round(group.amount1, 2),
        growth_percent=growth,
        tier=tier,
        reason="; ".join(filter(None, reasons)),
        group=name,
        key=(kind, getattr(group, kind), group.heading),
    )


def _say_periods(periods: Sequence[tuple[int, int]]) -> str:
    """The months compared, and the scale where the baseline is longer or shorter."""
    ends = [f"{m // 12}-{m % 12 + 1:02}" for period in reversed(periods) for m in period]
    before, now = (last - first + 1 for first, last in periods)
    scaled = "" if before == now else f" (scaled {now}:{before})"
    return "{} to {} against {} to {}".format(*ends) + scaled


def _say_transshipment(iso2: str) -> str:
    """Who names country `iso2` a transshipment point, "" where nobody does."""
    rows = [row for row in read_rules(iso2) if row["rule"].startswith("transshipment_")]
    said = dict.fromkeys(f"{row['source']} ({row['as_of']})" for row in rows)
    return f"transshipment point: {', '.join(said)}" if rows else ""


def _say_moved(places: Any, group: Any) -> Iterable[str]:
    """How far trade with embargoed states in the heading fell as `group` rose."""
    rise = group.amount1 - group.amount0
    for other in places.xs(group.heading, level="heading").reset_index().itertuples():
        fall = other.amount0 - other.amount1
        if fall >= LEAST_MOVED * rise and find_destination_flags(other.destination):
            yield (
                f"trade with {other.destination} in {group.heading} fell by {fall:,.0f} "
                f"({-fall / other.amount0:.0%}) while this rose by {rise:,.0f}: "
                f"up to {min(1.0, fall / rise):.0%} of the rise may have moved from there"
            )


def find_patterns(ledger: SurgeLedger) -> list[Surge]:
    """What only several rows of `ledger` show together."""
    odd = [price for price in find_prices(ledger) if price.current_rows]
    return [*_find_split_lots(ledger), *_find_spreads(ledger), *odd]


def _find_split_lots(ledger: SurgeLedger) -> Iterable[Surge]:
    """Consignee x heading groups with many lots of a month just below a limit."""
    table = ledger.table(LOTS)
    table = table.assign(of=table.groupby(LOTS[:-1])["lots"].transform("sum"))
    least = (LEAST_LOT_SHARE * table["of"]).clip(lower=LEAST_LOTS)
    known = (table["limit"] > 0) & (table["month"] > 0) & (table["consignee"] != "")
    split = table[known & (table["lots"] >= least)].groupby([*GROUP, "limit"]).sum()
    for row in split.reset_index().itertuples():
        name = ledger.spelling[row.consignee]
        yield Surge(
            destination=row.destination,
            heading=row.heading,
            current_rows=row.rows,
            current_amount=round(row.value, 2),
            tier=TIER_ORDER[row.tier],
            reason=f"lots perhaps split: {row.lots} of {row.of} daily consignments to {name} in "
            f"heading {row.heading} just below {row.limit:,} in value",
            group=f"{name} x {row.heading}",
            key=("lots", row.consignee, row.heading),
        )


def _find_spreads(ledger: SurgeLedger) -> Iterable[Surge]:
    """What SPREADS names: alike texts under changing headings or consignee names."""
    for name, others, varies, least, most, least_rows, words in SPREADS:
        alike = [name, *others]
        rows = ledger.table(TEXTS[name]).sort_values("tier", kind="stable")
        rows = rows[rows[varies] != ""]
        rows = rows.assign(all=rows.groupby([*alike, varies])["rows"].transform("sum"))
        few = rows.groupby(name)[varies].transform("nunique") <= most
        rows = rows[few & (rows["all"] >= least_rows)]
        for key, same in rows.groupby(alike):
            ways = same[varies].unique()
            if len({way.split()[0] for way in ways}) < least:  # one firm's spellings
                continue
            first, text = same.iloc[0], ledger.spelling[key[0]]
            listed = ", ".join(sorted(ledger.spelling.get(way, way) for way in ways))
            yield Surge(
                destination=first["destination"],
                heading=first["heading"] if varies == "heading" else "",
                current_rows=int(same["rows"].sum()),
                tier=TIER_ORDER[int(first["tier"])],
                reason=f"{words}: {text}: {listed}",
                group=text,
                key=(name, *key),
            )


def find_prices(ledger: SurgeLedger) -> Iterator[Surge]:
    """For each subheading with enough rows the usual value of a kilogram, from `baseline_amount` to
    `current_amount`, and how many rows are far off it."""
    for code, steps in ledger.table(PRICES).sort_values("step").groupby("subheading"):
        rows, log = steps["rows"].to_numpy(), steps["step"].to_numpy() * PRICE_STEP
        if not code or rows.sum() < LEAST_PRICED:
            continue
        low, middle, high = log[np.searchsorted(rows.cumsum() / rows.sum(), (0.25, 0.5, 0.75))]
        far = max(LEAST_TIMES, LEAST_SPREADS * (high - low) / 1.35)
        least, most = 10 ** float(middle - far), 10 ** float(middle + far)
        odd = int(rows[abs(log - middle) > far].sum())
        yield Surge(
            destination="",
            heading=code[:4],
            current_rows=odd,
            baseline_amount=least,
            current_amount=most,
            tier=tier_of(code),
            reason=f"value of a kilogram far off the usual {least:,.3g} to {most:,.3g} in "
            f"subheading {code}: so are {odd:,} of {rows.sum():,} rows",
            group=code,
            key=("price", code),
        )


def index_surges(history: SurgeLedger, own: SurgeLedger) -> dict[tuple[str, ...], Surge]:
    """What rows are looked up in: all that `history` shows, patterns of `own` files."""
    least = [*find_prices(own), *find_patterns(own), *find_prices(history)]
    return {one.key: one for one in (*least, *reversed(find_surges(history)))}  # the best is last


def screen_surges(cells: Cells, surges: Mapping[tuple[str, ...], Surge]) -> tuple[Flag, ...]:
    """The `surge` flags of a row: groups that surged, patterns, an odd price."""
    told = [next(iter(cells.get(role, ())), "") for role in ("consignee", *TEXTS)]
    who, goods, address = map(fold_words, told)
    goal = parse_country(find_country("consignee", cells))
    keys: list[tuple[str, ...]] = [("description", goods, who), ("consignee_address", address)]
    for _, code in read_codes(cells.get("hs_code", ())):
        keys += [("destination", goal, code.digits[:4]), ("price", code.digits[:6])]
        keys += [("consignee", who, code.digits[:4]), ("lots", who, code.digits[:4])]
    flags: dict[str, Flag] = {}
    for one in (surges[key] for key in keys if key in surges):
        if one.key[0] != "price" or _is_odd_price(cells, one):
            growth = one.growth_percent
            flags[one.reason] = flag("surge", one.reason, group=one.group, growth_percent=growth)
    return tuple(flags.values())


def _is_odd_price(cells: Cells, usual: Surge) -> bool:
    """Whether a row's price is far off the `usual`, however commas are read."""
    for comma in (False, True):
        said = [parse_amount(" ".join(cells.get(r, ())), comma) for r in ("value", "weight")]
        if not all(amount > 0 for amount in said):
            return False
        if (usual.baseline_amount or 0) <= said[0] / said[1] <= (usual.current_amount or 0):
            return False
    return True


def list_amounts(
    ledger: SurgeLedger, surges: Iterable[Surge]
) -> list[tuple[str, list[tuple[str, float]]]]:
    """(name, (month, amount) of the last two years, two months each) of the first three groups
    that grew."""
    measure, trade = ledger.trade()
    groups = []
    for surge in [one for one in surges if one.baseline_rows is not None][:3]:
        kind, who, heading = surge.key
        last = choose_periods(trade[trade["period"] > 0].groupby("period")["rows"].sum())[1][1]
        own = trade[(trade[kind] == who) & (trade["heading"] == heading)]
        sums = own.groupby((last - own["period"]) // 2)["amount"].sum()
        amounts = []
        for back in range(11, -1, -1):
            year, month = divmod(last - 2 * back - 1, 12)
            amounts.append((f"{year}-{month + 1:02}", float(sums.get(back, 0.0))))
        groups.append((f"{surge.group}, {measure}", amounts))
    return groups


# ==================================================================================================
# Output
# Takes flagged rows and records, gives their CSV, JSONL or table form. All words of a reason come
# from the same facts as the JSONL. Does not decide anything.

SCREEN_COLUMNS = (
    "screen_row", "screen_flags", "screen_score", "screen_role", "screen_query_name",
    "screen_listed_name", "screen_name_kind", "screen_list", "screen_entry_id", "screen_programme",
    "screen_also_on", "screen_licence", "screen_citation", "screen_hs_rule", "screen_reason",
)  # fmt: skip
FORMULA = re.compile(r"^[=+\-@\t\r\n＝＋－＠]")  # a spreadsheet would run what begins so
ACTING = re.compile(f"[{re.escape(''.join(map(chr, CONTROLS.keys() - {9, 10, 13})))}]")
UNSHEETED = re.compile(r"[\0-\x08\x0b-\x1f\r\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
SHEET_CELL, SHEET_CUT = 32_767, " … (cut: a cell of a workbook holds no more)"
REASON_COLUMNS = (
    "file", "row", "shipment", "kind", "found", "listed_name", "score", "list", "entry_id", "rule",
    "country", "reason",
)  # fmt: skip
REASON_WIDTHS = tuple("x" * n for n in (16, 5, 12, 12, 30, 30, 6, 10, 12, 12, 7, 60))


@dataclass(frozen=True, slots=True)
class ScreenedRow:
    """One row that was screened: its number in the file, its cells as they came, and why."""

    number: int
    cells: Sequence[str]
    flags: tuple[Flag, ...]
    cleared: tuple[str, ...] = ()  # who took a flag away: "US-EL 35ea341d: A. Clerk, 2026-11-20"
    since: str = ""  # "new" or "same" beside an earlier output
    why_new: str = ""  # "not in the earlier output", where that can be told


@dataclass(frozen=True, slots=True)
class Layout:
    """A shipment file as those who write its rows see it."""

    file: str
    headers: tuple[str, ...]
    roles: Roles

    def columns(self, role: str) -> list[int]:
        """The columns of `role`, in file order."""
        return sorted({*chain.from_iterable(self.roles.get(role, ()))})

    def text(self, role: str, cells: Sequence[str]) -> str:
        """The cells of `role` as one text; "" where the file has no such column."""
        return join_cells(cells[n] for n in self.columns(role))

    def name(self, row: ScreenedRow) -> str:
        """What a person calls the row: the shipment's own number, else that of the row."""
        return self.text("reference", row.cells).strip() or str(row.number)


def write_cells(row: ScreenedRow, more: Sequence[str] = ()) -> list[str]:
    """The cells that CSV adds to a row: SCREEN_COLUMNS, and `more` that were asked for."""
    parties = [flag.facts for flag in row.flags if flag.kind == "party"]
    best = max(parties, key=lambda facts: facts["score"], default={})
    listed = best or next((flag.facts for flag in row.flags if "entry_id" in flag.facts), {})
    rules = (flag.facts["rule"] for flag in row.flags if flag.kind == "goods")
    cells = [
        str(row.number),
        ";".join(dict.fromkeys(flag.kind for flag in row.flags)),
        f"{best['score']:g}" if best else "",
        listed.get("role", ""),
        listed.get("query_name", listed.get("query", "")),
        listed.get("listed_name", ""),
        listed.get("name_kind", ""),
        listed.get("list", ""),
        listed.get("entry_id", ""),
        ";".join(listed.get("programmes", ())),
        ";".join(listed.get("also_on", ())),
        listed.get("licence", ""),
        listed.get("citation", ""),
        ";".join(dict.fromkeys(rules)),
        " | ".join(f"[{flag.kind}] {flag.reason}" for flag in row.flags),
    ]
    asked = {"screen_since": row.since, "screen_cleared": "; ".join(row.cleared)}
    return cells + [asked[column] for column in more]


def neutralise(cell: str) -> str:
    """`cell` with an apostrophe before what a spreadsheet would run as a formula.

    >>> neutralise("=HYPERLINK(1)"), neutralise("AB-12")
    ("'=HYPERLINK(1)", 'AB-12')
    """
    return f"'{cell}" if FORMULA.match(cell) else cell


def make_inert(cell: str) -> str:
    """A `cell` of ours that neither a spreadsheet nor a terminal obeys."""
    return neutralise(ACTING.sub("\ufffd", cell))


def write_csv(cells: Iterable[str]) -> str:
    """`cells` as a line of CSV; the writer quotes the line ends that it writes itself, so both.

    >>> write_csv(["a", "b\\rc"])
    'a,"b\\rc"\\n'
    """
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()[:-2] + "\n"


def write_json(row: ScreenedRow, file: str, keys: Sequence[str]) -> str:
    """One JSONL line of the contract, the shipment's cells under `keys`."""
    record: dict[str, Any] = {
        "row": row.number,
        "file": file,
        "flags": list(dict.fromkeys(flag.kind for flag in row.flags)),
        "shipment": dict(zip(keys, row.cells, strict=True)),
        "hits": [{"kind": flag.kind, **flag.facts, "reason": flag.reason} for flag in row.flags],
    }
    asked = {"since": row.since, "why_new": row.why_new, "cleared": list(row.cleared)}
    record |= {key: value for key, value in asked.items() if value}
    return json.dumps(record, ensure_ascii=False) + "\n"


def unique_headers(headers: Sequence[str]) -> list[str]:
    """`headers` as JSON keys: a repeated one gets its number, so that no cell is lost."""
    names: dict[str, None] = {}  # in order
    for header in headers:
        numbered = (f"{header} ({n})" for n in range(2, len(headers) + 1))
        names[next(name for name in chain([header], numbered) if name not in names)] = None
    return list(names)


def clean(text: str) -> str:
    """`text` on one line without control characters, for a terminal."""
    return " ".join(text.replace("\n", " ").translate(CONTROLS).split())


def width_of(text: str) -> int:
    """Columns that `text` takes on a terminal: Chinese characters take two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fit(text: str, width: int) -> str:
    """`text` cut or filled to `width` terminal columns."""
    ends = list(accumulate(map(width_of, text), initial=0))  # of each letter, in columns
    if ends[-1] <= width:
        return text + " " * (width - ends[-1])
    cut = bisect_right(ends, width - 1) - 1
    return text[:cut] + "…" + " " * (width - 1 - ends[cut])


def draw_line(cells: Iterable[str], sizes: Iterable[int]) -> str:
    """A line of a table: `cells` fitted to as many columns as `sizes` says."""
    return "  ".join(map(fit, map(clean, cells), sizes)).rstrip()


def read_width() -> int:
    """Columns of the terminal; where standard output is none, nothing is cut."""
    return shutil.get_terminal_size((120, 40)).columns if sys.stdout.isatty() else 1 << 15


def wrap(words: Sequence[str], width: int, gap: str = " ") -> list[str]:
    """`words` joined by `gap` into lines of at most `width` columns; a longer word has its own."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}{gap}{word}" if lines else word
        if lines and width_of(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def draw_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """`rows` under `headers` as lines as wide as the terminal; the last column gets the rest."""
    lines, width = [headers, *rows], read_width()
    limit = max(12, width // len(headers) + 8)
    columns = list(zip(*lines, strict=True))[:-1]
    sizes = [min(limit, max(width_of(clean(cell)) for cell in column)) for column in columns]
    rest = max(12, width - sum(sizes) - 2 * len(sizes))
    return [draw_line(line, [*sizes, rest]) for line in lines]


def print_records(records: Sequence[Mapping[str, Any]], columns: Sequence[str], form: str) -> None:
    """Print `records` as JSONL, or their `columns` as CSV or a table, a reason in full below it."""
    cells = [[make_inert(_write_value(record[c])) for c in columns] for record in records]
    if form == "jsonl":
        for record in records:
            click.echo(json.dumps(record, ensure_ascii=False))
    elif form == "csv":
        click.echo("".join(map(write_csv, [columns, *cells])), nl=False)
    else:
        shown = len(columns) - (columns[-1] == "reason")
        lines = draw_table(columns[:shown], [row[:shown] for row in cells])
        reasons = [f"- {clean(reason)}" for row in cells for reason in row[shown:]]
        click.echo("\n".join(lines + reasons))


def _write_value(value: Any) -> str:
    """A record's `value` as a cell, several parted by `;`."""
    return ";".join(value) if isinstance(value, list) else "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Writing:
    """How rows are to be written."""

    form: str  # one of FORMS, or "xlsx"
    several: bool = False  # files, so that each row names its own
    safe_cells: bool = False
    more: tuple[str, ...] = ()  # "screen_since", "screen_cleared"
    terminal: bool = False  # on which a table fits its width and may have colours


class RowWriter:
    """Writes screened rows to `out` as CSV or JSONL; `digest` is of all the text that was written.

    What is written comes in this order: `begin` with every file, its rows, `flush` whenever a
    chunk of them is through, `end`.
    """

    def __init__(self, out: IO[str], request: Writing) -> None:
        self.out, self.asked = out, request
        self.digest = hashlib.sha256()
        self.layout = Layout("", (), {})
        self.keys: list[str] = []  # the headers, all different

    def write(self, text: str) -> None:
        """Write `text` on."""
        self.digest.update(text.encode("utf-8", "surrogatepass"))
        self.out.write(text)

    def begin(self, layout: Layout) -> None:
        """The header line; a second file must have the same one."""
        first, self.layout = self.layout, layout
        self.keys = unique_headers(layout.headers)
        if self.asked.form == "jsonl":
            return
        if first.headers not in ((), layout.headers):
            raise ScreenError(
                f"files of one CSV run need the same headers: found {', '.join(layout.headers)},"
                f" expected {', '.join(first.headers)}; run them one by one or with -f jsonl."
            )
        if not first.headers:
            self.write_line(self.columns())

    def columns(self) -> list[str]:
        """The header of the output."""
        own = map(neutralise, self.layout.headers) if self.asked.safe_cells else self.layout.headers
        return ["screen_file"] * self.asked.several + [*own, *SCREEN_COLUMNS, *self.asked.more]

    def cells(self, row: ScreenedRow) -> list[str]:
        """The cells of `row` under `columns`."""
        file = [make_inert(self.layout.file)] * self.asked.several
        own = map(neutralise, row.cells) if self.asked.safe_cells else row.cells
        return [*file, *own, *map(make_inert, write_cells(row, self.asked.more))]

    def write_line(self, cells: Iterable[str]) -> None:
        """One line of CSV."""
        self.write(write_csv(cells))

    def write_row(self, row: ScreenedRow) -> None:
        """One row of the file begun last."""
        if self.asked.form == "jsonl":
            self.write(write_json(row, self.layout.file, self.keys))
        else:
            self.write_line(self.cells(row))

    def flush(self) -> None:
        """What was written so far is to be read now."""
        self.out.flush()

    def end(self) -> None:
        """Nothing follows."""
        self.flush()


class BookWriter(RowWriter):
    """Writes a workbook: the rows as in CSV, and a line for each of their reasons. All cells are
    text, so that leading zeros stay and no formula runs."""

    def __init__(self, out: IO[str], request: Writing) -> None:
        super().__init__(out, request)
        self.openpyxl = load_openpyxl("or write .csv")
        self.book = self.openpyxl.Workbook(write_only=True)
        made = datetime(2000, 1, 1)  # no clock in what comes out
        self.book.properties.created = self.book.properties.modified = made
        self.rows = self.book.create_sheet("rows")
        self.reasons: Any = None  # the sheet, once a row has some
        self.waiting: list[Sequence[str]] = []  # lines up to the first flush: widths follow them

    def write_line(self, cells: Iterable[str]) -> None:
        """One line of the sheet of rows."""
        line = list(cells)
        self.digest.update(write_csv(line).encode("utf-8", "surrogatepass"))
        self.waiting.append(line)
        if self.rows.freeze_panes:
            self.flush()

    def cells(self, row: ScreenedRow) -> list[str]:
        """The cells of `row`; text needs no apostrophe."""
        file = [self.layout.file] * self.asked.several
        return [*file, *row.cells, *write_cells(row, self.asked.more)]

    def columns(self) -> list[str]:
        """The header of the sheet of rows."""
        own = [*self.layout.headers, *SCREEN_COLUMNS, *self.asked.more]
        return ["screen_file"] * self.asked.several + own

    def write_row(self, row: ScreenedRow) -> None:
        """One row, and its reasons."""
        self.write_line(self.cells(row))
        if self.reasons is None:
            self.reasons = self.book.create_sheet("reasons")
            self.open_sheet(self.reasons, [REASON_COLUMNS, REASON_WIDTHS])
            self.reasons.append(self.texts(REASON_COLUMNS))
        for flag in row.flags:
            facts = flag.facts
            where = [self.layout.file, str(row.number), self.layout.name(row), flag.kind]
            said = [facts.get("query_name", facts.get("query", facts.get("found", "")))]
            said += [str(facts.get(key, "")) for key in REASON_COLUMNS[5:-1]]
            self.reasons.append(self.texts([*where, *said, flag.reason]))

    def open_sheet(self, sheet: Any, lines: Sequence[Sequence[str]]) -> None:
        """Freeze the header of `sheet` and make its columns as wide as the cells of `lines`."""
        sheet.freeze_panes = "A2"
        for n, column in enumerate(zip(*lines, strict=True), 1):
            letter = self.openpyxl.utils.get_column_letter(n)
            width = max(max(map(len, cell.split("\n"))) for cell in column)
            sheet.column_dimensions[letter].width = min(60, width + 2)

    def texts(self, cells: Iterable[str]) -> list[Any]:
        """`cells` as cells of a workbook that hold text, whatever they look like."""
        made = []
        for text in cells:
            safe = UNSHEETED.sub(lambda sign: f"_x{ord(sign[0]):04X}_", text)
            if len(safe) > SHEET_CELL:
                safe = safe[: SHEET_CELL - len(SHEET_CUT)] + SHEET_CUT
            cell = self.openpyxl.cell.WriteOnlyCell(self.rows, safe)
            cell.data_type, cell.number_format = "s", "@"  # stays text when somebody edits it
            made.append(cell)
        return made

    def flush(self) -> None:
        """Put the lines that wait into the sheet."""
        if self.waiting and not self.rows.freeze_panes:
            self.open_sheet(self.rows, self.waiting[:200])
        for line in self.waiting:
            self.rows.append(self.texts(line))
        self.waiting.clear()

    def end(self) -> None:
        """Write the workbook itself."""
        self.flush()
        self.book.save(self.out.buffer)  # type: ignore[attr-defined]


# ==================================================================================================
# Show
# Takes flagged rows; gives what a terminal shows of them: a table that fits, a row in full. Short
# forms come from the same facts as the reasons. Decides nothing but what is named first.

RANKS = (
    "exact listed parties and embargoes",
    "high-priority goods on a diversion route",
    "near names, listed addresses and numbers, rows that could not be screened",
    "the rest",
)
RANK_COLOURS = ("red", "magenta", "yellow", None)


@functools.cache
def read_embargoes() -> frozenset[str]:
    """The rules of lists/destinations.csv that hold whatever is shipped."""
    rows = read_table("destinations")
    return frozenset(r["rule"] for r in rows if r["kind"] == "destination" and not r["needs"])


def is_embargo(flag: Flag) -> bool:
    """Whether `flag` says that the goods go where hardly anything may go."""
    rules = flag.facts["rule"].split("; ") if flag.kind == "destination" else []
    return not read_embargoes().isdisjoint(rules)


def is_exact(flag: Flag) -> bool:
    """Whether `flag` is of a party that is written as it is listed."""
    return flag.kind == "party" and flag.facts["score"] == 100


def is_priority(flag: Flag) -> bool:
    """Whether `flag` is of high-priority goods."""
    return flag.kind == "goods" and bool(flag.facts["tier"])


def rank_flags(flags: Sequence[Flag]) -> int:
    """The place in RANKS of a row with `flags`: 0 is to be looked at first."""
    kinds = {flag.kind for flag in flags}
    if any(is_exact(flag) or is_embargo(flag) for flag in flags):
        return 0
    if "diversion" in kinds and any(map(is_priority, flags)):
        return 1
    return 3 - bool(kinds & {"party", "address", "identifier", "unscreened"})


def say_short(flag: Flag) -> str:
    """The reason of `flag` in a few words, as `= Tako LLC (US-EL)` or `diversion AM`."""
    facts = flag.facts
    role = facts.get("role", "").replace("_", " ")
    of = f"{facts.get('listed_name', '')} ({facts.get('list', '')})"
    whose = "" if role == "consignee" else f"{role} "
    if is_priority(flag):
        return f"priority goods {facts['tier']}"
    if is_embargo(flag):
        return f"embargo {facts['country']}"
    if facts.get("table") == "red flags":
        return f"red flag: {facts['rule'].partition('-')[2]}"
    return {
        "party": lambda: f"{whose}{'=' if is_exact(flag) else '~'} {of}",
        "address": lambda: f"{whose}address of {of}",
        "identifier": lambda: f"number of {of}",
        "destination": lambda: f"controls {facts['country']}",
        "diversion": lambda: f"diversion {facts['country']}",
        "surge": lambda: f"surge {facts['group']}",
        "goods": lambda: f"{facts['table'].removesuffix(' controls').removesuffix(' goods')} goods",
        "description": lambda: f'text says "{facts["found"]}", code {facts["hs_code"] or "none"}',
        "hs-code": lambda: f'HS code "{facts["found"]}"',
        "unscreened": lambda: f"not screened: {role} {facts['found'] or 'empty'}",
    }[flag.kind]()


def list_reasons(flags: Sequence[Flag]) -> list[str]:
    """The short reasons of a row, each once, what stops it first; of lesser ones only if it has no
    others: controlled goods that are no priority, countries under lesser controls."""
    order = ("party", "destination", "address", "identifier", "unscreened", "diversion", "surge")
    rest = {kind: len(order) + n for n, kind in enumerate(FLAG_KINDS)}
    lesser = [
        flag
        for flag in flags
        if flag.kind in ("goods", "destination") and not (is_priority(flag) or is_embargo(flag))
    ]
    heavy = [flag for flag in flags if flag not in lesser] or lesser
    ranks = rest | {kind: n for n, kind in enumerate(order)}
    return list(dict.fromkeys(map(say_short, sorted(heavy, key=lambda flag: ranks[flag.kind]))))


def paint(text: str, **style: Any) -> str:
    """`text` in a `style`, unless the user or the terminal wants none (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return text if plain else click.style(text, **style)


class TableWriter(RowWriter):
    """Writes the table of a terminal: shipment, party, score and in a few words why, all in lines
    that fit. Its digest is of the cells, whatever the width."""

    def __init__(self, out: IO[str], request: Writing) -> None:
        super().__init__(out, request)
        self.width = read_width() if request.terminal else 1 << 15
        self.waiting: list[ScreenedRow] = []  # rows of the chunk: the first ones tell the widths
        self.sizes: tuple[int, ...] = ()
        self.height = 0  # lines so far
        self.names = ["row", "party", "score", "why"]

    def begin(self, layout: Layout) -> None:
        """Rows of another file follow, under the same header."""
        self.flush()
        self.layout = layout

    def write_row(self, row: ScreenedRow) -> None:
        """One row, once `flush` is called."""
        self.digest.update(write_csv(write_cells(row, self.asked.more)).encode())
        self.waiting.append(row)

    def brief(self, row: ScreenedRow) -> list[str]:
        """The cells of `row`, all but the reasons."""
        cells = write_cells(row)
        where = f"{self.layout.file}: " * self.asked.several
        party = cells[4] or self.layout.text("consignee", row.cells)
        return [where + self.layout.name(row), clean(party), cells[2]]

    def flush(self) -> None:
        """Write the rows that wait."""
        rows = [self.brief(row) for row in self.waiting]
        if not self.sizes and rows:
            name, party, _ = (max(map(width_of, column)) for column in zip(*rows, strict=True))
            most = self.width // 4 + 2
            self.names[0] = "shipment" if "reference" in self.layout.roles else "row"
            first = max(len(self.names[0]), min(name, most))
            self.sizes = first, max(len("party"), min(party, most)), len("score")
            self.write_header()
        for cells, row in zip(rows, self.waiting, strict=True):
            self.write_reasons(cells, row)
        self.waiting.clear()
        self.out.flush()

    def write_header(self) -> None:
        """The line that names the columns."""
        self.write_lines([draw_line(self.names, [*self.sizes, 3])], None)

    def write_reasons(self, cells: Sequence[str], row: ScreenedRow) -> None:
        """The lines of `row`: its `cells`, then the reasons, as many lines as they need."""
        reasons = list_reasons(row.flags) + [f"cleared: {text}" for text in row.cleared]
        before = sum(self.sizes) + 2 * len(self.sizes)
        rest = max(12, self.width - before)
        words = clean("; ".join(reasons)).split(" ")
        first, *more = wrap(["new:"] * (row.since == "new") + words, rest)
        drawn = [draw_line([*cells, first], [*self.sizes, rest])]
        drawn += [" " * before + fit(line, rest).rstrip() for line in more]
        self.write_lines(drawn, RANK_COLOURS[rank_flags(row.flags)])

    def write_lines(self, lines: Sequence[str], colour: str | None) -> None:
        """Whole `lines`, in `colour` where the terminal shows any."""
        self.height += len(lines)
        shown = [paint(line, fg=colour) for line in lines] if self.asked.terminal else lines
        self.out.write("\n".join(shown) + "\n")

    def end(self) -> None:
        """The header again, if it has scrolled away."""
        self.flush()
        if self.asked.terminal and self.height > shutil.get_terminal_size().lines - 4:
            self.write_header()


def find_agreements(facts: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The folded words of the two names of a party hit that agree, each with `=` or `~`."""
    asked: dict[str, str] = {}
    listed: dict[str, str] = {}
    for query, name, how in facts.get("words", ()):
        same = how in ("", "equal") and fold_phrase(query) == fold_phrase(name)
        sign = "=" if same else "~"
        asked.update(dict.fromkeys(fold_phrase(query).split(), sign))
        listed.update(dict.fromkeys(fold_phrase(name).split(), sign))
    return asked, listed


def part_words(text: str, words: Mapping[str, str]) -> list[tuple[str, str]]:
    """`text` in pieces, each with the sign that `words` have for it, "" for none."""
    pieces = filter(None, re.split(r"(\w+)", text))
    return [(piece, words.get(fold_phrase(piece), "")) for piece in pieces]


def draw_names(facts: Mapping[str, Any]) -> Iterator[str]:
    """The two names of a party hit, under each word that agrees `===`, or `~~~` where nearly."""
    names = ("asked ", facts["query_name"]), ("listed", facts["listed_name"])
    for (label, text), words in zip(names, find_agreements(facts), strict=True):
        pieces = part_words(clean(text), words)
        yield f"    {label}  {clean(text)}"
        marks = "".join((sign or " ") * width_of(piece) for piece, sign in pieces).rstrip()
        if marks:
            yield f"            {marks}"


def draw_cells(row: ScreenedRow, layout: Layout) -> Iterator[tuple[str, str]]:
    """(role or header, text) of the cells of `row`, those with a role first."""
    left = dict.fromkeys(range(len(layout.headers)))
    for role in layout.roles:
        for n in layout.columns(role):
            left.pop(n, None)
            yield role.replace("_", " "), row.cells[n]
    yield from ((layout.headers[n], row.cells[n]) for n in left)


def escape(text: str) -> str:
    """`text` as HTML that shows it, whatever signs it holds."""
    return html.escape(text.translate(CONTROLS))


def draw_charts(groups: Iterable[tuple[str, Sequence[tuple[str, float]]]]) -> str:
    """SVG bars of the (month, amount) pairs of each (name, pairs) group that surged."""
    drawn = []
    for name, amounts in groups:
        most = max((amount for _, amount in amounts), default=0) or 1
        bars = [
            f'<rect x="{24 * n}" y="{84 - 80 * amount / most:.0f}" width="20"'
            f' height="{80 * amount / most + 1:.0f}"><title>{month}: {amount:,.0f}</title></rect>'
            for n, (month, amount) in enumerate(amounts)
        ]
        marks = [
            f'<text x="{24 * n}" y="98">{month}</text>'
            for n, (month, _) in enumerate(amounts)
            if n % 6 == 0
        ]
        size = f"0 0 {24 * max(len(amounts), 12)} 102"
        chart = f'<svg viewBox="{size}" width="600" role="img">{"".join(bars + marks)}</svg>'
        drawn.append(
            f"<figure><figcaption>{escape(name)}: most {most:,.0f}</figcaption>{chart}</figure>"
        )
    return "".join(drawn)


def draw_page(row: ScreenedRow, layout: Layout, nothing: str) -> Iterator[str]:
    """The lines of a row in full: its cells by role, then every reason; `nothing` if none."""
    width = min(read_width(), 100)
    name, kinds = layout.name(row), ", ".join(dict.fromkeys(flag.kind for flag in row.flags))
    heading = f"{clean(name)}: row {row.number} of {clean(layout.file)}"
    yield paint(heading, bold=True) if sys.stdout.isatty() else heading
    cells = [(label, clean(text)) for label, text in draw_cells(row, layout) if text.strip()]
    edge = min(28, max((width_of(label) for label, _ in cells), default=0))
    for label, text in cells:
        first, *more = wrap(text.split(" "), width - edge - 4)
        yield f"  {fit(clean(label), edge)}  {first}"
        yield from (" " * (edge + 4) + line for line in more)
    yield ""
    yield kinds or nothing
    for n, flag in enumerate(row.flags, 1):
        first, *more = wrap(clean(f"{flag.kind}: {flag.reason}").split(" "), width - 5)
        yield f"{n:>3}. {first}"
        yield from (" " * 5 + line for line in more)
        if flag.kind == "party":
            yield from draw_names(flag.facts)
    yield from (f"cleared: {clean(text)}" for text in row.cleared)
    yield "a hit is not a match: whether it is the same party, a person finds out"


# ==================================================================================================
# Report
# Takes flagged rows; gives one page of HTML for a person to read, print and sign. It needs no other
# file and no script; lists/report.html is its form. Knows no list and reads no shipment.

REPORT_ROLES = (
    "consignee", "consignee_address", "end_user", "destination", "hs_code", "description", "value",
)  # fmt: skip
DECISION = '<p class="room">Decision<i></i>Name<i></i>Date<i></i></p>'
MARKED = {"=": "<b>{}</b>", "~": "<em>{}</em>"}


class Report(RowWriter):
    """Writes the page at its end, the rows in order of urgency."""

    def __init__(self, out: IO[str], request: Writing) -> None:
        super().__init__(out, request)
        self.ranks: tuple[list[str], ...] = tuple([] for _ in RANKS)
        self.notes: dict[str, int] = {}  # a reason that rows share -> its number
        self.kinds: Counter[str] = Counter()
        # What was screened with what, then the charts and the account: known when all is done.
        self.about: Callable[[], Sequence[tuple[str, str]]] = lambda: [("", ""), ("", "")]

    def begin(self, layout: Layout) -> None:
        """Rows of another file follow."""
        self.layout = layout

    def write_row(self, row: ScreenedRow) -> None:
        """Keep one row, if there is anything to say of it."""
        if row.flags or row.cleared:
            self.ranks[rank_flags(row.flags)].append(self.draw_row(row))
            self.kinds.update({flag.kind for flag in row.flags})

    def draw_row(self, row: ScreenedRow) -> str:
        """The section of one row."""
        kinds = " ".join(dict.fromkeys(flag.kind for flag in row.flags))
        where = f"{self.layout.file}, " * self.asked.several + f"row {row.number}"
        said = {role: self.layout.text(role, row.cells) for role in REPORT_ROLES}
        about = "; ".join(f"{role.replace('_', ' ')} {text}" for role, text in said.items() if text)
        new = f" <u>{row.since}</u>" if row.since else ""
        reasons = "".join(map(self.draw_flag, row.flags))
        cleared = "".join(f"<li>cleared by decision: {escape(text)}" for text in row.cleared)
        title = f"<h3>{escape(self.layout.name(row))} <small>{escape(where)}</small>{new}</h3>"
        text = f"{title}<p>{escape(about)}</p><ul>{reasons}{cleared}</ul>{DECISION}"
        return f'<section data-k="{kinds}">{text}</section>\n'

    def draw_flag(self, flag: Flag) -> str:
        """One reason: a party with both names, else its short form and where it stands in full."""
        if flag.kind != "party":
            number = self.notes.setdefault(f"{flag.kind}: {flag.reason}", len(self.notes) + 1)
            return f'<li>{escape(say_short(flag))} <a href="#n{number}">{number}</a>'
        facts, marked = flag.facts, []
        names = (facts["query_name"], facts["listed_name"])
        for text, words in zip(names, find_agreements(facts), strict=True):
            signs = part_words(text, words)
            shown = [MARKED.get(sign, "{}").format(escape(piece)) for piece, sign in signs]
            marked.append("".join(shown))
        of = f"{facts['list']} {facts['entry_id']}, {facts['score']:g}"
        more = [*facts["programmes"], facts.get("licence"), facts.get("citation")]
        also = [f"also on {', '.join(facts['also_on'])}"] if facts.get("also_on") else []
        told = escape("; ".join([*filter(None, more), *also]))
        return (
            f"<li>party: {escape(facts['role'].replace('_', ' '))} <q>{marked[0]}</q> hits"
            f" <q>{marked[1]}</q> ({escape(of)})<br><small>{told}</small>"
        )

    def flush(self) -> None:
        """Nothing is written before the end."""

    def end(self) -> None:
        """Write the page: the account, what was screened with what, the rows."""
        *head, (_, charts), (_, account) = self.about()
        form = string.Template((TABLES / "report.html").read_text("utf-8"))
        script = form.template.partition("<script>")[2].partition("</script>")[0]
        digest = hashlib.sha256(script.encode()).digest()
        kinds = [kind for kind in FLAG_KINDS if self.kinds[kind]]
        ranked = zip(RANKS, self.ranks, strict=True)
        rows = "".join(f"<h2>{say}: {len(of):,}</h2>\n{''.join(of)}" for say, of in ranked if of)
        parts = {
            "script": base64.b64encode(digest).decode(),
            "head": "".join(f"<tr><th>{escape(k)}<td>{escape(v)}" for k, v in head),
            "account": escape(account),
            "kinds": "".join(
                f"<button>{k} <small>{self.kinds[k]:,}</small></button>" for k in kinds
            ),
            "charts": charts,
            "rows": rows or "<p>No row was flagged.</p>",
            "notes": "".join(f'<li id="n{n}">{escape(text)}' for text, n in self.notes.items()),
        }
        self.write(form.substitute(parts))


# ==================================================================================================
# Clearances
# Takes decisions that a person took, each on one kind of flag for one party as both were then; says
# whether they cover a flag of today. Does not know how a flag was found.

DECISIONS = ("clear", "hold", "escalate")
SUBJECT = ("kind", "party", "hs_code", "list", "entry_id", "rule")  # what a decision is on
CLEARANCE_COLUMNS = (
    "shipment", "kind", "party", "country", "address", "hs_code", "list", "entry_id", "rule",
    "entry_digest", "listed_name", "score", "shown", "decision", "reviewer", "reason", "decided_on",
    "expires_on",
)  # fmt: skip
NEEDED_COLUMNS = ("party", "country", "address", "list", "entry_id", "entry_digest", "decided_on")
DECISION_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%d/%m/%Y", "%m/%d/%Y")
NOT_CLEARED = "unscreened"  # what was not read cannot be decided on: the row must be mended
Subject = tuple[str, ...]


class Clearances:
    """The decisions of a file, and what came of them in this run."""

    def __init__(self, rows: Iterable[Mapping[str, str]], undecided: int = 0) -> None:
        self.rows: dict[Subject, list[Mapping[str, str]]] = defaultdict(list)
        for row in rows:
            self.rows[_subject_of(row)].append(row)
        self.undecided = undecided
        self.entries: Mapping[tuple[str, str], ListEntry] = {}  # by list and id
        self.counts: Counter[str] = Counter()  # decision -> flags that it was taken on
        self.suppressed: Counter[str] = Counter()  # entry or rule -> flags left out
        self.reopened: Counter[str] = Counter()  # why -> flags that came back
        self.traces: list[str] = []  # of the row in hand

    def holds(self, hit: Any, entry: ListEntry, as_of: date) -> bool:
        """Whether a decision takes away the party `hit` against `entry`."""
        said = {
            "kind": "party",
            "party": hit.evidence.text,
            "list": entry.list,
            "entry_id": entry.entry_id,
        }
        beside = {"country": hit.beside.country_text, "address": hit.beside.address}
        return bool(self.rows) and self.judge(said | beside, digest_entry(entry), as_of)

    def holds_flag(self, flag: Flag, cells: Cells, as_of: date) -> bool:
        """Whether a decision takes away `flag`, which is of no party, of the row `cells`."""
        if not self.rows or flag.kind == NOT_CLEARED:
            return False
        entry = self.entries.get((flag.facts.get("list", ""), flag.facts.get("entry_id", "")))
        return self.judge(describe_flag(flag, cells), digest_flag(flag, entry), as_of)

    def judge(self, now: Mapping[str, str], digest: Sequence[str], as_of: date) -> bool:
        """Whether a decision clears what is `now`; one that no longer holds is counted."""
        rows = self.rows.get(_subject_of(now), [])
        causes = [find_cause(row, now, digest, as_of) for row in rows]
        standing = [row for row, cause in zip(rows, causes, strict=True) if not cause]
        if not standing:
            self.reopened.update(causes[-1:])
            return False
        last = standing[-1]  # a later line corrects an earlier one
        self.counts[last["decision"]] += 1
        if last["decision"] != "clear":
            return False
        on = f"{now.get('list', '')} {now.get('entry_id', '')}".strip()
        on = on or f"{now['kind']} {now.get('rule', '')}".strip()
        self.suppressed[on] += 1
        self.traces.append(f"{on}: {last['reviewer']}, {last['decided_on']}")
        return True

    def take(self) -> tuple[str, ...]:
        """What was taken away since this was asked last: reviewer, date, entry or rule."""
        taken = tuple(self.traces)
        self.traces.clear()
        return taken


def _subject_of(row: Mapping[str, str]) -> Subject:
    """What the decision `row` is on; one of version 1 has no kind and is on a party."""
    return (row.get("kind") or "party", *(row.get(column, "") for column in SUBJECT[1:]))


def find_cause(
    row: Mapping[str, str], now: Mapping[str, str], digest: Sequence[str], as_of: date
) -> str:
    """Why the decision `row` does not hold any more; "" if it does."""
    if row["expires_on"] and row["expires_on"] < as_of.isoformat():
        return "decision expired"
    then = row["entry_digest"].split()
    if changed := [part.partition(":")[0] for part in digest if part not in then]:
        what = "rule or reason" if changed == ["reason"] else f"entry: {', '.join(changed)}"
        return f"{what} changed"
    if row["country"] != now.get("country", ""):
        return "party's country changed"
    return "" if row["address"] == now.get("address", "") else "party's address changed"


def digest_text(texts: Iterable[str]) -> str:
    """A short digest of `texts`."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def digest_entry(entry: ListEntry) -> list[str]:
    """What a decision rests on, as "part:short digest" of each part of the entry."""
    parts = {
        "names": [text for text, kind in entry.names if kind == "primary"],
        "aliases": [text for text, kind in entry.names if kind != "primary"],
        "addresses": entry.addresses,
        "programmes": entry.programmes,
    }
    return [f"{part}:{digest_text(sorted(texts))}" for part, texts in parts.items()]


def digest_flag(flag: Flag, entry: ListEntry | None) -> list[str]:
    """What a decision on `flag` rests on: the entry, else the reason with its rule and source."""
    return digest_entry(entry) if entry else [f"reason:{digest_text([flag.reason])}"]


def describe_flag(flag: Flag, cells: Cells) -> dict[str, str]:
    """The columns that say what `flag` of the row `cells` is about."""
    facts = flag.facts
    role = facts.get("role", "consignee")
    asked = facts.get("query_name", facts.get("query"))
    role = role if role in PARTY_ROLES else "consignee"
    said = {
        "kind": flag.kind,
        "party": " ".join(cells.get("consignee", ())) if asked is None else asked,
        "country": find_country(role, cells),
        "address": join_address(cells.get(f"{role}_address", ())),
        "list": facts.get("list", ""),
        "entry_id": facts.get("entry_id", ""),
    }
    if flag.kind == "surge":
        return {"kind": "surge", "rule": facts["group"]}
    if asked is None:
        rule = facts.get("rule", facts.get("found", ""))
        said |= {"hs_code": " ".join(cells.get("hs_code", ())), "rule": rule}
    return said


def write_clearance(flag: Flag, entry: ListEntry | None, cells: Cells, shipment: str) -> list[str]:
    """The cells of a decision on `flag`; a person fills in the last five."""
    said = describe_flag(flag, cells) | {
        "shipment": shipment,
        "entry_digest": " ".join(digest_flag(flag, entry)),
        "listed_name": flag.facts.get("listed_name", ""),
        "score": f"{flag.facts['score']:g}" if "score" in flag.facts else "",
        "shown": flag.reason,
    }
    return [said.get(column, "") for column in CLEARANCE_COLUMNS]


def read_own_table(
    path: str, what: str, columns: Sequence[str]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """(headers, (line, cells) of each row) of the table at `path` that holds `what`; its header is
    told by `columns`."""
    with open_table(path, ReadOptions(), lambda cells: len({*columns} & {*cells})) as table:
        rows = table.read()
    for n, fault in rows.damage.items():
        if rows.rows[n] != list(table.headers):  # a header again is what `clear >> FILE` leaves
            raise ScreenError(f"{path}: {what} cannot be read, {fault}: mend the file.")
    return list(table.headers), list(zip(rows.lines, rows.rows, strict=True))


def parse_day_of(text: str) -> str:
    """The ISO date of a day as a person writes it; "" where it can be read in no way or in two."""
    days = {parse_date(text, (style,)) for style in DECISION_DATES} - {""}
    return days.pop() if len(days) == 1 else ""


def read_clearances(path: str, as_of: date) -> Clearances:
    """The decisions of the file `path`; one that is half filled in raises ScreenError."""
    headers, lines = read_own_table(path, "decisions", CLEARANCE_COLUMNS)
    if missing := [column for column in NEEDED_COLUMNS if column not in headers]:
        fault = f"{path}: no column {missing[0]}, expected {', '.join(CLEARANCE_COLUMNS)}"
        raise ScreenError(f"{fault}: print rows with `screen.py clear`.")
    rows = []
    for line, cells in lines:
        if cells != headers:  # a header again is what `clear >> FILE` leaves
            plain = [re.sub(rf"^'(?={FORMULA.pattern[1:]})", "", cell) for cell in cells]
            rows.append((line, dict(zip(headers, plain, strict=True))))
    decided = [
        (line, row) for line, row in rows if row.setdefault("decision", "clear").strip()
    ]  # decisions of version 1 had no such column: all clear
    for line, row in decided:
        _check_decision(f"{path}, line {line}, column", row, as_of)
    return Clearances([row for _, row in decided], len(rows) - len(decided))


def _check_decision(place: str, row: dict[str, str], as_of: date) -> None:
    """Makes the dates of a decided `row` ISO ones; raises ScreenError for one that is none."""
    row["decision"] = row["decision"].strip().lower()
    if row["decision"] not in DECISIONS:
        fault = f"{row['decision']!r} found, {', '.join(DECISIONS)} or nothing expected"
        raise ScreenError(f"{place} decision: {fault}.")
    if empty := [c for c in ("reviewer", "reason", "decided_on") if not row[c].strip()]:
        raise ScreenError(f"{place} {empty[0]}: empty, a decision needs one: fill it in.")
    for column in ("decided_on", "expires_on"):
        text = row[column].strip()
        row[column] = parse_day_of(text)
        if text and not row[column]:
            fault = f"{text!r} found, a date such as 2027-01-31 expected"
            raise ScreenError(f"{place} {column}: {fault}.")
    if row["decided_on"] > as_of.isoformat():
        fault = f"{row['decided_on']} found, which is after {as_of}"
        raise ScreenError(f"{place} decided_on: {fault}: a decision is not of the future.")


# ==================================================================================================
# Since
# Takes an earlier output of this program; says which rows of today are new beside it, why, and
# which are gone. Rows meet by the shipment's own number, else by their cells.

REASON = re.compile(rf"(?:^| \| )\[({'|'.join(FLAG_KINDS)})\] ")
ENTRY_SAID = re.compile(r" of (\S+ \S+) with [\d.]+|\((\S+ \S+)\): a hit is not")
WHY_NEW = ("not in the earlier output", "its cells have changed", "a list or table has changed")


def sign_reason(kind: str, reason: str) -> str:
    """What makes a reason the same one next week: its entry, else its words.

    >>> sign_reason("party", '"A" hits primary name "B" of US-EL 35ea341d with 96.1 (strong)')
    'party US-EL 35ea341d'
    """
    found = ENTRY_SAID.search(reason) if kind in ("party", "address", "identifier") else None
    return f"{kind} {(found[1] or found[2]) if found else reason}"


class Earlier:
    """The flagged rows of an earlier output, and what was met of them in this run."""

    def __init__(self) -> None:
        self.signs: dict[str, set[str]] = {}  # key of a row -> what was said of it
        self.cells: set[str] = set()  # digests of rows
        self.met: set[str] = set()
        self.counts: Counter[str] = Counter()  # "same" or why new -> rows

    def key(self, layout: Layout, cells: Sequence[str]) -> str:
        """By what a row is known again."""
        return layout.text("reference", cells).strip() or digest_text(cells)

    def add(self, layout: Layout, cells: Sequence[str], reasons: Iterable[tuple[str, str]]) -> None:
        """Take in an earlier row with its (kind, reason) pairs."""
        if signs := {sign_reason(*one) for one in reasons}:
            self.signs.setdefault(self.key(layout, cells), set()).update(signs)
            self.cells.add(digest_text(cells))

    def compare(self, row: ScreenedRow, layout: Layout) -> ScreenedRow:
        """`row` with the word new or same."""
        key = self.key(layout, row.cells)
        signs = {sign_reason(flag.kind, flag.reason) for flag in row.flags}
        self.met.add(key)  # also a row that decisions have cleared: it is not gone
        if not row.flags:
            return row
        if signs <= self.signs.get(key, set()):
            self.counts["same"] += 1
            return replace(row, since="same")
        changed = digest_text(row.cells) not in self.cells
        why = WHY_NEW[0] if key not in self.signs else WHY_NEW[1] if changed else WHY_NEW[2]
        self.counts[why] += 1
        return replace(row, since="new", why_new=why)

    def account(self) -> str:
        """How many rows are new and why, and which are gone."""
        gone = [key for key in self.signs if key not in self.met]
        new = "; ".join(f"{self.counts[why]:,} {why}" for why in WHY_NEW if self.counts[why])
        named = f": {', '.join(gone[:20])}" + ", …" * (len(gone) > 20) if gone else ""
        total = self.counts.total() - self.counts["same"]
        said = f"{total:,} rows new" + f" ({new})" * bool(new)
        return f"{said}, {self.counts['same']:,} same, {len(gone):,} gone{named}"


def read_earlier(path: str, columns: Mapping[str, Any]) -> Earlier:
    """The rows of an earlier output at `path`: CSV, JSONL or a workbook."""
    earlier = Earlier()
    for headers, cells, reasons in read_output(path):
        earlier.add(Layout(path, headers, find_roles(headers, columns)), cells, reasons)
    return earlier


def read_output(path: str) -> Iterator[tuple[tuple[str, ...], Sequence[str], Any]]:
    """(headers, cells, (kind, reason) pairs) of each row of an output at `path`."""
    fault = f"{path}: no output of screen.py"
    if path.endswith((".jsonl", ".ndjson")):
        try:
            for line in Path(path).read_text("utf-8").splitlines():
                record = json.loads(line)
                hits = [(hit["kind"], hit["reason"]) for hit in record["hits"]]
                yield tuple(record["shipment"]), list(record["shipment"].values()), hits
        except (OSError, ValueError, LookupError, TypeError) as err:
            raise ScreenError(f"{fault} ({err}): give a CSV, JSONL or workbook of it.") from err
        return
    headers, lines = read_own_table(path, "an earlier output", SCREEN_COLUMNS)
    if "screen_reason" not in headers or "screen_row" not in headers:
        raise ScreenError(f"{fault}, it has no column screen_reason: give one to --since.")
    first, last = int(headers[0] == "screen_file"), headers.index("screen_row")
    for _, cells in lines:
        parts = REASON.split(cells[headers.index("screen_reason")])[1:]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        yield tuple(headers[first:last]), cells[first:last], pairs


# ==================================================================================================
# Places: the addresses and numbers of entries -> the entries that a row's cells may mean. An
# address is a set of words, each worth its rarity among all listed ones. Knows no rows or files.

# Fixed by tests/addresses.py: of made-up addresses of the same towns 0.2 % may be raised.
ADDRESS_ALIKE = 0.75
HOUSE_TELLS, STREET_TELLS = 12.0, 32.0  # bits: an address with house number, one without
ANCHORS, ANCHORS_MET = 4, 2  # rarest words of a listed address, two of which lead to it
POST_CODE = 5  # digits: a number so long is no house, and says less when it is missing
SLIP_FROM, SLIPS_FROM = 3, 9  # letters of a word in which one, two may be wrong
MANY = 4_000  # addresses that a list of a few is taken to be drawn from
USUAL = 4.0  # bits at most of "street", "tower" and other words of lists/addresses.csv
UNLISTED = 7.0  # bits of a word that no listed address has, and of a number at most
# A name to be found inside a text: "MAHAN AIR", not "THIRD FLOOR"; 0.1 % of ordinary rows at most.
FORM_TELLS, WORD_TELLS, NAME_TELLS = 4.5, 6.0, 20.0  # bits: more than "ltd"; "air"; both words
MENTION_SLIP_FROM, ONE_SLIP, FORM_LEFT_OUT = 6, 4.0, 1.0  # letters; points lost
UNSAID = ("vessel", "aircraft")  # "GOLDEN BRIDGE" is also a road: their own columns name them
ADDRESS_WORD = re.compile(r"\d+|[^\W\d_]+")
ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")


class Mentions:
    """Listed names that tell enough to be looked for inside a text, by their two rarest words."""

    def __init__(self, entries: Sequence[ListEntry]) -> None:
        self.entries = entries

    @functools.cached_property
    def names(self) -> list[tuple[list[str], int, tuple[str, str]]]:
        """(words, entry, as listed) of the names that a text may hold."""
        found = []
        for e, entry in enumerate(self.entries):
            for listed in entry.names if entry.type not in UNSAID else ():
                if listed[1] != "weak":
                    for spelling in turn_name(listed[0], entry.type):
                        found.append((split_words(spelling), e, listed))
        return found

    @functools.cached_property
    def anchors(self) -> Mapping[str, list[tuple[int, int, int, int]]]:
        """(name, where its words begin and end to be found, where among them the word stands) by
        its two rarest words; what says as little as a legal form may be left out at either end."""
        counts = Counter(chain.from_iterable(words for words, _, _ in self.names))
        total, usual = math.log2(len(self.names) + MANY), read_address_words().keys()
        worths = {word: total - math.log2(count) for word, count in counts.items()}
        said = {word for word, worth in worths.items() if worth >= FORM_TELLS}
        telling = {w for w in said if worths[w] >= WORD_TELLS and len(w) > 2 and w not in usual}
        anchors: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
        for n, (words, _, _) in enumerate(self.names):
            rarest = sorted(telling.intersection(words), key=lambda word: -worths[word])[:2]
            kept = [i for i, word in enumerate(words) if word in said]
            if len(rarest) == 2 and sum(worths[words[i]] for i in kept) >= NAME_TELLS:
                for word in rarest:
                    anchors[word].append((n, kept[0], kept[-1] + 1, words.index(word)))
        return anchors

    def find(self, text: str) -> list[tuple[int, tuple[str, str], float]]:
        """(entry, name as listed, points lost) of the names in `text`, as listed or with one slip
        in a long word."""
        said, found = split_words(text), {}
        for at, word in enumerate(said):
            for n, start, end, place in self.anchors.get(word, ()):
                words, e, listed = self.names[n]
                first = at - (place - start)
                asked, wanted = said[max(first, 0) : first + end - start], words[start:end]
                odd = [pair for pair in zip(asked, wanted, strict=False) if pair[0] != pair[1]]
                if len(asked) < len(wanted) or len(odd) > 1 or any(is_other(*o) for o in odd):
                    continue
                left_out = FORM_LEFT_OUT * (end - start < len(words))
                found[e, listed] = left_out + ONE_SLIP * len(odd)
        return [(e, listed, points) for (e, listed), points in found.items()]


def is_other(asked: str, wanted: str) -> bool:
    """Whether `asked` is more than a slip from `wanted`: "hitech" is not "mtech"."""
    return len(wanted) < MENTION_SLIP_FROM or OSA.distance(asked, wanted, score_cutoff=1) > 1


def turn_name(name: str, kind: str) -> list[str]:
    """`name` as listed, a person's also with the given name first."""
    last, _, first = name.partition(",")
    return [name, f"{first} {last}"] if kind == "individual" and first else [name]


def split_words(text: str) -> list[str]:
    """The words of `text`, folded; as `fold_words`, which remembers, for texts asked once."""
    return ADDRESS_WORD.findall(fold_phrase(text))


class PlaceHit(NamedTuple):
    """An entry whose address or number stands in a cell."""

    entry: int  # its number in the entries
    score: float  # how alike, 0-100
    text: str  # the address or number as listed


@functools.cache
def read_address_words() -> Mapping[str, str]:
    """What each short form of lists/addresses.csv stands for; "" for a word that says nothing."""
    return {
        fold_phrase(short): row["full"]
        for row in read_table("addresses")
        for short in row["short"].split("|")
    }


@functools.cache
def read_states() -> frozenset[str]:
    """Names of countries in one word, as they stand at the end of an address."""
    bags = [bag for bag in read_country_names("names") if len(bag) == 1]
    return frozenset(name for bag in bags for name in bag if len(name) > 3)


@functools.lru_cache(maxsize=1 << 16)
def is_country(text: str) -> bool:
    """Whether `text` is nothing but the name or code of a country."""
    return _bag_words(text) in read_country_names("iso3", "iso2", "names")


def fold_address(text: str, letters: Mapping[str, str]) -> frozenset[str]:
    """The words of the address `text` in one spelling, without its country.

    >>> sorted(fold_address("Rm. 1204, 12/F, Kwong Twr, KLN, Hong Kong", {}))
    ['12', '1204', 'kowloon', 'kwong', 'tower']
    """
    short, states = read_address_words(), read_states()
    plain = fold_phrase(", ".join(part for part in text.split(",") if not is_country(part)))
    if not plain.isascii():
        plain = "".join(letters.get(char, char) for char in plain)
    plain = ORDINAL.sub("", DOTTED.sub(lambda found: found[0].replace(".", ""), plain))
    words: list[str] = []
    for word in ADDRESS_WORD.findall(plain):
        if word not in states:
            words += short.get(word, word.lstrip("0") or word).split()
    return frozenset(words[:-1] if words and is_country(words[-1]) else words)


class Places:
    """Entries by the numbers and addresses that they are known under."""

    def __init__(self, entries: Sequence[ListEntry], language: Language) -> None:
        self.entries = entries
        self.letters = language.letters
        self.known: dict[str, tuple[PlaceHit, ...]] = {}  # of addresses that were asked
        self.numbers: dict[str, list[int]] = defaultdict(list)
        for e, entry in enumerate(entries):
            for number in {n for text in entry.identifiers for n in find_numbers(text)}:
                self.numbers[number].append(e)

    @functools.cached_property
    def addresses(self) -> Mapping[frozenset[str], list[PlaceHit]]:
        """The entries of each listed address, by its words."""
        found: dict[frozenset[str], list[PlaceHit]] = defaultdict(list)
        for e, entry in enumerate(self.entries):
            for text in entry.addresses:
                found[fold_address(text, self.letters)].append(PlaceHit(e, 100.0, text))
        return found

    @functools.cached_property
    def worths(self) -> Mapping[str, float]:
        """What each word of the listed addresses tells, in bits."""
        counts = Counter(chain.from_iterable(self.addresses))
        total, usual = math.log2(len(self.addresses) + MANY), {*read_address_words().values()}
        worths = {word: total - math.log2(count) for word, count in counts.items()}
        for word in worths:
            if word in usual or word.isdigit():
                worths[word] = min(worths[word], USUAL if word in usual else UNLISTED)
        return worths

    @functools.cached_property
    def anchors(self) -> Mapping[str, list[frozenset[str]]]:
        """The listed addresses that tell a place by their rarest words."""
        anchors: dict[str, list[frozenset[str]]] = defaultdict(list)
        for words in self.addresses:
            least = HOUSE_TELLS if any(map(str.isdigit, words)) else STREET_TELLS
            if self.measure(words) >= least:
                rarest = sorted(words, key=lambda word: (-self.worths[word], word))
                for word in rarest[:ANCHORS]:
                    anchors[word].append(words)
        return anchors

    def measure(self, words: Iterable[str]) -> float:
        """What `words` tell together, in bits."""
        return sum([self.worths.get(word, UNLISTED) for word in words])

    def find_addresses(self, text: str) -> tuple[PlaceHit, ...]:
        """The entries at the address `text`, best first."""
        if text not in self.known:
            self.known[text] = self.compare_addresses(fold_address(text, self.letters))
        return self.known[text]

    def compare_addresses(self, asked: frozenset[str]) -> tuple[PlaceHit, ...]:
        """The entries at an address of the words `asked`, best first."""
        met = Counter(chain.from_iterable(self.anchors.get(word, ()) for word in asked))
        best: dict[int, PlaceHit] = {}
        for listed, count in met.items():
            alike = self.score_address(asked, listed) if count >= ANCHORS_MET else 0.0
            for hit in self.addresses[listed] if alike >= ADDRESS_ALIKE else ():
                score = round(100 * alike, 1)
                if hit.entry not in best or best[hit.entry].score < score:
                    best[hit.entry] = hit._replace(score=score)
        return tuple(sorted(best.values(), key=lambda hit: (-hit.score, hit.entry)))

    def score_address(self, asked: frozenset[str], listed: frozenset[str]) -> float:
        """How alike two addresses are, 0-1: 0 where their house numbers differ."""
        slips = pair_slips(asked - listed, listed - asked)
        agreed = (asked & listed) | {*slips.values()}
        mine, theirs = asked - agreed - slips.keys(), listed - agreed
        houses = [any(map(is_house, words)) for words in (mine, theirs, agreed)]
        if (houses[0] and houses[1]) or (houses[0] != houses[1] and not houses[2]):
            return 0.0
        less, more = sorted((self.measure(mine), self.measure(theirs)))
        told = self.measure(agreed)
        return told / (told + 1.5 * less + 0.5 * more)

    def find_entries(self, text: str) -> list[tuple[str, int]]:
        """(number, entry number) of the entries with an identifier that stands in `text`."""
        return [(number, e) for number in find_numbers(text) for e in self.numbers.get(number, ())]


def is_house(word: str) -> bool:
    """Whether the `word` of an address is the number of a house, floor or room, no post code."""
    return word.isdigit() and len(word) < POST_CODE


def pair_slips(mine: Iterable[str], theirs: Iterable[str]) -> dict[str, str]:
    """The words of one address that are misspelt ones of the other."""
    pairs: dict[str, str] = {}
    for word in mine:
        for other in theirs:
            least = min(len(word), len(other))
            slips = 0 if least < SLIP_FROM or word.isdigit() else 1 + (least >= SLIPS_FROM)
            if slips and OSA.distance(word, other, score_cutoff=slips) <= slips:
                pairs[word] = other
    return pairs


@functools.lru_cache(maxsize=1 << 17)
def find_numbers(text: str) -> tuple[str, ...]:
    """Identifying numbers in `text`, bare: IMO (check digit proved), BIC (of the bank, without its
    branch), tax and register numbers; a label is none.

    >>> find_numbers("IMO 9253325; Tax ID No. 7707-083893"), find_numbers("IMO 9253326")
    (('9253325', '7707083893'), ())
    >>> find_numbers("SWIFT/BIC: DEUTDEFFXXX"), find_numbers("deutsche ware")
    (('DEUTDEFF',), ())
    """
    found: list[str] = []
    if sum(map(text.count, "0123456789")) < 5 and not MAYBE_BIC.search(text):
        return ()
    for word in NUMBER.findall(text):
        bare = NUMBER_LABEL.sub("", re.sub(r"\W", "", word).upper())
        bank = BIC.fullmatch(bare)
        if sum(c.isdigit() for c in bare) >= 5 and len(bare) >= 6:
            ship = len(bare) == 7 and bare.isdigit() and "imo" in text.lower()
            found += [] if ship and not is_imo(bare) else [bare]
        elif bank and parse_country(bank[1]) and (word == text.strip() or BIC_SAID.search(text)):
            found.append(bare[:8])
    return tuple(found)


NUMBER = re.compile(r"\b[A-Za-z0-9](?:[A-Za-z0-9]|[-./](?=[A-Za-z0-9])){5,34}\b")
NUMBER_LABEL = re.compile(r"^(?:IMO|INN|OGRN|KPP|UNP|BIN|IIN|USCC|TIN|VAT|EORI|REG|NO)(?=\d{5})")
BIC = re.compile(r"[A-Z]{4}([A-Z]{2})[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
BIC_SAID = re.compile(r"swift|\bbic\b", re.IGNORECASE)
MAYBE_BIC = re.compile(r"^\s*\S{8,21}\s*$|swift|bic\b", re.IGNORECASE)
SHIP_SAID = re.compile(r"\bIMO\W{0,3}(?:no|number)?\W{0,3}(\d{7})\b", re.IGNORECASE)


def find_odd_ships(text: str) -> list[str]:
    """The IMO numbers in `text` whose check digit is wrong."""
    return [number for number in SHIP_SAID.findall(text) if not is_imo(number)]


def is_imo(number: str) -> bool:
    """Whether the seven figures of `number` satisfy the IMO check digit.

    >>> is_imo("9253325"), is_imo("9253326")
    (True, False)
    """
    return sum(int(c) * w for c, w in zip(number[:6], range(7, 1, -1), strict=True)) % 10 == int(
        number[6]
    )


# ==================================================================================================
# Owners: shares in firms, and the listed parties among the owners -> entries for the firms that
# they own by the rules of lists/ownership.csv. Does not know how an owner was found on a list.

OWNER_COLUMNS = ("owner", "owned", "percent")


@dataclass(frozen=True, slots=True)
class Share:
    """One row of an owners file."""

    owner: str  # "Alfa Holding"
    owned: str  # "Beta Trading LLC"
    percent: float | None  # 60.0; None where it is not known
    source: str  # "register of Minsk 2026-05-01", from its columns source and as_of


class Holding(NamedTuple):
    """What one rule says of who owns whom."""

    rule: Row  # of lists/ownership.csv
    roots: Mapping[str, ListEntry]  # the listed owners, by folded name
    owned: Mapping[str, Sequence[Share]]  # by folded name, with the shares that make them so


@functools.cache
def read_binding() -> Mapping[str, Row]:
    """The rows of lists/binding.csv by list."""
    return {row["list"]: row for row in read_table("binding")}


def parse_share(row: Mapping[str, str], place: str) -> Share:
    """The share in `row`; a percent that is none raises ScreenError for the `place`."""
    text = row["percent"].strip(" %?").replace(",", ".")
    if text and not (re.fullmatch(r"\d+(\.\d+)?", text) and float(text) <= 100):
        said = f"{row['percent']!r} found, 0 to 100 expected, or nothing where it is not known"
        raise ScreenError(f"{place}, column percent: {said}.")
    source = " ".join(filter(None, (row.get("source"), row.get("as_of"))))
    percent = float(text) if text else None
    return Share(row["owner"].strip(), row["owned"].strip(), percent, source)


def read_owners(path: str) -> list[Share]:
    """The shares in the owners file `path`."""
    headers, lines = read_own_table(path, "owners", OWNER_COLUMNS)
    if missing := [column for column in OWNER_COLUMNS if column not in headers]:
        raise ScreenError(f"{path}: no column {missing[0]}, expected owner, owned, percent.")
    shares = []
    for line, cells in lines:
        share = parse_share(dict(zip(headers, cells, strict=True)), f"{path}, line {line}")
        shares += [share] if share.owner and share.owned else []
    return shares


def find_share_faults(shares: Sequence[Share]) -> Iterator[str]:
    """What cannot be right in `shares`: over 100 % of a firm, firms that own one another."""
    totals: dict[str, float] = defaultdict(float)
    for share in shares:
        totals[share.owned] += share.percent or 0.0
    for owned, total in totals.items():
        if total > 100.01:
            yield f"{owned}: the owners hold {total:g} % in all, over 100 %"
    ties: set[tuple[str, str]] = set()
    inner = {(fold_words(share.owner), fold_words(share.owned)) for share in shares}
    while ties != inner:  # a firm at either end of a chain is in no loop
        ties = inner
        owners, firms = {owner for owner, _ in ties}, {owned for _, owned in ties}
        inner = {(owner, owned) for owner, owned in ties if owner in firms and owned in owners}
    if ties:
        yield f"firms that own one another: {', '.join(sorted({owner for owner, _ in ties}))}"


def find_owned(
    shares: Sequence[Share], listed: Mapping[str, Sequence[ListEntry]], as_of: date
) -> list[ListEntry]:
    """An entry, kind `owned`, for each firm and each list whose parties own it by a rule in force
    on the day `as_of`; `listed` has the entries that the owners hit."""
    holdings, found = [], []
    for name in sorted({entry.list for entries in listed.values() for entry in entries}):
        roots: dict[str, ListEntry] = {}
        for owner, entries in listed.items():
            for entry in entries:
                if entry.list == name:
                    roots.setdefault(fold_words(owner), entry)
        for rule in find_rules(name, as_of.isoformat()):
            holdings.append(Holding(rule, roots, spread_ownership(shares, roots, rule)))
    for holding in holdings:
        for firm in holding.owned:
            verdicts = [say_verdict(other, firm) for other in holdings]
            found.append(build_owned(firm, holding, "; ".join(dict.fromkeys(verdicts))))
    return found


def find_rules(name: str, day: str) -> list[Row]:
    """The ownership rules of list `name` in force on `day`; of an own list the house's."""
    asked = name if name in read_binding() else "OWN"
    rows = [row for row in read_table("ownership") if asked in row["lists"].split("|")]
    return [row for row in rows if row["begins"] <= day <= (row["ends"] or day)]


def spread_ownership(
    shares: Sequence[Share], roots: Mapping[str, ListEntry], rule: Row
) -> dict[str, list[Share]]:
    """The firms that `roots` own by `rule`, by their shares and those of firms that they own so. A
    share that nobody knows counts as enough: to find it out is a person's work."""
    owned: dict[str, list[Share]] = {}
    while True:  # until no firm is added; each is added once, so that loops end
        held: dict[str, list[Share]] = defaultdict(list)
        for share in shares:
            firm = fold_words(share.owned)
            if fold_words(share.owner) in {*roots, *owned} and firm not in {*roots, *owned}:
                held[firm].append(share)
        new = {firm: some for firm, some in held.items() if is_enough(some, rule)}
        if not new:
            return owned
        owned.update(new)


def is_enough(held: Sequence[Share], rule: Row) -> bool:
    """Whether the shares `held` make a firm owned by `rule`."""
    known = [share.percent for share in held if share.percent is not None]
    percent = (sum if rule["adds_up"] == "yes" else max)([0.0, *known])
    least = float(rule["percent"])
    reached = percent >= least if rule["comparison"] == "at least" else percent > least
    return reached or len(known) < len(held)


def say_verdict(holding: Holding, firm: str) -> str:
    """What the rule of `holding` says of `firm`, with its state and date."""
    rule, owned = holding.rule, "owned" if firm in holding.owned else "not owned"
    added = "shares added up" if rule["adds_up"] == "yes" else "shares not added up"
    test = f"{rule['comparison']} {rule['percent']} %, {added}"
    return f"{owned} by {rule['rule']} ({test}; {rule['state']}, {rule['as_of']})"


def build_owned(firm: str, holding: Holding, verdicts: str) -> ListEntry:
    """The entry of an owned `firm` under its first listed owner's, the chain in the remarks."""
    shares, root = holding.owned[firm], firm
    while root not in holding.roots:
        root = fold_words(holding.owned[root][0].owner)
    doubt = "; a share is not known: find it out" if any(s.percent is None for s in shares) else ""
    entry = holding.roots[root]
    return ListEntry(
        list=entry.list,
        entry_id=f"{entry.entry_id} > {shares[0].owned}",
        type="entity",
        names=((shares[0].owned, "owned"),),
        programmes=entry.programmes,
        citation=entry.citation,
        remarks=f"{tell_chain(firm, holding)}; {verdicts}{doubt}",
        licence=entry.licence,
    )


def tell_chain(firm: str, holding: Holding) -> str:
    """Who owns `firm`: "Alfa (US-SDN 1234) 60 % → Beta 55 % → Gamma"."""
    parts = []
    for share in holding.owned[firm]:
        owner = fold_words(share.owner)
        entry = holding.roots.get(owner)
        said = (
            f"{share.owner} ({entry.list} {entry.entry_id})"
            if entry
            else tell_chain(owner, holding)
        )
        held = "?" if share.percent is None else f"{share.percent:g}"
        parts.append(f"{said} {held} %" + f" ({share.source})" * bool(share.source))
    return f"{' + '.join(parts)} → {holding.owned[firm][0].owned}"


# ==================================================================================================
# Screening
# Takes rows of text with their roles, gives the flagged ones. Each question is asked once of each
# distinct value of the columns that it is about; only rows with an answer are looked at one by one.
# Evidence of an entry (a name, an address, a number) becomes a flag in one place. Knows no file.

DEFAULT_THRESHOLD = 85.0  # below, ordinary firms come in hundreds; above, "Appel" / "Apple" is lost
# What stands beside a name moves its score by so much at most, and never one of 95 or more down.
COUNTRY_AGREES, COUNTRY_CONFLICTS, ADDRESS_AGREES, SURE = 2.0, -2.0, 3.0, 95.0
# "TRINITY TILE GROUP LLC DBA TRINITY" is not the ship TRINITY; a cell that says no more may be.
SINGLE_NAMED, PART_LOSES = ("vessel", "aircraft", "individual"), 20.0
EVIDENCE_MOST = COUNTRY_AGREES  # a listed address is evidence of its own: it need find no name
# Distinct cells that are remembered. Of ten times as many rows each is asked once: a year of trade
# has 400,000 consignees; these take 300 MB, and 1 GiB is what a run may take.
MOST_KNOWN = 2_000_000
WORTH_SHARING = 2_000  # new names from which on other processes help
MOST_JOBS = 64  # more processes only take memory
STOPS = [one for one in signal.Signals if one.name in ("SIGTERM", "SIGHUP")]  # Windows has no HUP
BANDS = ((100, "exact"), (95, "strong"), (0, "possible"))
UNREAD_ROLES = frozenset({"date", "value", "quantity", "weight"})  # by checks of single rows
UNBOUND = 5.5  # an own list without a row in lists/binding.csv: behind the five that forbid all


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may set of a screening; one record, so that a receipt can hold it."""

    as_of: date
    threshold: float = DEFAULT_THRESHOLD
    hits: str = "best"  # or "all"
    jobs: int = 1
    columns: Any = field(default_factory=dict)  # role -> header


class Evidence(NamedTuple):
    """What speaks for one entry in a row: a name, an address or a number that hits it."""

    kind: str  # "party", "address", "identifier"
    role: str  # "consignee"; of an address its party's; "notes" for a name found there
    text: str  # what was asked: the cell, or the number in it
    entry: int  # number in Screener.entries
    listed: tuple[str, str]  # ("Huawei Tech. Co.", "alias"): the name as listed, and its kind
    score: float = 100.0  # 100 less the points
    points: tuple[tuple[str, float, str], ...] = ()  # ("country", -2.0, "country agrees (+2)")
    words: tuple[tuple[str, str, str], ...] = ()  # (query word, listed word, how they agree)

    def lose(self, *points: tuple[str, float, str]) -> Evidence:
        """The same with more points lost, or gained where they are below 0."""
        score = round(self.score - sum(lost for _, lost, _ in points), 1)
        return self._replace(score=score, points=(*self.points, *points))


class Beside(NamedTuple):
    """What stands beside a party in its row."""

    country_text: str  # "Hong Kong"
    country: str  # "HK", "" where the text names none
    address: str
    entries: frozenset[int]  # those at the address


class PartyHit(NamedTuple):
    """The evidence of a name, weighed with what stands beside it; a decision rests on both."""

    evidence: Evidence
    country: float  # above 0: agrees with the entry's, below: differs
    beside: Beside


Answer = tuple[Evidence | Flag, ...]


def join_cut(lines: Sequence[str]) -> tuple[str, ...]:
    """An address as one text, then each line joined with the next one, which a form of a fixed
    width (ACE: 35 letters) may have cut.

    >>> join_cut(["JSC ARGU", "MENT, UL. LENINA"])
    ('JSC ARGU, MENT, UL. LENINA', 'JSC ARGUMENT, UL. LENINA')
    """
    return (join_address(lines), *(one + other for one, other in pairwise(lines) if one and other))


class Question(NamedTuple):
    """What is asked of the cells of some roles, once for each distinct combination of them."""

    roles: tuple[str, ...]
    answer: Callable[[Cells], Answer]
    learn: Callable[[Iterable[str]], None] | None = None  # looks new cells up, many at once


def build_fields(
    rows: Sequence[Sequence[str]], roles: Roles
) -> dict[tuple[int, ...], Sequence[str]]:
    """The texts of each field of `roles`, one a row."""
    columns: list[Sequence[str]] = list(zip(*rows, strict=True))
    fields = set(chain.from_iterable(roles.values()))
    joined = {at: [join_field(row, at) for row in rows] for at in fields if len(at) > 1}
    return {at: joined[at] if len(at) > 1 else columns[at[0]] for at in fields}


def number_rows(columns: Sequence[Sequence[str]]) -> tuple[Array, list[tuple[str, ...]]]:
    """For each row the place of its cells in `columns` among the distinct combinations, and these.

    >>> number_rows([["a", "b", "a"], ["x", "x", "x"]])[1]
    [('a', 'x'), ('b', 'x')]
    """
    places, texts = number_texts(columns[0])
    firsts = np.arange(len(places))
    for column in columns[1:]:  # numbered anew each time, so that the numbers stay small
        others, texts = number_texts(column)
        _, firsts, places = np.unique(
            places * len(texts) + others, return_index=True, return_inverse=True
        )
    if len(columns) == 1:
        return places, [(text,) for text in texts]
    return places, [tuple(column[i] for column in columns) for i in firsts.tolist()]


def rank_list(name: str) -> float:
    """The place of the list `name` in the order of what binds an export, strictest first."""
    row = read_binding().get(name)
    return float(row["order"]) if row else UNBOUND


def rank_entry(entry: ListEntry) -> tuple[Any, ...]:
    """Entries by list and id; one that stands in two files, by what it says."""
    more = entry.programmes, entry.countries, entry.addresses, entry.identifiers, entry.citation
    return (entry.list, entry.entry_id, entry.names, *more)


class Screener:
    """Loaded lists, ready to screen; holds what it learned of cells between chunks.

    One made by `load` is pickled as the paths, options and digests of its lists: each process that
    gets it loads them once.
    """

    def __init__(
        self, entries: Sequence[ListEntry], reports: Sequence[ListReport], options: Options
    ) -> None:
        if not 0 <= options.threshold <= 100:
            raise ScreenError(f"threshold: {options.threshold} found, 0 to 100 expected.")
        today = options.as_of.isoformat()
        self.expired = sum(1 for entry in entries if entry.expires_on and entry.expires_on < today)
        current = (e for e in entries if not (e.expires_on and e.expires_on < today))
        self.entries = sorted(current, key=rank_entry)  # so that the order of lists is no matter
        self.reports = reports
        self.options = options
        self.language = load_language()
        self.matcher = Matcher(self.entries, self.language)
        self.places = Places(self.entries, self.language)
        self.mentions = Mentions(self.entries)
        self.known: dict[str, list[NameHit]] = {}  # of the party names asked those that hit
        self.answers: dict[Any, dict[tuple[str, ...], Answer]] = {}  # by question, then cells
        self.surges: Mapping[tuple[str, ...], Surge] = {}
        self.cleared = Clearances(())
        self.unsupported = 0  # agreements with a weak alias alone
        self.pool: ProcessPoolExecutor | None = None
        self.paths: tuple[str, ...] = ()  # of the lists, if it was made by `load`
        self.lock = threading.Lock()  # engines may call `screen` from several threads

    @classmethod
    def load(cls, paths: str | Path | Sequence[str | Path] = (), **options: Any) -> Screener:
        """A screener of the lists at `paths` (default: lists/ beside screen.py); for libraries."""
        if unknown := options.keys() - Options.__dataclass_fields__.keys():
            known = ", ".join(Options.__dataclass_fields__)
            raise ScreenError(f"Screener.load: no option {min(unknown)}, expected {known}.")
        several = [paths] if isinstance(paths, str | os.PathLike) else paths
        chosen = Options(**{"as_of": date.today(), **options})
        found = [Path(path).resolve() for path in several or [TABLES]]
        entries, reports = read_lists(found, ListOptions(as_of=chosen.as_of))
        for report in reports:
            if report.note == STARTER:
                warnings.warn(f"{report.list}: {STARTER}", stacklevel=2)
        given = {r: (t,) if isinstance(t, str) else (*t,) for r, t in dict(chosen.columns).items()}
        chosen = replace(chosen, columns=given)
        screener = cls(entries, reports, chosen)
        screener.paths = tuple(map(str, found))
        return screener

    def __reduce__(self) -> tuple[Any, ...]:
        """How it travels to another process."""
        if not self.paths:
            raise TypeError("only a screener made by Screener.load can be sent to other processes")
        options = replace(self.options, columns=tuple(self.options.columns.items()))
        return load_once, (self.paths, options, tuple(report.sha256 for report in self.reports))

    def close(self) -> None:
        """End the other processes, if any were started, once they have done what they are at."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def screen(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The flagged rows of `frame` (text), in the CSV shape, under their own index; `screen_row`
        counts from 1."""
        import pandas as pd

        headers = [str(column) for column in frame.columns]
        roles = find_roles(headers, self.options.columns)
        if "consignee" not in roles:
            raise ScreenError(
                f"frame: no consignee column among {', '.join(headers)}; map one with columns=."
            )
        texts = frame.astype(object).where(frame.notna(), "").astype(str)
        chunk = Chunk(1, texts.to_numpy(dtype=object).tolist(), list(range(1, len(frame) + 1)), {})
        with self.lock:
            found = [row for row in self.screen_chunk(chunk, roles) if row.flags]
        rows = [[*row.cells, *map(make_inert, write_cells(row))] for row in found]
        index = frame.index[[row.number - 1 for row in found]]
        return pd.DataFrame(rows, index, [*headers, *SCREEN_COLUMNS], dtype=object)

    def learn_names(self, texts: Iterable[str]) -> None:
        """Look up the party names `texts`; their hits stay in `known`."""
        asked = sorted({*texts} - self.known.keys())
        floor = self.options.threshold - EVIDENCE_MOST
        self.known.update(zip(asked, self.find_hits(asked, floor), strict=True))

    def find_hits(self, texts: Sequence[str], floor: float) -> Iterable[list[NameHit]]:
        """As the matcher's, begun at once in `jobs` processes where that pays."""
        jobs, can_fork = min(self.options.jobs, MOST_JOBS), hasattr(os, "fork")
        if jobs < 2 or len(texts) < WORTH_SHARING or not can_fork:
            return self.matcher.find_hits(texts, floor)
        if self.pool is None:
            fork, given = multiprocessing.get_context("fork"), (self.matcher, os.getpid())
            self.pool = ProcessPoolExecutor(jobs, fork, adopt_matcher, given)
        size = max(WORTH_SHARING // 2, -(-len(texts) // (2 * jobs)))
        parts = [texts[i : i + size] for i in range(0, len(texts), size)]
        with telling_of_killed():
            return join_answers(self.pool.map(compare_here, parts, repeat(floor)))

    def screen_chunk(self, chunk: Chunk, roles: Roles) -> Iterator[ScreenedRow]:
        """The flagged rows of `chunk`, in order."""
        if not chunk.rows:  # of an empty frame: engines ask for the columns so
            return
        rows = [chunk.meant.get(n, row) for n, row in enumerate(chunk.rows)]
        columns = build_fields(rows, roles)
        asked = [self.ask(question, columns, roles) for question in self.find_questions(roles)]
        suspects = np.zeros(len(chunk.rows), dtype=bool)
        suspects[[*chunk.damage]] = True
        for places, answers in asked:
            suspects |= np.array([bool(answer) for answer in answers])[places]
        telling = [(places, answers) for places, answers in asked if any(answers)]
        for n in np.flatnonzero(suspects).tolist():
            row = chunk.rows[n]
            cells = read_cells(rows[n], roles)
            answer = chain.from_iterable(answers[places[n]] for places, answers in telling)
            flags = self.screen_row(cells, tuple(answer), chunk.damage.get(n, ""))
            cleared = self.cleared.take()
            if flags or cleared:
                yield ScreenedRow(chunk.first_row + n, row, flags, cleared)

    def ask(
        self,
        question: Question,
        columns: Mapping[tuple[int, ...], Sequence[str]],
        roles: Roles,
    ) -> tuple[Array, list[Answer]]:
        """For each row the place of its answer to `question`, and the answers."""
        places, distinct = number_rows([columns[i] for role in question.roles for i in roles[role]])
        if sum(map(len, self.answers.values())) > MOST_KNOWN:
            for memory in (self.answers, self.known, self.places.known):
                memory.clear()
        known = self.answers.setdefault((question.roles, question.answer), {})
        new = [texts for texts in distinct if texts not in known]
        if question.learn:
            question.learn(chain.from_iterable(new))
        for texts in new:
            left, cells = iter(texts), {}
            for role in question.roles:
                cells[role] = tuple(islice(left, len(roles[role])))
            known[texts] = question.answer(cells)
        return places, [known[texts] for texts in distinct]

    def find_questions(self, roles: Roles) -> Iterator[Question]:
        """What is asked of a file with `roles`, in their order, then what needs several of them."""
        for role in roles:
            if role in PARTY_ROLES:
                yield Question((role,), self.find_parties, self.learn_names)
            elif role.endswith("_address"):
                yield Question((role,), self.find_addresses)
            elif role == "identifier":
                yield Question((role,), self.find_numbers)
            elif role in ("notes", "description"):
                yield Question((role,), self.find_mentions)
            elif role in WAY or role.endswith("_country"):
                yield Question((role,), find_place_hits)
        way = "destination", "consignee_country"
        several: list[tuple[tuple[str, ...], Callable[[Cells], Answer]]] = [
            (("hs_code", *way), find_codes),
            (("description", "hs_code"), find_descriptions),
            (("consignee", "consignee_address"), self.find_hidden),
        ]
        if self.surges:
            told = ("consignee", *TEXTS, "value", "weight")
            several.append((("hs_code", *way, *told), self.find_surges))
        for wanted, answer in several:
            if wanted[0] in roles:
                yield Question(tuple(role for role in wanted if role in roles), answer)

    def find_parties(self, cells: Cells) -> Answer:
        """The evidence of the names and numbers in party cells, and what cannot be compared."""
        found: list[Evidence | Flag] = []
        for role, texts in cells.items():
            for text in texts:
                hits = [self.read_hit(role, text, hit) for hit in self.known.get(text, ())]
                found += hits
                why = read_cell(text).unreadable
                if why and not any(hit.score >= self.options.threshold for hit in hits):
                    found.append(build_unread_flag(role, text, why))
                found += screen_places(role, text)
            found += self.find_numbers({role: texts})
            if role == "consignee":
                found += screen_names(texts)
        return tuple(found)

    def read_hit(self, role: str, text: str, hit: NameHit) -> Evidence:
        """The evidence of a `hit` of the name in the cell `text`."""
        index, agreed = self.matcher.index, ", ".join(map(say_agreement, hit.words))
        part = f'by the part "{hit.asked}" of the cell; ' if hit.asked != text.strip() else ""
        e = int(index.owners[hit.name])
        one = Evidence(
            kind="party",
            role=role,
            text=text,
            entry=e,
            listed=(index.texts[hit.name], index.kinds[hit.name]),
            score=hit.score,
            points=(("agreed", 0.0, f"{part}agreed: {agreed}"), *hit.points),
            words=hit.words,
        )
        kind, one_word = self.entries[e].type, bool(part) and len(hit.asked.split()) == 1
        firm = one_word and bool(fold_names([text], self.language)[0].forms)
        if firm and role != "vessel" and kind in SINGLE_NAMED:
            said = f"one word of a firm's cell names a listed {kind}"
            return one.lose(("role", PART_LOSES, said))
        return one

    def find_addresses(self, cells: Cells) -> Answer:
        """The evidence of an address, and the embargoed places in it."""
        ((role, lines),) = cells.items()
        text, party, found = join_address(lines), role.removesuffix("_address"), []
        for e, score, _ in self.places.find_addresses(text):
            one = Evidence("address", party, text, e, self.entries[e].names[0])
            found.append(one.lose(("address", round(100 - score, 1), "")))
        return (*found, *screen_places(role, text), *self.find_mentions({role: join_cut(lines)}))

    def find_mentions(self, cells: Cells) -> Answer:
        """The evidence of listed names that stand in cells which are no party's."""
        found = []
        for role, texts in cells.items():
            for text in texts:
                for e, listed, lost in self.mentions.find(text):
                    how = " without its legal form or with a slip" if lost else ""
                    said = f"found in the {role.replace('_', ' ')}{how}"
                    one = Evidence("party", role, text, e, listed)
                    found.append(one.lose(("place", lost, said)))
        return tuple(found)

    def find_hidden(self, cells: Cells) -> Answer:
        """The evidence of address lines, each and two joined, where the consignee names nobody."""
        if any(read_cell(text).names for text in cells["consignee"]):
            return ()
        lines = [line for line in cells.get("consignee_address", ()) if read_cell(line).names]
        asked = [*lines, *join_cut(lines)[1:]]
        self.learn_names(asked)
        found = [
            self.read_hit("consignee", text, hit) for text in asked for hit in self.known[text]
        ]
        said = ("place", 0.0, "found in the consignee address")
        return tuple(one.lose(said) for one in found)

    def find_numbers(self, cells: Cells) -> Answer:
        """The evidence of the numbers in cells, `unscreened` for a ship's that cannot be right."""
        found: list[Evidence | Flag] = []
        for role, texts in cells.items():
            for text in texts:
                for number, e in self.places.find_entries(text):
                    listed = self.entries[e].names[0]
                    found.append(Evidence("identifier", role, number, e, listed))
                for number in find_odd_ships(text):
                    reason = f"{role} IMO {number}: the check digit is wrong, no ship was looked up"
                    found.append(flag("unscreened", reason, role=role, found=text))
        return tuple(found)

    def find_surges(self, cells: Cells) -> Answer:
        """The `surge` flags of a row."""
        return screen_surges(cells, self.surges)

    def screen_row(self, cells: Cells, found: Answer, damage: str) -> tuple[Flag, ...]:
        """All flags of one row, in the contract's order of kinds."""
        evidence = [one for one in found if isinstance(one, Evidence)]
        flags = [*self.screen_evidence(evidence, cells)]
        states: set[str] = set()
        loose = find_descriptions(cells) if "description" in cells else ()
        strict = screen_descriptions(
            cells.get("description", ()), cells.get("hs_code", ()), find_row_ways(cells)
        )
        for one in (
            *(one for one in found if one not in loose),
            *strict,
        ):  # a state is said once, however many cells name it
            if isinstance(one, Flag) and one.facts.get("country", "?") not in states:
                states.add(one.facts.get("country", ""))
                flags.append(one)
        if goods := tuple(one for one in flags if one.kind == "goods"):
            flags += screen_way(cells, goods)
        if damage:
            flags.append(flag("unscreened", f"damaged row: {damage}", role="row", found=damage))
        distinct = {}
        for one in flags:
            party = one.kind == "party"  # decisions on parties took theirs away before
            if party or not self.cleared.holds_flag(one, cells, self.options.as_of):
                distinct[one.kind, one.reason] = one
        return tuple(sorted(distinct.values(), key=lambda one: FLAG_KINDS.index(one.kind)))

    def screen_evidence(self, evidence: Sequence[Evidence], cells: Cells) -> list[Flag]:
        """The flags of all `evidence` in a row: parties, one a role or every entry with --hits all,
        then addresses and numbers of entries that no party of the row names."""
        beside = [one for one in evidence if one.kind != "party"]
        names = [one for one in evidence if one.kind == "party"]
        hits = self.weigh_names(names, beside, cells)
        company: dict[tuple[str, str, float, str], set[str]] = defaultdict(set)
        for hit in hits:
            company[key_name(hit.evidence)].add(self.entries[hit.evidence.entry].list)
        parties = []
        for hit in self.choose_hits(hits):
            entry = self.entries[hit.evidence.entry]
            also_on = sorted(company[key_name(hit.evidence)] - {entry.list})
            parties.append(build_party_flag(hit.evidence, entry, also_on))
        named = {(one.facts["list"], one.facts["entry_id"]) for one in parties}
        places = [build_place_flag(one, self.entries[one.entry]) for one in beside]
        return parties + [
            one for one in places if (one.facts["list"], one.facts["entry_id"]) not in named
        ]

    def weigh_names(
        self, names: Sequence[Evidence], places: Sequence[Evidence], cells: Cells
    ) -> list[PartyHit]:
        """The hits of `names` at or above the threshold, those of a weak alias alone left out: one
        of them needs the country, or other evidence of its entry."""
        threshold, besides = self.options.threshold, dict[str, Beside]()
        above = []
        for one in names:
            if one.role not in besides:
                besides[one.role] = find_company(one.role, cells, places)
            beside = besides[one.role]
            near = one.entry in beside.entries or one.score + COUNTRY_AGREES >= threshold
            if near and (hit := self.weigh(one, beside)).evidence.score >= threshold:
                above.append(hit)
        firm = {one.entry for one in places}
        firm |= {hit.evidence.entry for hit in above if hit.evidence.listed[1] != "weak"}
        kept = [hit for hit in above if hit.evidence.entry in firm or hit.country > 0]
        self.unsupported += len(above) - len(kept)
        return kept

    def weigh(self, one: Evidence, beside: Beside) -> PartyHit:
        """The evidence of a name moved by what stands `beside` it: never to 100, which says that
        the names are equal, and never down from a score that is sure."""
        countries, agrees, moves = self.entries[one.entry].countries, 0.0, []
        if beside.country and countries:
            agrees = COUNTRY_AGREES if beside.country in countries else COUNTRY_CONFLICTS
            moves.append(("country", agrees, "country agrees" if agrees > 0 else "country differs"))
        if one.entry in beside.entries:
            moves.append(("address", ADDRESS_AGREES, "address agrees"))
        sure = one.score == 100 or (one.score >= SURE and sum(by for _, by, _ in moves) < 0)
        room, points = 99.9 - one.score, []
        for feature, by, words in moves:
            moved = 0.0 if sure else min(by, room)
            room -= moved
            points.append((feature, -moved, words + f" ({moved:+.3g})" * (moved != 0)))
        return PartyHit(one.lose(*points), agrees, beside)

    def find_listed(self, name: str) -> list[ListEntry]:
        """The entries that `name` hits as a party of its own, best first."""
        cells = {"owner": (name,)}
        names = [one for one in self.find_parties(cells) if isinstance(one, Evidence)]
        hits = sorted(self.weigh_names(names, (), cells), key=self.rank_hit)
        return [self.entries[hit.evidence.entry] for hit in hits]

    def choose_hits(self, hits: Sequence[PartyHit]) -> list[PartyHit]:
        """The best hit of each entry in a role that no decision cleared, a name found elsewhere
        only where no party has it; only the first of a role unless all are asked for."""
        parties = {hit.evidence.entry for hit in hits if hit.evidence.role in PARTY_ROLES}
        best: dict[tuple[str, int], PartyHit] = {}
        for hit in sorted(hits, key=self.rank_hit):
            role, e = hit.evidence.role, hit.evidence.entry
            if role in PARTY_ROLES or e not in parties:
                best.setdefault((role, e), hit)
        chosen: list[PartyHit] = []
        taken: set[str] = set()
        for (role, e), hit in best.items():
            first = role not in taken or self.options.hits == "all"
            if first and not self.cleared.holds(hit, self.entries[e], self.options.as_of):
                chosen.append(hit)
                taken.add(role)
        return chosen

    def rank_hit(self, hit: PartyHit) -> tuple[Any, ...]:
        """Role by role, best first; ties by country, by what binds an export, by list and entry."""
        one, entry = hit.evidence, self.entries[hit.evidence.entry]
        role = [*PARTY_ROLES, one.role].index(one.role)
        place = (role, -one.score, -hit.country, rank_list(entry.list), entry.list, entry.entry_id)
        return (*place, one.listed[1] != "primary", one.listed[0])


def find_company(role: str, cells: Cells, places: Iterable[Evidence]) -> Beside:
    """What stands beside the party `role`, `places` being the evidence of addresses."""
    country_text = find_country(role, cells)
    near = {one.entry for one in places if one.kind == "address" and one.role == role}
    return Beside(
        country_text=country_text,
        country=parse_country(country_text),
        address=join_address(cells.get(f"{role}_address", ())),
        entries=frozenset(near),
    )


def find_place_hits(cells: Cells) -> Answer:
    """The embargo flags of the cells of one role; a destination is unread if all its cells are."""
    found = [
        one for role, texts in cells.items() for text in texts for one in screen_places(role, text)
    ]
    read = find_ways(cells.get("destination", ()))
    return tuple(one for one in found if one.kind != "unscreened" or not read)


def find_row_ways(cells: Cells) -> tuple[str, ...]:
    """Where the goods go, as ISO alpha-2."""
    return find_ways(cells.get("destination", ()), cells.get("consignee_country", ()))


def find_codes(cells: Cells) -> Answer:
    """The flags of HS cells on the way that the row says."""
    return screen_codes(cells["hs_code"], find_row_ways(cells))


def find_descriptions(cells: Cells) -> Answer:
    """The flags of cells that describe goods, beside the HS cells, wherever they may go."""
    return screen_descriptions(cells["description"], cells.get("hs_code", ()), (ANY_DESTINATION,))


def key_name(one: Evidence) -> tuple[str, str, float, str]:
    """What hits of one party on several lists have in common: the cell, the score, the name."""
    words = sorted(fold_words(one.listed[0]).split()) if one.score < 100 else ()
    return one.role, one.text, one.score, " ".join(words)


def name_band(score: float, kind: str) -> str:
    """The band of a party hit, as `--help` explains them."""
    return "weak alias" if kind == "weak" else next(name for least, name in BANDS if score >= least)


def build_party_flag(one: Evidence, entry: ListEntry, also_on: Sequence[str]) -> Flag:
    """The `party` flag of a name: 100 less the points of its evidence is the score."""
    binding, (listed, kind) = read_binding().get(entry.list, {}), one.listed
    said = [
        f'{one.role.replace("_", " ")} "{one.text}" hits {kind} name "{listed}" of'
        f" {entry.list} {entry.entry_id} with {one.score:g} ({name_band(one.score, kind)})",
        *(words for _, _, words in one.points if words),
        f"also on {', '.join(also_on)}" if also_on else "",
        entry.remarks if kind == "owned" else "",
        f"licence: {entry.licence}" if entry.licence else "",
        f"forbids: {binding['forbids']} ({binding['as_of']})" if binding else "",
        f"falls away above threshold {one.score:g}",
        "a hit is not a match",
    ]
    return flag(
        "party",
        "; ".join(filter(None, said)),
        role=one.role,
        query_name=one.text,
        listed_name=listed,
        name_kind=kind,
        score=one.score,
        list=entry.list,
        entry_id=entry.entry_id,
        programmes=list(entry.programmes),
        countries=list(entry.countries),
        also_on=list(also_on),
        licence=entry.licence,
        citation=entry.citation,
        evidence=[{"feature": f, "points": round(p, 1), "words": w} for f, p, w in one.points],
        words=[list(pair) for pair in one.words],
    )


def build_place_flag(one: Evidence, entry: ListEntry) -> Flag:
    """The flag of a listed address or number that stands in a row beside another name."""
    listed = f'is listed for "{one.listed[0]}" ({entry.list} {entry.entry_id})'
    said = one.kind if one.role == one.kind else f"{one.role.replace('_', ' ')} {one.kind}"
    return flag(
        one.kind,
        f'{said} "{one.text}" {listed}: a hit is not a match',
        role=one.role,
        query=one.text,
        listed_name=one.listed[0],
        list=entry.list,
        entry_id=entry.entry_id,
        score=one.score,
    )


def screen_names(texts: Sequence[str]) -> tuple[Flag, ...]:
    """The `unscreened` flag of consignee cells that all name nobody."""
    cells = [read_cell(text) for text in texts]
    if any(cell.names or cell.unreadable for cell in cells):
        return ()
    found = join_cells(texts).strip()
    why = next((cell.unnamed for cell in cells), "")
    said = f'consignee "{found}" {why}' if found else "the consignee cell is empty"
    reason = f"{said}: no party list was asked"
    return (flag("unscreened", reason, role="consignee", found=found),)


def build_unread_flag(role: str, text: str, why: str) -> Flag:
    """The `unscreened` flag of a party cell that could not be read or compared, and hit nothing."""
    said = f'{role.replace("_", " ")} "{text}" {why}: a listed name may have been missed'
    return flag("unscreened", said, role=role, found=text)


def own_firms(screener: Screener, path: str) -> tuple[Screener, list[str]]:
    """`screener` with entries for the firms that listed parties own by the owners file `path`, and
    what is odd in that file."""
    shares = read_owners(path)
    owners = sorted({share.owner for share in shares})
    screener.learn_names(owners)
    listed = {owner: screener.find_listed(owner) for owner in owners}
    found = find_owned(shares, listed, screener.options.as_of)
    faults = [f"{path}: {fault}" for fault in find_share_faults(shares)]
    return Screener([*screener.entries, *found], screener.reports, screener.options), faults


@functools.lru_cache(maxsize=4)
def load_once(paths: tuple[str, ...], options: Options, digests: tuple[str, ...]) -> Screener:
    """The screener of `paths` in this process; raises ScreenError if it reads other lists there."""
    given = {key: getattr(options, key) for key in Options.__dataclass_fields__}
    screener = Screener.load(paths, **{**given, "columns": dict(options.columns)})
    if tuple(report.sha256 for report in screener.reports) != digests:
        raise ScreenError(
            f"{', '.join(paths)}: other lists are there than where the screener was made: give"
            " every machine the same files."
        )
    return screener


def adopt_matcher(matcher: Matcher, parent: int) -> None:
    """Keep `matcher` in this worker process; it came by fork, so nothing was copied."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process says what was done so far
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    compare_here.matcher = matcher  # type: ignore[attr-defined]


def end_with(parent: int) -> None:
    """End this process when `parent` has ended, even killed: a worker would wait for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def compare_here(texts: Sequence[str], floor: float) -> list[list[NameHit]]:
    """The hits of a worker's share of names."""
    hits: list[list[NameHit]] = compare_here.matcher.find_hits(texts, floor)  # type: ignore[attr-defined]
    return hits


@contextmanager
def telling_of_killed() -> Iterator[None]:
    """Turns the end of a worker into a sentence: it is no end without a word."""
    try:
        yield
    except BrokenProcessPool as err:
        said = "a process that matches names was killed, perhaps for want of memory: run with"
        raise ScreenError(f"screening broke off: {said} --jobs 1 or fewer lists.") from err


def join_answers(parts: Iterable[list[list[NameHit]]]) -> Iterator[list[NameHit]]:
    """The answers of all workers in order."""
    with telling_of_killed():
        yield from chain.from_iterable(parts)


# ==================================================================================================
# Selftest
# Takes a loaded screener; writes the names of its lists as senders write them, a slip on any letter
# or a habit, and counts how many still raise their own entry, and how many names of others do.
# Does not know how names are matched.

KEYBOARD = "qwertyuiop asdfghjkl zxcvbnm 1234567890".split()
LOOKS = [
    pair.split(">") for pair in "rn>m m>rn cl>d O>0 0>O I>1 l>1 1>I S>5 B>8 Z>2 G>6 vv>w".split()
]
SLIP_KINDS = tuple("letter lost added doubled swapped look-alike sign glued split".split())
SAME_FORMS = [
    group.split("|")
    for group in (
        "limited|ltd|ltd.|co., ltd.|company limited|pte. ltd.|pvt ltd",
        "llc|l.l.c.|limited liability company|ooo|o.o.o.",
        "jsc|joint stock company|ao|a.o.|pjsc|oao|open joint stock company",
        "company|co.|co", "corporation|corp.|corp|inc.|inc|incorporated", "gmbh|g.m.b.h.",
        "ag|aktiengesellschaft", "sa|s.a.|sociedad anonima", "srl|s.r.l.", "bv|b.v.",
        "fze|f.z.e.|fzco|free zone establishment", "plc|p.l.c.|public limited company",
        "anonim sirketi|a.s.|as", "limited sirketi|ltd. sti.|ltd sti",
    )
]  # fmt: skip
CUT_LENGTHS = (35, 35, 32, 30)  # 35 signs is the width of a name line in SWIFT MT103
SELFTEST_COLUMNS = ("kind", "group", "tried", "raised", "percent")


def press_beside(letter: str, rng: random.Random) -> str:
    """A letter beside `letter` on the keyboard, in its case."""
    row = next((row for row in KEYBOARD if letter.lower() in row), "etaoin")
    place = row.find(letter.lower())
    near = [other for other in row[max(0, place - 1) : place + 2] if other != letter.lower()]
    key = rng.choice(near or ["e"])
    return key.upper() if letter.isupper() else key


def write_slip(name: str, kind: str, rng: random.Random) -> str:
    """`name` with one slip of `kind` (of SLIP_KINDS) at any letter or figure of it, those of legal
    forms and short words too; as it is where there is no place for that slip."""
    at = rng.choice([place for place, letter in enumerate(name) if letter.isalnum()])
    before, letter, after = name[:at], name[at], name[at + 1 :]
    match kind:
        case "letter":
            return before + press_beside(letter, rng) + after
        case "lost":
            return before + after
        case "added":
            return before + letter + press_beside(letter, rng) + after
        case "doubled":
            return before + letter * 2 + after
        case "swapped":
            return before + after[:1] + letter + after[1:]
        case "sign":
            return before + rng.choice("?_\ufffd") + after
        case "split":
            return before + " " * (at > 0) + letter + after
    looks = [("", " ")] if kind == "glued" else LOOKS
    if kind == "glued":
        looks = [(" ", "")]
    places = [(m.start(), old, new) for old, new in looks for m in re.finditer(old, name)]
    if not places:
        return name
    start, old, new = rng.choice(places)
    return name[:start] + new + name[start + len(old) :]


def write_forms(name: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind of habit, `name` so written): its legal form dropped, put first or changed."""
    lower = f" {name.lower()} ".replace(",", " ")
    there = [(form, group) for group in SAME_FORMS for form in group if f" {form} " in lower]
    if not there:
        yield "form added", f"{name} {rng.choice(rng.choice(SAME_FORMS))}"
        return
    form, group = max(there, key=lambda pair: len(pair[0]))
    start = lower.index(f" {form} ")
    rest = [
        part for part in (name[:start].rstrip(" ,"), name[start + len(form) :].strip(" ,")) if part
    ]
    yield "form dropped", " ".join(rest)
    yield "form first", " ".join([form.upper(), *rest])
    yield "form otherwise", " ".join([*rest[:1], rng.choice(group), *rest[1:]])


def write_habits(name: str, kind: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind of habit, the `name` of an entry of type `kind` so written)."""
    speech, words = load_language(), name.split()
    plain = [re.sub(r"[^\w.]", "", word).lower() for word in words]
    if kind not in ("individual", "vessel", "aircraft"):
        yield from write_forms(name, rng)
    for i, word in enumerate(plain):
        short = find_short_forms(word)
        if short:
            yield "abbreviated", " ".join([*words[:i], rng.choice(short).upper(), *words[i + 1 :]])
        if len(words) > 3 and speech.classes.get(speech.canonical.get(word, word)) == "generic":
            yield "common word dropped", " ".join(words[:i] + words[i + 1 :])
        if kind == "individual" and len(words) > 2 and PATRONYMIC.search(word):
            yield "patronymic dropped", " ".join(words[:i] + words[i + 1 :])
    if len(words) > 2:
        yield "words shuffled", " ".join(rng.sample(words, len(words))).replace(",", "")
    if len(name) > max(CUT_LENGTHS) + 2:
        yield "cut off", name[: rng.choice(CUT_LENGTHS)].strip()
    if long := [i for i, word in enumerate(plain) if len(word) > 5 and word.isalpha()]:
        i = rng.choice(long)
        bare = words[i][0] + re.sub("[aeiou]", "", words[i][1:], flags=re.IGNORECASE)
        yield "vowels left out", " ".join([*words[:i], bare, *words[i + 1 :]])
    if kind == "individual" and "," in name:
        last, given = name.split(",", 1)
        yield "given name first", f"{given.strip()} {last}"
        yield "initial", f"{given.strip()[:1]}. {last}"
    yield "signs", re.sub(r"[^\w\s]", "", name).replace(" ", "-", 1)


@functools.cache
def find_short_forms(word: str) -> list[str]:
    """The abbreviations of `word` that are no other word."""
    rows = [row for row in read_table("abbreviations") if row["full"] == word]
    return [row["short"] for row in rows if row["kind"] == "abbreviation"]


def write_neighbours(
    name: str, strangers: Sequence[str], rng: random.Random
) -> Iterator[tuple[str, str]]:
    """(kind, `name` with a telling word, or its middle, from `strangers`): another party."""
    speech, words = load_language(), name.split()
    plain = [word.strip(",.()").lower() for word in words]
    full = [speech.canonical.get(word, word) for word in plain]
    telling = [
        i for i, word in enumerate(plain)
        if len(word) > 3 and word.isalpha() and not classify_word(full[i], speech)
    ]  # fmt: skip
    if telling and len(words) > 1:
        i, new = rng.choice(telling), rng.choice(strangers)
        yield "word replaced", " ".join([*words[:i], new.upper(), *words[i + 1 :]])
        other = plain[i][0] + rng.choice(strangers)[1:-1] + plain[i][-1]
        yield "middle replaced", " ".join([*words[:i], other.upper(), *words[i + 1 :]])


def vary_names(screener: Screener, size: int, seed: int) -> Iterator[tuple[int, str, str, str]]:
    """(entry number, kind, group, text) for the variations of `size` names that are no weak aliases
    and are written in Latin letters."""
    rng, entries = random.Random(seed), screener.entries
    names = [(e, text) for e, x in enumerate(entries) for text, kind in x.names if kind != "weak"]
    latin = [(e, text) for e, text in names if re.search("[A-Za-z]{3}", text) and text.isascii()]
    index, speech = screener.matcher.index, screener.language
    strangers = [
        w for w in index.vocabulary if len(w) > 4 and w.isalpha() and not classify_word(w, speech)
    ]
    for e, text in rng.sample(latin, min(size, len(latin))):
        kind = entries[e].type
        made = [(way, "slip", write_slip(text, way, rng)) for way in rng.sample(SLIP_KINDS, 4)]
        made += [(way, "habit", other) for way, other in write_habits(text, kind, rng)]
        if strangers:
            made += [(way, "neighbour", x) for way, x in write_neighbours(text, strangers, rng)]
        for way, group, other in made:
            if other.strip() and other.lower() != text.lower():
                yield e, way, group, other


def measure_recall(
    screener: Screener, size: int, seed: int = 0
) -> list[tuple[str, str, int, int, float]]:
    """By kind, how many variations of `size` names raise their own entry (`SELFTEST_COLUMNS`), then
    by group; "any entry" counts the neighbours that raise whichever, weak aliases aside."""
    index, tried, raised = screener.matcher.index, Counter[Any](), Counter[Any]()
    varied = list(vary_names(screener, size, seed))
    hits = screener.matcher.find_hits([text for *_, text in varied], screener.options.threshold)
    for (e, kind, group, _), several in zip(varied, hits, strict=True):
        found = {int(index.owners[hit.name]) for hit in several if index.kinds[hit.name] != "weak"}
        lines = {(kind, group): e in found, ("all", group): e in found}
        if group == "neighbour":
            lines["any entry", group] = bool(found)
        for line, hit in lines.items():
            tried[line] += 1
            raised[line] += hit
    order = sorted(tried, key=lambda line: (line[0] in ("all", "any entry"), line[1], line[0]))
    return [(*k, tried[k], raised[k], round(100 * raised[k] / tried[k], 1)) for k in order]


# ==================================================================================================
# Run
# Takes what a user asked for; gives the flagged rows, the talk and an account of every row. Does
# not know the command line.

FORMS, HITS = ("csv", "jsonl", "table"), ("best", "all")
MAIN_ROLES = ("consignee", "end_user", "hs_code", "destination")
OFFICE = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers", ".docx", ".odt", ".pdf")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything the user asked of `run`; what a receipt replays."""

    files: tuple[str, ...]
    paths: tuple[str, ...]
    as_of: date
    max_list_age: int | None = None
    admit: tuple[str, ...] = ()
    quiet: bool = False
    threshold: float = DEFAULT_THRESHOLD
    form: str = "csv"
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    delimiter: str | None = None
    encoding: str | None = None
    every: bool = False
    hits: str = "best"
    output: str | None = None
    force: bool = False
    report: str | None = None
    cleared: str | None = None
    since: str | None = None
    owners: str | None = None
    receipt: str | None = None
    history: tuple[str, ...] = ()
    safe_cells: bool = False
    jobs: int = 1
    moved: Mapping[str, str] = field(default_factory=dict)  # file of a receipt -> where it is now

    def lists(self) -> tuple[list[Path], ListOptions]:
        """Where the lists are, and how they are to be judged."""
        judging = ListOptions(self.as_of, self.max_list_age, frozenset(self.admit))
        return [Path(self.find(p)) for p in self.paths] or [TABLES], judging

    def reading(self) -> ReadOptions:
        """How the shipment files are to be read."""
        return ReadOptions(self.columns, self.delimiter, self.encoding)

    def writing(self) -> Writing:
        """How the rows are to be written."""
        asked = (("screen_since", self.since), ("screen_cleared", self.cleared))
        more = tuple(column for column, file in asked if file is not None)
        seen = self.form == "table" and self.output is None and sys.stdout.isatty()
        return Writing(self.form, len(self.files) > 1, self.safe_cells, more, seen)

    def inputs(self) -> list[str]:
        """The files that are read, lists aside."""
        beside = filter(None, [self.cleared, self.since, self.owners])
        return [*self.files, *self.history, *beside]

    def find(self, file: str) -> str:
        """Where `file` is now."""
        return self.moved.get(file, file)


class Talk:
    """What a run says on standard error, progress only on a terminal, and its account of the rows:
    every one is flagged or clear."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.live = not quiet and sys.stderr.isatty()
        self.started = self.last = time.monotonic()
        self.rows = self.flagged = 0
        self.kinds: Counter[str] = Counter()  # rows by kind of flag
        self.cleared: int | None = (
            None  # rows with flags that decisions took away, if any were read
        )
        self.limits: list[str] = []  # what of the files was not screened

    def say(self, text: str) -> None:
        """One line of talk."""
        if not self.quiet:
            self.erase()
            say(text)

    def warn(self, text: str) -> None:
        """One line that is said whatever the user asked for."""
        self.erase()
        say(text)

    def erase(self) -> None:
        """Away with the line of progress."""
        click.echo(ERASE * self.live, nl=False, err=True)

    def count(self, rows: int, row: ScreenedRow | None = None) -> None:
        """Count up to `rows` rows, the last of them `row`."""
        self.rows = rows
        if row is not None:
            self.flagged += bool(row.flags)
            self.kinds.update({flag.kind for flag in row.flags})
            if self.cleared is not None:
                self.cleared += bool(row.cleared)

    def account(self) -> str:
        """The last line of a run."""
        kinds = ", ".join(f"{n:,} {kind}" for kind in FLAG_KINDS if (n := self.kinds[kind]))
        flagged = f"{self.flagged:,} flagged" + (f" ({kinds})" if kinds else "")
        clear = f"{self.rows - self.flagged:,} clear; {self.kinds['unscreened']:,} unscreened"
        decided = "" if self.cleared is None else f", {self.cleared:,} cleared by decision"
        limits = "".join(f"; {limit}" for limit in dict.fromkeys(self.limits))
        return f"{self.rows:,} rows: {flagged}, {clear}{decided}{limits}"

    def progress(self, file: str, chunk: Chunk) -> None:
        """Rows so far, their rate, and the time left where the file's size is known."""
        now = time.monotonic()
        if self.live and now - self.last > 0.5:
            self.last, rate = now, self.rows / (now - self.started)
            ahead = estimate_rows_ahead(file, chunk)
            left = f", {ahead / rate:,.0f} s left" if ahead else ""
            so_far = f"{self.rows:,} rows, {self.flagged:,} flagged, {rate:,.0f} a second{left}"
            click.echo(ERASE + so_far, err=True, nl=False)


def estimate_rows_ahead(file: str, chunk: Chunk) -> float:
    """About how many rows of `file` follow `chunk`, if they are as wide; 0 of what is not plain."""
    sample = chunk.rows[:1000]
    if file.endswith((".gz", ".zip")) or not os.path.isfile(file):
        return 0.0
    width = sum(len(",".join(row).encode()) + 1 for row in sample) / len(sample)
    return max(0.0, os.path.getsize(file) / width - chunk.first_row - len(chunk.rows))


def is_device(path: str) -> bool:
    """Whether `path` is a device or named pipe, which is written as it stands."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


@contextmanager
def open_output(path: str | None) -> Iterator[IO[str]]:
    """Standard output, or the file `path`, which appears whole at the end or not at all.

    A device or named pipe is written as it stands: to replace it would destroy it.
    """
    if path is None:
        yield sys.stdout
    elif is_device(path):
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as device:
            yield device
    else:
        folder, name = os.path.split(target := os.path.realpath(path))
        with tempfile.TemporaryDirectory(prefix=f".{name[:40]}.", dir=folder) as room:
            new = f"{room}/rows"
            with open(new, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if os.path.exists(target):
                shutil.copymode(target, new)
            os.replace(new, target)


@contextmanager
def naming(path: str | None) -> Iterator[None]:
    """Turns what goes wrong in writing into a sentence that names `path`, and what to do."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as err:
        why = err.strerror or err
        todo = {
            errno.ENOENT: "make the folder first, or choose another one",
            errno.EACCES: "you may not write there: choose another place",
            errno.EROFS: "you may not write there: choose another place",
            errno.ENOSPC: "free the disk or choose another place",
            errno.ELOOP: "the links there lead round in a circle: give the file itself",
        }.get(err.errno or 0, "choose another place")
        where = path or err.filename or "standard output"
        raise ScreenError(f"{where}: cannot be written or read ({why}): {todo}.") from err


def check_outputs(request: RunRequest) -> None:
    """Raises ScreenError for a file that cannot be written, or that would replace what is read."""
    taken = {os.path.realpath(f): f for f in (*request.inputs(), *request.paths) if f != "-"}
    for path in filter(_is_given, (request.output, request.receipt, request.report)):
        place = os.path.realpath(path)
        if "-" in request.files and os.path.isfile(path) and _is_stdin(path):
            taken[place] = "standard input"
        if place in taken or not path or os.path.isdir(path):
            what = f"is also {taken[place]}" if place in taken else "is no name of a file"
            raise ScreenError(f"{path!r}: the file to write {what}: choose another name.")
        if path.lower().endswith(OFFICE):
            fault = f"{path}: this kind of office file is not written"
            raise ScreenError(f"{fault}: choose .xlsx for a workbook, or .csv.")
        if not is_device(path):
            with naming(path), tempfile.TemporaryDirectory(dir=os.path.dirname(place)):
                taken[place] = path
    if request.form == "xlsx":
        load_openpyxl("or write .csv")


def _is_given(path: str | None) -> TypeGuard[str]:
    return path is not None


def _is_stdin(path: str) -> bool:
    """Whether `path` is the file that standard input reads."""
    return os.path.samestat(os.fstat(0), os.stat(path))


def check_replaced(path: str | None, columns: Sequence[str], force: bool) -> None:
    """Raises ScreenError if the file `path` has columns that this run does not write: decisions
    that somebody put beside the rows would be lost."""
    if (
        path is None
        or force
        or is_device(path)
        or not os.path.exists(path)
        or not os.path.getsize(path)
    ):
        return
    try:
        with open_table(path, ReadOptions(), lambda cells: len({*columns} & {*cells})) as table:
            found = list(table.headers)
    except ScreenError:
        found = []
    if not found or (foreign := [h for h in found if h not in ("", *columns)]):
        what = (
            f"has a column {foreign[0]!r} that this run does not write" if found else "is no output"
        )
        raise ScreenError(f"{path}: {what}: choose another name, or --force to replace it.")


def load_screener(request: RunRequest, talk: Talk) -> Screener:
    """The screener that `request` asks for; says which lists it holds."""
    entries, reports = read_lists(*request.lists())
    for report in reports:
        lossy = "rows without a name" in report.note  # -q never hides that names are missing
        (talk.warn if lossy else talk.say)(say_report(report))
    if not entries:
        raise ScreenError("lists: no listed party was loaded, nothing to screen with: give -l.")
    asked = request.as_of, request.threshold, request.hits, request.jobs, request.columns
    screener = Screener(entries, reports, Options(*asked))
    if request.owners is not None:
        screener, faults = own_firms(screener, request.find(request.owners))
        for fault in faults:
            talk.warn(fault)
    gc.freeze()  # what is loaded stays: no end of the process need look for garbage in it
    if expired := screener.expired:
        talk.say(f"{expired:,} entries have expired by {request.as_of}: counted, not raised")
    return screener


def say_report(report: ListReport) -> str:
    """One line on a loaded list."""
    age = "" if report.age_days is None else f" ({report.age_days} days old)"
    held = f"{report.entries:,} entries, {report.names:,} names, {report.as_of or 'no date'}{age}"
    return f"{report.list}: {held}, {report.status}" + (f": {report.note}" if report.note else "")


def check_files(request: RunRequest, talk: Talk) -> None:
    """Raises ScreenError before a row is written, for a file that could not be screened; says how
    each is read, and first of all what is not."""
    writer = RowWriter(io.StringIO(), request.writing())
    for file in map(request.find, request.files):
        if os.path.isfile(file) or not (file == "-" or os.path.exists(file)):
            with open_shipments(file, request.reading()) as shipments:
                writer.begin(Layout(file, shipments.headers, shipments.roles))
                for text in say_layout(shipments, talk.live):
                    talk.say(f"{file}: {text}")


@dataclass(frozen=True, slots=True)
class Session:
    """A run under way."""

    request: RunRequest
    screener: Screener
    talk: Talk
    earlier: Earlier | None
    writers: Sequence[RowWriter]  # of the rows, and of the report if one was asked for
    unread: dict[str, tuple[str, ...]]  # file -> headers of names that no role takes


def run_screening(request: RunRequest) -> Session:
    """Screen every file of `request`; the session that is over."""
    check_outputs(request)
    talk = Talk(request.quiet)
    check_files(request, talk)
    earlier = request.since and read_earlier(request.find(request.since), request.columns)
    screener = load_screener(request, talk)
    charts = read_beside(request, screener, talk)
    try:
        with naming(request.output), ExitStack() as outs:
            out = outs.enter_context(open_output(request.output))
            writers = [open_writer(out, request.writing())]
            run = Session(request, screener, talk, earlier or None, writers, {})
            if request.report is not None:
                page = Report(outs.enter_context(open_output(request.report)), request.writing())
                page.about = lambda: [*describe_run(run), ("", charts), ("", talk.account())]
                writers.append(page)
            for file in request.files:
                screen_file(file, run)
            for writer in writers:
                writer.end()
    except KeyboardInterrupt as err:
        talk.erase()
        say(f"interrupted; so far {talk.account()}")
        raise SystemExit(exit_code_of(err)) from None
    finally:
        screener.close()
    for text in (*say_left_out(run), talk.account()):
        talk.say(text)
    if request.writing().terminal and talk.flagged:
        click.echo(say_next(run))
    return run


def read_beside(request: RunRequest, screener: Screener, talk: Talk) -> str:
    """Reads the files beside the shipments: decisions, histories; the charts of what surged."""
    if request.cleared is not None:
        screener.cleared = read_clearances(request.find(request.cleared), request.as_of)
        entries = {(entry.list, entry.entry_id): entry for entry in screener.entries}
        screener.cleared.entries = entries
        talk.cleared = 0
    if not request.history:
        return ""
    files = list(map(request.find, request.history))
    ledger = read_history(files, request.reading(), talk)
    own = read_own_history(request, talk)
    screener.surges = index_surges(ledger, own)
    return draw_charts(list_amounts(ledger, find_surges(ledger))) if request.report else ""


def open_writer(out: IO[str], asked: Writing) -> RowWriter:
    """The writer of rows in the form asked for."""
    kinds: dict[str, type[RowWriter]] = {"table": TableWriter, "xlsx": BookWriter}
    return kinds.get(asked.form, RowWriter)(out, asked)


def digest_file(path: str | Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_run(run: Session) -> Iterator[tuple[str, str]]:
    """What was screened with what, for the head of a report."""
    request, decisions = run.request, run.screener.cleared
    yield "Shipments", ", ".join(request.files)
    yield "Lists", "; ".join(map(say_report, run.screener.reports))
    yield "Day", f"{request.as_of}: age of lists and expiry are judged against it"
    plain = RunRequest(request.files, request.paths, request.as_of)
    left = (*WITHOUT_EFFECT, "files", "paths", "as_of", "form")
    given = {key: value for key, value in asdict(request).items() if value != getattr(plain, key)}
    said = [f"{key} {value}" for key, value in given.items() if key not in left]
    yield "Options", "; ".join([f"threshold {request.threshold:g}", *said])
    if run.unread:
        yield "Not read", "; ".join(f"{f}: {', '.join(names)}" for f, names in run.unread.items())
    for text in say_left_out(run):
        yield "Left out", text
    if decisions.undecided:
        yield "Undecided", f"{decisions.undecided:,} rows of {request.cleared}"
    yield "Program", f"screen.py {VERSION}, {digest_file(__file__)[:16]}"


def say_next(run: Session) -> str:
    """How a person at a terminal goes on."""
    file = shlex.quote(run.request.files[0])
    return paint(
        f"in full: screen.py show {file} ROW; to print: --report page.html; to decide:"
        f" screen.py clear {file}", dim=True,
    )  # fmt: skip


def exit_code_of(stop: KeyboardInterrupt) -> int:
    """128 and the number of the signal that ended a run, as shells count it; Ctrl-C's is 2."""
    return 128 + (int(stop.args[0]) if stop.args else signal.SIGINT)


def screen_file(file: str, run: Session) -> None:
    """Write the rows of one shipment `file` and count them."""
    request, talk = run.request, run.talk
    name = "standard input" if file == "-" else file
    with open_shipments(request.find(file), request.reading()) as shipments:
        if shipments.unread:
            run.unread[name] = shipments.unread
        for note in shipments.notes:
            talk.warn(f"{name}: {note}")
        if not os.path.isfile(file):  # a stream, of which nothing is known before
            for text in say_layout(shipments, talk.live):
                talk.say(f"{name}: {text}")
        layout = Layout(file, shipments.headers, shipments.roles)
        for writer in run.writers:
            writer.begin(layout)
        if run.writers[0].asked.form != "jsonl":
            check_replaced(request.output, run.writers[0].columns(), request.force)
        if "consignee" not in layout.roles:
            talk.limits.append("consignees were not screened")
        before = talk.rows
        for chunk in shipments.chunks:
            write_chunk(chunk, layout, before, run)
            talk.progress(file, chunk)
        for encoding in shipments.encodings[1:]:
            talk.say(f"{name}: {say_encoding(encoding)}")


def write_chunk(chunk: Chunk, layout: Layout, before: int, run: Session) -> None:
    """Write the rows of `chunk` that have flags, or all, and count them; `before` came others."""
    request, talk = run.request, run.talk
    found = {row.number: row for row in run.screener.screen_chunk(chunk, layout.roles)}
    numbered = enumerate(chunk.rows, chunk.first_row) if request.every else ()
    every = (found.get(n) or ScreenedRow(n, cells, ()) for n, cells in numbered)
    for row in every if request.every else found.values():
        talk.count(before + row.number, row)  # first: a stop finds it being written
        told = run.earlier.compare(row, layout) if run.earlier else row
        if row.flags or request.every:
            run.writers[0].write_row(told)
        for writer in run.writers[1:]:
            writer.write_row(told)
    for writer in run.writers:
        writer.flush()
    talk.count(before + chunk.first_row + len(chunk.rows) - 1)


def say_layout(shipments: Shipments, brief: bool) -> Iterator[str]:
    """What was found of a file's layout, first what of it is not read; where it is `brief`, of the
    headers only those that matter most."""
    headers, roles = shipments.headers, shipments.roles
    if unread := ", ".join(map(repr, shipments.unread)):
        yield f"not read, though names may stand there: {unread}: give --column ROLE=HEADER"
    there = {role.replace("consignee_country", "destination") for role in roles}
    if missing := [r for r in ("hs_code", "description", "destination") if r not in there]:
        yield f"no column for {', '.join(missing)}: those checks were not run"
    if shipments.preamble:
        yield f"{len(shipments.preamble)} lines above the header passed over"
    if shipments.encoding != "utf-8":
        yield say_encoding(shipments.encoding)
    layout, said = Layout(shipments.name, headers, roles), dict[str, str]()
    for role in roles:
        said[role] = f"{role}={'+'.join(repr(headers[n]) for n in layout.columns(role))}"
    shown = [said[role] for role in said if role in MAIN_ROLES or not brief]
    left = len(said) - len(shown)
    yield ", ".join(shown) + f" and {left} more roles" * bool(left)


def say_encoding(encoding: str) -> str:
    """What letters a file is read in, which is a guess."""
    return f"read as {encoding}, by its letters: give --encoding if names look odd"


def say_left_out(run: Session) -> Iterator[str]:
    """Which hits were left out and why, and what is new, so that nothing goes silently."""
    cleared, screener = run.screener.cleared, run.screener
    if run.request.cleared is not None:
        why = ", ".join(f"{n} ({cause})" for cause, n in sorted(cleared.reopened.items()))
        count = cleared.suppressed.total()
        said = [f"{count:,} flags cleared by decisions"]
        said += [f"{cleared.counts[w]:,} on {w}" for w in DECISIONS[1:] if cleared.counts[w]]
        if n := cleared.undecided:
            said.append(f"{n:,} row{'s' * (n > 1)} undecided")
        yield f"{', '.join(said)}; re-opened: {why or 'none'}"
    if screener.unsupported:
        yield (
            f"{screener.unsupported:,} agreements with a weak alias alone, without country,"
            " address, identifier or second name: not raised"
        )
    if run.earlier is not None:
        yield f"since {run.request.since}: {run.earlier.account()}"


def read_own_history(request: RunRequest, talk: Talk) -> SurgeLedger:
    """The ledger of the screened files themselves, of those that can be read twice and have dates:
    patterns show among the rows that are screened, too."""
    dated = []
    for file in filter(os.path.isfile, map(request.find, request.files)):
        with open_shipments(file, request.reading()) as shipments:
            if {"date", "hs_code", "destination"} <= shipments.roles.keys():
                dated.append(file)
    return read_history(dated, request.reading(), Talk(quiet=True))


def read_history(files: Sequence[str], options: ReadOptions, talk: Talk) -> SurgeLedger:
    """The ledger of all rows of shipment `files`."""
    ledger = SurgeLedger()
    for file in files:
        with open_shipments(file, options) as shipments:
            firsts = {role: fields[0][0] for role, fields in shipments.roles.items()}
            for chunk in shipments.chunks:
                columns = list(zip(*chunk.rows, strict=True))
                ledger.add({role: columns[i] for role, i in firsts.items()}, file)
    for role, n in sorted((+ledger.unread).items()):
        talk.say(f"{n:,} {role} cells could not be read: their rows count, what they say does not")
    return ledger


# ==================================================================================================
# Receipt
# Takes a run; gives a record of what was asked, of what, and what came out, and by it runs again
# and compares. Nothing in a receipt depends on the clock.

WITHOUT_EFFECT = ("output", "force", "report", "receipt", "quiet", "jobs", "moved")  # on the rows


def write_receipt(run: Session) -> str:
    """The receipt of a run as JSON text."""
    request, screener, talk = run.request, run.screener, run.talk
    written = [path for path in (request.output, request.report) if path and os.path.isfile(path)]
    earlier, find = run.earlier, request.find
    receipt = {
        "version": VERSION,
        "options": {k: v for k, v in asdict(request).items() if k not in WITHOUT_EFFECT},
        "program": digest_file(__file__),
        "tables": {path.name: digest_file(path) for path in TABLES.glob("*.csv")},
        "lists": sorted(map(asdict, screener.reports), key=lambda r: (r["list"], r["file"])),
        "inputs": {f: None if f == "-" else digest_file(find(f)) for f in request.inputs()},
        "unread": run.unread,
        "counts": {
            "rows": talk.rows,
            "flagged": talk.flagged,
            "unscreened": talk.kinds["unscreened"],
            "kinds": talk.kinds,
        },
        "decisions": {**screener.cleared.counts, "undecided": screener.cleared.undecided},
        "suppressed": screener.cleared.suppressed,
        "reopened": screener.cleared.reopened,
        "since": {} if earlier is None else earlier.counts,
        "output": run.writers[0].digest.hexdigest(),  # of the rows as text
        "written": {path: digest_file(path) for path in written},
    }
    return json.dumps(receipt, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"


def find_beside(files: Iterable[str], receipt: str) -> dict[str, str]:
    """Where those `files` are now that are gone from their places: beside the `receipt`."""
    folder = os.path.dirname(receipt)
    moved: dict[str, str] = {}
    for file in files:
        for place in (os.path.join(folder, file), os.path.join(folder, os.path.basename(file))):
            if file != "-" and not os.path.exists(file) and os.path.exists(place):
                moved.setdefault(file, place)
    return moved


def run_again(path: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """The receipt of the run of the receipt `old`, read from `path`, done now."""
    asked: dict[str, Any] = {**old["options"]}
    asked["as_of"] = date.fromisoformat(asked["as_of"])
    asked |= {key: tuple(value) for key, value in asked.items() if isinstance(value, list)}
    request = RunRequest(**asked, output=os.devnull, receipt=os.devnull, quiet=True)
    if request.form not in (*FORMS, "xlsx") or request.hits not in HITS:
        raise ValueError(f"{request.form!r} and {request.hits!r} are no options")
    moved = find_beside([*request.inputs(), *request.paths], path)
    again: dict[str, Any] = json.loads(write_receipt(run_screening(replace(request, moved=moved))))
    return again


def digest_parts(receipt: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each table, input and list of a receipt."""
    lists = {f"list {r['list']} ({Path(r['file']).name})": r["sha256"] for r in receipt["lists"]}
    tables = {f"table {name}": digest for name, digest in receipt["tables"].items()}
    return tables | {f"input {name}": d for name, d in receipt["inputs"].items()} | lists


def find_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What differs between two receipts, a line each."""
    if old["version"] != new["version"]:
        yield f"the program is another: version {old['version']} then, {new['version']} now"
    elif old["program"] != new["program"]:
        yield "the program has changed"
    then, now = digest_parts(old), digest_parts(new)
    yield from (f"{part} has changed" for part in then | now if then.get(part) != now.get(part))
    for part, what in COUNTED.items():
        was, is_now = ({**receipt.get(part, {})} for receipt in (old, new))
        kinds = [(was.pop("kinds", {}), is_now.pop("kinds", {}))]
        for one, other in ((was, is_now), *kinds):
            for key in {**one, **other}:
                if one.get(key, 0) != other.get(key, 0):
                    yield f"{what} {key}: {one.get(key, 0):,} then, {other.get(key, 0):,} now"
    if old["output"] != new["output"]:
        yield "the rows that come out are others"


COUNTED = {
    "counts": "rows",
    "decisions": "decisions",
    "suppressed": "cleared by decision",
    "reopened": "re-opened",
    "since": "since the earlier output",
}


def check_written(old: Mapping[str, Any], path: str, output: str | None) -> Iterator[str]:
    """Which files are not what the run of the receipt `old` wrote: `output`, or those it names."""
    written = old.get("written", {})
    if output is not None:
        digests = {old["output"], *written.values()}
        if digest_file(output) not in digests:
            yield f"{output} is not what that run wrote"
        return
    moved = find_beside(written, path)
    for file, digest in written.items():
        place = moved.get(file, file)
        if not os.path.exists(place):
            yield f"{file} is not there any more, so that it cannot be checked"
        elif digest_file(place) != digest:
            yield f"{place} is not what that run wrote: it was changed afterwards"


def verify_receipt(path: str, output: str | None) -> tuple[list[str], int]:
    """What differs when the run of the receipt at `path` is done again, and its rows now."""
    try:
        old = json.loads(Path(path).read_text("utf-8"))
        with naming(output):
            changed = list(check_written(old, path, output))
        new = run_again(path, old)
        return [*find_differences(old, new), *changed], new["counts"]["rows"]
    except OSError as err:
        raise ScreenError(f"{path}: cannot be read ({err.strerror}): give a receipt.") from err
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as err:
        fault = f"{path}: no receipt of screen.py ({err}): give the file that --receipt wrote."
        raise ScreenError(fault) from err


# ==================================================================================================
# Command line
# Takes arguments, gives exit codes: 0 finished, 1 finished and flagged with --exit-code, 2 could
# not screen, 130 interrupted. A command says what is asked; the rooms above answer.

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
REPORT_COLUMNS = tuple(ListReport.__dataclass_fields__)
VERDICT_COLUMNS = (
    "list", "status", "entries", "names", "weak_names", "addresses", "as_of", "age_days", "note",
)  # fmt: skip
NAME_COLUMNS = (
    "query_name", "score", "listed_name", "name_kind", "list", "entry_id", "programmes",
    "countries", "reason",
)  # fmt: skip
HS_COLUMNS = ("hs_code", "rule", "table", "tier", "controls", "edition", "reason")
NEAREST, NEAREST_FLOOR = 3, 50.0  # entries under the threshold that are shown when nothing hits


class Command(click.Command):
    """A command that names its files first and its options in groups."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What stands in the usage line."""
        options, *arguments = super().collect_usage_pieces(ctx)
        return [*arguments, options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options under the heading of their group."""
        left = list(self.get_params(ctx))
        for title, group in (*GROUPS.items(), ("Other", tuple(left))):
            found = [param for param in left if param in group]
            left = [param for param in left if param not in group]
            if records := [r for param in found if (r := param.get_help_record(ctx))]:
                with formatter.section(title):
                    formatter.write_dl(records)


class Screen(click.Group):
    """A group whose first argument may be a file: `screen.py FILE` is `screen.py run FILE`."""

    command_class = Command

    def main(self, *args: Any, **given: Any) -> Any:
        """Run with the arguments; whatever nobody foresaw is 2 and a sentence, never 1."""
        try:
            return super().main(*args, **given)
        except MemoryError:
            say("Error: memory is used up: give fewer lists or files, or --jobs 1.")
        except Exception as err:
            frame = traceback.extract_tb(err.__traceback__)[-1]
            where = f"{frame.name}, line {frame.lineno}"
            what = f"{type(err).__name__}: {err}" if str(err) else type(err).__name__
            say(f"Error: unforeseen: {what} ({where}): nothing is vouched for; please report it.")
        raise SystemExit(2)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before arguments that begin with no command."""
        plain = args[:1] and (args[0] in self.commands or args[0] in ("-h", "--help", "--version"))
        asking = ctx.resilient_parsing and not args  # for what may be completed
        return super().parse_args(ctx, args if plain or asking else ["run", *args])

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The usage line."""
        formatter.write_usage(ctx.command_path, "FILE ... [OPTIONS]  or  COMMAND ...")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and files that begin with `incomplete`."""
        return [*super().shell_complete(ctx, incomplete), CompletionItem(incomplete, type="file")]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a pipe that its reader closed is no error, a full disk is one."""
        gc.disable()  # neither lists nor rows make cycles; to look for them takes a third of time
        prepare_streams()
        try:
            with naming(None):
                try:
                    return super().invoke(ctx)
                finally:
                    sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0) from None
        except KeyboardInterrupt as err:
            say("interrupted")
            raise SystemExit(exit_code_of(err)) from None


def prepare_streams() -> None:
    """Streams in UTF-8 whatever the locale, and signals that end a run as Ctrl-C does."""
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, lives as long as the process
    if sys.stdout is None:
        raise ScreenError("standard output is closed: give a file or a pipe to write to.")
    if sys.stdin is not None:
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")  # type: ignore[union-attr]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    for number in STOPS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop_run)


def stop_run(number: int, _: Any) -> None:
    """Ends the run that a signal is sent to: its temporary files go, and what was done is said."""
    raise KeyboardInterrupt(number)


def parse_day(ctx: click.Context, param: Any, text: str | None) -> date:
    """The day of --as-of; today where none is given."""
    try:
        return date.fromisoformat(text) if text else date.today()
    except ValueError as err:
        raise ScreenError(f"--as-of: {text!r} found, a date such as 2026-11-23 expected.") from err


def parse_columns(
    ctx: click.Context, param: Any, texts: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Role -> headers of --column ROLE=HEADER."""
    if wrong := [text for text in texts if "=" not in text]:
        fault = f"{wrong[0]!r} found, ROLE=HEADER expected, such as consignee=Buyer"
        raise ScreenError(f"--column: {fault}.")
    columns: dict[str, tuple[str, ...]] = {}
    for role, _, header in (text.partition("=") for text in texts):
        columns[role.strip()] = (*columns.get(role.strip(), ()), header)
    return columns


def parse_delimiter(ctx: click.Context, param: Any, text: str | None) -> str | None:
    """The delimiter as typed; a tab is hard to type."""
    return "\t" if text in ("\\t", "tab", "TAB") else text


def check_number(ctx: click.Context, param: click.Parameter, number: float) -> float:
    """`number` if it is one: nan is at no threshold, so nothing would be raised."""
    if math.isnan(number):
        raise ScreenError(f"{param.opts[-1]}: {number} found, a number expected.")
    return number


def check_threshold(ctx: click.Context, param: click.Parameter, number: float) -> float:
    """`number` if it is a score; shares and slips of a digit are named."""
    if 0 < check_number(ctx, param, number) <= 1:
        meant = number * 100
    elif 0 <= number <= 100:
        return number
    else:
        meant = next((n for n in (number / 10, number / 100) if 50 <= n <= 100), DEFAULT_THRESHOLD)
    said = f"{number:g} found, a score from 0 to 100 expected: did you mean {meant:g}?"
    raise ScreenError(f"--threshold: {said}")


def check_paths(ctx: click.Context, param: click.Parameter, paths: Sequence[str]) -> Sequence[str]:
    """`paths` if each is something."""
    if "" in paths:
        raise ScreenError("--lists: '' found, a list file or a folder of lists expected.")
    return paths


def check_country(ctx: click.Context, param: click.Parameter, text: str) -> str:
    """`text` if it is a country or nothing."""
    if text and not parse_country(text):
        fault = f"{text!r} is no country, an ISO code such as CN or a name expected"
        raise ScreenError(f"{param.opts[0]}: {fault}.")
    return text


def choose_form(ctx: click.Context, param: Any, form: str | None) -> str:
    """The format asked for; else a table on a terminal, CSV into a pipe or file."""
    output = ctx.params.get("output") or ""
    if output.lower().endswith(".xlsx"):
        if form:
            raise ScreenError(
                f"--format: {form} found, but {output} is a workbook: give one of both."
            )
        return "xlsx"
    return form or ("table" if sys.stdout.isatty() and not output else "csv")


# fmt: off
quiet_option = click.Option(
    ["-q", "--quiet"], is_flag=True, help="No talk on standard error but errors.")
list_options = (
    click.Option(["-l", "--lists", "paths"], type=click.Path(), multiple=True,
                 envvar="SCREEN_LISTS", callback=check_paths,
                 help="List file or folder; repeatable. Default: lists/ beside screen.py."),
    click.Option(["--max-list-age"], type=click.IntRange(0),
                 help="Refuse lists older than so many days. Default: 30 for downloaded ones."),
    click.Option(["--admit"], multiple=True, metavar="LIST",
                 help="Use LIST although it was refused; the receipt says so."),
    click.Option(["--as-of"], callback=parse_day, metavar="DATE",
                 help="Judge expiry and age on that day. Default: today."),
    quiet_option,
)
match_options = (
    click.Option(["-t", "--threshold"], type=float, callback=check_threshold,
                 default=DEFAULT_THRESHOLD, show_default=True,
                 help="Least score of a party hit, inclusive."),
)
unused_lists = click.Option(["-l", "--lists"], multiple=True, hidden=True, expose_value=False)
screen_options = (*list_options, *match_options)
format_option = click.Option(
    ["-f", "--format", "form"], type=click.Choice(FORMS), callback=choose_form,
    help="Default: table on a terminal, else csv.")
reading_options = (
    click.Option(["--column", "columns"], multiple=True, callback=parse_columns,
                 metavar="ROLE=HEADER", help="The column of a role; repeatable."),
    click.Option(["-d", "--delimiter"], callback=parse_delimiter,
                 help="Cell delimiter. Default: found."),
    click.Option(["-e", "--encoding"], help="Text encoding. Default: found."),
)
hits_option = click.Option(
    ["--hits"], type=click.Choice(HITS), default="best", show_default=True,
    help="One party hit a role, or every entry.")
beside_options = (
    click.Option(["--cleared"], type=click.Path(),
                 help="Decisions that a person took, CSV or workbook; see `clear`."),
    click.Option(["--owners"], type=click.Path(),
                 help="CSV of owner, owned, percent: firms owned by listed parties."),
    click.Option(["--history"], multiple=True, type=click.Path(),
                 help="Shipment file whose surges raise `surge`; repeatable."),
)
output_options = (
    format_option,
    click.Option(["-o", "--output"], is_eager=True, type=click.Path(),  # before --format
                 help="Write rows to this file, whole or not at all; .xlsx is a workbook."),
    click.Option(["--force"], is_flag=True,
                 help="Replace an output that has columns of somebody else."),
    click.Option(["-a", "--all", "every"], is_flag=True, help="Every row, flagged or not."),
    hits_option,
    click.Option(["--safe-cells"], is_flag=True, help="Neutralise formulas in input columns too."),
    click.Option(["--exit-code"], is_flag=True, help="Exit with 1 if a row was flagged."),
)
record_options = (
    click.Option(["--report"], type=click.Path(),
                 help="Write a page to read, print and sign: FILE.html."),
    click.Option(["--since"], type=click.Path(),
                 help="Earlier output (CSV, JSONL, workbook): says what is new."),
    click.Option(["--receipt"], type=click.Path(),
                 help="Write a JSON receipt of this run; see `verify`."),
)
jobs_option = click.Option(
    ["--jobs"], type=click.IntRange(1), default=os.cpu_count() or 1,
    help="Processes. Default: all cores.")
GROUPS = {
    "Lists": (*list_options[:-1], *match_options),
    "Reading": (*reading_options, *beside_options),
    "Output": output_options,
    "Records": record_options,
}
country_option = click.Option(
    ["--country"], default="", metavar="CC", callback=check_country,
    help="Country of the party, as evidence.")
destination_option = click.Option(
    ["--destination"], default="", metavar="CC", callback=check_country,
    help="Country that the goods go to; default: any.")
growth_option = click.Option(
    ["--least-growth"], type=float, callback=check_number, default=LEAST_GROWTH, show_default=True,
    help="Percent beyond the file's general growth.")
sample_option = click.Option(
    ["--sample"], type=click.IntRange(1), default=1500, show_default=True, help="Names to vary.")
# fmt: on


@click.group(cls=Screen, context_settings=HELP)
@click.version_option(VERSION)
def main() -> None:
    """Screen shipment files against sanctioned-party lists and export-control tables.

    \b
    screen.py shipments.csv                 rows to look at, and why
    screen.py show shipments.csv 12         one row in full
    screen.py -o flagged.xlsx --report page.html shipments.csv
    screen.py name "Hangzhou Hikvison"      which listed parties a name hits
    screen.py hs 8482.10                    what an HS code falls under
    screen.py update                        download the official lists

    `screen.py run -h` has all options, roles and exit codes. A hit is not a match: a true match is
    a person's finding.
    """


@main.command(
    params=[
        *screen_options,
        *reading_options,
        *beside_options,
        *output_options,
        *record_options,
        jobs_option,
    ],
)
@click.argument("files", nargs=-1, type=click.Path(), metavar="[FILE ...]")
@click.pass_context
def run(ctx: click.Context, /, files: tuple[str, ...], exit_code: bool, **given: Any) -> None:
    """Screen shipment FILES (- or none: standard input) and write the flagged rows.

    \b
    screen.py shipments.csv
    screen.py shipments.csv | cut -d, -f1-4
    screen.py -l consolidated.csv -t 90 -f jsonl shipments.csv | jq .hits
    screen.py --cleared decisions.csv --since last-week.csv -o flagged.xlsx shipments.csv

    \b
    Roles of --column: parties consignee, intermediate_consignee, end_user, notify_party,
    shipper, forwarder, bank, vessel, owner, each with _address and _country; reference,
    hs_code, description, destination, transit, date, value, quantity, weight, identifier.
    `--column consignee=-` says that there is none.

    \b
    Bands of a party hit: exact 100, equal after folding; strong 95 and more, spelling, order
    or legal form differ; possible below 95, a word is missing, added or misspelt. A weak alias
    is raised only with support; an address alone raises `address`.

    \b
    Exit codes: 0 finished; 1 finished, --exit-code was given and a row is flagged; 2 could not
    screen, with a sentence that says why; 130 interrupted.
    Environment: SCREEN_LISTS (as -l), NO_COLOR, COLUMNS.
    """
    if not files and sys.stdin is not None and sys.stdin.isatty():
        click.echo(main.get_help(ctx.find_root()), err=True)
        raise ScreenError("no file given: name a shipment file, or - for standard input.")
    check_command(files)
    request = RunRequest(files or ("-",), **given)
    done = run_screening(request)
    if request.receipt is not None:
        with naming(request.receipt), open_output(request.receipt) as file:
            file.write(write_receipt(done))
    if exit_code and done.talk.flagged:
        sys.exit(1)


def check_command(files: Sequence[str]) -> None:
    """Raises ScreenError for a file that is none but sounds like a command."""
    first = files[0] if files else "-"
    if first != "-" and not os.path.exists(first) and not re.search(r"[./\\]", first):
        near = process.extractOne(first, list(main.commands), score_cutoff=60)
        meant = f"did you mean `screen.py {near[0]}`?" if near else "`screen.py -h` names all."
        raise ScreenError(f"{first}: neither a file nor a command: {meant}")


def pick_rows(shipments: Shipments, wanted: Sequence[str]) -> Iterator[Chunk]:
    """The rows of a file that are called `wanted`, by number or by the shipment's own; all of them
    if none is wanted."""
    if not wanted:
        yield from shipments.chunks
        return
    layout = Layout(shipments.name, shipments.headers, shipments.roles)
    missing = dict.fromkeys(wanted)
    for chunk in shipments.chunks:
        for n, cells in enumerate(chunk.rows):
            number = chunk.first_row + n
            if names := {str(number), layout.text("reference", cells).strip()} & {*wanted}:
                missing = {name: None for name in missing if name not in names}
                damage = {0: chunk.damage[n]} if n in chunk.damage else {}
                meant = {0: chunk.meant[n]} if n in chunk.meant else {}
                yield Chunk(number, [cells], [chunk.lines[n]], damage, meant)
    if missing:
        fault = f"{shipments.name}: no row is called {next(iter(missing))}"
        raise ScreenError(f"{fault}: give the number of a row (screen_row) or its own reference.")


def screen_picked(
    request: RunRequest, wanted: Sequence[str], talk: Talk
) -> Iterator[tuple[ScreenedRow, Layout, Screener]]:
    """The rows `wanted` of the one file of `request`, flagged or not, as they are screened."""
    screener = load_screener(request, talk)
    read_beside(request, screener, talk)
    with open_shipments(request.files[0], request.reading()) as shipments:
        layout = Layout(request.files[0], shipments.headers, shipments.roles)
        for chunk in pick_rows(shipments, wanted):
            found = {row.number: row for row in screener.screen_chunk(chunk, shipments.roles)}
            for number, cells in enumerate(chunk.rows, chunk.first_row):
                yield found.get(number) or ScreenedRow(number, cells, ()), layout, screener
    screener.close()


@main.command(params=[*screen_options, *reading_options, *beside_options, hits_option])
@click.argument("file", type=click.Path())
@click.argument("rows", nargs=-1, required=True, metavar="ROW ...")
def show(file: str, rows: Sequence[str], **given: Any) -> None:
    """Rows of FILE in full, by row number or by the shipment's own reference.

    screen.py show shipments.csv 12 S26031
    """
    request = RunRequest((file,), **given)
    nothing = f"no hit at threshold {request.threshold:g}, no rule met"
    for n, (row, layout, _) in enumerate(screen_picked(request, rows, Talk(request.quiet))):
        click.echo("\n" * bool(n) + "\n".join(draw_page(row, layout, nothing)))


@main.command(params=[*list_options, format_option])
def lists(form: str, **given: Any) -> None:
    """What is loaded: entries, names, date, age, digest and verdict of every list."""
    reports = [report for _, report in judge_lists(*RunRequest((), **given).lists())]
    columns = VERDICT_COLUMNS if form == "table" else REPORT_COLUMNS
    print_records(list(map(asdict, reports)), columns, form)
    if missing := find_unloaded(reports):
        Talk(given["quiet"]).say(f"official lists that are not loaded: {', '.join(missing)}")
    if refused := [report for report in reports if report.status == "refused"]:
        first = f"first {refused[0].file}: {refused[0].note}"
        raise ScreenError(f"{len(refused)} of {len(reports)} lists are refused, {first}")


@main.command(params=[*screen_options, format_option, country_option])
@click.argument("texts", nargs=-1)
def name(texts: Sequence[str], country: str, form: str, **given: Any) -> None:
    """Which listed parties the names TEXT ... hit, and why; - or none: from standard input.

    screen.py name "Hangzhou Hikvison" --country CN
    """
    talk = Talk(given["quiet"])
    screener = load_screener(RunRequest((), hits="all", **given), talk)
    piped = texts in ((), ("-",))
    names = [line.strip() for line in sys.stdin or () if line.strip()] if piped else texts
    screener.learn_names(names)
    found: list[list[Flag]] = []
    for text in names:
        cells: Cells = {"consignee": (text,), "consignee_country": (country,)}
        evidence = [one for one in screener.find_parties(cells) if isinstance(one, Evidence)]
        found.append(screener.screen_evidence(evidence, cells))
    if form != "table":
        flags = chain.from_iterable(found)
        records = [{"kind": "party", **flag.facts, "reason": flag.reason} for flag in flags]
        print_records(records, NAME_COLUMNS, form)
    for text, hits in zip(names, found, strict=True):
        if form == "table":
            click.echo(
                "\n".join(line.translate(CONTROLS) for line in say_name(text, hits, screener))
            )
        elif not hits:
            talk.say("\n".join(say_name(text, hits, screener)))


def say_name(text: str, flags: Sequence[Flag], screener: Screener) -> Iterator[str]:
    """The answer to one name, for a reader: its hits, else the entries nearest to it."""
    threshold, index = screener.options.threshold, screener.matcher.index
    if flags:
        count = f"{len(flags)} hit{'s' * (len(flags) > 1)}"
        yield f'"{clean(text)}": {count} at threshold {threshold:g}; a hit is not a match'
        yield from ("  " + clean(flag.reason) for flag in flags)
        return
    yield f'"{clean(text)}": no hit at threshold {threshold:g}'
    nearest: dict[str, str] = {}  # by entry
    for hit in screener.matcher.find_hits([text], NEAREST_FLOOR)[0]:
        score, n = hit.score, hit.name
        entry = screener.entries[int(index.owners[n])]
        which = f"{entry.list} {entry.entry_id}"
        why = "under the threshold" if score < threshold else "not raised without support"
        said = f'  {why}: {score:g} "{clean(index.texts[n])}" ({index.kinds[n]}, {which})'
        nearest.setdefault(which, said)
    yield from islice(nearest.values(), NEAREST)


@main.command(params=[format_option, destination_option, unused_lists])
@click.argument("codes", nargs=-1, required=True)
def hs(codes: Sequence[str], form: str, destination: str) -> None:
    """What the HS codes CODE ... fall under. An HS code never proves control.

    screen.py hs 8482.10.20
    """
    iso2 = parse_country(destination) if destination else ANY_DESTINATION
    records = []
    for text in codes:
        flags = screen_codes((text,), (iso2,))
        goods = [one for one in flags if one.kind == "goods"]
        for one in flags:
            if one.kind == "hs-code":
                say(one.reason)
        if not goods:
            said = "no rule of lists/goods.csv names it; other controls may apply"
            say(f'HS "{text}": {said}')
        for row in find_words_rules(text):
            where = f", on the way to {row['destinations']}" if row["destinations"] else ""
            words = f'with words such as "{row["pattern"].split("|")[0].strip("*")}"'
            say(f'HS "{text}" {words} ({row["label"]}): {row["table"]}{where}')
        records += [{**one.facts, "reason": one.reason} for one in goods]
    tables = {row["table"]: row["as_of"] for row in reversed(read_table("goods"))}
    dated = "; ".join(f"{table} ({day})" for table, day in tables.items())
    say(f"tables asked: {dated}; no others, and no parameters, thresholds or end uses")
    print_records(records, HS_COLUMNS, form)


@main.command(params=[format_option, *reading_options, growth_option, quiet_option, unused_lists])
@click.argument("files", nargs=-1)
def surge(
    files: Sequence[str], form: str, least_growth: float, quiet: bool, **reading: Any
) -> None:
    """Goods and destinations whose trade grew out of line, over one or more FILES with dates.

    screen.py surge samples/history.csv
    """
    talk = Talk(quiet)
    ledger = read_history(files or ("-",), ReadOptions(**reading), talk)
    found = find_surges(ledger, least_growth)
    print_records([{c: getattr(s, c) for c in SURGE_COLUMNS} for s in found], SURGE_COLUMNS, form)
    talk.say(f"{ledger.rows:,} rows: {len(found)} groups or patterns out of line")


@main.command(params=[*screen_options, format_option, sample_option])
def selftest(sample: int, form: str, **given: Any) -> None:
    """Recall and false alarms measured on the loaded lists with the given settings.

    \b
    Listed names are varied as senders vary them; `percent` of the variations raise their entry.
      slip       one slip on any letter or figure, those of legal forms too
      habit      legal form, order, abbreviations, initials, names cut off, a trade word left out
      neighbour  one distinctive word replaced: another party, that should not be raised

    screen.py selftest -l consolidated.csv -t 90
    """
    talk = Talk(given["quiet"])
    screener = load_screener(RunRequest((), jobs=os.cpu_count() or 1, **given), talk)
    rows = measure_recall(screener, sample)
    records = [dict(zip(SELFTEST_COLUMNS, row, strict=True)) for row in rows]
    print_records(records, SELFTEST_COLUMNS, form)
    talk.say(f"variations of at most {sample:,} names at threshold {given['threshold']:g}")


@main.command(params=[quiet_option])
@click.argument("names", nargs=-1)
def update(names: Sequence[str], quiet: bool) -> None:
    """Download official lists into lists/official/: all of lists/sources.csv, or those NAMED."""
    talk, sources = Talk(quiet), read_table("sources")
    limits = replace(UPDATE_LIMITS, progress=talk.live)
    if faults := update_lists(sources, names, find_update_folder(), talk.say, limits):
        raise ScreenError("\n".join(faults))


@main.command(params=[*screen_options, *reading_options, *beside_options])
@click.argument("file", type=click.Path())
@click.argument("rows", nargs=-1, metavar="[ROW ...]")
def clear(file: str, rows: Sequence[str], **given: Any) -> None:
    """Print decision rows for the flags of FILE, or of some of its rows, for a person to fill in:
    decision (clear, hold, escalate), reviewer, reason, decided_on and, if it ends, expires_on.

    screen.py clear shipments.csv > decisions.csv
    """
    request = RunRequest((file,), hits="all", **given)
    lines: list[list[str]] = []
    unread = 0
    for row, layout, screener in screen_picked(request, rows, Talk(request.quiet)):
        entries = {(entry.list, entry.entry_id): entry for entry in screener.entries}
        unread += any(flag.kind == NOT_CLEARED for flag in row.flags)
        cells = read_cells(row.cells, layout.roles)
        for flag in (flag for flag in row.flags if flag.kind != NOT_CLEARED):
            entry = entries.get((flag.facts.get("list", ""), flag.facts.get("entry_id", "")))
            lines.append(write_clearance(flag, entry, cells, layout.name(row)))
    distinct = {tuple(line[1:]): line for line in reversed(lines)}
    table = [list(CLEARANCE_COLUMNS), *reversed(distinct.values())]
    click.echo("".join(write_csv(map(make_inert, line)) for line in table), nl=False)
    if unread:
        say(f"{unread:,} rows were not screened in full: no decision can be taken on what was not")
    if not lines:
        say(f"{file}: nothing was raised at threshold {request.threshold:g}, nothing to decide on")


@main.command()
@click.argument("receipt", type=click.Path())
@click.argument("output", type=click.Path(), required=False)
def verify(receipt: str, output: str | None) -> None:
    """Run again what RECEIPT records, check the files that it wrote (or OUTPUT), say what differs.

    screen.py verify run.json
    """
    differences, rows = verify_receipt(receipt, output)
    if differences:
        click.echo("\n".join(map(clean, differences)))
        fault = f"{len(differences)} differences: the run cannot be vouched for as it was"
        raise ScreenError(f"{receipt}: {fault}.")
    same = "the same program, tables, lists, inputs and options"
    click.echo(f"{receipt}: {same} give the same {rows:,} rows")


if __name__ == "__main__":
    main()
