#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["click>=8.1.7", "pandas>=2.2.0", "rapidfuzz>=3.9.0"]
# ///
"""Screen export shipments: listed parties, controlled goods, embargoed or diverted destinations.

The file reads from top to bottom, each room calling only what stands above it: Vocabulary, Goods,
Destinations, Lists, Update, Names, Match, Files, Headers, Shipments, History, Surges, Output,
Screening, Selftest, Command line. Facts are tables in lists/, each row with its source and date.
Standard output carries rows, standard error the talk; README.md says what users may rely on.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import filecmp
import functools
import gc
import gzip
import hashlib
import http.client
import io
import json
import math
import multiprocessing
import os
import random
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import unicodedata
import urllib.error
import urllib.request
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

import click
import numpy as np
import pandas as pd
from rapidfuzz import process
from rapidfuzz.distance import OSA

VERSION = "1.0.0"

# ==================================================================================================
# Vocabulary
# Takes nothing, gives the error, the records and the words that all rooms share, and the rows of
# the fact tables. Does not know what any of them is for.

TABLES = Path(__file__).resolve().parent / "lists"
FLAG_KINDS = (
    "party", "address", "identifier", "destination", "diversion", "surge", "goods", "description",
    "hs-code", "unscreened",
)  # fmt: skip
PARTY_ROLES = (
    "consignee", "intermediate_consignee", "end_user", "notify_party", "shipper", "forwarder",
    "bank", "vessel",
)  # fmt: skip


class ScreenError(click.ClickException):
    """What stops a run, as one sentence: file, row, column, found, expected, what to do."""

    exit_code = 2


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


@dataclass(frozen=True, slots=True)
class Flag:
    """One reason why a row needs a person; `facts` are the contract's JSON keys of that kind."""

    kind: str  # one of FLAG_KINDS
    reason: str
    facts: Mapping[str, Any]


@functools.cache
def read_table(name: str) -> list[dict[str, str]]:
    """Rows of the fact table lists/`name`.csv; every one has its `source` and `as_of`."""
    with open(TABLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def open_packed(stream: Any) -> Any:
    """The bytes in `stream`, a gz or zip archive's unpacked as they are read, never onto disk."""
    start = stream.peek(4)[:4]
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(stream)
    if start != b"PK\3\4":
        return stream
    archive = zipfile.ZipFile(stream)
    members = [m for m in archive.namelist() if not m.endswith("/") and "__MACOSX/" not in m]
    if {"[Content_Types].xml", "content.xml"} & set(members):
        raise ValueError("an office document (.xlsx, .ods, .docx): save it as CSV UTF-8")
    if len(members) != 1:
        some = ", ".join(map(repr, members[:5]))
        raise ValueError(f"{len(members)} files in the archive, one expected: {some}")
    return archive.open(members[0])


# ==================================================================================================
# Goods
# Takes the text of an HS code or description cell; gives the tables it meets, the codes that cannot
# be read, and the texts that name other goods than the code. An HS code never proves control.
# Does not know parties, routes, files or dates.

Row = Mapping[str, str]  # of a fact table
Rows = Mapping[str, list[dict[str, str]]]
Phrase = tuple[tuple[str, bool, int], ...]  # of each word its stem, if it is whole, the gap before
Phrases = Mapping[str, list[tuple[Phrase, Row]]]
PhraseHit = tuple[int, int, Row]  # where a phrase starts and ends, and the row that has it
HIGH_PRIORITY = "Common High Priority List"  # lists/goods.csv `table`
ANY_DESTINATION = "*"  # meets also the rules that only some destinations make apply
CAUTION = "an HS code never proves control: check the parameters"
HS_LABEL = re.compile(
    r"(?:(?:hs|hts|htsus|hsn|taric|cn|kn|ncm|zolltarifnummer|g[tT][iİ]p|тн|вэд|тнвэд|еаэс|"
    r"schedule b|tariff|customs|code|код|no|nr|№)[\s.:#№-]*)+(?=\d)",
    re.IGNORECASE,
)
SEVERAL_CODES = ((r"[;|\n&]", 2), (r"[,/]|\band\b|\s-\s", 4), (r"\s+|[-–]", 6))  # digits in each
WORD = re.compile(r"(?:(~) )?([\u3040-\u9fff]|[^\W_\u3040-\u9fff]+)(\*?)")  # "ball ~ bearing*"
GRADES = ("high", "medium", "low")  # of descriptions.csv; the others say what is not the goods
LONGEST_TEXT = 400  # nobody describes goods past it; bounds the time a hostile cell can take
GAP_WORDS = 3  # `~`: "tantalum chip SMD capacitors" has 2; at 5 two goods of one list get joined
NEAR_WORDS = 2  # "bearing mounting grease", "for the oscilloscope"; at 3 it reaches other goods


class HsCode(NamedTuple):
    """One code as read; even one with a fault is looked up."""

    digits: str  # "854231"
    fault: str  # why a person must look; "" for a code that stands as written, or surely repaired

    @property
    def sound(self) -> bool:
        """Whether the code can be vouched for."""
        return not self.fault


def build_goods(rules: Iterable[Row], editions: Sequence[Row]) -> Rows:
    """Rows of `rules` by the digits that meet them, with the one prefix met as `rule` and `how`:
    "" as it stands, "older" by a code of `editions`, "short" by digits that only begin it."""
    older = [(row, code) for row in editions for code in row["newer_codes"].split("|")]
    index: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rules:
        for prefix in row["prefix"].split("|"):
            met = {**row, "rule": prefix, "how": "", "note": ""}
            index[prefix].append(met)
            for old, code in older:
                if code.startswith(prefix) and not old["older_code"].startswith(prefix):
                    said = {"how": "older", "edition": old["edition"], "note": old["note"]}
                    index[old["older_code"]].append({**met, **said})
            for length in range(2, len(prefix)):
                index[prefix[:length]].append({**met, "how": "short"})
    return dict(index)


@functools.cache
def read_goods() -> Rows:
    """The index of lists/goods.csv and lists/hs_editions.csv."""
    return build_goods(read_table("goods"), read_table("hs_editions"))


@functools.cache
def _heading_exists(digits: str) -> bool:
    """Whether the chapter of `digits`, and the heading if they have four, stand in the HS."""
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
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TEXT])
    plain = HS_LABEL.sub("", plain.strip(" \t\r\n'\"`’‘“”=./,_-\u200b\ufeff"), count=1)
    if not (runs := re.findall(r"\d[\d.\s-]*", plain)):
        return HsCode("", "no digits")
    if rounded := re.fullmatch(r"\d(?:[.,](\d+))?e\+?\d{1,2}", plain, re.IGNORECASE):
        digits, kept = f"{Decimal(plain.replace(',', '.')):f}", len(rounded[1] or "") + 1
        if kept >= 6 or 4 <= kept <= len(digits) <= 6:
            return _check_digits(digits)
        return HsCode(digits[:kept], "rounded by a spreadsheet: the rest is lost")
    # Words may stand behind, as in "8542.31 - other goods" or "8542.31 (chips)".
    found = re.fullmatch(r"(.*?\d)(\s*[-–,:]?\s+[^\W\d]{2}.*|\s*[(\[].*)?", plain, re.DOTALL)
    if found is None or re.search(r"[^\d.,\s/_-]", found[1]):
        return HsCode(re.sub(r"\D", "", runs[0]), "letters or signs in the code")
    code = re.sub(r"^(\d{4})\.0$|^(\d{5,})\.0+$", r"\1\2", found[1])  # the tail of a float
    digits = re.sub(r"\D", "", code)
    # 8541.10 read as a number is 8541.1; 8542.3 though begins four lines, so nothing is certain.
    lines = {row["rule"][:6] for row in read_goods().get(digits, ())}
    ten = re.fullmatch(r"\d{4}[.,][1-9]", code) and lines <= {digits + "0"}
    return _check_digits(digits + "0" if ten else digits)


def _check_digits(digits: str) -> HsCode:
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


def find_hs_code_flag(text: str) -> Flag | None:
    """The `hs-code` flag of a cell with a code that cannot be vouched for, else None.

    >>> find_hs_code_flag("8542.31") is None, find_hs_code_flag("7701.10") is None
    (True, False)
    """
    for code in parse_hs_cell(text):
        if code.fault:
            reason = f'HS code "{text}": {code.fault}; look by hand which goods these are'
            return Flag("hs-code", reason, {"hs_code": code.digits, "found": text})
    return None


@functools.lru_cache(maxsize=1 << 16)
def find_goods(digits: str, destination: str) -> tuple[Flag, ...]:
    """One `goods` flag for each table that `digits` meet on the way to `destination` (ISO alpha-2),
    high priority first; in a table the longest prefix decides.

    >>> [flag.facts["tier"] for flag in find_goods("85423100", "DE")][0], find_goods("610910", "DE")
    ('1', ())
    """
    found = read_goods()
    short = [row for row in found.get(digits, ()) if row["how"] == "short"]
    longer = [found.get(digits[:length], ()) for length in range(2, len(digits) + 1)]
    met: dict[str, list[Row]] = {}
    for step in (short, *([row for row in rows if row["how"] != "short"] for rows in longer)):
        tables: dict[str, list[Row]] = defaultdict(list)
        for row in step:
            if destination in (ANY_DESTINATION, *(row["destinations"] or destination).split("|")):
                tables[row["table"]].append(row)
        met |= tables
    flags = [_goods_flag(digits, rows) for rows in met.values() if rows[0]["effect"] == "include"]
    return tuple(sorted(flags, key=lambda flag: flag.facts["table"] != HIGH_PRIORITY))


@functools.lru_cache(maxsize=1 << 16)
def read_destinations_of(digits: str) -> frozenset[str]:
    """Where goods of `digits` may meet a rule; holds ANY_DESTINATION if that is everywhere.

    >>> read_destinations_of("85423100") >= {ANY_DESTINATION}, read_destinations_of("610910")
    (True, frozenset())
    """
    met = (
        (end, row)
        for end in range(2, len(digits) + 1)
        for row in read_goods().get(digits[:end], ())
    )
    rows = [row for end, row in met if row["how"] != "short" or end == len(digits)]
    told = (row["destinations"] or ANY_DESTINATION for row in rows if row["effect"] == "include")
    return frozenset(place for places in told for place in places.split("|"))


def _goods_flag(digits: str, rows: Sequence[Row]) -> Flag:
    first, short, tier = rows[0], rows[0]["how"] == "short", min(row["tier"] for row in rows)
    where = first["table"] + (f", tier {tier}" if tier else "")
    named = [
        f"{who} {'; '.join(entries)}"
        for who, column in (("EU", "eu_controls"), ("U.S.", "us_controls"))
        if (entries := dict.fromkeys(row[column] for row in rows if row[column] and not short))
    ]
    good = f"{first['rule']} ({first['description']})"
    said = {
        "": f"HS {digits} ({first['description']}): {where}",
        "older": f"HS {digits} is of {first['edition']}, now {good}: {where}; weaker, the older"
        f" code is broader: {first['note']}",
        "short": f"HS {digits} is too short to decide: under it are {len(rows)} lines, such as"
        f" {good}, of the {where}",
    }[first["how"]]
    controls, condition = " / ".join(named), "" if short else first["condition"]
    reason = "; ".join(filter(None, (said, controls, condition)))
    facts = {"hs_code": digits, "rule": digits if short else first["rule"], "table": first["table"]}
    facts |= {"tier": tier, "controls": controls, "edition": first["edition"]}
    return Flag("goods", f"{reason} ({first['source']}, {first['as_of']}); {CAUTION}", facts)


def tier_of(digits: str) -> str:
    """The Common High Priority tier of `digits`, "" for none; of a short code its strictest line's.

    >>> tier_of("848210"), tier_of("8482"), tier_of("848240")
    ('3.B', '3.B', '')
    """
    tiers = [flag.facts["tier"] for flag in find_goods(digits, "") if flag.facts["tier"]]
    return str(tiers[0]) if tiers else ""


def fold_phrase(text: str) -> str:
    """`text` without case and accents, dotless i as i: how phrases of tables are compared.

    >>> fold_phrase("Bilyalı RULMAN")
    'bilyali rulman'
    """
    if text.isascii():
        return text.lower()
    marked = unicodedata.normalize("NFKD", text.casefold()).replace("ı", "i")
    return "".join(char for char in marked if not unicodedata.combining(char))


@functools.cache
def read_phrases(table: str) -> Phrases:
    """The phrases in `pattern` of lists/`table`.csv by three letters; a Han letter is a word.

    `|` parts phrases, `stem*` is any word so begun, `~` stands for up to three words: a little
    language in place of regular expressions, so that no text can make a search slow.
    """
    index: dict[str, list[tuple[Phrase, Row]]] = defaultdict(list)
    for row in read_table(table):
        for phrase in filter(None, fold_phrase(row["pattern"]).split("|")):
            words = WORD.findall(phrase)
            pieces = tuple((stem, not star, GAP_WORDS * len(gap)) for gap, stem, star in words)
            index[pieces[0][0][:3]].append((pieces, row))
    return dict(index)


def find_phrases(text: str, phrases: Phrases) -> list[PhraseHit]:
    """Where `phrases` stand in folded `text`."""
    found = list(WORD.finditer(text))
    words, hits = [word[2] for word in found], []
    for place, word in enumerate(words):
        for pieces, row in phrases.get(word[:3], ()):
            if last := _phrase_end(words, place, pieces):
                hits.append((found[place].start(2), found[last - 1].end(2), row))
    return hits


def _phrase_end(words: list[str], start: int, pieces: Phrase) -> int:
    place = start
    for stem, whole, gap in pieces:
        for word in words[place : place + gap + 1]:
            place += 1
            if word == stem or (not whole and word.startswith(stem)):
                break
        else:
            return 0
    return place


@functools.lru_cache(maxsize=1 << 16)
def find_description_flags(text: str, digits: tuple[str, ...]) -> tuple[Flag, ...]:
    """The `description` flag of a `text` that names goods of another heading than `digits` say.

    `digits` are the row's sound codes, () for none. Grade `high` raises alone; `medium` where the
    chapter is another too, no code is declared, or a second name agrees; `low` only supports.

    >>> [flag.facts["found"] for flag in find_description_flags("Ball bearings", ("870899",))]
    ['ball bearings']
    >>> find_description_flags("Ball bearing grease", ("340319",))
    ()
    """
    folded = fold_phrase(text[:LONGEST_TEXT])
    named = _named_goods(folded, find_phrases(folded, read_phrases("descriptions")))
    agreed = {row["precision"] for _, _, row in named if _expects(row, digits, 6)}
    other = [row for _, _, row in named if row["expected_hs"] and not _expects(row, digits, 6)]

    def is_odd(row: Row) -> bool:
        if not row["expected_hs"]:  # words without goods of their own: military end use
            return row["precision"] == "medium" and any(map(tier_of, digits))
        if _expects(row, digits, 6) or row["precision"] in agreed or "high" in agreed:
            return False
        far = not digits or len({one["label"] for one in other}) > 1 or not _expects(row, digits, 2)
        return row["precision"] == "high" or (row["precision"] == "medium" and far)

    raised = [hit for hit in named if is_odd(hit[2])]
    return tuple(_description_flag(folded[a:b], row, digits) for a, b, row in raised[:1])


def _expects(row: Row, digits: tuple[str, ...], length: int) -> bool:
    expected = [one[:length] for one in row["expected_hs"].split("|") if one]
    return any(code.startswith(one) or one.startswith(code) for code in digits for one in expected)


def _named_goods(text: str, hits: list[PhraseHit]) -> list[PhraseHit]:
    """`hits`, best grade first, that are no part of another good's name, no case, no purpose."""

    def is_near(start: int, end: int) -> bool:
        gap = text[start:end]
        return start <= end and not re.search(r"[,;:()]", gap) and len(gap.split()) < NEAR_WORDS

    def is_goods(start: int, end: int) -> bool:
        return not any(
            (row["precision"] == "other" and a < end and start < b and "," not in text[a:b])
            or (row["precision"] == "accessory" and is_near(end, a))
            or (row["precision"] == "purpose" and is_near(b, start))
            for a, b, row in hits
        )

    graded = [hit for grade in GRADES for hit in hits if hit[2]["precision"] == grade]
    return [(start, end, row) for start, end, row in graded if is_goods(start, end)]


def _description_flag(words: str, row: Row, digits: tuple[str, ...]) -> Flag:
    declared = ", ".join(digits)
    tier = f", high-priority tier {row['tier']}" if row["tier"] else ""
    usual = f" (HS {row['expected_hs'].replace('|', ', ')}{tier})" if row["expected_hs"] else ""
    against = f"HS {declared} is declared" if digits else "no sound HS code is declared"
    reason = f'the text names {row["label"]}{usual} by "{words}" while {against}'
    said = f"{reason} ({row['source']}, {row['as_of']})"
    return Flag("description", said, {"hs_code": declared, "found": words})


# ==================================================================================================
# Destinations
# Takes a row's country, name and address cells with the goods tables they travel under; gives the
# embargo, country-group and diversion flags, each with publication and date.
# Does not know listed parties, HS codes or files.

OF_STATES = re.compile(r"(?:the )?(?:republic|kingdom|state|federation|commonwealth) of (?:the )?")
# US states whose letters are a country's too: "Los Angeles, CA" must not be read as Canada.
US_STATES = "AL AR AZ CA CO DE GA ID IL IN KY LA MA MD ME MN MO MS MT NC NE PA SC SD TN VA"
# "Lugansk str., Kyiv" is a street in Kyiv; only a street word right behind the name says so, since
# "Lenin street Donetsk" is Donetsk.
STREET = re.compile(
    r"[ .]*(?:str|street|st|strasse|ave|avenue|road|rd|lane|hwy|highway|square|hotel|restaurant|"
    r"ul|vul|ulitsa|vulytsia|cad|caddesi|sok|sokak|улица|ул|вул|вулиця|шоссе|проспект)\b"
)
CERTIFICATE = "; BIS asks for a signed customer certificate (tier 1 and 2, 2023-10)"
WAY = ("destination", "transit")
BUYERS = ("consignee", "intermediate_consignee", "end_user")  # who may send the goods on


@dataclass(frozen=True, slots=True)
class Route:
    """What one row says of its way; equal rows make equal routes, so answers can be kept."""

    # (role, text), as ("destination", "KG"), ("consignee_address", ""), ("transit", "RU"):
    # any party role stands also with _address and _country; a role of two columns stands twice;
    # "" is a blank cell, no pair a column that the file lacks.
    cells: tuple[tuple[str, str], ...]
    tables: tuple[str, ...] = ()  # goods tables that were met, as `table` of their flags
    tier: str = ""  # strictest Common High Priority tier met


@functools.lru_cache(maxsize=1 << 16)
def fold_words(text: str) -> str:
    """The words of `text`, folded, & and St. written out: how names and addresses are compared."""
    words = re.findall(r"\w+", fold_phrase(text).replace("&", " and "))
    return " ".join("saint" if word == "st" else word for word in words)


@functools.cache
def read_country_names() -> Mapping[str, str]:
    """ISO alpha-2 by every folded code and name of lists/countries.csv."""
    names = {}
    for row in read_table("countries"):
        for name in (row["iso2"], row["iso3"], *row["names"].split("|")):
            names[fold_words(name)] = row["iso2"]
    return names


@functools.lru_cache(maxsize=1 << 14)
def parse_country(text: str) -> str:
    """ISO alpha-2 of the one country that `text` names in any usual way, "" where it names none.

    >>> parse_country("RU - Russia"), parse_country("Кыргызстан"), parse_country("Nigeria")
    ('RU', 'KG', 'NG')
    >>> parse_country("Los Angeles, CA"), parse_country("Russia via Turkey")
    ('', '')
    """
    names, whole = read_country_names(), fold_words(text)
    if whole in names:
        return names[whole]
    parts = {part.strip() for part in re.split(r"[,;/()\[\]|:]|\s[-–—]\s", text)}
    words = [fold_words(part) for part in parts.difference(US_STATES.split())]
    read = {names.get(word) or names.get(OF_STATES.sub("", word), "") for word in words} - {""}
    return read.pop() if len(read) == 1 else ""


def find_unread_country(text: str) -> Flag | None:
    """The `unscreened` flag of a filled destination cell that names no country, else None."""
    reason = f'destination "{text}" names no country of lists/countries.csv: its rules were not run'
    flag = Flag("unscreened", reason, {"role": "destination", "found": text})
    return flag if text.strip() and not parse_country(text) else None


@functools.cache
def read_destinations() -> Mapping[str, Sequence[Row]]:
    """Rows of lists/destinations.csv by ISO alpha-2."""
    rules = defaultdict(list)
    for row in read_table("destinations"):
        rules[row["iso2"]].append(row)
    return dict(rules)


@functools.lru_cache(maxsize=1 << 12)
def find_destination_flags(iso2: str, role: str = "destination") -> tuple[Flag, ...]:
    """The embargo and special-control flags of country `iso2`, which `role` of the row names.

    >>> [flag.facts["rule"] for flag in find_destination_flags("BY")], find_destination_flags("KG")
    (['russia_belarus_controls'], ())
    """
    rows, said = read_destinations().get(iso2, ()), role.replace("_", " ")
    met = [row for row in rows if row["kind"] == "destination" and not row["needs"]]
    return tuple(_rules_flag([row], f"{said}: ", "") for row in met)


def _rules_flag(rows: Sequence[Row], start: str, end: str) -> Flag:
    why = dict.fromkeys(
        f"{row['basis']} ({row['source']}, {row['as_of']}"
        + (")" if row["verified"].startswith("verified") else f"; {row['verified']})")
        + (f", {row['note']}" if row["note"] else "")
        for row in rows
    )
    facts = {key: "; ".join(dict.fromkeys(row[key] for row in rows)) for key in ("rule", "table")}
    reason = f"{start}{rows[0]['country']}: {'; '.join(why)}{end}"
    return Flag(rows[0]["kind"], reason, {**facts, "country": rows[0]["iso2"]})


@functools.lru_cache(maxsize=1 << 16)
def find_region_flags(text: str) -> tuple[Flag, ...]:
    """The `destination` flags of places in address `text` under embargo: occupied regions of
    Ukraine (EAR 746.6 has Crimea, Donetsk, Luhansk; not Kherson or Zaporizhzhia), and seats in
    Russia or Belarus, whatever country the row says.

    >>> [flag.facts["country"] for flag in find_region_flags("г. Севастополь, ул. Ленина 5")]
    ['UA-43']
    >>> find_region_flags("Lugansk str. 5, Kyiv")
    ()
    """
    folded = fold_phrase(text)
    hits = find_phrases(folded, read_phrases("regions"))
    other = [(start, end) for start, end, row in hits if row["what"] == "other"]
    flags: dict[str, Flag] = {}
    for start, end, row in hits:
        if any(a < end and start < b for a, b in other) or STREET.match(folded, end):
            continue
        said = f'"{folded[start:end]}" stands in "{text}": {row["region"]}, {row["basis"]}'
        said += f" ({row['source']}, {row['as_of']})" + (f"; {row['note']}" if row["note"] else "")
        facts = {"rule": row["rule"], "country": row["code"], "table": "embargoed places"}
        flags.setdefault(row["code"], Flag("destination", said, facts))
    return tuple(flags.values())


def find_place_flags(role: str, text: str) -> list[Flag]:
    """The embargo flags of one cell: of the country it names, then of the places in it."""
    said: list[Flag] = []
    if role in WAY or role.endswith("_country"):
        said += find_destination_flags(parse_country(text), role)
    if role in WAY or role.endswith(("_country", "_address")):
        said += find_region_flags(text)
    return said


def find_ways(texts: Iterable[str], instead: Iterable[str]) -> tuple[str, ...]:
    """The distinct countries (ISO alpha-2) that `texts` name, else those that `instead` names.

    >>> find_ways(["Hamburg", "DE", "RU"], ["KG"]), find_ways(["Port of Poti", ""], ["Georgia"])
    (('DE', 'RU'), ('GE',))
    """
    for cells in (texts, instead):
        if found := tuple(dict.fromkeys(filter(None, map(parse_country, cells)))):
            return found
    return ()


def find_route_flags(route: Route) -> tuple[Flag, ...]:
    """The `destination` and `diversion` flags of `route`: embargoes by every country and place it
    names, and in the company of goods country groups, transshipment points and red flags."""
    cells: dict[str, list[str]] = defaultdict(list)
    said: list[Flag] = []
    for role, text in route.cells:
        cells[role].append(text)
        said += find_place_flags(role, text)
    flags = {flag.facts["country"]: flag for flag in reversed(said)}  # one a country, as first said
    goals = find_ways(cells["destination"], ())
    ways = find_ways(
        (*cells["destination"], *(t for r in BUYERS for t in cells[f"{r}_country"])), ()
    )
    company = _find_company(route, ways)
    groups = [flag for country in ways for flag in _find_groups(country, company, route.tier)]
    signs = _find_signs(cells, goals, company) if route.tables else []
    return (*flags.values(), *groups, *signs)


def _find_company(route: Route, ways: Sequence[str]) -> frozenset[str]:
    """What `needs` of a rule may name: tables met, goods, tier, third (not all partner states)."""
    kinds = [{row["kind"] for row in read_destinations().get(way, ())} for way in ways]
    third = not kinds or not all("partner" in kind for kind in kinds)
    said = {"goods": bool(route.tables), "tier": bool(route.tier), "third": third}
    return frozenset((*route.tables, *(word for word, true in said.items() if true)))


def _find_groups(iso2: str, company: frozenset[str], tier: str) -> list[Flag]:
    rows = read_destinations().get(iso2, ())
    met = [row for row in rows if company.issuperset(row["needs"].split("+"))]
    flags, end = [], CERTIFICATE if tier in ("1", "2") else ""
    for kind in ("destination", "diversion"):
        if group := [row for row in met if row["kind"] == kind]:
            flags.append(_rules_flag(group, "with such goods, ", end))
            end = ""  # the note once a country
    return flags


def _find_signs(
    cells: Mapping[str, Sequence[str]], goals: Sequence[str], company: frozenset[str]
) -> list[Flag]:
    flags, country = [], next(iter(goals), "")
    for row in read_table("red_flags"):
        if company.issuperset(row["needs"].split("+")) and (shown := _show_sign(row, cells, goals)):
            reason = f"{row['sign']}: {shown} ({row['publication']}, {row['as_of']})"
            facts = {"rule": row["id"], "country": country, "table": "red flags"}
            flags.append(Flag("diversion", reason, facts))
    return flags


@functools.lru_cache(maxsize=1 << 16)
def _find_sign_words(text: str) -> frozenset[str]:
    """The red flags, by id, whose words stand in `text`."""
    found = find_phrases(fold_phrase(text), read_phrases("red_flags"))
    return frozenset(row["id"] for _, _, row in found)


def _show_sign(row: Row, cells: Mapping[str, Sequence[str]], goals: Sequence[str]) -> str:
    """What `cells` show of the red flag `row`, "" for nothing."""
    if row["test"] == "words":
        told = (
            (role, text) for role in row["applies_to"].split("|") for text in cells.get(role, ())
        )
        said = (f'{role} "{text}"' for role, text in told if row["id"] in _find_sign_words(text))
        return next(said, "")
    role, test, texts = row["applies_to"], row["test"], cells.get(row["applies_to"], ())
    filled = [text for text in texts if text.strip()]
    other = [country for country in find_ways(texts, ()) if country not in goals]
    if test == "blank" and texts and not filled:
        return f"{role} is blank"
    if test == "transit":
        return next((f"by way of {way}" for way in other if way in row["countries"].split("|")), "")
    if test == "elsewhere" and other and goals:
        return f"{role} is {other[0]}, the goods go to {' and '.join(goals)}"
    users = cells.get("end_user", ())
    if test == "no-end-user" and filled and users and not any(map(str.strip, users)):
        return f'{role} "{filled[0]}"'
    return ""


# ==================================================================================================
# Lists: files of listed parties -> entries, and a verdict on every list. A layout is a row of
# list_layouts.csv and is recognised by content; an official list is held to its row of sources.csv.
# Knows nothing of matching, and downloads nothing.
MOST_FALL = 0.2  # of the last good copy: ending the SYRIA programme took 5 %, half a file must fail
SLICE_ENTRIES = 1000  # given by hand and smaller: a sample; if higher, a cut CSL passes as one
LARGEST_LIST = 256 * 2**20  # bytes, unpacked; the largest official file known is 32 MB
REMARK_CUT = 1000  # characters, where OFAC cuts even a word; the comments file goes on from there
INNER_NAME = re.compile(r"[\s,(\[]*(?:\b[af]\.k\.a\.|[(\[][af]ka\b),?\s+", re.I)
SUCCESSORS = re.compile(r"[;,]? and (?:any|its) (?:successor|sub-unit).*", re.S)  # ISN, 2022-2025
ISN_COMMA = re.compile(r", (?:and )?(?!(?:Ltd|LLC|Inc|Co|Corp|Limited|S\.|JSC|P\.J\.S)\b)")
CSL_NUMBER = re.compile(r"(?!\d{4}-\d\d-\d\d$).*\d")  # of a passport, but not its dates
SHIP_NUMBER = re.compile(r"(?:.*\W)?IMO\W*(\d{7})(?:\D.*)?", re.I | re.S)
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%b-%Y")  # of publication: EU XML and UN, EU CSV, UK
TYPES = ("vessel", "aircraft", "individual", "entity")  # a ship is an entity to the EU
DATES = ("listed_on", "expires_on")
ONE_TEXT = ("id", "code", "citation", "url", *DATES)
STARTER = "a starter list, used because no official list is loaded: run `screen.py update`"
COPY_NOTE = "copy.json"  # beside the files of a download: entries, checked_at, tags by address
FIELDS = (
    "code", "type", "primary", "alias", "former", "weak", "countries", "addresses", "identifiers",
    "programmes", "listed_on", "expires_on", "citation", "url", "remarks", "licence",
)  # fmt: skip
Draft = dict[str, list[str]]  # "id" or one of FIELDS -> an entry's texts as read, in order


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


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file as read and recognised; `fault` says why it is no whole list, "" when it is."""

    path: Path
    raw: bytes = b""
    layout: Mapping[str, str] = field(default_factory=lambda: defaultdict(str))  # list_layouts.csv
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    published: str = ""
    fault: str = ""


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
    found = re.search(r"\(([A-Z-]+)(?: List)?\).* - ", source)
    return f"US-{found[1]}" if found else source


def parse_inner_names(text: str) -> list[str]:
    """The names inside one listed name: without its successors, without and behind its a.k.a.

    >>> parse_inner_names("Gor LTD (f.k.a., Gor Sales) of Ufa and any successor thereof")
    ['Gor LTD of Ufa', 'Gor Sales']
    >>> parse_inner_names("AKA Trading")
    ['AKA Trading']
    """
    base, *inner = INNER_NAME.split(SUCCESSORS.sub("", text))
    found = [re.fullmatch(r"([^()\[\]]*)[)\]](.*)", part, re.S) for part in inner]
    whole = base + "".join(cut[2] for cut in found if cut)
    parts = [cut[1] if cut else part for cut, part in zip(found, inner, strict=True)]
    return [whole.strip(), *(name.strip(" ,") for part in parts for name in part.split(";"))]


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
    """The file as cells of a known layout; whatever is wrong with it stands in `fault`."""
    try:
        raw = path.read_bytes()
        body = open_packed(io.BufferedReader(io.BytesIO(raw))).read(LARGEST_LIST + 1)
        if len(body) > LARGEST_LIST:
            raise EOFError(f"it is larger than {LARGEST_LIST:,} bytes")
        head = body[:4096].strip(b"\xef\xbb\xbf\x1a \r\n\t").decode("latin-1").lower()
        for sign in read_table("not_lists"):
            if re.match(sign["begins"], head, re.S):
                return ListFile(path, raw, fault=f"is {sign['what']}, not a list")
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        return ListFile(path, raw, fault=f"is not UTF-8 text (at byte {err.start + 1:,})")
    except UNREAD as err:
        return ListFile(path, fault=f"cannot be read ({err})")
    read = _parse_xml if text.lstrip().startswith("<") else _parse_csv
    return read(ListFile(path, raw), text.strip("\x1a").lstrip())


def _parse_csv(file: ListFile, text: str) -> ListFile:
    """`file` with its cells, in the first layout that its first rows fit."""
    lines = [line[:30_000] for line in islice(io.StringIO(text, newline=""), 4)]
    for layout in read_table("list_layouts"):
        for mark in layout["delimiter"].replace("TAB", "\t"):
            head = [row for row in csv.reader(lines, delimiter=mark) if row][int(layout["skip"]) :]
            names = layout["header"].split("|")  # OFAC's files have none, re-saved copies may
            if not head:
                continue
            if layout["header"]:
                bare = head[-1][0].isdecimal() and {len(row) for row in head} == {len(names)}
                fits = bare and bool(re.search(layout["recognise"], "".join(lines)))
            else:
                fits = {*layout["recognise"].split("|")} <= {cell.strip() for cell in head[0]}
            if fits:
                return _parse_cells(replace(file, layout=layout), text, mark)
    known = "neither an official list nor a CSV file with a column `name`"
    return replace(file, fault=f"is {known}, it begins with {text.splitlines()[0][:60]!r}")


def _parse_cells(file: ListFile, text: str, mark: str) -> ListFile:
    """`file` with header, rows and date of publication, and with the first fault in them."""
    layout, skip, fault = file.layout, int(file.layout["skip"]), ""
    rows: list[list[str]] = []
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        rows.extend(filter(None, lines))
    except csv.Error as err:
        fault = f"breaks off or is garbled after row {len(rows):,} ({err})"
    if len(rows) <= skip:
        return replace(file, fault=fault)
    bare = layout["header"] and rows[skip][0].isdecimal()
    names = layout["header"].split("|") if layout["header"] else rows[skip]
    header = [name.strip() for name in names]
    body = rows if bare else [row for row in rows[skip + 1 :] if row != rows[skip]]  # CSL: repeated
    odd = next((n for n, row in enumerate(body) if len(row) != len(header)), None)
    if odd is not None:
        cells = f"{len(body[odd])} cells in data row {odd + 1:,} where {len(header)} are due"
        fault, body = fault or f"has {cells}", [row for row in body if len(row) == len(header)]
    elif layout["list"] and not text.endswith(("\n", '"')):
        fault = fault or "breaks off in its last row"
    published = rows[0][0].partition(":")[2].strip() if skip else ""
    if layout["published"] in header and body:
        published = body[0][header.index(layout["published"])]
    return replace(file, header=header, rows=body, published=published, fault=fault)


def _parse_xml(file: ListFile, text: str) -> ListFile:
    """`file` with rows as if it were a CSV list: see `_read_record`; no entities are expanded."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return replace(file, fault="declares a document type or entities, as no official list does")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as err:
        return replace(file, fault=f"breaks off or is garbled XML ({err})")
    kind = root.tag.rpartition("}")[2]
    layouts = [row for row in read_table("list_layouts") if row["record"]]
    if (layout := next((row for row in layouts if row["recognise"] == kind), None)) is None:
        return replace(file, fault=f"is XML with the root <{kind}>, no list known here")
    specs = " & ".join(layout[name] for name in ("key", "kinds", *FIELDS))
    header = ["#", *dict.fromkeys(re.split(r" & |\+|~[^&]+(?= & )|=\S+", specs))]
    tags = layout["record"].split("|")
    nodes = [node for node in root.iter() if node.tag.rpartition("}")[2] in tags]
    rows = [row for n, node in enumerate(nodes) for row in _read_record(node, header, str(n))]
    published = root.get(layout["published"], "")
    return replace(file, layout=layout, header=header, rows=rows, published=published)


def _read_record(node: ElementTree.Element, header: Sequence[str], mark: str) -> list[list[str]]:
    """A row of the record's own attributes and texts, then one a child, its cells `child.part`."""
    own, below = {"record": node.tag.rpartition("}")[2], **node.attrib}, []
    for child in node:
        name = child.tag.rpartition("}")[2]
        cells = {f"{name}.{key}": value for key, value in child.attrib.items()}
        for leaf in child:
            key = f"{name}.{leaf.tag.rpartition('}')[2]}"
            cells[key] = "\n".join(filter(None, [cells.get(key), leaf.text]))
        below += [cells] if cells else []
        own |= {} if cells else {name: child.text or ""}
    return [[mark, *(cells.get(name, "") for name in header[1:])] for cells in (own, *below)]


def _read_drafts(file: ListFile, drafts: dict[str, Draft]) -> None:
    """Adds the rows of `file` to `drafts`: by entry where its layout groups, else a draft a row."""
    layout, where = file.layout, {name.lower(): n for n, name in enumerate(file.header)}
    key = where.get(layout["key"].lower())
    group = 0 if file.header[:1] == ["#"] else key if layout["grouped"] else None
    rules = [re.split("[=:]", rule) for rule in layout["kinds"].split(" & ") if rule]
    kinds = [(where[name.lower()], start, kind) for name, start, kind in rules]
    plan = []
    for field_name in FIELDS:
        for spec in filter(None, layout[field_name].split(" & ")):
            names, _, cut = spec.partition("~")
            cells = [where[name.lower()] for name in names.split("+") if name.lower() in where]
            split = _split_csv if cut == "csv" else re.compile(cut).split if cut else None
            plan += [(field_name, cells, split)] if cells else []
    for number, row in enumerate(file.rows, 1):
        mark = row[group].strip() if group is not None else str(number)
        if layout["part"] not in ("", "main") and mark not in drafts:
            continue  # of an entry that the main file no longer has
        if (draft := drafts.get(mark)) is None:
            given = row[key].strip() if key is not None else ""
            draft = drafts[mark] = {"id": [given or (str(number) if layout["key"] else "")]}
        fits = (kind for n, start, kind in kinds if row[n].lower().startswith(start))
        kinded = next(fits, "") if kinds else ""
        for name, cells, split in plan:
            text = row[cells[0]]
            if len(cells) > 1:
                texts = [t for n in cells if (t := row[n].strip()) and t != "-0-"]
                text = (", " if name == "addresses" else " ").join(texts)
            if text and text[:3] != "-0-":  # OFAC's empty cell, with a blank behind it
                place = kinded if kinded and name in ("primary", "alias") else name
                draft.setdefault(place, []).extend(split(text) if split else (text,))


def _split_csv(text: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    return [cell for row in rows for cell in row]  # OpenSanctions: a CSV line in a cell


def _read_names(draft: Draft, inner: str, isn: bool) -> tuple[tuple[str, str], ...]:
    """Distinct names with kind, primary first; of the CSL also the names inside its names."""
    names: dict[str, str] = {}
    for kind in ("primary", "alias", "former", "weak"):
        for listed in draft.get(kind, ()):
            text = " ".join(listed.split())
            if inner and kind == "alias":
                text = text.removeprefix("and ")  # EL: "X; and Y"
            names.setdefault(text, kind)
            for part in ISN_COMMA.split(text) if isn and kind == "alias" else ():
                names.setdefault(part, kind)
    for text in [*names] if inner else ():
        if "k.a." in text.lower() or "aka " in text or " and " in text:
            names |= {part: "alias" for part in parse_inner_names(text) if part not in names}
    names.pop("", None)
    first = next(iter(names), "")  # the EU marks no primary name, by custom it is the first
    others = [(t, "alias" if kind == "primary" else kind) for t, kind in names.items()][1:]
    return ((first, "primary"), *others)


def _find_distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(str.strip, texts))))


def _build_entry(
    draft: Draft, layout: Mapping[str, str], types: Mapping[str, str], list_name: str
) -> ListEntry:
    """The entry of a draft on a list; its only name is "" where the draft has none."""
    one = {key: draft[key][0].strip() for key in ONE_TEXT if key in draft}
    name = _find_code(one.get("code", "")) or list_name
    read = {types.get(text.strip().lower()) for text in draft.get("type", "-")}
    addresses = _find_distinct(draft.get("addresses", ()))
    tails = [text.rpartition(", ")[2] for text in addresses] if layout["address_tail"] else []
    countries = {parse_country(text) for text in (*tails, *draft.get("countries", ()))} - {""}
    texts, numbers = draft.get("remarks") or [""], draft.get("identifiers", [])
    remarks = ("" if len(texts[0]) == REMARK_CUT else "; ").join(filter(None, dict.fromkeys(texts)))
    if layout["remark_names"]:
        numbers = remarks.rstrip(".").split("; ")
        draft["weak"] = re.findall(layout["remark_names"], remarks)
    names = _read_names(draft, layout["inner_names"], name == "US-ISN")
    dates = [parse_date(one.get(key, ""), (layout["dates"],)) for key in DATES]
    key = one["id"]  # of the Denied Persons List what it says
    if not key:
        facts = "|".join([names[0][0], *dates, one.get("citation", ""), *addresses])
        key = hashlib.sha256(facts.encode()).hexdigest()[:12]
    return ListEntry(
        list=name, entry_id=key,
        type=next((kind for kind in TYPES if kind in read), ""), names=names, addresses=addresses,
        countries=tuple(sorted(countries)),
        identifiers=_find_distinct(parse_identifier(text, layout["labels"]) for text in numbers),
        programmes=_find_distinct(draft.get("programmes", ())),
        listed_on=dates[0], expires_on=dates[1], citation=one.get("citation", ""),
        url=one.get("url", ""), remarks=remarks.strip(),
        licence="; ".join(draft.get("licence", ())),
    )  # fmt: skip


def _read_entries(files: Sequence[ListFile], name: str) -> tuple[list[ListEntry], list[str]]:
    """Entries of the files of one list, and what there is to say about what gave none."""
    drafts: dict[str, Draft] = {}
    for file in (file for file in files if file.rows):
        _read_drafts(file, drafts)
    layout, entries = files[0].layout, list[ListEntry]()
    types = {t: kind for kind in TYPES for t in (kind, *layout[f"type_{kind}"].split("|"))}
    seen, notes = Counter[tuple[str, str]](), Counter[str]()
    for draft in drafts.values():
        entry = _build_entry(draft, layout, types, name)
        seen[key := (entry.list, entry.entry_id)] += 1
        again = replace(entry, entry_id=f"{key[1]}-{seen[key]}") if seen[key] > 1 else entry
        entries += [again] if entry.names[0][0] else []
        notes["rows without a name"] += not entry.names[0][0]
        notes["unreadable dates"] += any(k in draft and not getattr(entry, k) for k in DATES)
    known = {"source", "as_of", *(spec.partition("~")[0] for spec in layout.values())}
    for column in files[0].header if not layout["list"] else ():
        notes[f"column not read: {column}"] += column.lower() not in known
    return entries, [f"{count:,} {what}" for what, count in notes.items() if count]


def _find_name(file: ListFile, due: Mapping[str, str]) -> str:
    """The registry's name of the list in `file`; else that of `due`, or an own list's stem."""
    added = due["list"] if due["format"] == file.layout["layout"] else ""  # the user's own source
    return file.layout["list"] or added or file.path.name.partition(".")[0]


def _find_list_fault(
    files: Sequence[ListFile], entries: Sequence[ListEntry], source: Mapping[str, str], last: int
) -> str:
    """Why `files` are not the whole list of `source`: what was found, what is expected; or ""."""
    main, least, count = files[0].path, int(source["least_entries"] or 0), len(entries)
    if faulty := next((file for file in files if file.fault), None):
        return f"{faulty.path} {faulty.fault}"
    parts = {file.layout["part"] for file in files} - {""}
    if len({file.raw.endswith(b"\x1a") for file in files}) > 1:
        return f"{main} is part of a set of which only some files have OFAC's end mark (Ctrl-Z)"
    if lacking := {"main", "add", "alt"} - parts if parts else set():
        return f"{main} is part of a set, and its {' and '.join(sorted(lacking))} file is not there"
    if source["list"] and (held := _find_name(files[0], source)) != source["list"]:
        return f"{main} holds {held} where {source['list']} is due"
    if not entries:
        return f"{main} holds no entries"
    if count < least:
        return f"{main} has {count:,} entries where a full copy has {least:,} or more"
    if count < (1 - MOST_FALL) * last:
        return f"{main} has {count:,} entries where the last good copy had {last:,}"
    texts = "\n".join(text for entry in entries for text, _ in entry.names).casefold()
    lost = [name for name in source["canaries"].split("|") if name.casefold() not in texts]
    return f"{main} lacks {lost[0]!r}, which the whole list holds" if lost else ""


def _group_files(files: Sequence[ListFile]) -> list[list[ListFile]]:
    """The files of every list: part files go to the main file that knows most of their ids."""
    groups = [[file] for file in files if file.layout["part"] in ("", "main")]
    ids = [{row[0] for row in g[0].rows} if g[0].layout["part"] else {""} for g in groups]
    for file in (file for file in files if file.layout["part"] not in ("", "main")):
        shared = [len(known & {row[0] for row in file.rows}) for known in ids]
        if max(shared, default=0):
            groups[shared.index(max(shared))].append(file)
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


def _find_files(folder: Path) -> list[Path]:
    """The lists under `folder`: of those that `update` keeps the newest copy, or newer by hand."""
    seen = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".md"]
    files = [p for p in seen if not any(t[0] in ".~" for t in p.relative_to(folder).parts)]
    for home in {p.parent.parent for p in files if p.name == COPY_NOTE and p.parent != folder}:
        note = find_copies(home)[0] / COPY_NOTE
        laid = [path for path in files if path.parent == home]
        laid = [path for path in laid if path.stat().st_mtime > note.stat().st_mtime]
        used = laid or [*note.parent.iterdir()]
        files = [path for path in files if home not in path.parents or path in used]
    if folder.resolve() == TABLES:
        files = [path for path in files if path.parent != folder or not _is_table(path)]
        if any(folder / "official" in path.parents for path in files):
            files = [path for path in files if path != folder / "starter.csv"]
    return [path for path in files if path.name != COPY_NOTE]


def _is_table(path: Path) -> bool:
    """Whether `path` is a table of this project, no list: each row has its source, none a name."""
    with open(path, encoding="utf-8", errors="replace") as file:
        columns = file.readline().strip().split(",")
    return columns[-2:] == ["source", "as_of"] and "name" not in columns


def _find_source(names: Iterable[str]) -> Mapping[str, str]:
    """The registry's row of a list in `names`; every cell "" where none is official."""
    found = (row for row in read_table("sources") if row["list"] in names)
    return next(found, defaultdict(str))


def _judge_list(
    files: Sequence[ListFile], options: ListOptions
) -> tuple[list[ListEntry], ListReport]:
    """Entries of a list and the verdict; what lies under official/ must be whole and young."""
    main, where = files[0], files[0].path.resolve().parts[-4:-1]
    official = "official" in where
    due = _find_source(where if official else ())
    name = _find_name(main, due)
    source = due if due["list"] else _find_source([name])
    entries, notes = _read_entries(files, name)
    least = int(source["least_entries"] or 0)
    if not official and 0 < len(entries) < min(SLICE_ENTRIES, least / 2):
        notes += [f"a slice of {len(entries):,} entries; the whole list has {least:,} or more"]
        source = {**source, "least_entries": "", "canaries": ""}
    checked = read_copy_note(main.path.parent).get("checked_at", "")[:10]
    as_of = parse_date(main.published) or checked
    if not as_of and main.raw:
        as_of = date.fromtimestamp(main.path.stat().st_mtime).isoformat()
    age = (options.as_of - date.fromisoformat(as_of)).days if as_of else None
    limit = int(source["max_age_days"] or 30) if options.max_age is None else options.max_age
    late = (age or 0) > limit and (main.layout["list"] or source["list"])  # own lists do not age
    old = f"{main.path} is of {as_of}, {age} days old where {limit} are allowed" if late else ""
    fault = _find_list_fault(files, entries, source, 0) or (
        old if official or options.max_age is not None else ""
    )
    starter = main.path.resolve() == TABLES / "starter.csv"
    notes += [text for text in (old, STARTER if starter else "") if text and text != fault]
    if fault and entries and {name, *(file.path.name for file in files)} & options.admit:
        notes = [f"admitted by the user: {fault}", *notes]
    elif fault:
        cure = f"run `screen.py update {name}`" if official else "give a sound copy"
        admit = f", or --admit {name} to screen on it all the same" if entries else ""
        notes = [f"{fault}: {cure}{admit}"]
    return entries, ListReport(
        list=name, title=source["title"] or name, file=str(main.path), format=main.layout["layout"],
        entries=len(entries), names=sum(len(entry.names) for entry in entries),
        weak_names=sum(kind == "weak" for entry in entries for _, kind in entry.names),
        addresses=sum(len(entry.addresses) for entry in entries), as_of=as_of, age_days=age,
        sha256=hashlib.sha256(b"".join(file.raw for file in files)).hexdigest(),
        status="refused" if fault else "stale" if old else "ok", note="; ".join(notes),
    )  # fmt: skip


def judge_lists(
    paths: Sequence[Path], options: ListOptions
) -> list[tuple[list[ListEntry], ListReport]]:
    """Every list under `paths` with its verdict; refused ones too, with what could be read."""
    read: dict[Path, ListFile] = {}
    for path in paths:
        files = _find_files(path) if path.is_dir() else [path]
        read |= {file.resolve(): read_list_file(file) for file in files}
        if not files:
            read[path] = ListFile(path, fault="holds no list file")
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


def check_download(
    paths: Sequence[Path], source: Mapping[str, str], last_entries: int
) -> tuple[str, int]:
    """Why the downloaded files are not the list `source`, "" when sound; and their entries."""
    files = [read_list_file(path) for path in paths]
    entries, _ = _read_entries(files, source["list"])
    fault = _find_list_fault(files, entries, source, last_entries)
    return fault.replace(f"{paths[0].parent}/", ""), len(entries)


# ==================================================================================================
# Update: the registry's addresses -> checked copies under lists/official/. A copy is a folder of
# its own, LIST/NUMBER/, that appears whole in one step; the highest number is the one in use.
# Knows transport and disk only: whether a file is the list is for `check_download` to say.
PIECE = 64 * 1024  # bytes in memory at a time
# A file above MOST_GROWTH times the last good one is refused: SDN doubled in five years (2 would
# refuse it), a swollen answer is 100 times as large (200 would take it).
MOST_GROWTH = 10
NO_ADDRESS = "has no address to download from"  # a fault only for lists asked for by name
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


def _download(
    url: str, file: Path, tags: Mapping[str, str], limits: UpdateLimits
) -> dict[str, str] | None:
    """The answer's tags, once its body lies in `file`; None: that of `tags` still holds."""
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
            return None
        fault = _PassingFault if err.code == 429 or err.code >= 500 else ScreenError
        raise fault(f"{err.url} answered HTTP {err.code} ({' '.join(err.reason.split())})") from err
    except (OSError, http.client.HTTPException, ValueError) as err:
        why = getattr(err, "reason", "") or err or type(err).__name__
        raise _PassingFault(f"{url} could not be downloaded: {why}") from err
    finally:
        click.echo(ERASE * limits.progress, nl=False, err=True)


def _retry(
    url: str, file: Path, tags: Mapping[str, str], limits: UpdateLimits
) -> dict[str, str] | None:
    """What `_download` gives, tried again after growing pauses while the fault may pass."""
    for pause in limits.pauses:
        try:
            return _download(url, file, tags, limits)
        except _PassingFault:
            time.sleep(pause)
    return _download(url, file, tags, limits)


def _gather(
    source: Mapping[str, str], room: Path, good: Path, limits: UpdateLimits
) -> dict[str, Any]:
    """The note of a new copy, its checked files now in `room`; any fault raises."""
    note, tags = read_copy_note(good), dict[str, Any]()
    for url, name in _split_parts(source):
        if fault := find_address_fault(url):
            raise ScreenError(fault if url else f"{name} {NO_ADDRESS}")
        kept = good / name
        known = note.get("tags", {}).get(url, {}) if kept.exists() else {}
        size = kept.stat().st_size if kept.exists() else limits.largest
        bounded = replace(limits, largest=min(limits.largest, MOST_GROWTH * size))
        tags[url] = _retry(url, room / name, known, bounded)
        if tags[url] is None:
            tags[url] = known
            shutil.copyfile(kept, room / name)
    files = [room / name for _, name in _split_parts(source)]
    fault, entries = check_download(files, source, note.get("entries", 0))
    if fault:
        raise ScreenError(fault)
    checked = datetime.now(UTC).isoformat(timespec="seconds")
    return {"entries": entries, "checked_at": checked, "tags": tags}


def _update_list(source: Mapping[str, str], folder: Path, limits: UpdateLimits) -> str:
    """The closing line about a list; raises on a fault, before which nothing in use has changed."""
    home = folder / source["list"]
    home.mkdir(parents=True, exist_ok=True)
    good = next(iter(find_copies(home)), home / "0")
    room = Path(tempfile.mkdtemp(prefix=".partial-", dir=home))
    try:
        note = _gather(source, room, good, limits)
        same = good.exists() and not any(filecmp.cmpfiles(room, good, os.listdir(room), False)[1:])
        (room / COPY_NOTE).write_text(json.dumps(note, indent=1), "utf-8")
        room.chmod(0o755)
        if same:
            os.replace(room / COPY_NOTE, good / COPY_NOTE)
        else:
            os.replace(room, home / f"{int(good.name) + 1:06d}")  # now the new copy counts
    finally:
        shutil.rmtree(room, ignore_errors=True)
    _sweep(home)
    return f"{source['list']}: {note['entries']:,} entries, {'unchanged' if same else 'new copy'}"


def _sweep(home: Path) -> None:
    """Removes older copies, and after an hour what killed runs left behind."""
    for path in {*home.glob("[0-9]*/"), *home.glob(".partial-*/")} - {*find_copies(home)[:2]}:
        if path.name[0] != "." or time.time() - path.stat().st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)


def _split_parts(source: Mapping[str, str]) -> list[tuple[str, str]]:
    """(url, file name) per part of a list; the url is '' where there is none to download from."""
    return list(zip(source["url"].split("|"), source["files"].split("|"), strict=False))


def _tell_fault(source: Mapping[str, str], folder: Path, fault: str) -> str:
    """`fault` of a list as one sentence, with what is in use now and what the user can do."""
    home = folder / source["list"]
    dates = [read_copy_note(copy).get("checked_at", "")[:10] for copy in find_copies(home)]
    kept = f"the last good copy of {dates[0]} stays" if dates else "there is no good copy"
    fetch = [f"{url or source['manual']} as {home / name}" for url, name in _split_parts(source)]
    todo = f"run `screen.py update {source['list']}` again, or fetch by hand {', '.join(fetch)}."
    return f"{source['list']}: {fault.rstrip('.')}; {kept} in use; {todo}"


def update_lists(
    sources: Sequence[Mapping[str, str]],
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
    for name in dict.fromkeys(names or known):
        try:
            talk(_update_list(known[name], folder, limits))
        except (ScreenError, OSError, ValueError) as err:
            fault = err.message if isinstance(err, ScreenError) else str(err)
            by_hand_only = not names and fault.endswith(NO_ADDRESS)
            (talk if by_hand_only else faults.append)(_tell_fault(known[name], folder, fault))
    return faults


# ==================================================================================================
# Names
# Takes the text of a name, gives its comparable tokens, legal forms set apart, and what was folded
# away. Does not know about lists or scores. Languages live in tables; code only consults them.


Sounds = tuple[tuple[re.Pattern[str] | str, str], ...]


@dataclass(frozen=True, slots=True)
class FoldedName:
    """A name as comparable tokens in the order written; equal ones compare as 100."""

    tokens: tuple[str, ...]  # ("huawei", "technology"); empty only if no letter or digit was there
    words: tuple[str, ...]  # the same as spelt: ("huawei", "tech")
    plain: str  # all words with the legal forms: "huawei tech co ltd"
    forms: tuple[str, ...]  # classes of its legal forms, sorted: ("LTD",)
    script: str = ""  # "han": holds Chinese characters; "pinyin": Latin made of such; else ""
    notes: tuple[str, ...] = ()  # "look-alike letters of another script"


@dataclass(frozen=True, slots=True)
class Language:
    """The language tables in the shape that folding asks for."""

    canonical: Mapping[str, str]  # "intl" -> "international", "iii" -> "3"
    forms: Mapping[str, tuple[tuple[tuple[str, ...], str, str], ...]]  # first word -> forms
    letters: Mapping[str, str]  # "ж" -> "zh"
    digraphs: tuple[tuple[str, str], ...]  # ("ου", "u"), before single letters
    lookalikes: Mapping[int, str]
    twins: Mapping[int, str]  # Latin letters to the Cyrillic ones that look so
    han_words: Mapping[str, str]  # "技术" -> "technology"
    simplified: Mapping[int, str]
    pinyin_starts: tuple[
        tuple[bytes, str], ...
    ]  # (GB 2312 code of a syllable's first character, …)
    pinyin: Mapping[str, str]  # characters outside the ordered level
    classes: Mapping[str, str]  # generic word -> "generic", "place", "particle", "title"
    spellings: Mapping[str, str]  # long words of `canonical` and of legal forms -> canonical or ""
    class_sounds: Mapping[str, str]  # sound key of a generic word -> its class
    sounds: Sounds  # ordered rules of the sound key
    given_names: Mapping[str, str]  # "bill" -> "william"


INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
ABJAD = re.compile("[\u0590-\u065f\u066e-\u06ef\u06fa-\u07ff\ufb1d-\ufdff\ufe70-\ufefc]")
LATIN = re.compile("[a-z\u00c0-\u024f\u1e00-\u1eff]", re.IGNORECASE)
CYRILLIC = re.compile("[\u0400-\u04ff]")
OTHER = re.compile(
    "[\u0370-\u052f\u0530-\u07ff\u0900-\u1dff\u1f00-\u1fff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
DOTTED = re.compile(r"\b(?:[a-z]\.){2,}(?:[a-z]\b)?|\b[a-z]\.[a-z]\b(?!\.?\w)")
LEADING_ZEROS = re.compile(r"\b0+(?=\d)|(?<=\d)(?:st|nd|rd|th)\b")
JUNK = {c: " " for c in range(128) if not chr(c).isalnum() and c != 10} | {
    ord("'"): "",
    ord("`"): "",
}
NAMED = re.compile(r"(LETTER|SYLLABLE|VOWEL SIGN|CHARACTER)(?: SMALL| CAPITAL| FINAL)* (\w+)")
APART = re.compile(r"[\s\-/,;:_|+\"]+")  # "Volvo-Вектор" is no word of mixed scripts
BEGINS = re.compile(r"(?=\w)|$")  # "(mhmd": behind the bracket
ABJAD_MARK = "\u02bf"  # before a word of consonants only: Arabic, Hebrew, Syriac
ARTICLE = ABJAD_MARK + "al"
CONSONANTS = str.maketrans("eiouwypvqcxg", "aaaaaabfkkkj")
# Several parties in one cell, and words that say so.
ALSO = re.compile(
    r"\s*(?:[;|\n]|\s/\s|\b[afdn]\s?[./]\s?k\s?[./]\s?a\b\.?:?|\b[cd]/[ob](?:/a)?\b|\bt/a\b"
    r"|\bd\.?b\.?a\b\.?|\bformerly(?: known as)?\b|\b(?:also|previously|now) known as\b"
    r"|\bdoing business as\b|\btrading as\b|\bon behalf of\b|\bcare of\b|\balias\b"
    r"|\bto (?:the )?order of\b:?|\bfor (?:the )?account of\b|\bby order of\b|\bo/?b/?o\b|\bf/o\b"
    r"|\b(?:notify|attn|attention|consignee|buyer|applicant|importer|receiver|customer|end[ -]?user"
    r"|(?:ship|sold|bill|deliver)[ -]to)(?: party)?\s*:|\battn\b\.?|(?<=\w )ex(?= \w))\s*",
    re.IGNORECASE,
)
HINT_SIGNS = frozenset(";|/:\n")  # what the patterns below need, tried first: they are slow
HINT_WORDS = frozenset(
    """aka a.k.a. a.k.a (aka (a.k.a. fka f.k.a. f.k.a nka dba d.b.a. d.b.a formerly (formerly as
    alias care behalf order account obo attn ex imo (imo m.v. m.t. mv mt messrs messrs.
    subsidiary subsidiaries affiliates affiliate affiliated successor successors sub-unit branch
    branches""".split()
)
AND_OTHERS = re.compile(
    r"[,;]?\s+(?:and\s+)?(?:any|its|all|their)\s+(?:\w+[, -]+){0,4}"
    r"(?:subsidiar|affiliat|sub-?unit|successor|branch).*$",
    re.IGNORECASE,
)
SHIP = re.compile(
    r"^(?:m/?[vt]|m\. ?[vt]\.?|s/?s|f/v)\s+(?=\S{3})"
    r"|\s{0,3}[(,-]{0,3}\s{0,3}\bimo\W*(?:no\W*|number\W*)?\d{7}\b\)?|^(?:m/s\.?|messrs\.?)\s+",
    re.IGNORECASE,
)

# What a cell holds beside the name. Bounded on every side: a hostile cell must not take long.
NAMED_CHARS = 300  # of a cell that hold its name; behind them no address is looked for
CODE = re.compile(  # "C00123 Tako LLC", "(4711) Tako LLC", "Tako LLC - WH3"
    r"^\W*(?:[a-z]{0,4}[-#]?\d{4,}|[(\[][a-z]{0,4}-?\d{2,}[)\]])(?!\w)[\W_]*(?=[^\W\d])"
    r"|\s[-#]\s?[a-z]{1,4}\d{1,6}\W{0,3}$",
    re.IGNORECASE,
)
BESIDE = re.compile(  # from here on a number, an address or a person to call
    r"""[\s,;(/-]{0,4}(?:
    \b(?:tel\w*|phone|ph|fax|mob|mobile|cell|тел|факс)\b[^,]{0,5}(?=[+(\d])
    |\b(?:vat|tax|t\.?i\.?n|trn|inn|unp|bin|iin|kpp|ogrn|vkn|vergi|cuit|ruc|nit|cnpj|gst\w*|eori
      |uscc|reg|инн|унп|бин|иин|огрн)\b[^,;]{0,15}\d
    |\bp\.?\s?o\.?\s?b(?:ox)?\b|\be-?mail\b|\b(?:attn|attention)\b
    |\b(?:room|rm|unit|flat|suite|shop|office|plot|bldg|building|floor|block)\b\W{0,3}\w{0,2}\d
    |,(?=.{0,120}\d)(?=.{0,120}[^\W\d]{2})
    |(?<=\w\w)\s(?:no\W{0,2})?\d[\w/-]{0,9}\s.{0,60}\b(?:street|str?|road|rd|ave(?:nue)?|lane
      |blvd|boulevard|district|ul|ulitsa|cad\w*|sok\w*|mah\w*|ул|улица|пр|проспект|шоссе)\b
    ).*""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
BRACKET = re.compile(r"\s?[(\[][^()\[\]]*[)\]]?")
INITIALS = re.compile(r"(?<![\w.])([^\W\d_])\.\s?([^\W\d_])\.(?!\s?[^\W\d_]\.)")  # "Putin V.V."
MAYBE_BESIDE = re.compile(r"[\d(\[]|\b\w\.\s?\w\b|attn|attention|mail|box", re.IGNORECASE)


FORMAL_FROM = 8  # letters of a misspelt legal form: "Liabilty", while Al-Mosuli is a name
SPELLING_FROM = 6  # letters; "Severnay" / "Severnaya", while "Bankk" may be a name


def split_names(text: str) -> tuple[str, ...]:
    """What the cell `text` may name: all of it, its parts ("X c/o Y"), its words of each script.

    >>> split_names("ABC Trading a/k/a Tako LLC")
    ('ABC Trading a/k/a Tako LLC', 'ABC Trading', 'Tako LLC')
    >>> split_names("Marks and Spencer"), split_names("华为 Huawei")
    (('Marks and Spencer',), ('华为 Huawei', 'Huawei', '华为'))
    """
    if (
        text.isascii()
        and not MAYBE_BESIDE.search(text)
        and HINT_SIGNS.isdisjoint(text)
        and HINT_WORDS.isdisjoint(text.lower().split())
    ):
        return (text,)
    parts = [SHIP.sub("", AND_OTHERS.sub("", part)).strip(" ,()\"'") for part in ALSO.split(text)]
    if not text.isascii():
        words = HAN.sub(lambda run: f" {run[0]} ", text).split()
        latin = " ".join(w for w in words if LATIN.search(w) and not OTHER.search(w))
        other = " ".join(w for w in words if OTHER.search(w) and not LATIN.search(w))
        parts += [latin, other] if latin and other else []
    parts += [bare for part in (text, *parts) for bare in find_bare(part)]
    return (text, *dict.fromkeys(part for part in parts if part and part != text))


def find_bare(text: str) -> Iterator[str]:
    """`text` without a customer code, then without numbers and address, then without brackets.

    >>> [*find_bare("C00123 Tako LLC, 5 Abovyan Street (new)")]
    ['Tako LLC, 5 Abovyan Street (new)', 'Tako LLC', 'Tako LLC']
    """
    if MAYBE_BESIDE.search(text):
        named = CODE.sub("", text[:NAMED_CHARS])
        head = BESIDE.sub("", named, count=1)
        yield named
        yield head if sum(map(str.isalpha, head)) > 2 else ""
        yield drop_notes(head or named)
        both = {i[1] + i[2] for i in INITIALS.finditer(named.lower())}
        person = both and len(INITIALS.sub("", named).split()) <= 2  # no "M.P. Evans Group plc"
        if person and not any(map(is_final, both)):
            yield INITIALS.sub(r" \1 \2 ", named).strip()


def is_final(word: str) -> bool:
    """Whether `word` may be a place or form behind a name: "sa", but not "ak", which leads."""
    language = load_language()
    forms = (position != "start" for _, position, _ in language.forms.get(word, ()))
    return any(forms) or word in language.classes


def drop_notes(text: str) -> str:
    """`text` without what stands in brackets, unless that is generic, a place or a legal form.

    >>> drop_notes("Iran Tako Co. (ITC)"), drop_notes("Tako Bank (Asia) Ltd")
    ('Iran Tako Co.', 'Tako Bank (Asia) Ltd')
    """
    language = load_language()

    def is_name(word: str) -> bool:
        return word in language.classes or word in language.forms

    def drop(note: re.Match[str]) -> str:
        words = re.findall(r"\w+", note[0].lower().replace(".", ""))
        return note[0] if any(map(is_name, words)) else ""

    return BRACKET.sub(drop, text).strip()


@functools.cache
def fold_letter(letter: str) -> str:
    """Latin for one lower-case `letter` of any script: by table, by its base letter, by its name.

    >>> fold_letter("ж"), fold_letter("ά"), fold_letter("감"), fold_letter("バ")
    ('zh', 'a', 'gam', 'ba')
    """
    known = load_language().letters.get(letter)
    if known is not None or letter.isascii() or HAN.match(letter):
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
        size = next(
            (n for n in (8, 7, 6, 5, 4, 3, 2, 1) if text[i : i + n] in language.han_words), 0
        )
        if size:
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
    """One lower-case `word` of any script in Latin; Arabic and Hebrew ones carry ABJAD_MARK."""
    joined = word
    for letters, latin in language.digraphs:
        joined = joined.replace(letters, latin)
    plain = []
    for part in unicodedata.normalize("NFC", joined).split():
        latin = "".join(map(fold_letter, part))
        plain.append(BEGINS.sub(ABJAD_MARK, latin, count=1) if ABJAD.search(part) else latin)
    return " ".join(plain)


def find_twins(word: str, language: Language) -> Mapping[int, str]:
    """What to read the foreign letters of `word`, of two scripts, as: Latin, or Cyrillic ones.

    >>> [w.translate(find_twins(w, load_language())) for w in ("каргoлайн", "таko")]  # o and а, т
    ['карголайн', 'tako']
    """
    own = [ord(letter) for letter in CYRILLIC.findall(word)]
    native = any(letter not in language.lookalikes for letter in own)
    most = len(own) > len(LATIN.findall(word))
    return language.twins if native and most else language.lookalikes


def fold_script(text: str, language: Language, spell: bool) -> tuple[str, list[str]]:
    """`text` in plain Latin (Chinese kept unless `spell`), with notes on what an honest name lacks.

    >>> fold_script("Таko LLC", load_language(), True)
    ('tako llc', ['look-alike letters of another script'])
    """
    notes = ["invisible characters"] if INVISIBLE.search(text) and not ABJAD.search(text) else []
    clean = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).replace("’", "'").lower()
    words = APART.split(HAN.sub(lambda m: f" {fold_han(m[0], language, spell)} ", clean))
    for i, word in enumerate(words):
        if not word.isascii():
            if LATIN.search(word) and OTHER.search(word) and not HAN.search(word):
                words[i] = word.translate(find_twins(word, language))
                notes.append("look-alike letters of another script")
            words[i] = fold_word(words[i], language)
    return " ".join(words), list(dict.fromkeys(notes))


def split_forms(words: Sequence[str], language: Language) -> tuple[list[str], list[str]]:
    """`words` of a name without its legal forms, and the classes of these; never without words."""
    kept, classes, i = [], [], 0
    while i < len(words):
        for form, position, kind in language.forms.get(words[i], ()):
            end = i + len(form)
            if (position == "any" or (position == "end") == (i > 0)) and tuple(
                words[i:end]
            ) == form:
                classes.append(kind)
                i = end
                break
        else:
            kept.append(words[i])
            i += 1
    return (kept, classes) if kept else (list(words), [])


def fold_tokens(words: Sequence[str], language: Language) -> tuple[str, ...]:
    """`words` in canonical spelling: abbreviations written out, number words as figures.

    >>> fold_tokens(["brigade", "forty", "four", "intl"], load_language())
    ('brigade', '44', '', 'international')
    """
    tokens = [language.canonical.get(word, word) for word in words]
    for i in range(1, len(tokens)):
        if (
            len(tokens[i]) == 1
            and tokens[i].isdigit()
            and tokens[i - 1][1:] == "0"
            and words[i - 1].isalpha()
        ):
            tokens[i - 1 : i + 1] = [tokens[i - 1][0] + tokens[i], ""]
    return tuple(tokens)


def fold_names(texts: Sequence[str], language: Language) -> list[FoldedName]:
    """The folded name of each of `texts`, all at once: one pass of C code over the joined text.

    A name with Chinese characters is spelt out in a second fold, see `spell_names`.
    """
    return fold_batch(texts, language, spell=False)


def fold_batch(texts: Sequence[str], language: Language, spell: bool) -> list[FoldedName]:
    """As `fold_names`, Chinese characters spelt in pinyin if `spell`."""
    if not texts:
        return []
    notes: dict[int, list[str]] = {}
    plain = [text.lower() if text.isascii() else "" for text in texts]
    for i, text in enumerate(texts):
        if not text.isascii():
            plain[i], notes[i] = fold_script(text, language, spell)
    joined = "\n".join([p.replace("\n", " ").replace("\r", " ") for p in plain])
    joined = DOTTED.sub(lambda m: m[0].replace(".", ""), joined.replace("&", " and "))
    lines = LEADING_ZEROS.sub("", joined.translate(JUNK)).split("\n")
    folded = []
    for i, line in enumerate(lines):
        words = line.split()
        kept, classes = split_forms(words, language)
        pairs = dict(
            zip(fold_tokens(kept, language), kept, strict=True)
        )  # a word said twice counts once
        pairs.pop("", None)
        script = "" if i not in notes or not HAN.search(texts[i]) else "pinyin" if spell else "han"
        forms = tuple(sorted(set(classes)))
        folded.append(
            FoldedName(
                tuple(pairs),
                tuple(pairs.values()),
                " ".join(words),
                forms,
                script,
                tuple(notes.get(i, ())),
            )
        )
    return folded


def key_tokens(tokens: Sequence[str], sounds: Sounds) -> list[str]:
    """The sound key of each of `tokens`: equal for the usual transliterations of one name.

    >>> key_tokens(["mohammed", "muhamad", "putin"], load_language().sounds)[:2]
    ['muhamad', 'muhamad']
    """
    if not tokens:
        return []
    joined = "^" + "$\n^".join(tokens) + "$"
    for found, sound in sounds:
        joined = (
            joined.replace(found, sound) if isinstance(found, str) else found.sub(sound, joined)
        )
    return joined.replace("^", "").replace("$", "").split("\n")


def key_consonants(tokens: Sequence[str]) -> list[str]:
    """The consonants of each of `tokens`, Latin or abjad: what scripts without vowels write.

    >>> key_consonants([ABJAD_MARK + "frnandw", "fernando"])
    ['frnd', 'frnd']
    """
    joined = "\n".join(tokens).replace(ABJAD_MARK, "").translate(CONSONANTS)
    joined = re.sub(r"(?<=[^\n])a+|h", "", joined)
    return re.sub(r"([^\n])\1+", r"\1", joined).split("\n")


def read_forms() -> dict[str, tuple[tuple[tuple[str, ...], str, str], ...]]:
    """Legal forms by their first word, longest first: (words, position, class)."""
    forms: dict[str, list[tuple[tuple[str, ...], str, str]]] = {}
    for row in read_table("legal_forms"):
        words = tuple(row["form"].split())
        forms.setdefault(words[0], []).append((words, row["position"], row["class"]))
    return {k: tuple(sorted(v, key=lambda form: -len(form[0]))) for k, v in forms.items()}


def read_sounds() -> Sounds:
    """The ordered rules of the sound key, a pattern or plain letters each."""
    rows = read_table("phonetics")
    return tuple(
        (re.compile(r["from"]) if r["kind"] == "regex" else r["from"], r["to"]) for r in rows
    )


@functools.cache
def load_language() -> Language:
    """The language tables of lists/, read once."""
    forms = read_forms()
    short = read_table("abbreviations")
    pinyin = read_table("pinyin")
    letters = {r["letter"]: r["latin"] for r in read_table("transliteration")}
    classes = {r["word"]: r["class"] for r in read_table("generic_words")}
    sounds = read_sounds()
    keys = zip(key_tokens(list(classes), sounds), classes.values(), strict=True)
    canonical = {
        r["short"]: r["full"] for r in short if r["kind"] != "given_name" and len(r["short"]) > 1
    }
    form_words = {word: "" for several in forms.values() for form, *_ in several for word in form}
    return Language(
        canonical=canonical,
        spellings={
            word: full
            for word, full in (form_words | canonical).items()
            if len(word) >= SPELLING_FROM
        },
        forms=forms,
        letters=letters,
        digraphs=tuple((k, v) for k, v in letters.items() if len(k) > 1),
        lookalikes={ord(r["letter"]): r["latin"] for r in read_table("lookalikes")},
        twins={
            ord(r["latin"]): r["letter"]
            for r in reversed(read_table("lookalikes"))  # the likest stands first
            if r["script"] == "Cyrillic" and r["letter"] < "\u0460"  # in use today
        },
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
        classes=classes,
        class_sounds={key: c for key, c in keys if c in ("generic", "place")},
        sounds=sounds,
        given_names={r["short"]: r["full"] for r in short if r["kind"] == "given_name"},
    )


# ==================================================================================================
# Match
# Takes list entries and query names, gives scored hits that can say why. A token weighs what it
# tells apart: a word of one entry 1, "trading" next to nothing. Vocabulary meets vocabulary first;
# only names that could still reach the threshold are compared, and none that could is lost.

# Weights. RARE_IN: a token in so many entries would tell nothing; a smaller figure makes surnames
# such as Hassan (df 300) decide alone, a larger one lets "Mohammed Ali" hit every Mohammed Ali X.
RARE_IN = 50_000
CLASS_WEIGHT = {  # at most
    "generic": 0.18,  # "Tako Trading" / "Tako Electronics" differ, "Tako Trading" / "Tako" hardly
    "place": 0.3,  # "Bank of X (Singapore)" / "(London)" must differ, "Huawei Dubai" hits Huawei
    "form": 0.08,  # "Joint Stock Compny": what is left of a broken legal form
    "quality": 0.35,  # "Titan Medical" / "Titan Design Bureau": ordinary words as brands
    "title": 0.05,  # "President Erdogan"
    "particle": 0.02,  # "al", "bin", "of", "and"
    "letter": 0.15,  # "V. Putin" / Vladimir Putin
    "patronymic": 0.35,  # "Vladimir Vladimirovich Putin" / Vladimir Putin
}
TELLING = ("", "quality", "patronymic")  # classes that make evidence; "China Electronics" has none
CLASS_SOUND_FROM = 5  # letters: "teknologii" is technology, while "tako" is not "taco"
LETTER_WEIGHT = CLASS_WEIGHT["letter"]
PARTICLE = CLASS_WEIGHT["particle"]  # no token weighs less
SHORT_WEIGHT = {2: 0.4, 3: 0.5}  # "ABC Health" / "ABD Health" differ, yet ABC alone decides little
NUMBER_WEIGHT = 0.4  # at least: "Plant 5" / "Plant 7"
# Similarity of two tokens that are not equal, by what explains the difference.
ONE_EDIT = {4: 0.78, 5: 0.83, 6: 0.87}  # by letters: "Meta" / "Beta" need more than themselves
ONE_EDIT_LONG = 0.93  # "hikvison"; higher, "Technoprobe" / "Technopole" would be strong
TWO_EDITS, TWO_EDITS_LONG = 0.83, 0.88  # "amazonis" / "amazon"; "lukashnko" / "lukashenko"
TWO_EDITS_FROM, LONG_FROM = (
    8,
    10,
)  # letters: at 6 "McKenton" / "McKesson" and "Roman" / "Robert" meet
FIRST_LETTER = 0.05  # less for an edit there, where few mistype: "Baltech" / "Altech"
MILD_EDIT = 0.03  # more for two letters swapped or one vowel for another: "Al Qaeda" / "Al Qaida"
NO_VOWELS = str.maketrans("", "", "aeiouy")
SHORT_LIKE = {
    1: 0.7,
    2: 0.7,
    3: 0.75,
    4: 0.8,
    5: 0.88,
}  # at most, for words so short: "KPS" / "QPS"
SOUND = 0.95  # "Mohammed" / "Muhammad"; at 0.85 two such words in one name are lost
OCR = 0.97  # "Huawe1": surer than a typing error
GIVEN_NAME = 0.9  # "Ted" / "Theodore"
INITIAL = 0.9  # "V." / "Vladimir"
JOINED = 0.98  # "Good Will" / "Goodwill"
CUT_OFF = 0.9  # "Tactical Missiles Corporation Joint Stock Compan"
CONSONANTS_AGREE = 0.9  # "فرناندو" / "Fernando"
CONFLICT = 1.8  # words left over on both sides: "Bashar al-Assad" / "Hafez al-Assad"
# Words left over on one side cost EXTRA at most, less by what agrees, EXTRA_LEAST at least:
EXTRA, EXTRA_EVIDENCE, EXTRA_LEAST = 1.0, 0.65, 0.3  # "Umar Patek" / "Umar Patek Abdullah Anshori"
QUIET = 0.25  # share of a generic word's weight that counts as evidence: "13th Research Institute"
QUIET_EXTRA, QUIET_LEAST = 0.36, 0.2  # so for generic words: "Faberlic" / "Faberlic Europe"
PATRONYMIC = re.compile(
    r"(?:[eijoy][vw]+i(?:t?s?ch|cz|tch)|[eijoy][vw]n[ay]|ichna|[oi]vych|ivna|oglu|ogl[yi]|kyzy|qizi)$"
)
NUMBERS_DIFFER, NUMBER_MISSING = 0.3, 0.1  # "Brigade 44" / "Brigade 45"; "Company 23" / "Company"
FORM_DIFFERS, FORM_MISSING = 0.03, 0.01  # "X GmbH" / "X AG"; "X GmbH" / "X"
FORM_ODD = {"vessel": 0.15, "aircraft": 0.15, "individual": 0.05}  # "Neptune Company" / m/v Neptune
LEAST_EVIDENCE = 0.5  # agreed weight of telling words below which only an equal name counts
NEARLY_EVIDENCE = LEAST_EVIDENCE - 1e-9  # of sums that candidates add up in another order
GENERIC_LEAST, GENERIC_UNLIKE = 0.5, 0.15  # "Bank of Chima Ltd" / "Bank of China Ltd" still meets
CUT_FROM, CUT_MOST, CUT_KNOWN = 16, 3, 0.4  # letters, names that go on so, weight of whole words
WHOLE_FROM = (
    6  # letters of a name spaced otherwise that may agree by sound: not "Kim Il" / "Kimi L"
)
ACRONYM = 0.92  # "SMIC" for the long name
MOST_LIKES = 20_000  # tokens whose names are kept
ROUNDING = 0.0006  # of a score, to its first decimal: 59.96 is found at 60.0


Array = np.ndarray[Any, Any]
Buckets = Mapping[tuple[int, str, int], list[int]]


class Sense(NamedTuple):
    """What the index knows of one query token."""

    similar: Mapping[int, float]  # vocabulary id -> similarity; holds itself at 1.0
    weight: float  # left over
    telling: bool
    reach: float  # the most it can add when it agrees
    evidence: float  # of which the most from words that tell something
    spread: int  # how many names its similar tokens stand in


class Agreement(NamedTuple):
    """Words of the query that agree with words of the listed name, and how."""

    query: str
    listed: str
    how: str
    similarity: float
    weight: float
    evidence: float  # what of the weight counts towards LEAST_EVIDENCE


class Leftover(NamedTuple):
    """A word that has no partner on the other side."""

    word: str
    weight: float
    telling: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two names compare; the score can be computed again from the other fields."""

    score: float
    agreed: tuple[Agreement, ...]
    query_only: tuple[Leftover, ...]
    listed_only: tuple[Leftover, ...]
    form: float
    factor: float


NOTHING = Comparison(0.0, (), (), (), 0.0, 1.0)
NameHit = tuple[Comparison, int]  # with the number of the listed name


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Every name of the loaded entries by its tokens."""

    texts: list[str]
    kinds: list[str]
    owners: np.ndarray  # name -> entry number
    folded: list[FoldedName]
    tokens: list[tuple[int, ...]]  # name -> vocabulary ids
    vocabulary: list[str]
    ids: dict[str, int]
    keys: dict[str, str]  # token -> its sound key
    weights: list[float]
    telling: list[bool]  # not a generic word, place, title, particle or legal form
    totals: list[float]  # weight of a name's tokens
    tellings: list[float]  # of which words that tell something
    sizes: list[int]  # how many of a name's tokens are no particles
    starts: np.ndarray  # vocabulary id -> slice of postings
    postings: np.ndarray  # name numbers
    types: list[str]  # of the entry, by name
    joined: dict[str, list[int]]  # two neighbouring words written as one -> names
    wholes: dict[str, list[int]]  # a whole name written as one word, or its sound -> names
    plains: list[tuple[str, int]]  # (plain text, name number) in order, for names cut off
    sounds: dict[str, list[int]]
    skeletons: dict[str, list[int]]
    buckets: Buckets  # (0 first | -1 last, letter, length) -> ids


def is_letter(token: str) -> bool:
    """Whether `token` may be an initial: no figure, and no Chinese character, which is a word."""
    return len(token) == 1 and "a" <= token <= "z"


def classify_token(token: str, key: str, language: Language) -> str:
    """The class of a generic word, also by sound ("teknologii"); "" if it is a name."""
    if token in language.classes:
        return language.classes[token]
    if is_letter(token):
        return "letter"
    if token in language.forms:
        return "form"
    if PATRONYMIC.search(token):
        return "patronymic"
    return language.class_sounds.get(key, "") if len(key) >= CLASS_SOUND_FROM else ""


def weigh_token(token: str, entries: int, word_class: str) -> float:
    """What agreement on `token` tells, 0–1, when it stands in so many `entries`.

    >>> weigh_token("huawei", 1, ""), weigh_token("trading", 1, "generic")
    (1.0, 0.18)
    """
    rarity = 1 - math.log(max(entries, 1)) / math.log(RARE_IN)
    if any(c.isdigit() for c in token):
        rarity = max(rarity * 0.7, NUMBER_WEIGHT)
    most = min(
        CLASS_WEIGHT.get(word_class, 1), SHORT_WEIGHT.get(len(token), 1) if token.isascii() else 1
    )
    return round(max(min(rarity, most), 0.02), 3)


def fold_skeletons(tokens: Sequence[str]) -> list[str]:
    """`tokens` with the signs that scanners confuse made one: 0/o, 1/l/i, 5/s, rn/m."""
    joined = "\n".join(tokens).replace("rn", "m").replace("vv", "w")
    return joined.translate(CONFUSED).split("\n") if tokens else []


CONFUSED = str.maketrans("015826l", "oisbzgi")


def fold_entries(
    entries: Sequence[ListEntry], language: Language
) -> tuple[list[tuple[str, str, int]], list[FoldedName]]:
    """(text, kind, entry number) and folded name of all names; Chinese as written and spelt.

    "Sino Institute (SINI)" stands also without the bracket, "Tako; Taco" as two names.
    """
    rows = [(text, kind, e) for e, entry in enumerate(entries) for text, kind in entry.names]
    read = [text for text, _, _ in rows]
    for row in rows[:]:
        if "(" in row[0] or "[" in row[0] or ";" in row[0]:
            parts = dict.fromkeys(drop_notes(part) for part in row[0].split(";"))
            others = [part for part in parts if part and part != row[0]]
            read += others
            rows += [row] * len(others)
    folded = fold_names(read, language)
    han = [i for i, name in enumerate(folded) if name.script == "han"]
    folded += fold_batch([read[i] for i in han], language, spell=True)
    return add_acronyms(rows + [rows[i] for i in han], folded, entries)


def build_index(entries: Sequence[ListEntry], language: Language) -> NameIndex:
    """The index of all names of `entries`."""
    rows, folded = fold_entries(entries, language)
    owners = np.array([row[2] for row in rows], dtype=np.int64)
    flat = np.array([t for name in folded for t in name.tokens], dtype=object)
    codes, found = pd.factorize(flat)
    vocabulary: list[str] = list(found)
    holders = np.repeat(np.arange(len(folded)), [len(name.tokens) for name in folded])
    keys = key_tokens(vocabulary, language.sounds)
    classes = [classify_token(t, key, language) for t, key in zip(vocabulary, keys, strict=True)]
    telling = np.array([word_class in TELLING for word_class in classes], dtype=bool)
    counts = count_entries_of(codes, holders, owners, telling)
    numbers = iter(codes.tolist())
    acronyms = {name.plain for name in folded if name.script == "acronym"}
    spoken = ["" if token in acronyms else token for token in vocabulary]  # the others' only match
    by_sound = dict(zip(vocabulary, keys, strict=True))
    weights = [weigh_token(t, n, c) for t, n, c in zip(vocabulary, counts, classes, strict=True)]
    tokens = [tuple(next(numbers) for _ in name.tokens) for name in folded]
    return NameIndex(
        texts=[row[0] for row in rows],
        kinds=[row[1] for row in rows],
        owners=owners,
        folded=folded,
        tokens=tokens,
        vocabulary=vocabulary,
        ids={token: v for v, token in enumerate(vocabulary)},
        weights=weights,
        totals=[sum([weights[v] for v in ids]) for ids in tokens],
        tellings=[sum([weights[v] for v in ids if telling[v]]) for ids in tokens],
        sizes=[sum([weights[v] > PARTICLE for v in ids]) for ids in tokens],
        telling=telling.tolist(),
        starts=np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(vocabulary)))]),
        postings=holders[np.argsort(codes, kind="stable")],
        types=[entries[row[2]].type for row in rows],
        joined=build_joined(folded),
        keys=by_sound,
        wholes=build_wholes(folded, by_sound),
        plains=sorted((x.plain, n) for n, x in enumerate(folded) if len(x.plain) > CUT_FROM),
        sounds=build_keys([spoken[v] and key for v, key in enumerate(keys)], 3),
        skeletons=build_keys(fold_skeletons(spoken), 2),
        buckets=build_buckets(spoken),
    )


def count_entries_of(codes: Array, holders: Array, owners: Array, telling: Array) -> list[int]:
    """For each vocabulary id the entries in whose names it stands beside another telling word.

    A word that alone names firms ("Huawei Jamaica", "Huawei Chile") is no common word.
    """
    words = np.bincount(holders, weights=telling[codes], minlength=len(owners))
    beside = words[holders] - telling[codes] > 0
    several = len(owners) + 1
    seen = np.unique(codes[beside] * several + owners[holders[beside]]) // several
    counts: list[int] = (np.bincount(seen, minlength=len(telling)) + 1).tolist()
    return counts


def add_acronyms(
    rows: list[tuple[str, str, int]], folded: list[FoldedName], entries: Sequence[ListEntry]
) -> tuple[list[tuple[str, str, int]], list[FoldedName]]:
    """`rows` and names with the acronyms of long names, where no other name has that one."""
    made: dict[str, list[int]] = {}
    words = {t for name in folded for t in name.tokens}
    for n, name in enumerate(folded):
        if (
            len(name.tokens) >= 4
            and rows[n][1] != "weak"
            and name.script != "han"
            and entries[rows[n][2]].type not in ("individual", "vessel")
        ):
            a = "".join(t[0] for t in name.tokens if t not in ("and", "of", "the", "for"))
            if 4 <= len(a) <= 8 and a.isalpha() and a not in words:
                made.setdefault(a, []).append(n)
    extra = [(n[0], a) for a, n in made.items() if len({rows[i][2] for i in n}) == 1]
    return (
        rows + [rows[n] for n, _ in extra],
        folded + [FoldedName((a,), (a,), a, (), "acronym") for _, a in extra],
    )


def build_joined(folded: Sequence[FoldedName]) -> dict[str, list[int]]:
    """Names by two neighbouring words written as one."""
    joined: dict[str, list[int]] = defaultdict(list)
    for n, name in enumerate(folded):
        for pair in zip(name.words, name.words[1:], strict=False):
            joined["".join(pair)].append(n)
    return joined


def spell_wholes(name: FoldedName, keys: Mapping[str, str]) -> set[str]:
    """`name` written as one word: with its legal forms, without them, and by sound."""
    sound = "".join(keys.get(t, t) for t in name.tokens)
    return {name.plain.replace(" ", ""), "".join(name.words)} | (
        {sound} if len(sound) >= WHOLE_FROM else set()
    )


def build_wholes(folded: Sequence[FoldedName], keys: Mapping[str, str]) -> dict[str, list[int]]:
    """Names by all their words written as one."""
    wholes: dict[str, list[int]] = defaultdict(list)
    for n, name in enumerate(folded):
        for whole in spell_wholes(name, keys):
            wholes[whole].append(n)
    return wholes


def build_keys(keys: Sequence[str], least: int) -> dict[str, list[int]]:
    """Vocabulary ids by key, keys of fewer than `least` letters aside."""
    groups: dict[str, list[int]] = defaultdict(list)
    for v, key in enumerate(keys):
        if len(key) >= least:
            groups[key].append(v)
    return groups


def build_buckets(vocabulary: Sequence[str]) -> Buckets:
    """Vocabulary ids by first and by last letter and length: an edit leaves one in place."""
    buckets: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    for v, token in enumerate(vocabulary):
        if len(token) > 2 and token.isalpha():
            buckets[0, token[0], len(token)].append(v)
            buckets[-1, token[-1], len(token)].append(v)
    return buckets


def score_edits(one: str, other: str, edits: int) -> float:
    """Similarity of two tokens that differ by so many typing errors; 0 where that says nothing.

    >>> score_edits("hikvison", "hikvision", 1), score_edits("kim", "kin", 1)
    (0.93, 0.0)
    """
    size = max(len(one), len(other))
    if edits == 1:
        start = FIRST_LETTER if one[0] != other[0] else 0.0
        mild = len(one) == len(other) and (
            sorted(one) == sorted(other) or one.translate(NO_VOWELS) == other.translate(NO_VOWELS)
        )
        return (
            ONE_EDIT.get(size, ONE_EDIT_LONG) - start + mild * MILD_EDIT
            if size >= min(ONE_EDIT)
            else 0.0
        )
    return 0.0 if size < TWO_EDITS_FROM else TWO_EDITS if size < LONG_FROM else TWO_EDITS_LONG


def find_edits(
    tokens: Sequence[str], vocabulary: Sequence[str], buckets: Buckets, workers: int
) -> Iterable[tuple[str, int, float]]:
    """(token, vocabulary id, similarity) of tokens a typing error or two apart."""
    groups: dict[tuple[int, str, int], list[str]] = defaultdict(list)
    for token in tokens:
        if len(token) > 2 and token.isalpha():
            groups[0, token[0], len(token)].append(token)
            groups[-1, token[-1], len(token)].append(token)
    for (end, letter, size), group in groups.items():
        most = 2 if end == 0 and size > TWO_EDITS_FROM - 3 else 1
        near = [
            v
            for n in range(size - most, size + most + 1)
            for v in buckets.get((end, letter, n), ())
        ]
        if near:
            words = [vocabulary[v] for v in near]
            edits = process.cdist(
                group,
                words,
                scorer=OSA.distance,
                score_cutoff=most,
                dtype=np.uint8,
                workers=workers,
            )
            for i, j in zip(*(side.tolist() for side in np.nonzero(edits <= most)), strict=True):
                if edits[i, j]:
                    yield group[i], near[j], score_edits(group[i], words[j], int(edits[i, j]))


def find_similar(
    tokens: Sequence[str], index: NameIndex, language: Language, workers: int
) -> dict[str, dict[int, float]]:
    """For each of `tokens` the vocabulary ids that may stand for it, with the similarity."""
    similar: dict[str, dict[int, float]] = {token: {} for token in tokens}
    if not tokens:
        return similar

    def note(token: str, ids: Iterable[int], value: float) -> None:
        for v in ids:
            if value > similar[token].get(v, 0):
                similar[token][v] = value

    keys, skeletons = key_tokens(tokens, language.sounds), fold_skeletons(tokens)
    telling = {
        t: classify_token(t, key, language) in TELLING for t, key in zip(tokens, keys, strict=True)
    }
    # "Iran" is no misspelt "Iraq"
    unknown = [t for t in tokens if language.classes.get(t) not in ("generic", "place")]
    for token, v, value in find_edits(unknown, index.vocabulary, index.buckets, workers):
        if index.telling[v] <= telling[token]:
            note(token, (v,), value)
    for token, key, skeleton in zip(tokens, keys, skeletons, strict=True):
        if len(key) > 2:
            note(token, index.sounds.get(key, ()), min(SOUND, SHORT_LIKE.get(len(token), 1)))
        mixed = token.isalnum() and not token.isalpha() and not token.isdigit()
        note(
            token,
            index.skeletons.get(skeleton, ()),
            OCR if mixed else min(OCR, SHORT_LIKE.get(len(token), 1)),
        )
        full = language.given_names.get(token)
        if full in index.ids:
            note(token, (index.ids[full],), GIVEN_NAME)
        if len(token) > 1 and is_letter(token[0]) and token[0] in index.ids:
            note(token, (index.ids[token[0]],), INITIAL)
        if token in index.ids:
            note(token, (index.ids[token],), 1.0)
    return similar


def find_abjad(
    tokens: Sequence[str], vocabulary: Sequence[str], consonants: Mapping[str, list[int]]
) -> Iterable[tuple[str, int]]:
    """(token, vocabulary id) with the same consonants, one from a script without vowels.

    An Arabic word also agrees without its article. Two consonants say enough only where the names
    begin alike: "rami" is written rmy, and so is "arm".
    """
    bare = [t.replace(ARTICLE, ABJAD_MARK) if len(t) > len(ARTICLE) + 2 else t for t in tokens]
    for token, *keys in zip(tokens, key_consonants(tokens), key_consonants(bare), strict=True):
        for key in {*keys}:
            for v in consonants.get(key, ()) if len(key) > 1 else ():
                firsts = {word.strip(ABJAD_MARK)[:1] for word in (token, vocabulary[v])}
                if token.startswith(ABJAD_MARK) != vocabulary[v].startswith(ABJAD_MARK) and (
                    len(key) > 2 or len(firsts) == 1
                ):
                    yield token, v


class Matcher:
    """Finds the listed names that query names hit; remembers what it learned of their tokens."""

    def __init__(self, entries: Sequence[ListEntry], language: Language, workers: int = 1) -> None:
        self.index = build_index(entries, language)
        self.language = language
        self.workers = workers
        self.senses: dict[str, Sense] = {}
        self.spelt = list(language.spellings)
        self.spelt_buckets = build_buckets(self.spelt)
        self.spelt_skeletons = build_keys(fold_skeletons(self.spelt), SPELLING_FROM)
        self.holders: dict[int, frozenset[int]] = {}
        self.likes: dict[str, set[int]] = {}
        self.keys = dict(self.index.keys)
        self.abjad = any(token.startswith(ABJAD_MARK) for token in self.index.vocabulary)
        self.consonants: dict[str, list[int]] = {}  # built when the first abjad name comes

    def find_hits(self, texts: Sequence[str], floor: float) -> list[list[tuple[float, int]]]:
        """For each of `texts` the (score, name number) at or above `floor`, best first."""
        compared = self.find_comparisons(texts, floor)
        return [[(found.score, n) for found, n in several] for several in compared]

    def find_comparisons(self, texts: Sequence[str], floor: float) -> list[list[NameHit]]:
        """As `find_hits`, with all of the comparison."""
        queries = fold_queries(texts, self.language)
        self.learn([query for several in queries for query in several])
        return [self.compare_queries(several, floor) for several in queries]

    def compare_queries(self, queries: Sequence[FoldedName], floor: float) -> list[NameHit]:
        """The listed names that any of `queries` hits, each with its best comparison."""
        best: dict[int, Comparison] = {}
        for query in queries:
            for n in self.find_candidates(query, floor):
                found = compare_names(query, n, self)
                if found.score >= floor and found.score > best.get(n, NOTHING).score:
                    best[n] = found
        return sorted(((c, n) for n, c in best.items()), key=lambda hit: (-hit[0].score, hit[1]))

    def learn(self, names: Iterable[FoldedName]) -> None:
        """Fill `senses` for the tokens of `names`, all new ones against the vocabulary at once."""
        index, sizes = self.index, np.diff(self.index.starts).tolist()
        new = sorted({t for name in names for t in name.tokens} - self.senses.keys())
        if not new:
            return
        self.keys.update(zip(new, key_tokens(new, self.language.sounds), strict=True))
        found = find_similar(new, index, self.language, self.workers)
        if self.abjad or any(token.startswith(ABJAD_MARK) for token in new):
            self.consonants = self.consonants or build_keys(key_consonants(index.vocabulary), 2)
            for token, v in find_abjad(new, index.vocabulary, self.consonants):
                found[token].setdefault(v, CONSONANTS_AGREE)
        unknown = [t for t in new if t not in index.ids and t not in self.language.classes]
        formal = self.learn_spellings(unknown, found)
        for token, similar in found.items():
            known = index.ids.get(token)
            word_class = classify_token(token, self.keys[token], self.language)
            word_class = "form" if token in formal else word_class
            telling = word_class in TELLING
            proof = (
                index.weights[v] * (1 if telling and index.telling[v] else QUIET) for v in similar
            )
            self.senses[token] = Sense(
                similar,
                weigh_token(token, 1, word_class) if known is None else index.weights[known],
                telling,
                max([LETTER_WEIGHT, *(index.weights[v] for v in similar)]),
                max([QUIET * LETTER_WEIGHT, *proof]),
                sum(sizes[v] for v in similar),
            )

    def learn_spellings(
        self, tokens: Sequence[str], found: Mapping[str, dict[int, float]]
    ) -> set[str]:
        """Those of unknown `tokens` that misspell a legal form; `found` gains what others misspell.

        "Severnay" is near no listed word, since "severnaya" stands as "north" on the lists.
        """
        formal, index = set(), self.index
        ids = index.ids
        near = [*find_edits(tokens, self.spelt, self.spelt_buckets, self.workers)]
        for token, skeleton in zip(tokens, fold_skeletons(tokens), strict=True):
            near += [(token, s, OCR) for s in self.spelt_skeletons.get(skeleton, ())]
        for token, s, value in near:
            full = self.language.spellings[self.spelt[s]]
            if full in ids and value > found[token].get(ids[full], 0):
                found[token][ids[full]] = value
            told = (v for v, other in found[token].items() if other != INITIAL)
            if (
                not full
                and len(token) >= FORMAL_FROM
                and not any(map(index.telling.__getitem__, told))
            ):
                formal.add(token)
        return formal

    def names_with(self, ids: Iterable[int]) -> set[int]:
        """The names in which any of the vocabulary `ids` stands."""
        return set().union(*map(self.names_of, ids))

    def names_of(self, v: int) -> frozenset[int]:
        """The names in which vocabulary id `v` stands."""
        names = self.holders.get(v)
        if names is None:
            start, end = self.index.starts[v : v + 2]
            names = self.holders[v] = frozenset(self.index.postings[start:end].tolist())
        return names

    def find_candidates(self, query: FoldedName, floor: float) -> set[int]:
        """The names that could reach `floor`; none that could is missing (tested on every pair)."""
        index, tokens, words = self.index, query.tokens, query.words
        if not tokens:
            return set()
        pairs = {a + b for a, b in pairwise(words)}
        found = self.names_with({index.ids[pair] for pair in pairs if pair in index.ids})
        found.update(*(index.joined.get(word, ()) for word in words), self.find_cut(query))
        found.update(*(index.wholes.get(whole, ()) for whole in spell_wholes(query, self.keys)))
        senses = sorted((self.senses[t] for t in tokens), key=lambda sense: sense.spread)
        found |= self.find_equal(senses)
        if sum(sense.evidence for sense in senses) >= NEARLY_EVIDENCE:
            found |= self.find_likely(tokens, 1 - floor / 100 + ROUNDING)
        return found

    def find_equal(self, senses: Sequence[Sense]) -> set[int]:
        """Names with a token for each of `senses` and no other, all generic, particles aside."""
        words = [sense for sense in senses if sense.weight > PARTICLE]
        found: set[int] | None = None
        for sense in words:
            names = self.names_with(v for v, value in sense.similar.items() if value != INITIAL)
            found = names if found is None else found & names
            if not found:
                break
        return {n for n in found or () if self.index.sizes[n] == len(words)}

    def find_likely(self, tokens: Sequence[str], spare: float) -> set[int]:
        """Names that agree with enough of `tokens` to lose no more than `spare`."""
        letters = set(filter(is_letter, tokens))
        words = sorted(set(tokens) - letters, key=lambda t: (self.senses[t].spread, t))
        asked, gained = self.gather_gains(words, len(letters), spare)
        lost = sum(self.senses[t].weight for t in words[:asked])
        rest = [(self.senses[t], self.names_like(t)) for t in words[asked:]]
        index, likely = self.index, set()
        for n, (weight, agreed, proof) in gained.items():
            left = lost - weight
            agreed += LETTER_WEIGHT * len(letters)
            proof += QUIET * LETTER_WEIGHT * len(letters)
            for sense, names in rest:
                if n in names:
                    agreed += sense.reach
                    proof += sense.evidence
                else:
                    left += sense.weight
            agreed = min(agreed, index.totals[n])
            right = 0.0 if letters else index.totals[n] - agreed
            if proof < NEARLY_EVIDENCE or score_leftover(left, right, agreed, proof) > spare:
                continue
            right = self.find_leftover(n, words, letters) if letters else right
            telling = 0.0 if letters else min(right, max(0.0, index.tellings[n] - proof))
            if (
                score_extra(right - telling, telling, agreed, proof) <= spare
                and score_leftover(left, right, agreed, proof) <= spare
            ):
                likely.add(n)
        return likely

    def find_leftover(self, n: int, words: Sequence[str], letters: set[str]) -> float:
        """Weight of the tokens of name `n` that neither `words` nor initials could agree with."""
        index, similar = self.index, [self.senses[word].similar for word in words]
        lone = [v for v in index.tokens[n] if not any(v in some for some in similar)]
        firsts = ({index.vocabulary[v][0], index.keys[index.vocabulary[v]][:1]} for v in lone)
        left = [v for v, first in zip(lone, firsts, strict=True) if first.isdisjoint(letters)]
        return sum([index.weights[v] for v in left])

    def names_like(self, token: str) -> set[int]:
        """The names in which a token similar to `token` stands; kept for the commonest."""
        if token not in self.likes:
            if len(self.likes) > MOST_LIKES:
                self.likes.clear()
            self.likes[token] = self.names_with(self.senses[token].similar)
        return self.likes[token]

    def gather_gains(
        self, words: Sequence[str], letters: int, spare: float
    ) -> tuple[int, dict[int, tuple[float, float, float]]]:
        """How many of `words`, rarest first, were asked; (weight, agreed, evidence) by name.

        The others, and so many single `letters`, are too little for a name that gained nothing.
        Initials count only for names found otherwise, unless the others carry enough.
        """
        senses = [self.senses[word] for word in words]
        reach = LETTER_WEIGHT * letters + sum(s.reach for s in senses)
        evidence = QUIET * LETTER_WEIGHT * letters + sum(s.evidence for s in senses)
        gained: dict[int, tuple[float, float, float]] = {}
        initials: list[tuple[float, frozenset[int]]] = []
        telling, quiet, asked = 0.0, 0.0, 0
        for sense in senses:
            lost = score_extra(quiet, telling, max(reach, 0.01), evidence)
            if asked and (evidence < NEARLY_EVIDENCE or lost > spare):
                break
            asked += 1
            telling += sense.weight * sense.telling
            quiet += sense.weight * (not sense.telling)
            reach, evidence = reach - sense.reach, evidence - sense.evidence
            for more, proof, names, initial in self.weigh_names(sense):
                if initial:
                    initials.append((sense.weight, names))
                for n in () if initial else names:
                    old = gained.get(n, (0.0, 0.0, 0.0))
                    gained[n] = old[0] + sense.weight, old[1] + more, old[2] + proof
        alone = evidence + LETTER_WEIGHT * len(initials) >= NEARLY_EVIDENCE
        for weight, names in initials:
            for n in names if alone else names & gained.keys():
                old = gained.get(n, (0.0, 0.0, 0.0))
                gained[n] = old[0] + weight, old[1] + LETTER_WEIGHT, old[2] + LETTER_WEIGHT
        return asked, gained

    def weigh_names(self, sense: Sense) -> Iterable[tuple[float, float, frozenset[int], bool]]:
        """(weight, evidence, names, by an initial) that agreement on `sense` can add to names."""
        index, seen = self.index, set[int]()
        for v in sorted(sense.similar, key=lambda v: -index.weights[v]):
            initial = sense.similar[v] == INITIAL and len(index.vocabulary[v]) == 1
            names = self.names_of(v) - seen
            seen |= names
            weight = index.weights[v]
            yield (
                weight,
                weight * (1 if sense.telling and index.telling[v] else QUIET),
                names,
                initial,
            )

    def find_cut(self, query: FoldedName) -> set[int]:
        """Names that go on where `query` was cut off; too many of them say nothing.

        Nor does a start of generic words: "China Electronics" is no cut-off name.
        """
        if len(query.plain) < CUT_FROM or sum(map(len, query.words)) < CUT_FROM // 2:
            return set()
        known = sum(self.senses[t].weight for t in query.tokens[:-1] or query.tokens)
        if known < CUT_KNOWN:
            return set()
        plains = self.index.plains
        start, end = (bisect_left(plains, (edge, 0)) for edge in (query.plain, query.plain + "~"))
        size = len(query.plain)  # it counts how the cut word goes on, not what may follow it
        longer = (x for x, _ in plains[start:end] if len(x) > size)
        several = {x[: f"{x} ".index(" ", size)] for x in longer}
        return {n for _, n in plains[start:end]} if 0 < len(several) <= CUT_MOST else set()


def score_extra(quiet: float, telling: float, agreed: float, evidence: float) -> float:
    """The loss, 0–1, for words left over on one side, by their weights; less the more agrees."""
    price = max(EXTRA_LEAST, min(EXTRA, EXTRA_EVIDENCE / max(evidence, 0.01)))
    quiet_price = max(QUIET_LEAST, min(EXTRA, QUIET_EXTRA / max(evidence, 0.01)))
    extra = quiet + telling
    return (price * telling + quiet_price * quiet) / (extra + agreed) if extra else 0.0


def score_leftover(left: float, right: float, agreed: float, evidence: float) -> float:
    """The least loss for words of weights `left` and `right` left over, all of them generic."""
    if agreed <= 0:
        return 1.0
    both = left / (left + agreed) if left > 0 else 0.0
    most = right / (right + agreed) if right > 0 else 0.0
    if both > most:
        both, most = most, both
    price = min(EXTRA, QUIET_EXTRA / evidence)
    return CONFLICT * both + (price if price > QUIET_LEAST else QUIET_LEAST) * (most - both)


def fold_queries(texts: Sequence[str], language: Language) -> list[list[FoldedName]]:
    """The names to look up for each of `texts`: several in a cell, Chinese also spelt."""
    parts = [split_names(text) for text in texts]
    flat = [part for several in parts for part in several]
    folded = iter(fold_names(flat, language))
    queries = [[next(folded) for _ in several] for several in parts]
    for several, names in zip(parts, queries, strict=True):
        han = [text for text, name in zip(several, names, strict=True) if name.script == "han"]
        names += fold_batch(han, language, spell=True)
        names += fold_names([*filter(None, {find_head(n, language) for n in names})], language)
    return queries


def find_head(name: FoldedName, language: Language) -> str:
    """`name` up to the legal form that does not end it: the rest is a town or a branch.

    >>> language = load_language()
    >>> find_head(fold_names(["Tako JSC Soligorsk"], language)[0], language)
    'tako jsc'
    """
    words = name.plain.split() if name.forms and not name.script else []
    words = words if name.words[:1] == tuple(words[:1]) else []  # no form leads
    for i in range(1, len(words)):
        for form, position, kind in language.forms.get(words[i], ()):
            end, sure = i + len(form), kind in ("LTD", "PLC") and len("".join(form)) > 2
            if sure and position != "start" and tuple(words[i:end]) == form:
                rest = split_forms(words[end:], language)[0] if words[end:] else []
                lead = not rest or language.classes.get(words[end]) == "particle"
                return "" if lead or words[end] in language.forms else " ".join(words[:end])
    return ""


class Pair(NamedTuple):
    """Words of the query and of a listed name that could agree, by their positions."""

    similarity: float
    how: str
    mine: range
    theirs: range
    weight: float


def find_pairs(query: FoldedName, n: int, matcher: Matcher) -> list[Pair]:
    """What could agree between `query` and listed name `n`, best first."""
    name, ids, weights = matcher.index.folded[n], matcher.index.tokens[n], matcher.index.weights
    pairs = []
    for i, token in enumerate(query.tokens):
        similar, mine = matcher.senses[token].similar, range(i, i + 1)
        for j, v in enumerate(ids):
            known = matcher.index.keys[name.tokens[j]]  # "E." is Yevgeny: the sound is "evgeni"
            initial = is_letter(token) and token in (name.tokens[j][0], known[:1])
            initial |= similar.get(v) == INITIAL and len(name.tokens[j]) == 1
            if initial and token != name.tokens[j]:
                pairs.append(Pair(INITIAL, "initial", mine, range(j, j + 1), LETTER_WEIGHT))
            elif v in similar:
                pairs.append(Pair(similar[v], "", mine, range(j, j + 1), weights[v]))
    for i, both in enumerate(map("".join, pairwise(query.words))):
        for j in (j for j, word in enumerate(name.words) if word == both):
            apart = range(i, i + 2), range(j, j + 1)
            pairs.append(Pair(JOINED, "written apart", *apart, weights[ids[j]]))
    for j, both in enumerate(map("".join, pairwise(name.words))):
        for i in (i for i, word in enumerate(query.words) if word == both):
            joined = range(i, i + 1), range(j, j + 2)
            weight = weights[ids[j]] + weights[ids[j + 1]]
            pairs.append(Pair(JOINED, "written as one", *joined, weight))
    order = (
        (p.similarity < 1, -p.similarity * p.weight, p.mine.start, p.theirs.start, p) for p in pairs
    )
    return [rank[-1] for rank in sorted(order)]


def find_whole(query: FoldedName, n: int, matcher: Matcher) -> list[Pair]:
    """One pair of all words if `query` and name `n` are one text spaced otherwise, or cut off."""
    name, similarity, how = matcher.index.folded[n], 0.0, ""
    mine, theirs = ({x.plain.replace(" ", ""), "".join(x.words)} for x in (query, name))
    if query.tokens == name.tokens:
        return []
    if mine & theirs:
        similarity, how = JOINED, "spaced otherwise"
    elif name.plain.startswith(query.plain) and n in matcher.find_cut(query):
        similarity, how = CUT_OFF, "cut off"
    elif len(query.tokens) != len(name.tokens):
        sounds = (spell_wholes(x, matcher.keys) for x in (query, name))
        similarity, how = (
            (SOUND, "same sound, spaced otherwise") if set.intersection(*sounds) else (0.0, "")
        )
    words = range(len(query.tokens)), range(len(name.tokens))
    return [Pair(similarity, how, *words, matcher.index.totals[n])] if how else []


def compare_names(query: FoldedName, n: int, matcher: Matcher) -> Comparison:
    """How `query` compares with listed name `n`."""
    index, name = matcher.index, matcher.index.folded[n]
    if not name.tokens or not query.tokens or query.script == name.script == "pinyin":
        return NOTHING
    strange = index.types[n] not in ("", "entity") or name.script == "acronym"
    senses = [matcher.senses[token] for token in query.tokens]
    mine = {
        i: Leftover(word, sense.weight, strange or sense.telling)
        for i, (word, sense) in enumerate(zip(query.words, senses, strict=True))
    }
    theirs = {
        j: Leftover(word, index.weights[v], index.telling[v])
        for j, (word, v) in enumerate(zip(name.words, index.tokens[n], strict=True))
    }
    whole = find_whole(query, n, matcher)
    agreed: list[Agreement] = []
    for similarity, how, i, j, weight in whole or find_pairs(query, n, matcher):
        if all(k in mine for k in i) and all(k in theirs for k in j):
            asked, listed = [mine.pop(k) for k in i], [theirs.pop(k) for k in j]
            telling = sum(x.weight for x in listed if x.telling)
            telling = min(telling, weight) if any(senses[k].telling for k in i) else 0.0
            words = " ".join(x.word for x in asked), " ".join(x.word for x in listed)
            evidence = telling + QUIET * (weight - telling)
            agreed.append(Agreement(*words, how, similarity, weight, evidence))
    letters = [i for i, token in enumerate(query.tokens) if is_letter(token)]
    if index.types[n] in ("", "individual") and letters[1:] and letters[0] in mine:
        return NOTHING  # "I. A. Markov" is no Aleksey Markov
    form = 0.0 if whole else score_forms(query.forms, name.forms, index.types[n])
    factor = ACRONYM if name.script == "acronym" else 1.0
    return score_comparison(
        tuple(agreed), tuple(mine.values()), tuple(theirs.values()), form, factor
    )


def score_forms(mine: tuple[str, ...], theirs: tuple[str, ...], kind: str) -> float:
    """The loss for legal forms that differ; a firm's form on a person or ship of `kind` is odd."""
    if mine == theirs:
        return 0.0
    if mine and not theirs:
        return FORM_ODD.get(kind, FORM_MISSING)
    return FORM_DIFFERS if mine else FORM_MISSING


def score_comparison(
    agreed: tuple[Agreement, ...],
    mine: tuple[Leftover, ...],
    theirs: tuple[Leftover, ...],
    form: float,
    factor: float,
) -> Comparison:
    """The comparison with its score, from what agreed and what was left over on either side."""
    weight = sum(a.weight for a in agreed)
    evidence = sum(a.evidence for a in agreed)
    unlike = sum(a.weight * (1 - a.similarity) for a in agreed)
    bare = all(x.weight <= PARTICLE and len(x.word) > 1 for x in (*mine, *theirs))
    left_over = (mine or theirs) and not (bare and len(agreed) > 1)  # "of", but not "A Trading"
    all_agree = not left_over and all(a.how != "initial" for a in agreed)
    loss = 1.0
    if evidence >= LEAST_EVIDENCE:
        left, right = (sum(x.weight for x in side) for side in (mine, theirs))
        most, more = max((left, mine), (right, theirs), key=lambda side: side[0])
        share = min(left / (left + weight), right / (right + weight))
        telling = sum(x.weight for x in more if x.telling)
        extra = score_extra(most - telling, telling, weight, evidence)
        loss = unlike / weight + CONFLICT * share
        loss += extra * (1 - share * (most + weight) / most) if most else 0.0
        odd = [any(c.isdigit() for x in side for c in x.word) for side in (mine, theirs)]
        loss += NUMBERS_DIFFER if all(odd) else NUMBER_MISSING if any(odd) else 0.0
    elif weight and all_agree and unlike <= GENERIC_UNLIKE * weight:
        loss = unlike / weight if weight >= GENERIC_LEAST or not form else 1.0
    score = round(max(0.0, 1 - loss - form) * factor * 100, 1)
    return Comparison(score, agreed, mine, theirs, form, factor)


# ==================================================================================================
# Files: a shipment file's bytes, packed or not, whatever its encoding -> text of complete lines.
# Takes a path or `-`; memory follows the block read. Knows nothing of cells, headers or rows.

BLOCK = 1 << 18  # bytes read at once, and looked at for encoding and header
PAUSE = 0.2  # seconds without input after which the rows read so far are handed on
LINE_CHARS = 1 << 20  # of one line; beyond is a dump or an attack, and is cut and reported
PACK_RATIO = 200  # bytes unpacked from one packed; CSV gives 3-30, bombs 1,000
CUT = "\uffff"  # a noncharacter, so free to mark where a line was cut
MARKS = ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
UNREAD = (OSError, EOFError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)


def find_encoding(head: bytes) -> str:
    """The encoding of a file that begins with `head`: mark, NUL pattern, UTF-8, then letter shares.

    >>> find_encoding("Müller".encode("cp1252")), find_encoding("收货人：东方贸易".encode("gbk"))
    ('cp1252', 'gb18030')
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    pairs = len(head) // 2 or 1
    upper, lower = head[::2].count(0) / pairs, head[1::2].count(0) / pairs
    if max(upper, lower) > 0.2 and min(upper, lower) < 0.02:
        return "utf-16-be" if upper > lower else "utf-16-le"
    text = head.decode("utf-8", "surrogateescape")
    odd = len(re.findall(r"[\udc80-\udcff]", text))
    wide = len(re.findall(r"[^\0-\x7f]", text)) - odd
    if odd <= 3 + wide // 10 and (wide or not odd):  # one Latin byte among UTF-8 is damage
        return "utf-8"
    return _find_code_page(head)


def _find_code_page(head: bytes) -> str:
    """gb18030, cp1251, cp1254 or cp1252, by how the bytes of `head` above ASCII stand together."""
    runs = re.findall(rb"[\x80-\xff]+", head)
    high = b"".join(runs)
    level_one = re.findall(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]", high)  # GB 2312's common half
    low = len(re.findall(rb"[\xa1-\xbf]", high))  # a third of Chinese bytes, signs elsewhere
    odd = sum(len(run) % 2 for run in runs)  # Chinese letters are two bytes
    if odd <= len(runs) / 20 and len(level_one) > 0.35 * len(high) and low > 0.15 * len(high):
        return "gb18030"
    words = b"".join(re.findall(rb"[\xa8\xb8\xc0-\xff]{3,}", head))
    if len(words) > 0.6 * len(high):
        return "cp1251"
    turkish = len(re.findall(rb"[\xd0\xdd\xde\xf0\xfd\xfe]", high))
    return "cp1254" if turkish > 0.35 * len(high) else "cp1252"


def _is_quiet(raw: Any) -> bool:
    """Whether nothing comes from `raw` for PAUSE seconds; False where it cannot be waited for."""
    try:
        return not select.select([raw], [], [], PAUSE)[0]
    except (OSError, ValueError):  # Windows, a stream without a descriptor
        return False


def _read_blocks(source: str, name: str) -> Generator[bytes]:
    """Bytes of `source` as they come; b"" when a pipe has had nothing for PAUSE seconds."""
    size, regular = 0, os.path.isfile(source)
    try:
        with nullcontext(sys.stdin.buffer) if source == "-" else open(source, "rb") as raw:
            stream: Any = raw if hasattr(raw, "peek") else io.BufferedReader(raw)
            unpacked = open_packed(stream)
            most = PACK_RATIO * max(os.path.getsize(source), BLOCK) if regular else math.inf
            while True:
                if unpacked is stream and _is_quiet(raw):
                    yield b""
                if not (block := unpacked.read1(BLOCK)):
                    return
                size += len(block)
                if unpacked is not stream and size > most:
                    raise ValueError(f"{PACK_RATIO} times its size unpacked: unpack it yourself")
                yield block
    except UNREAD as err:
        said = f"reading broke off after {size:,} bytes" if size else "cannot be opened"
        raise ScreenError(f"{name}: {said} ({err}): give a readable CSV file.") from err


def _read_lines(blocks: Iterable[bytes], encoding: str) -> Iterator[tuple[str, bool]]:
    """Text of complete lines, and whether it is the last, whose line end may be missing.

    "" stands for a pause. What LINE_CHARS leaves of a long line ends in CUT, as its last piece may.
    """
    decoder, held = codecs.getincrementaldecoder(encoding)("replace"), ""
    for block in blocks:
        text = held + decoder.decode(block)
        end = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1  # a last \r may belong to \r\n
        held = text[end:] if len(text) - end <= LINE_CHARS else text[end:][:LINE_CHARS] + CUT
        if end or not block:
            yield text[:end], False
    yield held + decoder.decode(b"", True), True


# ==================================================================================================
# Headers: the first lines of a file -> its header, its delimiter and the role of each column.
# Spellings come from lists/columns.csv. Knows nothing of the rows below.

COLUMNS = 300  # customs-data exports have up to 150; padding short rows must not fill the memory
HEADER_CHARS = 100  # of one header; the longest known spelling has 45
HEADER_LINES = 50  # lines in which the header must stand: reports open with a title and filters
DELIMITERS = ",;\t|"
PARTS = ("name", "address", "country", "identifier")  # what a header may say of a party
SIDES = tuple(f"{role}_{part}" for role in PARTY_ROLES for part in ("address", "country"))
ROLES = (
    *PARTY_ROLES, *SIDES, "hs_code", "description", "destination", "transit", "date", "value",
    "quantity", "weight", "identifier",
)  # fmt: skip
LINKING_WORDS = "the of for des der du de del della dell di do da van"
REMOVED = {0: None, ord(CUT): None}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How the user says a shipment file is to be read; None means: find out."""

    columns: Mapping[str, str] = field(default_factory=dict)  # role -> header, from --column
    delimiter: str | None = None
    encoding: str | None = None
    chunk_rows: int = 50_000


@dataclass(frozen=True, slots=True)
class _Header:
    """Lines that may be the header."""

    start: int  # lines above it
    span: int  # lines it takes, more than 1 when a quoted header holds a line break
    cells: tuple[str, ...]
    delimiter: str
    roles: Mapping[str, tuple[int, ...]]

    def rank(self) -> tuple[bool, int, int]:
        """What makes it likelier than another line."""
        return "consignee" in self.roles, len(self.roles), len(self.cells)


def fold_header(header: str) -> str:
    """Letters and digits of `header` alone, without case, accents, linking words, final number.

    >>> fold_header("NAME_of the Consignee 2"), fold_header("Empfänger-Land")
    ('nameconsignee', 'empfangerland')
    """
    words = re.findall(r"[^\W_]+", fold_phrase(header))
    return re.sub(r"(?<=\D)\d+$", "", "".join(w for w in words if w not in LINKING_WORDS.split()))


@functools.cache
def read_header_roles() -> Mapping[str, list[str]]:
    """Roles, "name" and "total_line" by the folded spellings of lists/columns.csv."""
    roles = defaultdict(list)
    for row in read_table("columns"):
        roles[fold_header(row["header"])].append(row["role"])
    return dict(roles)


@functools.lru_cache(4096)
def find_role(header: str) -> str:
    """The role of `header`: a bare "Address" is "address", an unknown header is "".

    >>> find_role("Name of Consignee"), find_role("SHIP_TO_CITY"), find_role("Consignee phone")
    ('consignee', 'consignee_address', '')
    """
    known, short = read_header_roles(), header[:HEADER_CHARS]
    for text in (short, re.sub(r"[(\[].*?[)\]]", "", short), *re.split(r"[/|\n()]", short)[:4]):
        key = fold_header(text)
        if whole := [role for role in known.get(key, ()) if role != "name"]:
            return whole[0]
        for cut in range(1, len(key)):
            ends = [*known.get(key[:cut], ()), *known.get(key[cut:], ())]
            party = next((role for role in ends if role in PARTY_ROLES), "")
            part = next((role for role in reversed(ends) if role in PARTS), "")
            if party and part:
                return {"name": party, "identifier": part}.get(part, f"{party}_{part}")
    return ""


def find_roles(headers: Sequence[str], columns: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Role -> its columns; `columns` (role -> header) wins; a bare address is its left party's.

    >>> find_roles(["Cnee", "Country", "PO"], {}), find_roles(["Cnee", "PO"], {"bank": "po"})
    ({'consignee': (0,), 'consignee_country': (1,)}, {'bank': (1,), 'consignee': (0,)})
    """
    found: dict[str, list[int]] = defaultdict(list)
    plain = [header.strip().casefold() for header in headers]
    for role, wanted in columns.items():
        found[role] += [i for i, text in enumerate(plain) if text == wanted.strip().casefold()]
    given = {index for indexes in found.values() for index in indexes}
    party = "consignee"
    for index, header in enumerate(headers):
        role = find_role(header)
        party = role if role in PARTY_ROLES else party
        full = f"{party}_{role}" if role in ("address", "country") else role
        if full in ROLES and full not in columns and index not in given:
            found[full].append(index)
    return {role: tuple(indexes) for role, indexes in found.items() if indexes}


def _parse_record(lines: Sequence[str], delimiter: str) -> tuple[list[str], int, str]:
    """Cells of the first record in `lines`, the lines it takes, and what is wrong with it."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        return next(reader, []), reader.line_num, ""
    except csv.Error as err:
        return [], reader.line_num, str(err)


def _split_line(line: str, delimiter: str, width: int = 0) -> list[str]:
    """Cells of one damaged `line`: quotes obeyed, unless ignoring them gives `width` cells."""
    plain = line.rstrip("\r\n").split(delimiter)
    if len(plain) == width or len(line) > csv.field_size_limit():
        return plain
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [""])


def _find_header(lines: Sequence[str], options: ReadOptions) -> _Header:
    """The likeliest header in `lines`: the first with a consignee and half the roles of the best.

    Not simply the best: a row of made-up header words would hide all rows above it.
    """
    found = []
    for delimiter in options.delimiter or DELIMITERS:
        for start, line in enumerate(lines or [""]):
            cells, span, fault = _parse_record(lines[start : start + 10], delimiter)
            if fault:
                cells, span = _split_line(line, delimiter), 1
            roles = find_roles(cells if len(cells) <= COLUMNS else [], options.columns)
            found.append(_Header(start, span, tuple(cells), delimiter, roles))
    best = max(header.rank() for header in found)
    good = [h for h in found if h.rank()[0] == best[0] and h.rank()[1] * 2 >= best[1]]
    return max(good, key=lambda header: (-header.start, header.rank()))


def _check_header(name: str, head: bytes, header: _Header, options: ReadOptions) -> None:
    """Raises ScreenError unless `header` has a consignee column and every one asked for."""
    start = head.lstrip(codecs.BOM_UTF8 + b" \t\r\n")
    if not start:
        raise ScreenError(f"{name}: the file is empty, a header with a consignee column expected.")
    odd = len(re.findall(rb"[\1-\x08\x0e-\x1f\x7f]", head)) / len(head)
    noise = "consignee" not in header.roles and odd > 0.02
    begins, signs = start[:16].hex(), read_table("foreign_files")
    foreign = (sign["what"] for sign in signs if begins.startswith(sign["begins_hex"]))
    if what := next(foreign, "binary data" if noise else ""):
        raise ScreenError(f"{name}: this is {what}, not CSV: save it as CSV UTF-8 and give that.")
    where, shown = f"{name}, line {header.start + 1}", ", ".join(repr(h[:60]) for h in header.cells)
    if len(header.cells) > COLUMNS:
        raise ScreenError(f"{where}: {len(header.cells):,} columns, at most {COLUMNS} expected.")
    for role in {"consignee": "", **options.columns}.keys() - header.roles.keys():
        text = f"no column for {role}, give --column {role}=HEADER with one of the headers"
        if role in options.columns:
            text = f"no header {options.columns[role]!r} for --column {role}, give one of"
        raise ScreenError(f"{where}: {text}: {shown}.")


def _check_options(options: ReadOptions) -> None:
    """Raises ScreenError for a role, delimiter or encoding that does not exist."""
    if unknown := [role for role in options.columns if role not in ROLES]:
        raise ScreenError(f"--column: {unknown[0]!r} is no role: use one of {', '.join(ROLES)}.")
    mark = options.delimiter
    if mark is not None and (len(mark) != 1 or mark in '"\r\n\0'):
        raise ScreenError(f"--delimiter: {mark!r} found, one character expected: , ; | or a tab.")
    try:
        str(b"a,\xff\n", options.encoding or "utf-8", "replace")
    except (LookupError, ValueError) as err:
        text = f"--encoding: {options.encoding!r} is no text encoding: give one such as cp1252."
        raise ScreenError(text) from err


# ==================================================================================================
# Shipments: lines of text -> rows exactly as wide as the header, in chunks, and what is damaged.
# Every non-blank record is one row. Memory follows the chunk. Knows nothing of lists or flags.

RECORD_LINES = 100  # lines a quoted cell may run over: addresses take 10, a stray quote thousands
CHUNK_CELLS = 3_000_000  # at most, so that files of 300 columns take no more memory than others
FAULTS = {
    "\0": "NUL bytes, removed",
    CUT: f"a line longer than {LINE_CHARS:,} characters, the rest of it not read",
    "\ufffd": "characters that cannot be read (U+FFFD)",
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows in file order; `damage` says in words what is wrong with a row, by its index."""

    first_row: int  # data row number of rows[0]; the file's first is 1
    rows: list[list[str]]  # each as wide as the header
    lines: list[int]  # physical line on which each row starts, 1-based, preamble counted
    damage: dict[int, str]  # 4 -> "line 7: 3 cells where the header has 5"


@dataclass(frozen=True, slots=True)
class Shipments:
    """One shipment file being read: its layout as found, and its rows in `chunks`, once."""

    name: str
    headers: tuple[str, ...]  # as in the file, empty and duplicate ones too
    roles: Mapping[str, tuple[int, ...]]  # every column of a role, in file order
    preamble: tuple[str, ...]  # lines above the header
    encoding: str
    delimiter: str
    chunks: Iterator[Chunk]


class _RowReader:
    """The chunk being filled, and the text of a record whose quote is still open."""

    def __init__(self, header: _Header) -> None:
        self.delimiter, self.width = header.delimiter, len(header.cells)
        self.column = header.roles["consignee"][0]
        self.again = {header.cells[self.column], "\ufeff" + header.cells[self.column]}
        totals = {row["header"] for row in read_table("columns") if row["role"] == "total_line"}
        self.odd = {"", *self.again, *totals}  # consignee cells that no shipment has
        self.line, self.open_text = header.start + header.span + 1, ""
        self.chunk = Chunk(1, [], [], {})

    def take(self) -> Chunk:
        """The chunk as it is; a new one begins after it."""
        taken = self.chunk
        self.chunk = Chunk(taken.first_row + len(taken.rows), [], [], {})
        return taken

    def read(self, text: str, last: bool) -> None:
        """Adds the rows of `text`, lines that follow those read before."""
        whole = self.open_text + text
        rows = self._parse_clean(whole)
        if rows is None:
            return self._read_torn(whole, last)
        start = len(self.chunk.rows)
        self.chunk.rows.extend(rows)
        self.chunk.lines.extend(range(self.line, self.line + len(rows)))
        self.line, self.open_text = self.line + len(rows), ""
        for index in [n for n, row in enumerate(rows) if row[self.column] in self.odd]:
            self._blame(start + index, [])

    def _parse_clean(self, text: str) -> list[list[str]] | None:
        """Rows of `text` if each line is one whole row and every byte is sound, else None."""
        if any(mark in text for mark in FAULTS):
            return None
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter, strict=True)
        try:
            rows = list(reader)
        except csv.Error:
            return None
        sound = len(rows) == reader.line_num and set(map(len, rows)) <= {self.width}
        return rows if sound else None

    def _read_torn(self, text: str, last: bool) -> None:
        """Adds the rows of `text` record by record, as many as are known to have ended.

        A record that spans lines and does not fit is damage on its first line alone, and reading
        resumes on the next: one stray quote must not swallow the file.
        """
        torn = list(io.StringIO(text, newline=""))
        lines, at = [line.translate(REMOVED) for line in torn], 0
        while at < len(lines):
            near = lines[at : at + RECORD_LINES]
            cells, span, fault = _parse_record(near, self.delimiter)
            if fault.startswith("unexpected end") and at + span == len(lines) and not last:
                break
            if fault or (span > 1 and len(cells) != self.width):
                cells, span = _split_line(lines[at], self.delimiter, self.width), 1
                fault = "quotes out of place, or a cell over 131,072 characters"
            full = [n for n in near[:span] if n.count(self.delimiter) >= max(1, self.width - 1)]
            joined = f"quotes that may join {span} rows" if len(full) > 1 else ""
            source = "".join(torn[at : at + span])
            faults = [words for mark, words in FAULTS.items() if mark in source]
            if source.strip("\r\n" if self.width == 1 else " \r\n"):
                self._add(cells, [*faults, fault, joined])
            at, self.line = at + span, self.line + span
        self.open_text = "".join(torn[at:])

    def _add(self, cells: list[str], faults: list[str]) -> None:
        """Adds one row of `cells`, made as wide as the header; a surplus is kept in the words."""
        surplus, missing = cells[self.width :], self.width - len(cells)
        self.chunk.rows.append(cells[: self.width] + [""] * missing)
        self.chunk.lines.append(self.line)
        counts = f"{len(cells)} cells where the header has {self.width}"
        if "".join(surplus).strip():
            counts += f": the surplus is {', '.join(map(repr, surplus))}"
        wrong = missing > 0 or "surplus" in counts  # blank cells beyond the end are no damage
        self._blame(len(self.chunk.rows) - 1, [*faults, counts if wrong else ""])

    def _blame(self, index: int, faults: Sequence[str]) -> None:
        """Says of row `index` its `faults`, and whether it is no shipment at all."""
        row = self.chunk.rows[index]
        first = next(filter(None, row), "")
        if row[self.column] in self.again:
            oddity = "the header line again"
        elif row.count("") * 2 >= self.width and find_role(first) == "total_line":
            oddity = "a total line"
        else:
            oddity = "" if first else "an empty row"
        if said := "; ".join(filter(None, (*faults, oddity))):
            self.chunk.damage[index] = f"line {self.chunk.lines[index]}: {said}"


def _read_chunks(
    texts: Iterable[tuple[str, bool]], rows: _RowReader, enough: int
) -> Iterator[Chunk]:
    """Chunks of at least `enough` rows, smaller ones at the end or when the input pauses."""
    for text, last in texts:
        rows.read(text, last)
        count = len(rows.chunk.rows)
        if count >= enough or (count and (last or not text)):
            yield rows.take()


@contextmanager
def open_shipments(source: str, options: ReadOptions) -> Iterator[Shipments]:
    """The shipment file at path `source` (`-`: standard input), open for one reading.

    Raises ScreenError for what is no CSV file or has no consignee column, and while chunks are
    read, for an archive that breaks off: never after a silent half.
    """
    name = "standard input" if source == "-" else source
    _check_options(options)
    with closing(_read_blocks(source, name)) as blocks:
        head, text = b"", ""
        for block in blocks:
            head += block
            if len(head) >= BLOCK or (head and not block):
                break
        encoding = options.encoding or find_encoding(head)
        texts = _read_lines(chain([head, b""], blocks), encoding)  # whose pause has been used up
        for more, last in texts:  # in a stream the header may come after a pause
            text += more
            lines = list(io.StringIO(text.removeprefix("\ufeff"), newline=""))
            found = _find_header([n.translate(REMOVED) for n in lines[:HEADER_LINES]], options)
            if last or len(text) >= BLOCK or "consignee" in found.roles:
                break
        _check_header(name, head, found, options)
        rest = "".join(lines[found.start + found.span :]), last
        enough = min(options.chunk_rows, CHUNK_CELLS // len(found.cells))
        preamble = tuple(line.rstrip("\r\n") for line in lines[: found.start])
        begun = [rest, ("", last)]  # the head was read up to a pause: its rows must not wait
        chunks = _read_chunks(chain(begun, texts), _RowReader(found), enough)
        yield Shipments(
            source, found.cells, found.roles, preamble, encoding, found.delimiter, chunks
        )


# ==================================================================================================
# History. Takes shipment histories as text columns, chunk by chunk; gives sums by group and month,
# and counts of what could not be read. Memory follows groups and months, not rows. Does not know
# about files, lists of parties or what the sums say.

AMOUNT_ROLES = ("value", "weight", "quantity")  # the first that half of the rows state is compared
TIER_ORDER = ("1", "2", "3.A", "3.B", "4.A", "4.B", "")  # as `tier_of` says; "": not listed
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DATE_FORMS = (  # form, its year, its month if the day comes first, its month if the month does
    (r"(\d{4})\D?(\d\d?)(?:\D?\d\d?(?:\D.*)?)?", 1, 2, 2),  # 2025-03-17T10:22, 20250317, 2025-03
    (r"(\d\d?)\D(\d{4})", 2, 1, 1),  # 03/2025
    (r"(\d\d?)\.(\d\d?)\.(\d{4}|\d\d)(?: .*)?", 3, 2, None),  # 17.03.25: dots are day first
    (r"(\d\d?)([-/ ])(\d\d?)\2(\d{4}|\d\d)(?: .*)?", 4, 3, 1),  # 17/03/2025, 3/17/25
    (rf"(?:\d\d?\W)?({'|'.join(MONTHS)})[a-z]*\W+(?:\d\d?, )?(\d{{4}}|\d\d)", 2, 1, 1),  # Mar-25
)
PENDING_ROWS = 100_000  # rows waiting to be summed up; fewer: slow, more: memory
LOT_LIMITS = (1000, 2500, 5000, 10000)  # 2,500 USD a day: U.S. filing, 15 CFR 30.37(a); and kin
LOT_BAND = 0.9  # 0.9 to 1 x limit is "just below": one ordinary value in fifteen falls there
GROUP = ["destination", "heading", "tier", "consignee"]
TABLE_KEYS = {
    "trade": [*GROUP, "day_first", "month_first", "file"],
    "description": [*GROUP, "description"],
    "consignee_address": [*GROUP, "consignee_address"],
}


@functools.lru_cache(maxsize=1 << 14)
def parse_month(text: str) -> tuple[int, int]:
    """Month of a date read (day first, month first), as year x 12 + month - 1; 0 where impossible.

    >>> [divmod(m, 12) for m in parse_month("03/04/2025")], parse_month("31/04/25")[1]
    ([(2025, 3), (2025, 2)], 0)
    """
    plain = text.strip().lower()
    if re.fullmatch(r"[2-7]\d{4}(\.\d+)?", plain):  # spreadsheet serial: days since 1899-12-30
        plain = (date(1899, 12, 30) + timedelta(days=int(plain[:5]))).isoformat()
    for form, year_at, *months_at in DATE_FORMS:
        if found := re.fullmatch(form, plain):
            year = int(found[year_at]) + (2000 if len(found[year_at]) == 2 else 0)
            said = [found[at] if at else "0" for at in months_at]
            months = [MONTHS.index(m) + 1 if m in MONTHS else int(m) for m in said]
            fits = [1 <= month <= 12 and 1990 <= year < 2100 for month in months]
            first, other = ((year * 12 + m - 1) * fit for m, fit in zip(months, fits, strict=True))
            return first, other
    return 0, 0


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
        self.unread: Counter[str] = Counter()  # cells by role; their rows stay in the totals
        self.spelling = {"": ""}  # by key, names, descriptions and addresses as first written
        self._tables: dict[str, list[Any]] = {name: [] for name in TABLE_KEYS}

    def add(self, columns: Mapping[str, Sequence[str]], file: str = "") -> None:
        """Take in rows, text columns by role; a `file` has one order of day and month."""
        for role in ("destination", "hs_code", "date"):
            if role not in columns:
                raise ScreenError(
                    f"{file or 'history'}: found no {role} column among {', '.join(columns)}, "
                    f"expected one; name it with --column {role}=HEADER."
                )
        if not (count := len(columns["date"])):
            return
        self.rows += count
        frame = self._read_groups(columns).assign(file=file, rows=1, day=columns["date"])
        for role in ("description", "consignee_address"):
            if role in columns:
                frame[role] = self._fold_texts(columns[role])
                known = (frame[role] != "") & (frame["consignee"] != "")
                if role == "consignee_address":  # without a number it is no one place
                    known &= frame[role].str.contains(r"\d")
                self._put(role, frame.loc[known, [*TABLE_KEYS[role], "rows"]])
        for role in AMOUNT_ROLES:
            frame[role] = self._read_amounts(role, columns[role]) if role in columns else 0.0
        # Lines of one invoice come together: their noise does not even out, a day is one lot.
        keys, sums = [*TABLE_KEYS["trade"], "day"], ["rows", *AMOUNT_ROLES]
        lots = frame.groupby(keys, sort=False)[sums].sum().reset_index().drop(columns="day")
        for role in sums:
            lots[role + "_square"] = lots[role] ** 2
        for limit in LOT_LIMITS:
            lots[f"lots_{limit}"] = lots["value"].between(limit * LOT_BAND, limit, "left")
        self._put("trade", lots.assign(lots=1))

    def _fold_texts(self, texts: Sequence[str]) -> list[str]:
        keys = [fold_words(text) for text in texts]
        self.spelling = dict(zip(reversed(keys), reversed(texts), strict=True)) | self.spelling
        return keys

    def _read_groups(self, columns: Mapping[str, Sequence[str]]) -> Any:
        """Group texts, tier rank and both readings of the month, by row; counts the unread."""
        months = [parse_month(text) for text in columns["date"]]
        digits = [parse_hs_code(text).digits for text in columns["hs_code"]]
        frame = pd.DataFrame(months, columns=["day_first", "month_first"])
        frame["heading"] = [code[:4] if len(code) > 3 else "" for code in digits]
        frame["tier"] = [TIER_ORDER.index(tier_of(code)) for code in digits]
        frame["destination"] = [parse_country(text) for text in columns["destination"]]
        frame["consignee"] = self._fold_texts(columns.get("consignee", [""] * len(months)))
        self.unread["date"] += months.count((0, 0))
        self.unread["hs_code"] += int((frame["heading"] == "").sum())
        self.unread["destination"] += int((frame["destination"] == "").sum())
        return frame

    def _read_amounts(self, role: str, texts: Sequence[str]) -> Any:
        """The amounts of one column, 0 where unread; counts the unread."""
        cells: Any = pd.Series(list(texts), dtype=object)
        amounts = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, copy=True)
        odd = ~np.isfinite(amounts)
        if odd.any():  # one mistyped 12,5 must not make thousands of units of the rest
            commas, points = (cells.str.contains(rf"[{m}]\d{{1,2}}\D*$").sum() for m in ",.")
            odd |= commas > points  # then 1.234, which looks a plain number, is 1,234
            amounts[odd] = [parse_amount(text, commas > points) for text in cells[odd]]
        self.unread[role] += int((~np.isfinite(amounts)).sum())
        return np.where(np.isfinite(amounts), amounts, 0.0)

    def _put(self, name: str, frame: Any) -> None:
        self._tables[name].append(frame)
        if sum(map(len, self._tables[name][1:])) > max(PENDING_ROWS, len(self._tables[name][0])):
            self.table(name)

    def table(self, name: str) -> Any:
        """Table `name` of TABLE_KEYS, a row a group: the sums of what was added."""
        empty = pd.DataFrame(columns=[*TABLE_KEYS[name], "rows", "rows_square"], dtype=int)
        groups = pd.concat(self._tables[name] or [empty]).groupby(TABLE_KEYS[name], sort=False)
        self._tables[name] = [groups.sum().reset_index()]
        return self._tables[name][0]

    def trade(self) -> tuple[str, Any]:
        """What is compared ("value", …, "rows") and the trade by group, with `period`, `amount`.

        A file's dates are read month first where one of them fits only so, else day first.
        """
        table = self.table("trade")
        day, month = table["day_first"], table["month_first"]
        by_month = ((month > 0) & (day == 0)).groupby(table["file"]).transform("any")
        period = day.mask((day == 0) | ((month > 0) & by_month), month)
        read = {r: self.rows - self.unread[r] for r in AMOUNT_ROLES if r in self.unread}
        measure = next((role for role in read if 2 * read[role] >= self.rows), "rows")
        amounts = {"amount": table[measure], "amount_square": table[measure + "_square"]}
        return measure, table.assign(period=period, **amounts)


# ==================================================================================================
# Surges. Takes a ledger; gives the groups whose trade outgrew their own past, the patterns only
# several rows together show, the flag of a row in such a group, and bars. Does not know the clock.

EMBARGOED = frozenset({"embargo_comprehensive", "russia_belarus_controls"})  # of destinations.csv
LATEST_MONTHS = 6  # 3: one ship early or late doubles a group; 12: a surge is a year old when seen
LEAST_SAME_MONTHS = 3  # from 15 months on the same months a year before: seasons cancel
STRAY_SHARE = 0.001  # one date of 2052 in 5,000 rows must not empty the latest period
LEAST_GROWTH = 100.0  # percent beyond the file's own; 50: trends shout; 300: a slow tripling hides
LEAST_GROUPS = 10  # that traded in both periods; of fewer, the surge itself is the usual growth
LEAST_ROWS = 5  # three consignments after one are +200 % and say nothing
LEAST_SIGNAL = 2.5  # standard errors, in files of few groups; N groups of noise reach sqrt(2 ln N)
LEAST_RISE = 0.1  # of the average group: 40 USD after 10 USD is no news; not asked of tier goods
LEAST_MOVED = 0.1  # of a rise: a smaller fall elsewhere explains nothing
PRIORITY_WEIGHT = 2.0  # tier goods, and again transshipment points, lead among about equal rises
LEAST_LOTS = 6  # days in one month to one consignee x heading; a weekly standing order makes 5
LEAST_LOT_SHARE = 0.6  # of that month's days; busy groups fall below a limit by chance
SPREADS: tuple[
    tuple[Any, ...], ...
] = (  # table, what else is alike, what varies, least and most ways, least rows each, words
    # over 3 headings in the file is "spare parts"; one or two rows under one are slips of the pen
    ("description", ["consignee"], "heading", 2, 3, 3, "alike goods under changing HS codes"),
    # two at an address are neighbours, or a firm and its branch; over 20 an office tower
    ("consignee_address", [], "consignee", 3, 20, 1, "one address under several consignee names"),
)
COMPARED = ["rows", "amount", "rows_square", "amount_square"]  # squares: of consignments


@dataclass(frozen=True, slots=True)
class Surge:
    """A group that outgrew its past, or a pattern; SURGE_COLUMNS are what is written."""

    destination: str  # "KG"
    heading: str  # "8482"; "" for a shared address
    baseline_rows: int | None  # scaled to the length of the latest period; None in patterns
    current_rows: int
    baseline_amount: float | None  # scaled likewise
    current_amount: float | None
    growth_percent: float | None  # of the amount; None: new trade, or a pattern
    tier: str  # "3.B", the best of the codes seen
    reason: str
    kind: str  # "destination" or "consignee": what grew; "pattern"
    consignee: str = ""  # as first written, where the group is one consignee's


SURGE_COLUMNS = tuple(Surge.__dataclass_fields__)[:9]


def choose_periods(rows_by_month: Mapping[int, int]) -> list[tuple[int, int]]:
    """First and last month of the baseline and of the latest period; [] in a span of one month.

    The latest half year and the same months a year before; in spans under 15 months the latest
    third and all before it. Months on the edge with next to no rows are typing errors.

    >>> choose_periods({month: 9 for month in range(24)}), choose_periods({5: 9})
    ([(6, 11), (18, 23)], [])
    """
    rows: Any = pd.Series(dict(rows_by_month), dtype=float).sort_index()
    upto = rows.cumsum() / rows.sum()
    inside = rows.index[(upto > STRAY_SHARE) & (upto - rows / rows.sum() < 1 - STRAY_SHARE)]
    if len(inside) < 2:
        return []
    first, last = int(inside[0]), int(inside[-1])
    span = last - first + 1
    if span >= 12 + LEAST_SAME_MONTHS:
        length = min(LATEST_MONTHS, span - 12)
        return [(last - length - 11, last - 12), (last - length + 1, last)]
    length = max(1, span // 3)
    return [(first, last - length), (last - length + 1, last)]


def _compare(trade: Any, keys: list[str], periods: Sequence[tuple[int, int]]) -> Any:
    """Each group by `keys`: rows, amount, squares before (0) and now (1), and tier."""
    known = trade[(trade[keys] != "").all(axis=1)]
    lengths = [last - first + 1 for first, last in periods]
    sums = [
        known[known["period"].between(*ends)].groupby(keys)[COMPARED].sum() * scale
        for ends, length in zip(periods, lengths, strict=True)
        for scale in [(lengths[1] / length) ** np.array([1, 1, 2, 2])]
    ]
    both = sums[0].add_suffix("0").join(sums[1].add_suffix("1"), how="outer").fillna(0.0)
    return both.assign(tier=known.groupby(keys)["tier"].min())


def _find_outliers(groups: Any, least_growth: float) -> Any:
    """The `groups` beyond noise and `least_growth` percent above the file's own, with a `score`."""
    steady = (groups["amount0"] > 0) & (groups["amount1"] > 0)
    known = steady.sum() >= LEAST_GROUPS
    usual = max(1.0, (groups["amount1"] / groups["amount0"])[steady].median()) if known else 1.0
    signals = []
    for of in ("rows", "amount"):
        rise = groups[of + "1"] - usual * groups[of + "0"]
        noise = np.sqrt(groups[of + "_square1"] + usual**2 * groups[of + "_square0"])
        signals.append(rise / noise)
    first = groups["amount1"] / groups["rows1"]  # new trade ranks as if one row had been before
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
    return groups.assign(score=score, usual=usual)[keep].reset_index()


def find_surges(ledger: SurgeLedger, least_growth: float = LEAST_GROWTH) -> list[Surge]:
    """Groups of `ledger` grown over `least_growth` percent beyond the file, then the patterns.

    Best first: amount risen times how often it doubled, more for tier goods and transshipment
    points. A consignee's group is left to its destination's where that one surged.
    """
    measure, trade = ledger.trade()
    dated = trade[trade["period"] > 0]
    periods = choose_periods(dated.groupby("period")["rows"].sum())
    ranked: list[tuple[float, Surge]] = []
    if periods:
        places = _compare(dated, ["destination", "heading"], periods)
        buyers = _compare(dated, ["destination", "heading", "consignee"], periods)
        for groups in (places, buyers):
            taken = {(surge.destination, surge.heading) for _, surge in ranked}
            for group in _find_outliers(groups, least_growth).itertuples():
                if (group.destination, group.heading) not in taken:
                    route = _say_transshipment(group.destination)
                    name = ledger.spelling[getattr(group, "consignee", "")]
                    said = [_say_periods(periods), route, *_say_moved(places, group)]
                    surge = _build_surge(name, measure, group, said)
                    ranked.append((group.score * (PRIORITY_WEIGHT if route else 1.0), surge))
    grown = [surge for _, surge in sorted(ranked, key=lambda pair: -pair[0])]
    return [*grown, *_find_split_lots(ledger, dated), *_find_spreads(ledger)]


def _build_surge(consignee: str, measure: str, group: Any, said: Sequence[str]) -> Surge:
    """The record of an outlier `group`, a `consignee`'s or (where "") a destination's."""
    growth = round((group.amount1 / group.amount0 - 1) * 100, 1) if group.amount0 > 0 else None
    grown = "new trade" if growth is None else f"up {growth:,.0f} %"
    tier = TIER_ORDER[int(group.tier)]
    reasons = [
        f"{consignee or group.destination} x {group.heading}: {measure} {grown} "
        f"({group.amount0:,.0f} to {group.amount1:,.0f}), rows {group.rows0:,.0f} to "
        f"{group.rows1:,.0f}; others {(group.usual - 1) * 100:+.0f} %",
        f"high-priority tier {tier} (check the parameters)" if tier else "",
        *said,
    ]
    return Surge(
        group.destination, group.heading, round(group.rows0), round(group.rows1),
        round(group.amount0, 2), round(group.amount1, 2), growth, tier,
        "; ".join(filter(None, reasons)), "consignee" if consignee else "destination", consignee,
    )  # fmt: skip


def _say_periods(periods: Sequence[tuple[int, int]]) -> str:
    """The months compared, and the scale where the baseline is longer or shorter."""
    ends = [f"{m // 12}-{m % 12 + 1:02}" for period in reversed(periods) for m in period]
    before, now = (last - first + 1 for first, last in periods)
    scaled = "" if before == now else f" (scaled {now}:{before})"
    return "{} to {} against {} to {}".format(*ends) + scaled


def _say_transshipment(iso2: str) -> str:
    """Who names country `iso2` a transshipment point, "" where nobody does."""
    rows = [r for r in read_destinations().get(iso2, ()) if r["rule"].startswith("transshipment_")]
    said = dict.fromkeys(f"{row['source']} ({row['as_of']})" for row in rows)
    return f"transshipment point: {', '.join(said)}" if rows else ""


def _say_moved(places: Any, group: Any) -> Iterable[str]:
    """How far trade with embargoed destinations in the heading fell while `group` rose."""
    rise = group.amount1 - group.amount0
    for other in places.xs(group.heading, level="heading").itertuples():
        fall = other.amount0 - other.amount1
        rules = {row["rule"] for row in read_destinations().get(other.Index, ())}
        if rules & EMBARGOED and fall >= LEAST_MOVED * rise:
            yield (
                f"trade with {other.Index} in {group.heading} fell by {fall:,.0f} "
                f"({-fall / other.amount0:.0%}) while this rose by {rise:,.0f}: "
                f"up to {min(1.0, fall / rise):.0%} of the rise may have moved from there"
            )


def _find_split_lots(ledger: SurgeLedger, dated: Any) -> Iterable[Surge]:
    """Consignee x heading groups with many lots of one month just below a round value."""
    months = dated[dated["consignee"] != ""].groupby([*GROUP, "period"])
    for limit in LOT_LIMITS if len(dated) else ():
        sums = months[["rows", "amount", "lots"]].sum().assign(below=months[f"lots_{limit}"].sum())
        split = sums[sums["below"] >= (LEAST_LOT_SHARE * sums["lots"]).clip(lower=LEAST_LOTS)]
        for group in split.groupby(GROUP).sum().reset_index().itertuples():
            name, tier = ledger.spelling[group.consignee], TIER_ORDER[group.tier]
            words = (
                f"lots perhaps split: {group.below} of {group.lots} daily consignments to "
                f"{name} in heading {group.heading} just below {limit:,} in value"
            )
            yield Surge(
                group.destination, group.heading, None, group.rows, None, round(group.amount, 2),
                None, tier, words, "pattern", name,
            )  # fmt: skip


def _find_spreads(ledger: SurgeLedger) -> Iterable[Surge]:
    """What SPREADS names: alike texts under changing headings or consignee names."""
    for name, others, varies, least, most, least_rows, words in SPREADS:
        alike = [name, *others]
        ways = ledger.table(name).groupby([*alike, varies], as_index=False)
        ways = ways.agg({"rows": "sum", "tier": "min", "destination": "first"})
        few = ways.groupby(name)[varies].transform("nunique") <= most
        ways = ways[few & (ways["rows"] >= least_rows)]
        ways = ways[ways.groupby(alike)["rows"].transform("size") >= least]
        for _, same in ways.groupby(alike):
            if len({way.split()[0] for way in same[varies]}) >= least:  # not one firm's spellings
                first = same.loc[same["tier"].idxmin()]
                text, *who = (ledger.spelling[first[column]] for column in alike)
                listed = ", ".join(ledger.spelling.get(way, way) for way in same[varies])
                yield Surge(
                    first["destination"], first.get("heading", ""), None, int(same["rows"].sum()),
                    None, None, None, TIER_ORDER[first["tier"]], f"{words}: {text}: {listed}",
                    "pattern", *who,
                )  # fmt: skip


def surge_keys(surges: Iterable[Surge]) -> dict[tuple[str, str], Surge]:
    """The best surge of each (destination or folded consignee, heading) that grew."""
    best: dict[tuple[str, str], Surge] = {}
    for surge in surges:
        if surge.kind != "pattern":
            who = fold_words(surge.consignee) or surge.destination
            best.setdefault((who, surge.heading), surge)
    return best


def find_surge_flag(
    destination: str, heading: str, surges: Mapping[tuple[str, str], Surge], consignee: str = ""
) -> Flag | None:
    """The flag of a row whose destination or consignee is in `surges` of `surge_keys`, or None."""
    keys = ((destination, heading), (fold_words(consignee), heading))
    surge = next((surges[key] for key in keys if key in surges), None)
    if surge is None:
        return None
    group = f"{surge.consignee or surge.destination} x {surge.heading}"
    return Flag("surge", surge.reason, {"group": group, "growth_percent": surge.growth_percent})


def draw_bars(ledger: SurgeLedger, surges: Iterable[Surge], width: int = 80) -> list[str]:
    """Bars of the amount in the last two years, two months each, for the first three that grew."""
    measure, trade = ledger.trade()
    lines: list[str] = []
    for (who, heading), surge in [*surge_keys(surges).items()][:3]:
        last = choose_periods(trade[trade["period"] > 0].groupby("period")["rows"].sum())[1][1]
        own = trade[(trade[surge.kind] == who) & (trade["heading"] == heading)]
        amounts = own.groupby((last - own["period"]) // 2)["amount"].sum()
        amounts = amounts.reindex(range(11, -1, -1), fill_value=0.0)
        unit = max(float(amounts.max()), 1.0) / max(width - 10 - len(f"{amounts.max():,.0f}"), 1)
        lines.append(f"{surge.consignee or who} x {heading}, {measure}"[:width])
        for back, amount in amounts.items():
            year, month = divmod(last - 2 * back - 1, 12)
            lines.append(f"{year}-{month + 1:02} {'█' * int(amount / unit)} {amount:,.0f}")
    return lines


# ==================================================================================================
# Output
# Takes flagged rows, gives their CSV, JSONL or table form, clearances and the receipt. All words of
# a reason come from the same facts as the JSONL. Does not decide anything.

SCREEN_COLUMNS = (
    "screen_row", "screen_flags", "screen_score", "screen_role", "screen_query_name",
    "screen_listed_name", "screen_name_kind", "screen_list", "screen_entry_id", "screen_programme",
    "screen_hs_rule", "screen_reason",
)  # fmt: skip
CLEARANCE_COLUMNS = (
    "party", "country", "address", "list", "entry_id", "entry_digest", "reviewer", "reason",
    "decided_on", "expires_on",
)  # fmt: skip
FORMULA = re.compile(r"^[=+\-@\t\r]")  # a spreadsheet would run what begins so
BIDI = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))  # turn text round
CONTROLS = {c: "\ufffd" for c in (*range(32), *range(127, 160), *BIDI)}  # terminals obey them
HOW = {
    1.0: "",
    OCR: "scan-like letters",
    SOUND: "same sound",
    GIVEN_NAME: "form of a given name",
    CONSONANTS_AGREE: "same consonants",
}


def name_band(score: float, kind: str) -> str:
    """The band of a party hit, as `--help` explains them."""
    return "weak alias" if kind == "weak" else next(name for least, name in BANDS if score >= least)


def build_party_flag(hit: PartyHit, screener: Screener) -> Flag:
    """The `party` flag of `hit`: its evidence recomputes the score, its reason says it in words."""
    entry, found = screener.entries[hit.entry], hit.found
    queries = fold_queries([hit.text], screener.language)[0]
    notes = list(dict.fromkeys(note for query in queries for note in query.notes))
    evidence = {
        "band": name_band(hit.score, hit.kind),
        "name_score": found.score,
        "agreed": [a._asdict() for a in found.agreed],
        "query_only": [x._asdict() for x in found.query_only],
        "listed_only": [x._asdict() for x in found.listed_only],
        "form_loss": found.form,
        "factor": found.factor,
        "country": "agrees" if hit.country > 0 else "differs" if hit.country < 0 else "",
        "country_moved": round(hit.country_moved, 1),
        "address": "agrees" if hit.address_agrees else "",
        "address_moved": round(hit.address_moved, 1),
        "threshold": screener.options.threshold,
        "notes": notes,
        **({"licence": entry.licence} if entry.licence else {}),
    }
    facts = {
        "role": hit.role,
        "query_name": hit.text,
        "listed_name": screener.matcher.index.texts[hit.name],
        "name_kind": hit.kind,
        "score": hit.score,
        "list": entry.list,
        "entry_id": entry.entry_id,
        "programmes": list(entry.programmes),
        "countries": list(entry.countries),
        "evidence": evidence,
    }
    return Flag("party", say_party(facts, entry), facts)


def say_party(facts: Mapping[str, Any], entry: ListEntry) -> str:
    """The reason of a party hit in words, from its JSON `facts`."""
    evidence = facts["evidence"]
    agreed = [
        a["query"]
        if a["similarity"] == 1
        else f"{a['query']}~{a['listed']} ({a['how'] or HOW.get(a['similarity'], 'typing error')})"
        for a in evidence["agreed"]
    ]
    parts = [
        f'{facts["role"].replace("_", " ")} "{facts["query_name"]}" hits'
        f' {facts["name_kind"]} name "{facts["listed_name"]}"'
        f" of {facts['list']} {facts['entry_id']} with {facts['score']:g} ({evidence['band']})",
        f"agreed: {', '.join(agreed)}",
    ]
    for key, words in (("query_only", "only in the file"), ("listed_only", "only on the list")):
        parts += (
            [f"{words}: {', '.join(x['word'] for x in evidence[key])}"] if evidence[key] else []
        )
    parts += ["legal form differs or is missing"] if evidence["form_loss"] else []
    for key in ("country", "address"):
        moved = evidence[f"{key}_moved"]
        by = f" ({moved:+g})" if moved else ""
        parts += [f"{key} {evidence[key]}{by}"] if evidence[key] else []
    parts += [f"note: {note}" for note in evidence["notes"]]
    parts += [f"licence: {entry.licence}"] if entry.licence else []
    parts += [f"falls away above threshold {facts['score']:g}", "a hit is not a match"]
    return "; ".join(parts)


def write_cells(row: ScreenedRow) -> list[str]:
    """The twelve cells that CSV adds to a flagged or unflagged row."""
    parties = [flag for flag in row.flags if flag.kind == "party"]
    best = max(parties, key=lambda flag: flag.facts["score"]).facts if parties else {}
    listed = best or next((flag.facts for flag in row.flags if "entry_id" in flag.facts), {})
    rules = dict.fromkeys(flag.facts["rule"] for flag in row.flags if flag.kind == "goods")
    cells = [
        str(row.number),
        ";".join(dict.fromkeys(flag.kind for flag in row.flags)),
        f"{best['score']:g}" if best else "",
        listed.get("role", ""),
        listed.get("query_name", listed.get("query", "")),
        listed.get("listed_name", ""),
        best.get("name_kind", ""),
        listed.get("list", ""),
        listed.get("entry_id", ""),
        ";".join(best.get("programmes", ())),
        ";".join(rules),
        " | ".join(f"[{flag.kind}] {flag.reason}" for flag in row.flags),
    ]
    return [neutralise(cell) for cell in cells]


def neutralise(cell: str) -> str:
    """`cell` with an apostrophe before what a spreadsheet would run as a formula.

    >>> neutralise("=HYPERLINK(1)"), neutralise("AB-12")
    ("'=HYPERLINK(1)", 'AB-12')
    """
    return f"'{cell}" if FORMULA.match(cell) else cell


def write_json(row: ScreenedRow, file: str, headers: Sequence[str]) -> str:
    """One JSONL line of the contract."""
    names = unique_headers(headers)
    record = {
        "row": row.number,
        "file": file,
        "flags": list(dict.fromkeys(flag.kind for flag in row.flags)),
        "shipment": dict(zip(names, row.cells, strict=True)),
        "hits": [{"kind": flag.kind, **flag.facts, "reason": flag.reason} for flag in row.flags],
    }
    return json.dumps(record, ensure_ascii=False)


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


def draw_table(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """`rows` under `headers` as lines of at most `width` columns; the last column gets the rest."""
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [
        max([width_of(h), *(width_of(row[i]) for row in cells)]) for i, h in enumerate(headers)
    ]
    limit = max(12, width // len(headers) + 8)
    sizes = [min(w, limit) for w in widths[:-1]]
    sizes.append(max(12, width - sum(sizes) - 2 * len(sizes)))
    return [
        "  ".join(fit(c, w) for c, w in zip(line, sizes, strict=True)).rstrip()
        for line in (list(headers), *cells)
    ]


class Digest:
    """Text output that also keeps the digest of what went through."""

    def __init__(self, out: IO[str]) -> None:
        self.out, self.sha = out, hashlib.sha256()

    def write(self, text: str) -> int:
        """Write `text` on."""
        self.sha.update(text.encode("utf-8", "surrogatepass"))
        return self.out.write(text)

    def flush(self) -> None:
        """Flush the output below."""
        self.out.flush()

    def hexdigest(self) -> str:
        """SHA-256 of all text written."""
        return self.sha.hexdigest()


class RowWriter:
    """Writes screened rows in one format; knows how many it wrote."""

    def __init__(self, out: Digest, form: str, several: bool, safe_cells: bool) -> None:
        self.out, self.form, self.several, self.safe_cells = out, form, several, safe_cells
        self.csv = csv.writer(out, lineterminator="\n")
        self.headers: tuple[str, ...] | None = None
        self.shown = 0

    def begin(self, headers: tuple[str, ...], shown: int) -> None:
        """The header line; a table shows column `shown` of rows without a party hit."""
        self.shown = shown
        if self.headers is not None and self.headers != headers and self.form == "csv":
            raise ScreenError(
                f"files of one CSV run need the same headers: found {', '.join(headers)}, expected"
                f" {', '.join(self.headers)}; run them one by one or with -f jsonl."
            )
        if self.headers is None and self.form == "csv":
            self.csv.writerow(
                [*(["screen_file"] if self.several else []), *headers, *SCREEN_COLUMNS]
            )
        if self.headers is None and self.form == "table":
            self.out.write(self.line("row", "flags", "score", "party", "reason"))
        self.headers = headers

    def line(self, *cells: str) -> str:
        """One line of the readable table."""
        width = shutil.get_terminal_size((120, 40)).columns
        sizes = (7, 22, 6, 28, max(20, width - 71))
        return (
            "  ".join(fit(clean(c), w) for c, w in zip(cells, sizes, strict=True)).rstrip() + "\n"
        )

    def write(self, row: ScreenedRow, file: str) -> None:
        """One row."""
        if self.form == "jsonl":
            self.out.write(write_json(row, file, self.headers or ()) + "\n")
        elif self.form == "csv":
            own = [neutralise(cell) for cell in row.cells] if self.safe_cells else row.cells
            self.csv.writerow([*([file] if self.several else []), *own, *write_cells(row)])
        else:
            cells = write_cells(row)
            party = cells[4] or row.cells[self.shown]
            self.out.write(self.line(cells[0], cells[1], cells[2], party, cells[11]))


@dataclass(frozen=True, slots=True)
class Clearances:
    """Decisions that a person took, each for one party against one entry as both were then."""

    rows: Sequence[Mapping[str, str]]
    suppressed: Counter[str] = field(default_factory=Counter)  # entry -> hits left out
    reopened: Counter[str] = field(default_factory=Counter)  # why -> hits that came back

    def holds(self, hit: PartyHit, entry: ListEntry, as_of: date) -> bool:
        """Whether a clearance covers `hit`; one that no longer does is counted with its cause."""
        causes = []
        for row in self.rows:
            if (row["party"], row["list"], row["entry_id"]) == (
                hit.text,
                entry.list,
                entry.entry_id,
            ):
                cause = self.find_cause(row, hit, entry, as_of)
                if not cause:
                    self.suppressed[f"{entry.list} {entry.entry_id}"] += 1
                    return True
                causes.append(cause)
        self.reopened.update(causes[:1])
        return False

    def find_cause(
        self, row: Mapping[str, str], hit: PartyHit, entry: ListEntry, as_of: date
    ) -> str:
        """Why the clearance `row` does not hold any more; "" if it does."""
        if row["expires_on"] and row["expires_on"] < as_of.isoformat():
            return "clearance expired"
        changed = [
            part
            for part, digest in digest_entry(entry).items()
            if f"{part}:{digest}" not in row["entry_digest"].split()
        ]
        if changed:
            return f"entry changed: {', '.join(changed)}"
        if row["country"] != hit.country_text:
            return "party's country changed"
        return "" if row["address"] == hit.address else "party's address changed"


def digest_entry(entry: ListEntry) -> dict[str, str]:
    """Short digests of what a clearance rests on, by part of the entry."""
    parts = {
        "names": sorted(text for text, kind in entry.names if kind == "primary"),
        "aliases": sorted(text for text, kind in entry.names if kind != "primary"),
        "addresses": sorted(entry.addresses),
        "programmes": sorted(entry.programmes),
    }
    return {
        part: hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]
        for part, texts in parts.items()
    }


def read_clearances(path: str) -> Clearances:
    """The clearances of the CSV file `path`."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [c for c in CLEARANCE_COLUMNS if c not in (reader.fieldnames or ())]
            heads = dict(zip(reader.fieldnames or (), reader.fieldnames or (), strict=True))
            rows = [] if missing else [row for row in reader if row != heads]  # `clear >> FILE`
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ScreenError(
            f"{path}: clearances cannot be read ({err}): give a UTF-8 CSV file."
        ) from err
    if missing:
        raise ScreenError(
            f"{path}: no column {missing[0]}, expected {', '.join(CLEARANCE_COLUMNS)}:"
            " print rows with `screen.py clear`."
        )
    for n, row in enumerate(rows, 2):
        for column in ("reviewer", "reason", "decided_on"):
            if not (row[column] or "").strip():
                raise ScreenError(
                    f"{path}, line {n}, column {column}: empty, a decision needs one: fill it in."
                )
        if row["expires_on"] and not re.fullmatch(r"\d{4}-\d\d-\d\d", row["expires_on"]):
            raise ScreenError(
                f"{path}, line {n}, column expires_on: {row['expires_on']!r} found,"
                " a date such as 2027-01-31 expected."
            )
    return Clearances(rows)


def write_clearance(flag: Flag, entry: ListEntry, row: RowCells) -> list[str]:
    """The cells of a clearance for a `party` flag; a person fills in the last four."""
    country, address = row.country(flag.facts["role"]), row.address(flag.facts["role"])
    digest = " ".join(f"{part}:{value}" for part, value in digest_entry(entry).items())
    return [
        flag.facts["query_name"],
        country,
        address,
        entry.list,
        entry.entry_id,
        digest,
        "",
        "",
        "",
        "",
    ]


# ==================================================================================================
# Screening
# Takes rows of text with their roles, gives the flagged ones. Works on the distinct values of each
# column; only rows that hold a suspicious value are looked at one by one. Knows no file.

DEFAULT_THRESHOLD = 85.0  # below, ordinary firms come in hundreds; above, "Appel" / "Apple" is lost
# What stands beside a name moves its score by so much at most, and never one of 95 or more down.
COUNTRY_AGREES, COUNTRY_CONFLICTS, ADDRESS_AGREES, SURE = 2.0, -2.0, 3.0, 95.0
EVIDENCE_MOST = COUNTRY_AGREES + ADDRESS_AGREES
MOST_KNOWN = 300_000  # distinct names whose hits are remembered; more only costs memory
WORTH_SHARING = 2_000  # new names from which on other processes help
ADDRESS_LEAST, ADDRESS_ALIKE = 3, 0.75  # words that tell; share of them that must agree
BANDS = ((100, "exact"), (95, "strong"), (0, "possible"))
ROUTE_ROLES = frozenset({"destination", "transit", *PARTY_ROLES, *SIDES})
UNREAD_ROLES = frozenset({"date", "value", "quantity", "weight"})  # by checks of single rows


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may set of a screening; one record, so that a receipt can hold it."""

    as_of: date
    threshold: float = DEFAULT_THRESHOLD
    hits: str = "best"  # or "all"
    jobs: int = 1
    columns: Mapping[str, str] = field(default_factory=dict)  # role -> header


@dataclass(frozen=True, slots=True)
class ScreenedRow:
    """One flagged row: its number in the file, its cells as they came, and why."""

    number: int
    cells: Sequence[str]
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns hold what; made once a file, so that rows are read by number alone."""

    roles: Mapping[str, tuple[int, ...]]
    parties: tuple[str, ...]  # the party roles there are
    addressed: tuple[str, ...]  # those with an address column
    route: tuple[str, ...]  # roles that tell the way of the goods
    read: tuple[str, ...]  # roles that a check of single rows reads


def build_plan(roles: Mapping[str, tuple[int, ...]]) -> Plan:
    """The plan of a file with `roles`."""
    parties = tuple(role for role in PARTY_ROLES if role in roles)
    addressed = tuple(role for role in PARTY_ROLES if f"{role}_address" in roles)
    route = tuple(role for role in roles if role in ROUTE_ROLES)
    return Plan(roles, parties, addressed, route, tuple(r for r in roles if r not in UNREAD_ROLES))


def join_address(parts: Iterable[str]) -> str:
    """The parts of an address as one text."""
    return ", ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class RowCells:
    """The cells of one row by role."""

    cells: Sequence[str]
    plan: Plan

    def texts(self, role: str) -> list[str]:
        """All cells of `role`; none where the file has no such column."""
        return [self.cells[i] for i in self.plan.roles.get(role, ())]

    def text(self, role: str) -> str:
        """The cells of `role` as one text."""
        return " ".join([text for text in self.texts(role) if text])

    def address(self, role: str) -> str:
        """The address of the party `role`, its parts parted by commas."""
        return join_address(self.texts(f"{role}_address"))

    def country(self, role: str) -> str:
        """The cell with the country of the party `role`; for buyers at last the destination."""
        cells = [*self.texts(f"{role}_country"), *(self.texts("destination") * (role in BUYERS))]
        return next(filter(parse_country, cells), next(filter(None, cells), ""))

    def ways(self) -> tuple[str, ...]:
        """Where the goods go, as ISO alpha-2."""
        return find_ways(self.texts("destination"), self.texts("consignee_country"))

    def route(self) -> tuple[tuple[str, str], ...]:
        """(role, text) of all that tells the way of the goods, an address as one text."""
        cells: list[tuple[str, str]] = []
        for role in self.plan.route:
            party, _, part = role.rpartition("_")
            texts = [self.address(party)] if part == "address" else self.texts(role)
            cells += [(role, text) for text in texts]
        return tuple(cells)


class Column(NamedTuple):
    """A column of a chunk: its distinct cells, and for each row the place of its own in them."""

    cells: Sequence[Any]  # texts, or tuples of them where columns were crossed
    places: Array  # int64, one a row


def build_column(texts: Sequence[str]) -> Column:
    """The column of `texts`."""
    places, cells = pd.factorize(np.array(texts, dtype=object))
    return Column(cells.tolist(), places)


def build_columns(rows: Sequence[Sequence[str]], plan: Plan) -> dict[str, list[Column]]:
    """The columns of each role; an address is one, however many columns it stands in."""
    texts, columns = list(zip(*rows, strict=True)), {}
    for role in plan.read:
        several: list[Sequence[str]] = [texts[i] for i in plan.roles[role]]
        if role.endswith("_address") and len(several) > 1:
            several = [list(map(join_address, zip(*several, strict=True)))]
        columns[role] = list(map(build_column, several))
    return columns


def cross_columns(columns: Sequence[Column], rows: int) -> Column:
    """The distinct combinations of cells in `columns`, each a tuple with a cell a column."""
    places = np.zeros(rows, dtype=np.int64)
    for column in columns:  # numbered anew each time, so that the numbers stay small
        places = pd.factorize(places * len(column.cells) + column.places)[0]
    firsts = np.unique(places, return_index=True)[1].tolist()
    return Column([tuple(c.cells[c.places[i]] for c in columns) for i in firsts], places)


class Identifiers:
    """Entries by the numbers and addresses that they are known under."""

    def __init__(self, entries: Sequence[ListEntry], language: Language) -> None:
        self.entries = entries
        self.language = language
        self.found: dict[str, tuple[tuple[float, int], ...]] = {}  # by address as written
        self.numbers: dict[str, list[int]] = defaultdict(list)
        for e, entry in enumerate(entries):
            for number in {n for text in entry.identifiers for n in find_numbers(text)}:
                self.numbers[number].append(e)

    @functools.cached_property
    def addresses(self) -> Mapping[str, list[tuple[int, frozenset[str]]]]:
        """Addresses as (entry number, telling words) by their rarest words."""
        rows = [(e, text) for e, entry in enumerate(self.entries) for text in entry.addresses]
        words = [
            self.address_words(name)
            for name in fold_names([text for _, text in rows], self.language)
        ]
        counts = Counter(word for some in words for word in some)
        index: dict[str, list[tuple[int, frozenset[str]]]] = defaultdict(list)
        for (e, _), some in zip(rows, words, strict=True):
            if is_address(some):
                rarest = sorted(some, key=lambda word: (counts[word], word))
                for word in rarest[: len(some) // 4 + 1]:
                    index[word].append((e, some))
        return index

    def address_words(self, name: FoldedName) -> frozenset[str]:
        """The words of a folded address that tell it from others."""
        return frozenset(
            t
            for t in name.tokens
            if t not in self.language.classes and t not in self.language.forms
        )

    def find_addresses(self, text: str) -> tuple[tuple[float, int], ...]:
        """(score, entry number) of the entries at the address `text`, best first."""
        if text not in self.found:
            self.learn([text])
        return self.found[text]

    def learn(self, texts: Sequence[str]) -> None:
        """Look up those of the addresses `texts` that are new, together."""
        if len(self.found) > MOST_KNOWN:
            self.found.clear()
        new = [text for text in texts if text not in self.found]
        names = fold_names(new, self.language)
        self.found |= {t: self.find_places(name) for t, name in zip(new, names, strict=True)}

    def find_places(self, name: FoldedName) -> tuple[tuple[float, int], ...]:
        """(score, entry number) of the entries at a folded address, best first."""
        words = self.address_words(name)
        if not is_address(words):
            return ()
        found: dict[int, float] = {}
        for e, listed in (place for word in words for place in self.addresses.get(word, ())):
            share = len(words & listed) / len(words | listed)
            same_numbers = not any(w.isdigit() for w in words ^ listed)
            if share >= ADDRESS_ALIKE and (same_numbers or share > 0.9):
                found[e] = max(found.get(e, 0), round(100 * share, 1))
        return tuple(
            sorted(((score, e) for e, score in found.items()), key=lambda h: (-h[0], h[1]))
        )

    def find_entries(self, text: str) -> list[tuple[str, int]]:
        """(number, entry number) of the entries with an identifier that stands in `text`."""
        return [(number, e) for number in find_numbers(text) for e in self.numbers.get(number, ())]


def is_address(words: Set[str]) -> bool:
    """Whether `words` tell one place: a number and names, not just a city."""
    return (
        len(words) >= ADDRESS_LEAST
        and any(w[0].isdigit() for w in words)
        and any(w.isalpha() for w in words)
    )


@functools.lru_cache(maxsize=1 << 17)
def find_numbers(text: str) -> tuple[str, ...]:
    """Identifying numbers in `text`, bare: IMO (check digit proved), BIC, tax and register numbers.

    >>> find_numbers("IMO 9253325; Tax ID No. 7707-083893"), find_numbers("IMO 9253326")
    (('9253325', '7707083893'), ())
    """
    found: list[str] = []
    if sum(map(text.count, "0123456789")) < 5 and not MAYBE_BIC.search(text):
        return ()
    for word in NUMBER.findall(text):
        bare = re.sub(r"\W", "", word).upper().removeprefix("IMO")
        if sum(c.isdigit() for c in bare) >= 5 and len(bare) >= 6:
            ship = len(bare) == 7 and bare.isdigit() and "imo" in text.lower()
            found += [] if ship and not is_imo(bare) else [bare]
        elif BIC.fullmatch(bare) and (word == text.strip() or BIC_SAID.search(text)):
            found.append(bare)
    return tuple(found)


NUMBER = re.compile(r"\b[A-Za-z0-9](?:[A-Za-z0-9]|[-./](?=[A-Za-z0-9])){5,34}\b")
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
BIC_SAID = re.compile(r"swift|\bbic\b", re.IGNORECASE)
MAYBE_BIC = re.compile(r"^\s*\S{8,21}\s*$|swift|bic\b", re.IGNORECASE)


def is_imo(number: str) -> bool:
    """Whether the seven figures of `number` satisfy the IMO check digit.

    >>> is_imo("9253325"), is_imo("9253326")
    (True, False)
    """
    return sum(int(c) * w for c, w in zip(number[:6], range(7, 1, -1), strict=True)) % 10 == int(
        number[6]
    )


def rank_entry(entry: ListEntry) -> tuple[Any, ...]:
    """Entries by list and id; one that stands in two files, by what it says."""
    more = entry.programmes, entry.countries, entry.addresses, entry.identifiers, entry.citation
    return (entry.list, entry.entry_id, entry.names, *more)


class Screener:
    """Loaded lists, ready to screen; holds what it learned of names between chunks."""

    def __init__(
        self, entries: Sequence[ListEntry], reports: Sequence[ListReport], options: Options
    ) -> None:
        today = options.as_of.isoformat()
        self.expired = sum(1 for entry in entries if entry.expires_on and entry.expires_on < today)
        current = (e for e in entries if not (e.expires_on and e.expires_on < today))
        self.entries = sorted(current, key=rank_entry)  # so that the order of lists is no matter
        self.reports = reports
        self.options = options
        self.language = load_language()
        self.matcher = Matcher(self.entries, self.language, options.jobs)
        self.identifiers = Identifiers(self.entries, self.language)
        self.known: dict[str, list[NameHit]] = {}
        self.judged: dict[str, dict[str, bool]] = {}  # role -> text -> whether it is suspicious
        self.surges: Mapping[tuple[str, str], Surge] = {}
        self.cleared = Clearances(())
        self.unsupported = 0  # agreements with a weak alias alone
        self.pool: Any = None

    @classmethod
    def load(cls, paths: Sequence[str] = (), **options: Any) -> Screener:
        """A screener of the lists at `paths` (default: lists/ beside screen.py); for libraries."""
        chosen = Options(**{"as_of": date.today(), **options})
        entries, reports = read_lists(
            [Path(p) for p in paths] or [TABLES], ListOptions(as_of=chosen.as_of)
        )
        return cls(entries, reports, chosen)

    def close(self) -> None:
        """End the other processes, if any were started."""
        if self.pool is not None:
            self.pool.terminate()

    def screen(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The flagged rows of `frame` (text), in the CSV shape; `screen_row` counts from 1."""
        headers = [str(column) for column in frame.columns]
        roles = find_roles(headers, self.options.columns)
        if "consignee" not in roles:
            raise ScreenError(
                f"frame: no consignee column among {', '.join(headers)}; map one with columns=."
            )
        texts = frame.astype(object).where(frame.notna(), "").astype(str)
        chunk = Chunk(1, texts.to_numpy(dtype=object).tolist(), list(range(1, len(frame) + 1)), {})
        rows = [[*row.cells, *write_cells(row)] for row in self.screen_chunk(chunk, roles)]
        return pd.DataFrame(rows, columns=[*headers, *SCREEN_COLUMNS], dtype=object)

    def ask_names(self, texts: Iterable[str]) -> Iterator[tuple[str, list[NameHit]]]:
        """Begin to look up those of the party names `texts` that are new; the answers follow."""
        if len(self.known) > MOST_KNOWN:
            self.known.clear()
        new = sorted({*texts} - self.known.keys())
        floor = self.options.threshold - EVIDENCE_MOST
        return zip(new, self.find_comparisons(new, floor), strict=True)

    def learn(self, texts: Iterable[str]) -> None:
        """Look up the party names `texts` that are new."""
        self.known.update(self.ask_names(texts))

    def find_comparisons(self, texts: Sequence[str], floor: float) -> Iterable[list[NameHit]]:
        """As the matcher's, begun at once in `jobs` processes where that pays."""
        jobs, can_fork = self.options.jobs, hasattr(os, "fork")
        if jobs < 2 or len(texts) < WORTH_SHARING or not can_fork:
            return self.matcher.find_comparisons(texts, floor)
        if self.pool is None:
            context = multiprocessing.get_context("fork")
            self.pool = context.Pool(jobs, adopt_matcher, (self.matcher,))
        size = max(WORTH_SHARING // 2, -(-len(texts) // (2 * jobs)))
        parts = [(texts[i : i + size], floor) for i in range(0, len(texts), size)]
        return chain.from_iterable(self.pool.imap(compare_here, parts))

    def screen_chunk(
        self, chunk: Chunk, roles: Mapping[str, tuple[int, ...]]
    ) -> Iterator[ScreenedRow]:
        """The flagged rows of `chunk`, in order."""
        if not chunk.rows:  # of an empty frame: engines ask for the columns so
            return
        plan = build_plan(roles)
        for n in self.find_suspects(chunk, plan):
            flags = self.screen_row(RowCells(chunk.rows[n], plan), chunk.damage.get(n, ""))
            if flags:
                yield ScreenedRow(chunk.first_row + n, chunk.rows[n], flags)

    def find_suspects(self, chunk: Chunk, plan: Plan) -> list[int]:
        """The rows of `chunk` that must be looked at: none that gets a flag is missing (tested)."""
        rows, columns = len(chunk.rows), build_columns(chunk.rows, plan)
        parties = [(role, column) for role in plan.parties for column in columns[role]]
        asked = self.ask_names(text for _, column in parties for text in column.cells)
        suspects = np.full(rows, bool(self.surges))
        suspects[[*chunk.damage]] = True
        others = [(r, column) for r in columns if r not in plan.parties for column in columns[r]]
        for role, column in others:
            suspects |= self.judge(role, column)
        codes, texts = columns.get("hs_code", []), columns.get("description", [])
        where = [*columns.get("destination", []), *columns.get("consignee_country", [])]
        for several, is_odd in (where, is_odd_goods), (texts, is_odd_description):
            crossed = cross_columns([*codes, *several], rows)
            odd = [is_odd(cells[: len(codes)], cells[len(codes) :]) for cells in crossed.cells]
            suspects |= np.array(odd)[crossed.places]
        self.known.update(asked)  # by the other processes meanwhile
        for role, column in parties:
            suspects |= self.judge(role, column)
        return [int(n) for n in np.flatnonzero(suspects)]

    def judge(self, role: str, column: Column) -> Array:
        """For each row whether its cell in a `role` column is suspicious."""
        judged = self.judged.setdefault(role, {})
        if len(judged) > MOST_KNOWN:
            judged.clear()
        new = [text for text in column.cells if text not in judged]
        if role.endswith("_address"):
            self.identifiers.learn(new)
        judged.update((text, self.is_suspicious(role, text)) for text in new)
        return np.array([judged[text] for text in column.cells], dtype=bool)[column.places]

    def is_suspicious(self, role: str, text: str) -> bool:
        """Whether a row with `text` in a `role` column must be looked at."""
        if role in PARTY_ROLES:
            unnamed = role == "consignee" and is_unnamed(text)
            return bool(unnamed or self.known[text] or self.identifiers.find_entries(text))
        if find_place_flags(role, text):
            return True
        if role.endswith("_address"):
            return bool(self.identifiers.find_addresses(text))
        if role == "destination":
            return find_unread_country(text) is not None
        return role == "identifier" and bool(self.identifiers.find_entries(text))

    def screen_row(self, row: RowCells, damage: str) -> tuple[Flag, ...]:
        """All flags of one row, in the contract's order of kinds."""
        evidence = [*self.find_address_hits(row), *self.find_number_hits(row)]
        parties = self.screen_parties(row, {e for e, _ in evidence})
        named = {(flag.facts["list"], flag.facts["entry_id"]) for flag in parties}
        places = [f for _, f in evidence if (f.facts["list"], f.facts["entry_id"]) not in named]
        flags = [*places, *parties, *screen_goods(row), *screen_names(row)]
        if self.surges:
            flags += self.find_row_surges(row)
        if damage:
            said = f"damaged row: {damage}"
            flags.append(Flag("unscreened", said, {"role": "row", "found": damage}))
        return tuple(sorted(flags, key=lambda flag: FLAG_KINDS.index(flag.kind)))

    def find_row_surges(self, row: RowCells) -> Iterable[Flag]:
        """The `surge` flags of a row whose goods and destination, or consignee, surged."""
        iso2, buyer = parse_country(row.country("consignee")), row.text("consignee")
        digits = [code for text in row.texts("hs_code") for code in sound_codes(text)]
        found = (find_surge_flag(iso2, code[:4], self.surges, buyer) for code in digits)
        return filter(None, found)

    def find_address_hits(self, row: RowCells) -> list[tuple[int, Flag]]:
        """(entry number, `address` flag) for every listed address in the row."""
        return [
            (e, build_place_flag("address", role, row.address(role), self.entries[e], score))
            for role in row.plan.addressed
            for score, e in self.identifiers.find_addresses(row.address(role))
        ]

    def find_number_hits(self, row: RowCells) -> list[tuple[int, Flag]]:
        """(entry number, `identifier` flag) for every listed number in the row."""
        return [
            (e, build_place_flag("identifier", role, number, self.entries[e], 100.0))
            for role in ("identifier", *row.plan.parties)
            for text in row.texts(role)
            for number, e in self.identifiers.find_entries(text)
        ]

    def screen_parties(self, row: RowCells, supported: Set[int]) -> list[Flag]:
        """The `party` flags of the row: one a role, or every entry with --hits all."""
        parties = [(role, t) for role in row.plan.parties for t in row.texts(role) if self.known[t]]
        hits = [hit for role, text in parties for hit in self.weigh_hits(role, text, row)]
        firm = supported | {hit.entry for hit in hits if hit.kind != "weak"}
        kept = [hit for hit in hits if hit.kind != "weak" or hit.country > 0 or hit.entry in firm]
        self.unsupported += len(hits) - len(kept)
        best: dict[tuple[str, int], PartyHit] = {}
        for hit in sorted(kept, key=lambda hit: (-hit.score, hit.name)):
            best.setdefault((hit.role, hit.entry), hit)
        order = sorted(best.values(), key=self.rank_hit)
        uncleared = [
            hit
            for hit in order
            if not self.cleared.holds(hit, self.entries[hit.entry], self.options.as_of)
        ]
        if self.options.hits == "best":
            uncleared = list({hit.role: hit for hit in reversed(uncleared)}.values())[::-1]
        return [build_party_flag(hit, self) for hit in uncleared]

    def rank_hit(self, hit: PartyHit) -> tuple[int, float, str, str]:
        """Role by role, best first, ties by list and entry."""
        entry = self.entries[hit.entry]
        return PARTY_ROLES.index(hit.role), -hit.score, entry.list, entry.entry_id

    def weigh_hits(self, role: str, text: str, row: RowCells) -> Iterator[PartyHit]:
        """The hits of one party at or above the threshold, its country and address considered."""
        country_text, address = row.country(role), row.address(role)
        country = parse_country(country_text)
        places = {e for _, e in self.identifiers.find_addresses(address)} if address else set()
        for found, n in self.known[text]:
            name_score, e = found.score, int(self.matcher.index.owners[n])
            countries = self.entries[e].countries
            moved = COUNTRY_AGREES if country in countries else COUNTRY_CONFLICTS
            moved = moved if country and countries else 0.0
            extra = moved + (ADDRESS_AGREES if e in places else 0.0)
            sure = name_score == 100 or (extra < 0 and name_score >= SURE)
            score = name_score if sure else round(min(99.9, name_score + extra), 1)
            if score >= self.options.threshold:
                kind = self.matcher.index.kinds[n]
                by_country = 0.0 if sure else min(moved, score - name_score)
                by_address = 0.0 if sure else max(0.0, score - name_score - moved)
                held = role, text, e, n, kind, score, found, moved
                yield PartyHit(*held, by_country, by_address, e in places, country_text, address)


class PartyHit(NamedTuple):
    """A party of a row against a name of an entry."""

    role: str
    text: str
    entry: int
    name: int
    kind: str
    score: float
    found: Comparison  # of the names alone
    country: float  # above 0: agrees, below: differs
    country_moved: float  # with `address_moved` the way from `name_score` to `score`
    address_moved: float
    address_agrees: bool
    country_text: str
    address: str


def adopt_matcher(matcher: Matcher) -> None:
    """Keep `matcher` in this worker process; it came by fork, so nothing was copied."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process says what was done so far
    matcher.workers = 1
    compare_here.matcher = matcher  # type: ignore[attr-defined]


def compare_here(task: tuple[Sequence[str], float]) -> list[list[NameHit]]:
    """The hits of a worker's share of names."""
    hits: list[list[NameHit]] = compare_here.matcher.find_comparisons(*task)  # type: ignore[attr-defined]
    return hits


@functools.lru_cache(maxsize=1 << 16)
def is_unnamed(text: str) -> bool:
    """Whether the consignee cell `text` names nobody: blank, signs, a word for nothing.

    >>> is_unnamed(" - "), is_unnamed("To the order of"), is_unnamed("None Such Ltd")
    (True, True, False)
    """
    bare = " ".join(re.findall(r"\w+", text.casefold()))
    return not bare or bare in {row["text"] for row in read_table("placeholders")}


def sound_codes(text: str) -> tuple[str, ...]:
    """The digits of the sound HS codes in the cell `text`."""
    return tuple(code.digits for code in parse_hs_cell(text) if code.sound)


@functools.lru_cache(maxsize=1 << 16)
def screen_codes(
    texts: tuple[str, ...], ways: tuple[str, ...]
) -> tuple[tuple[Flag, ...], tuple[str, ...]]:
    """The `goods` and `hs-code` flags of HS cells on the way to `ways`, and the sound digits."""
    codes = [code for text in texts for code in parse_hs_cell(text)]
    goods = [flag for way in ways or ("",) for c in codes for flag in find_goods(c.digits, way)]
    odd = [flag for text in texts if (flag := find_hs_code_flag(text)) is not None]
    distinct = {flag.reason: flag for flag in (*goods, *odd)}
    return tuple(distinct.values()), tuple(code.digits for code in codes if code.sound)


def is_odd_goods(codes: tuple[str, ...], where: tuple[str, ...]) -> bool:
    """Whether HS cells can raise a flag on the way to any country that the cells `where` name."""
    found = [code for text in codes for code in parse_hs_cell(text)]
    ways = {ANY_DESTINATION, *map(parse_country, where)}
    return any(code.fault or ways & read_destinations_of(code.digits) for code in found)


def is_odd_description(codes: tuple[str, ...], texts: Sequence[str]) -> bool:
    """Whether the cells that describe goods name others than the HS cells."""
    return bool(screen_description(texts, screen_codes(codes, ())[1]))


def screen_description(texts: Sequence[str], digits: tuple[str, ...]) -> tuple[Flag, ...]:
    """The `description` flag of the cells `texts` as one."""
    text = " ".join(filter(None, texts))
    return find_description_flags(text, digits) if text else ()


def screen_goods(row: RowCells) -> list[Flag]:
    """The flags of the row's goods and way."""
    codes, digits = screen_codes(tuple(row.texts("hs_code")), row.ways())
    tables = tuple(dict.fromkeys(f.facts["table"] for f in codes if f.kind == "goods"))
    tiers = sorted(f.facts["tier"] for f in codes if f.kind == "goods" and f.facts["tier"])
    flags = [*codes, *find_route_flags(Route(row.route(), tables, tiers[0] if tiers else ""))]
    flags += screen_description(row.texts("description"), digits)
    goals = row.texts("destination")
    unread = () if find_ways(goals, ()) else filter(None, map(find_unread_country, goals))
    return [*flags, *unread]


def screen_names(row: RowCells) -> list[Flag]:
    """The `unscreened` flag of a row that names no consignee."""
    texts = row.texts("consignee")
    if not all(is_unnamed(text) for text in texts):
        return []
    found = " ".join(texts).strip()
    said = f'consignee "{found}" names nobody' if found else "the consignee cell is empty"
    return [
        Flag(
            "unscreened", f"{said}: no party list was asked", {"role": "consignee", "found": found}
        )
    ]


def build_place_flag(kind: str, role: str, query: str, entry: ListEntry, score: float) -> Flag:
    """The flag of a listed address or number that stands in a row beside another name."""
    name = entry.names[0][0]
    listed = f'is listed for "{name}" ({entry.list} {entry.entry_id})'
    said = kind if role == kind else f"{role.replace('_', ' ')} {kind}"
    reason = f'{said} "{query}" {listed}: a hit is not a match'
    facts = {
        "role": role,
        "query": query,
        "listed_name": name,
        "list": entry.list,
        "entry_id": entry.entry_id,
        "score": score,
    }
    return Flag(kind, reason, facts)


# ==================================================================================================
# Selftest
# Takes a loaded screener; writes the names of its lists as senders write them and counts how many
# still raise their own entry, and how many names of others do. Does not know how names are matched.

SPELLING = "typo|transposition|OCR|look-alike|accents|split|joined|reordering|punctuation"
VARIATIONS = {
    **dict.fromkeys(f"{SPELLING}|legal form dropped|legal form changed".split("|"), "spelling"),
    **dict.fromkeys(("abbreviation", "initials", "cut-off", "dropped generic"), "shortening"),
    "near-neighbour": "near-neighbour",  # one distinctive word replaced: another party
}
SWAPS = {
    "OCR": "rn>m m>rn cl>d l>1 o>0 O>0 I>1 S>5 s>5 B>8 Z>2 G>6",
    "look-alike": "a>а e>е o>о c>с p>р x>х A>А E>Е O>О C>С P>Р X>Х H>Н K>К M>М T>Т B>В",
    "accents": "a>á e>é i>í o>ö u>ü n>ñ c>ç s>š z>ž A>Á E>É I>Í O>Ö U>Ü N>Ñ C>Ç S>Š Z>Ž",
}
USUAL_FORMS = ("LLC", "GmbH", "OOO", "Co., Ltd.", "Inc", "S.A.", "A.S.", "FZE")
VARIED_FROM, SPLIT_FROM = 4, 7  # letters of a word; in a shorter one an edit makes another word
SELFTEST_COLUMNS = ("kind", "group", "tried", "raised", "percent")
CUT_AT, CUT_SHARE, LONG_NAME = 35, 0.8, 20  # 35 signs is the width of a name line in SWIFT MT103


@functools.cache
def find_short_forms(word: str) -> list[str]:
    """The abbreviations of `word` that begin as it does, of at most five letters."""
    rows = [row for row in read_table("abbreviations") if row["full"] == word]
    shorts = [row["short"] for row in rows if row["kind"] == "abbreviation"]
    return [short for short in shorts if short[0] == word[0] and len(short) <= 5]


def vary_word(word: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, `word` so written) as fingers, scanners and people who hide write it."""
    at, key = rng.randrange(len(word)), rng.choice("abcdefghijklmnopqrstuvwxyz")
    yield "typo", word[:at] + rng.choice((key, key + word[at], "")) + word[at + 1 :]
    at = rng.randrange(1, len(word))
    yield "transposition", word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    for kind, swaps in SWAPS.items():
        pairs = [swap.split(">") for swap in swaps.split()]
        if places := [(m.span(), new) for old, new in pairs for m in re.finditer(old, word)]:
            (start, end), new = rng.choice(places)
            yield kind, word[:start] + new + word[end:]
    if len(word) >= SPLIT_FROM:
        at = rng.randrange(3, len(word) - 2)
        yield "split", f"{word[:at]} {word[at:]}"


def vary_whole(text: str, name: FoldedName, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, the name `text`, folded `name`, so written): order, spacing, signs, form, length."""
    words, bare = text.split(), " ".join(name.words)
    at = rng.randrange(1, max(2, len(words)))
    yield "reordering", " ".join(words[at:] + words[:at])
    yield "joined", " ".join([*words[: at - 1], "".join(words[at - 1 : at + 1]), *words[at + 1 :]])
    plain = re.sub(r"[^\w\s]", " ", text)
    yield "punctuation", re.sub(r"\s+", rng.choice((" ", ". ", "-", " , ")), plain.strip(), count=2)
    if name.forms:
        yield "legal form dropped", bare
        yield "legal form changed", f"{bare} {rng.choice(USUAL_FORMS)}"
    if len(text) >= LONG_NAME:
        yield "cut-off", text[: CUT_AT if len(text) > CUT_AT else int(len(text) * CUT_SHARE)]


def vary_name(text: str, kind: str, strangers: Sequence[str], speech: Language) -> dict[str, str]:
    """The name `text` of an entry of type `kind` as shipments may have it; a near-neighbour has one
    of `strangers` in it.

    >>> vary_name("HIKVISION Technology", "entity", ["Nordwind"], load_language())["near-neighbour"]
    'Nordwind Technology'
    """
    rng, words, name = random.Random(text), text.split(), fold_names([text], speech)[0]
    plain = [re.sub(r"\W", "", word).lower() for word in words]
    forms = {word for word in plain for form, *_ in speech.forms.get(word, ()) if len(form) == 1}
    own = [i for i, word in enumerate(plain) if word and word not in forms]
    long = [i for i in own if len(plain[i]) >= VARIED_FROM and words[i].strip(",").isalpha()]
    full = [speech.canonical.get(word, word) for word in plain]
    telling = [i for i in long if full[i] not in speech.classes]
    given = [i for i in own if i > 0] if "," in words[0] else own[:-1]
    generic = [i for i in own if speech.classes.get(full[i]) == "generic"]
    short = [(i, form) for i in own for form in find_short_forms(full[i])]
    new: dict[str, dict[int, str]] = {}
    for i in rng.sample(long, min(1, len(long))):
        bare = words[i].strip(",")
        new |= {k: {i: words[i].replace(bare, word)} for k, word in vary_word(bare, rng)}
    if short:
        new["abbreviation"] = dict([rng.choice(short)])
    if kind == "individual" and given:
        new["initials"] = {i: plain[i][0] + "." for i in rng.choice((given[:1], given))}
    if generic and telling:
        new["dropped generic"] = {rng.choice(generic): ""}
    if telling and strangers and len(name.tokens) > 1:
        new["near-neighbour"] = {rng.choice(telling): rng.choice(strangers)}
    varied = {k: [at.get(i, word) for i, word in enumerate(words)] for k, at in new.items()}
    made = dict(vary_whole(text, name, rng)) | {
        k: " ".join(filter(None, v)) for k, v in varied.items()
    }
    return {k: other for k, other in made.items() if other.lower() != text.lower()}


def vary_names(screener: Screener, size: int) -> Iterator[tuple[int, str, str]]:
    """(entry number, kind, text) for the variations of `size` names that are no weak aliases."""
    entries, speech = screener.entries, screener.language
    names = [(e, text) for e, x in enumerate(entries) for text, kind in x.names if kind != "weak"]
    latin = [(e, text) for e, text in names if LATIN.search(text) and not OTHER.search(text)]
    words = [w for w in screener.matcher.index.vocabulary if len(w) >= VARIED_FROM and w.isalpha()]
    strangers = [word for word in words if word not in speech.classes]
    for e, text in random.Random(0).sample(latin, min(size, len(latin))):
        for kind, varied in vary_name(text, entries[e].type, strangers, speech).items():
            yield e, kind, varied


def measure_recall(screener: Screener, size: int) -> list[tuple[str, str, int, int, float]]:
    """By kind, how many variations of `size` names raise their own entry (`SELFTEST_COLUMNS`), then
    by group; "any entry" counts the near-neighbours that raise whichever, weak aliases aside."""
    index, tried, raised = screener.matcher.index, Counter[Any](), Counter[Any]()
    varied = list(vary_names(screener, size))
    every = screener.find_comparisons([text for *_, text in varied], screener.options.threshold)
    for (e, kind, _), hits in zip(varied, every, strict=True):
        found = {int(index.owners[n]) for _, n in hits if index.kinds[n] != "weak"}
        for line, hit in (kind, e in found), ("all", e in found), ("any entry", bool(found)):
            tried[line, VARIATIONS[kind]] += 1
            raised[line, VARIATIONS[kind]] += hit
    groups = [("all", group) for group in dict.fromkeys(VARIATIONS.values())]
    keys = [*VARIATIONS.items(), *groups, ("any entry", "near-neighbour")]
    return [(*k, n, raised[k], round(100 * raised[k] / n, 1)) for k in keys if (n := tried[k])]


# ==================================================================================================
# Command line
# Takes arguments and streams, gives exit codes: 0 finished, 1 finished and flagged with
# --exit-code, 2 could not screen, 130 interrupted. Rows go to stdout, talk to stderr.

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
ROW_MARK, MOST_NAMED = 4, 10  # signs of a row's mark; changed rows that `verify` names
VERDICT_COLUMNS = (
    "list",
    "status",
    "entries",
    "names",
    "weak_names",
    "addresses",
    "as_of",
    "age_days",
    "note",
)


class Screen(click.Group):
    """A group whose first argument may be a file: `screen.py FILE` is `screen.py run FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before arguments that begin with no command."""
        plain = args[:1] and (args[0] in self.commands or args[0] in ("-h", "--help", "--version"))
        return super().parse_args(ctx, args if plain else ["run", *args])


def parse_day(ctx: click.Context, param: click.Parameter, text: str | None) -> date:
    """The day of --as-of; today where none is given."""
    try:
        return date.fromisoformat(text) if text else date.today()
    except ValueError as err:
        raise ScreenError(f"--as-of: {text!r} found, a date such as 2026-11-23 expected.") from err


def parse_columns(
    ctx: click.Context, param: click.Parameter, texts: Sequence[str]
) -> dict[str, str]:
    """Role -> header of --column ROLE=HEADER."""
    for text in texts:
        if "=" not in text:
            raise ScreenError(
                f"--column: {text!r} found, ROLE=HEADER expected, such as consignee=Buyer."
            )
    return {role.strip(): header for role, _, header in (text.partition("=") for text in texts)}


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def join_options(*options: Decorator) -> Decorator:
    """One decorator of several `options`, in the order of the help text."""
    return lambda command: functools.reduce(lambda done, add: add(done), options[::-1], command)


# fmt: off
list_options = join_options(
    click.option("-l", "--lists", "paths", multiple=True, envvar="SCREEN_LISTS", type=click.Path(),
                 help="List file or folder; repeatable. Default: lists/ beside screen.py."),
    click.option("--max-list-age", type=click.IntRange(0),
                 help="Refuse lists older than so many days. Default: 30 for downloaded ones."),
    click.option("--admit", multiple=True, metavar="LIST",
                 help="Use LIST although it was refused; the receipt says so."),
    click.option("--as-of", callback=parse_day, metavar="DATE",
                 help="Judge expiry and age on that day. Default: today."),
    click.option("-q", "--quiet", is_flag=True, help="No talk on standard error but errors."),
)
threshold_option = click.option(
    "-t", "--threshold", type=click.FloatRange(0, 100), default=DEFAULT_THRESHOLD,
    show_default=True, help="Least score of a party hit, inclusive.")
format_option = click.option(
    "-f", "--format", "form", type=click.Choice(["csv", "jsonl", "table"]),
    help="Default: table on a terminal, else csv.")
reading_options = join_options(
    click.option("--column", "columns", multiple=True, callback=parse_columns,
                 metavar="ROLE=HEADER", help="The column of a role; repeatable."),
    click.option("-d", "--delimiter", help="Cell delimiter. Default: found."),
    click.option("-e", "--encoding", help="Text encoding. Default: found."),
)
run_options = join_options(
    click.option("-a", "--all", "every", is_flag=True, help="Every row, flagged or not."),
    click.option("--hits", type=click.Choice(["best", "all"]), default="best", show_default=True,
                 help="One party hit a role, or every entry."),
    click.option("-o", "--output", help="Write rows to this file, whole or not at all."),
    click.option("--cleared", help="CSV of decisions that a person took; see `clear`."),
    click.option("--receipt", help="Write a JSON receipt of this run; see `verify`."),
    click.option("--history", multiple=True,
                 help="Shipment file whose surges raise `surge`; repeatable."),
    click.option("--safe-cells", is_flag=True, help="Neutralise formulas in input columns too."),
    click.option("--exit-code", is_flag=True, help="Exit with 1 if a row was flagged."),
    click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1,
                 help="Processes. Default: all cores."),
)
# fmt: on


@click.group(cls=Screen, context_settings=HELP)
@click.version_option(VERSION)
def main() -> None:
    """Screen shipment files against sanctioned-party lists and export-control tables.

    \b
    screen.py FILE ...          flagged rows of shipment files (same as: run FILE ...)
    screen.py name TEXT ...     which listed parties a name hits, and why
    screen.py hs CODE ...       what an HS code falls under

    A hit is not a match: a true match is a person's finding.
    """


@main.command()
@click.argument("files", nargs=-1)
@list_options
@threshold_option
@format_option
@reading_options
@run_options
@click.pass_context
def run(ctx: click.Context, /, **given: Any) -> None:
    """Screen shipment FILES (- or none: standard input) and write the flagged rows.

    \b
    Bands of a party hit, with the share of such hits that were right on judged pairs:
      exact     100          96.6 %  equal after folding
      strong    95 and more  96.1 %  spelling, order or legal form differ
      possible  below 95     93.2 %  a word is missing, added or misspelt
    A weak alias is raised only with support; an address alone raises `address`.

    \b
    screen.py shipments.csv | cut -d, -f1-4
    screen.py -l consolidated.csv -t 90 -f jsonl shipments.csv | jq .hits
    """
    request = RunRequest(**{**given, "files": given["files"] or ("-",)})
    with ending():
        counts = run_screening(request, Talk(given["quiet"]))
    ctx.exit(1 if given["exit_code"] and counts.flagged else 0)


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
    form: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    encoding: str | None = None
    every: bool = False
    hits: str = "best"
    output: str | None = None
    cleared: str | None = None
    receipt: str | None = None
    history: tuple[str, ...] = ()
    safe_cells: bool = False
    exit_code: bool = False
    jobs: int = 1


@dataclass(slots=True)
class Counts:
    """What became of the rows: every one is flagged or clear."""

    rows: int = 0
    flagged: int = 0
    unscreened: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    marks: dict[str, str] = field(default_factory=dict)  # file -> ROW_MARK signs a row, in order

    def line(self) -> str:
        """The last line of a run."""
        kinds = ", ".join(f"{n:,} {kind}" for kind in FLAG_KINDS if (n := self.kinds[kind]))
        said = f" ({kinds})" if kinds else ""
        clear = f"{self.rows - self.flagged:,} clear; {self.unscreened:,} unscreened"
        return f"{self.rows:,} rows: {self.flagged:,} flagged{said}, {clear}"


class Talk:
    """What a run says on standard error; progress only on a terminal."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.live = not quiet and sys.stderr.isatty()
        self.started = self.last = time.monotonic()

    def say(self, text: str) -> None:
        """One line of talk."""
        if not self.quiet:
            click.echo(("\r\033[K" if self.live else "") + text, err=True)

    def progress(self, counts: Counts, share: float) -> None:
        """Rows so far, their rate, and the time left where the file's size is known."""
        now = time.monotonic()
        if self.live and now - self.last > 0.5:
            self.last = now
            spent = now - self.started
            left = f", {spent / share - spent:,.0f} s left" if share > 0.01 else ""
            click.echo(
                f"\r\033[K{counts.rows:,} rows, {counts.flagged:,} flagged,"
                f" {counts.rows / spent:,.0f} a second{left}",
                err=True,
                nl=False,
            )


@contextmanager
def ending() -> Iterator[None]:
    """The ways a stream can end as exit codes: a closed pipe is no error, a full disk is."""
    gc.disable()  # neither lists nor rows make cycles; to look for them takes a third of the time
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as err:
        raise ScreenError(
            f"{err.filename or 'output'}: cannot be written or read ({err.strerror or err}):"
            " free the disk or choose another place."
        ) from err


@contextmanager
def open_output(path: str | None) -> Iterator[IO[str]]:
    """Standard output, or the file `path`, which appears whole at the end or not at all.

    A device or named pipe is written as it stands: to replace it would destroy it.
    """
    if path is None:
        yield sys.stdout
        return
    target = Path(path).resolve()
    if not target.parent.is_dir() or target.is_dir():
        raise ScreenError(f"{path}: cannot be written, its folder is missing or it is one itself.")
    if target.exists() and not target.is_file():
        with open(target, "w", encoding="utf-8", newline="") as device:
            yield device
        return
    with tempfile.NamedTemporaryFile(
        "w",
        encoding="utf-8",
        newline="",
        dir=target.parent,
        prefix=f".{target.name}.",
        delete=False,
    ) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o666 & ~read_umask())
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def read_umask() -> int:
    """The process's umask, left as it was."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def load_screener(request: RunRequest, talk: Talk) -> Screener:
    """The screener that `request` asks for; says which lists it holds."""
    chosen = ListOptions(
        as_of=request.as_of, max_age=request.max_list_age, admit=frozenset(request.admit)
    )
    options = Options(
        as_of=request.as_of,
        threshold=request.threshold,
        hits=request.hits,
        jobs=request.jobs,
        columns=request.columns,
    )
    entries, reports = read_lists([Path(p) for p in request.paths] or [TABLES], chosen)
    for report in reports:
        talk.say(say_report(report))
    if not entries:
        raise ScreenError("lists: no listed party was loaded, nothing to screen with: give -l.")
    screener = Screener(entries, reports, options)
    gc.freeze()  # what is loaded stays: no end of the process need look for garbage in it
    if screener.expired:
        talk.say(
            f"{screener.expired:,} entries have expired by {request.as_of}: counted, not raised"
        )
    return screener


def say_report(report: ListReport) -> str:
    """One line on a loaded list."""
    age = (
        f", {report.as_of}"
        + (f" ({report.age_days} days old)" if report.age_days is not None else "")
        if report.as_of
        else ", no date"
    )
    return (
        f"{report.list}: {report.entries:,} entries, {report.names:,} names{age}, {report.status}"
        + (f": {report.note}" if report.note else "")
    )


def check_files(request: RunRequest, form: str) -> None:
    """Raises ScreenError before a row is written, for a file that could not be screened."""
    writer = RowWriter(Digest(io.StringIO()), form, several=True, safe_cells=False)
    for file in filter(os.path.isfile, request.files):
        with open_shipments(file, reading_of(request)) as shipments:
            writer.begin(shipments.headers, 0)


def reading_of(request: RunRequest) -> ReadOptions:
    """How the shipment files of `request` are to be read."""
    return ReadOptions(request.columns, request.delimiter, request.encoding)


def run_screening(request: RunRequest, talk: Talk) -> Counts:
    """Screen every file of `request`; its rows, talk and receipt are written here."""
    form = request.form or ("table" if request.output is None and sys.stdout.isatty() else "csv")
    check_files(request, form)
    screener, counts = load_screener(request, talk), Counts()
    if request.cleared:
        screener.cleared = read_clearances(request.cleared)
    if request.history:
        ledger = read_history(request.history, reading_of(request), talk)
        screener.surges = surge_keys(find_surges(ledger))
    try:
        with open_output(request.output) as out:
            sink = Digest(out)
            writer = RowWriter(sink, form, len(request.files) > 1, request.safe_cells)
            for file in request.files:
                screen_file(file, request, screener, writer, counts, talk)
            out.flush()
    except KeyboardInterrupt:
        talk.say(f"interrupted; so far {counts.line()}")
        raise SystemExit(130) from None
    finally:
        screener.close()
    for text in say_clearances(screener):
        talk.say(text)
    if request.receipt:
        write_receipt(request, screener, counts, sink.hexdigest(), form)
    talk.say(counts.line())
    return counts


def screen_file(
    file: str,
    request: RunRequest,
    screener: Screener,
    writer: RowWriter,
    counts: Counts,
    talk: Talk,
) -> None:
    """Write the rows of one shipment `file` and count them."""
    with open_shipments(file, reading_of(request)) as shipments:
        for text in say_layout(shipments):
            talk.say(text)
        writer.begin(shipments.headers, shipments.roles["consignee"][0])
        for chunk in shipments.chunks:
            flagged = {row.number: row for row in screener.screen_chunk(chunk, shipments.roles)}
            for row in flagged.values():
                counts.kinds.update({flag.kind for flag in row.flags})
                counts.unscreened += any(flag.kind == "unscreened" for flag in row.flags)
            numbers = (
                range(chunk.first_row, chunk.first_row + len(chunk.rows))
                if request.every
                else flagged
            )
            for number in numbers:
                writer.write(
                    flagged.get(number)
                    or ScreenedRow(number, chunk.rows[number - chunk.first_row], ()),
                    file,
                )
            if request.receipt:
                counts.marks[file] = counts.marks.get(file, "") + mark_rows(chunk.rows)
            counts.rows += len(chunk.rows)
            counts.flagged += len(flagged)
            writer.out.flush()
            talk.progress(counts, measure_share(file, chunk, counts.rows) if talk.live else 0.0)


def mark_rows(rows: Sequence[Sequence[str]]) -> str:
    """ROW_MARK hex digits of each row: too few to prove a row, enough to name a changed one."""
    sums = (zlib.crc32("\0".join(row).encode("utf-8", "surrogatepass")) for row in rows)
    return "".join([f"{value & 0xFFFF:04x}" for value in sums])


def measure_share(file: str, chunk: Chunk, rows: int) -> float:
    """About how much of plain `file` the `rows` so far are, by the rows of `chunk`; 0: unknown."""
    sample = chunk.rows[:1000]
    if not Path(file).is_file() or file.endswith((".gz", ".zip")) or not sample:
        return 0.0
    width = sum(len(",".join(row).encode()) + 1 for row in sample) / len(sample)
    return min(1.0, rows * width / max(1, Path(file).stat().st_size))


def say_layout(shipments: Shipments) -> Iterator[str]:
    """What was found of a file's layout, and which checks it has no column for."""
    yield f"{shipments.name}: " + ", ".join(
        f"{role}={'+'.join(repr(shipments.headers[i]) for i in indexes)}"
        for role, indexes in shipments.roles.items()
    )
    if shipments.preamble:
        yield f"{shipments.name}: {len(shipments.preamble)} lines above the header passed over"
    if shipments.encoding != "utf-8":
        yield f"{shipments.name}: read as {shipments.encoding}"
    there = {role.replace("consignee_country", "destination") for role in shipments.roles}
    missing = [role for role in ("hs_code", "description", "destination") if role not in there]
    if missing:
        yield f"{shipments.name}: no column for {', '.join(missing)}: those checks were not run"


def say_clearances(screener: Screener) -> Iterator[str]:
    """What was left out and why, so that nothing goes silently."""
    cleared = screener.cleared
    if cleared.rows:
        why = ", ".join(f"{n} ({cause})" for cause, n in sorted(cleared.reopened.items()))
        count = cleared.suppressed.total()
        yield f"{count:,} hits suppressed by clearances; re-opened: {why or 'none'}"
    if screener.unsupported:
        yield (
            f"{screener.unsupported:,} agreements with a weak alias alone, without country,"
            " address, identifier or second name: not raised"
        )


def digest_file(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_receipt(
    request: RunRequest, screener: Screener, counts: Counts, output: str, form: str
) -> None:
    """Write the receipt of a run as JSON; nothing in it depends on the clock."""
    receipt = build_receipt(request, screener, counts, output, form)
    with open_output(request.receipt) as file:
        json.dump(receipt, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")


def build_receipt(
    request: RunRequest, screener: Screener, counts: Counts, output: str, form: str
) -> dict[str, Any]:
    """What was asked, what it was asked of, and what came out."""
    options = {
        k: v
        for k, v in asdict(request).items()
        if k not in ("receipt", "output", "quiet", "jobs", "exit_code")
    }
    return {
        "version": VERSION,
        "options": {
            **options,
            "as_of": request.as_of.isoformat(),
            "form": form,
            "columns": dict(request.columns),
        },
        "program": digest_file(Path(__file__)),
        "tables": {path.name: digest_file(path) for path in sorted(TABLES.glob("*.csv"))},
        "lists": [
            asdict(report) for report in sorted(screener.reports, key=lambda r: (r.list, r.file))
        ],
        "inputs": {
            file: None if file == "-" else digest_file(Path(file))
            for file in (
                *request.files,
                *request.history,
                *([request.cleared] if request.cleared else []),
            )
        },
        "counts": {
            "rows": counts.rows,
            "flagged": counts.flagged,
            "unscreened": counts.unscreened,
            "kinds": dict(counts.kinds),
        },
        "rows": counts.marks,
        "suppressed": dict(screener.cleared.suppressed),
        "reopened": dict(screener.cleared.reopened),
        "output": output,
    }


def read_history(files: Sequence[str], options: ReadOptions, talk: Talk) -> SurgeLedger:
    """The ledger of all rows of shipment `files`."""
    ledger = SurgeLedger()
    for file in files:
        with open_shipments(file, options) as shipments:
            for chunk in shipments.chunks:
                columns = list(zip(*chunk.rows, strict=True))
                ledger.add(
                    {
                        role: columns[i[0]]
                        for role, i in shipments.roles.items()
                        if i[0] < len(columns)
                    },
                    file,
                )
    for role, count in sorted((+ledger.unread).items()):
        talk.say(
            f"{count:,} {role} cells could not be read: their rows count, what they say does not"
        )
    return ledger


def print_records(
    records: Sequence[Mapping[str, Any]], columns: Sequence[str], form: str | None
) -> None:
    """`records` as JSONL, CSV of `columns`, or on a terminal as a table with reasons below."""
    chosen = form or ("table" if sys.stdout.isatty() else "csv")
    cells = [[neutralise(_write_value(r[c])) for c in columns] for r in records]
    if chosen == "jsonl":
        for record in records:
            click.echo(json.dumps(record, ensure_ascii=False))
    elif chosen == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([list(columns), *cells])
    else:
        shown = len(columns) - (columns[-1] == "reason")
        width = shutil.get_terminal_size((120, 40)).columns
        for line in draw_table(columns[:shown], [row[:shown] for row in cells], width):
            click.echo(line)
        for row in cells if shown < len(columns) else ():
            click.echo(f"- {clean(row[-1])}")


def _write_value(value: Any) -> str:
    """A record's `value` as a cell, several parted by `;`."""
    return ";".join(value) if isinstance(value, list) else "" if value is None else str(value)


def plain_request(given: Mapping[str, Any], **more: Any) -> RunRequest:
    """The request of a command that screens no file."""
    known = {k: v for k, v in given.items() if k in RunRequest.__dataclass_fields__}
    return RunRequest(**{"files": (), **known, **more})


@main.command()
@list_options
@format_option
def lists(form: str | None, **given: Any) -> None:
    """What is loaded: entries, names, date, age, digest and verdict of every list."""
    chosen = ListOptions(
        as_of=given["as_of"], max_age=given["max_list_age"], admit=frozenset(given["admit"])
    )
    with ending():
        judged = judge_lists([Path(p) for p in given["paths"]] or [TABLES], chosen)
        reports = [report for _, report in judged]
        print_records(
            [asdict(report) for report in reports],
            VERDICT_COLUMNS
            if form == "table" or (form is None and sys.stdout.isatty())
            else REPORT_COLUMNS,
            form,
        )
    refused = [report for report in reports if report.status == "refused"]
    if refused:
        raise ScreenError(
            f"{len(refused)} of {len(reports)} lists are refused,"
            f" first {refused[0].file}: {refused[0].note}"
        )


@main.command()
@click.argument("texts", nargs=-1)
@list_options
@threshold_option
@format_option
@click.option("--country", default="", metavar="CC", help="Country of the party, as evidence.")
def name(texts: Sequence[str], country: str, form: str | None, **given: Any) -> None:
    """Which listed parties the names TEXT ... hit, and why; - or none: from standard input.

    screen.py name "Hangzhou Hikvison" --country CN
    """
    with ending():
        request, talk = plain_request(given, hits="all"), Talk(given["quiet"])
        if country and not parse_country(country):
            raise ScreenError(
                f"--country: {country!r} is no country, an ISO code such as CN or a name expected."
            )
        screener = load_screener(request, talk)
        names = (
            [line.strip() for line in sys.stdin if line.strip()]
            if texts in ((), ("-",))
            else list(texts)
        )
        screener.learn(names)
        plan = build_plan({"consignee": (0,), "consignee_country": (1,)})
        flags = [
            flag
            for text in names
            for flag in screener.screen_parties(RowCells((text, country), plan), set())
        ]
        chosen = form or ("table" if sys.stdout.isatty() else "csv")
        if chosen == "table":
            for text in names:
                for line in say_name(
                    text, [f for f in flags if f.facts["query_name"] == text], screener
                ):
                    click.echo(line)
        else:
            print_records(
                [{"kind": "party", **flag.facts, "reason": flag.reason} for flag in flags],
                NAME_COLUMNS,
                form,
            )
        for text in names if chosen != "table" else ():
            if all(flag.facts["query_name"] != text for flag in flags):
                for line in say_name(text, [], screener):
                    talk.say(line)


NAME_COLUMNS = (
    "query_name",
    "score",
    "listed_name",
    "name_kind",
    "list",
    "entry_id",
    "programmes",
    "countries",
    "reason",
)
REPORT_COLUMNS = tuple(ListReport.__dataclass_fields__)
NEAREST = 3  # names under the threshold that are shown when nothing hits
NEAREST_FLOOR = 50.0


def say_name(text: str, flags: Sequence[Flag], screener: Screener) -> Iterator[str]:
    """The answer to one name, for a reader."""
    threshold = screener.options.threshold
    if flags:
        count = f"{len(flags)} hit{'s' * (len(flags) > 1)}"
        yield f'"{clean(text)}": {count} at threshold {threshold:g}; a hit is not a match'
        for flag in flags:
            yield "  " + clean(flag.reason)
        return
    yield f'"{clean(text)}": no hit at threshold {threshold:g}'
    seen: set[tuple[str, str]] = set()
    for score, n in screener.matcher.find_hits([text], NEAREST_FLOOR)[0]:
        entry = screener.entries[int(screener.matcher.index.owners[n])]
        if (entry.list, entry.entry_id) not in seen and len(seen) < NEAREST:
            seen.add((entry.list, entry.entry_id))
            found = clean(screener.matcher.index.texts[n])
            where = f"{screener.matcher.index.kinds[n]}, {entry.list} {entry.entry_id}"
            why = "under the threshold" if score < threshold else "not raised without support"
            yield f'  {why}: {score:g} "{found}" ({where})'


@main.command()
@click.argument("codes", nargs=-1, required=True)
@format_option
@click.option(
    "--destination", default="", metavar="CC", help="Country that the goods go to; default: any."
)
def hs(codes: Sequence[str], form: str | None, destination: str) -> None:
    """What the HS codes CODE ... fall under. An HS code never proves control.

    screen.py hs 8482.10.20
    """
    with ending():
        iso2 = parse_country(destination) if destination else ANY_DESTINATION
        records = []
        for text in codes:
            odd = find_hs_code_flag(text)
            if odd:
                click.echo(odd.reason, err=True)
            flags = [flag for code in parse_hs_cell(text) for flag in find_goods(code.digits, iso2)]
            if not flags:
                click.echo(
                    f'HS "{text}": no rule of lists/goods.csv names it; other controls may apply',
                    err=True,
                )
            records += [{**flag.facts, "reason": flag.reason} for flag in flags]
        print_records(
            records, ("hs_code", "rule", "table", "tier", "controls", "edition", "reason"), form
        )


@main.command()
@click.argument("files", nargs=-1)
@format_option
@reading_options
@click.option(
    "--least-growth",
    type=float,
    default=LEAST_GROWTH,
    show_default=True,
    help="Percent beyond the file's general growth.",
)
@click.option("-q", "--quiet", is_flag=True, help="No talk on standard error but errors.")
@click.option("-l", "--lists", "paths", multiple=True, hidden=True)
def surge(
    files: Sequence[str],
    form: str | None,
    least_growth: float,
    quiet: bool,
    paths: Sequence[str],
    **given: Any,
) -> None:
    """Goods and destinations whose trade grew out of line, over one or more FILES with dates.

    screen.py surge samples/history.csv
    """
    with ending():
        talk = Talk(quiet)
        ledger = read_history(
            files or ("-",),
            ReadOptions(given["columns"], given["delimiter"], given["encoding"]),
            talk,
        )
        found = find_surges(ledger, least_growth)
        print_records(
            [{c: getattr(s, c) for c in SURGE_COLUMNS} for s in found], SURGE_COLUMNS, form
        )
        if (form or "table") == "table" and sys.stdout.isatty():
            for line in draw_bars(ledger, found, shutil.get_terminal_size((100, 40)).columns):
                click.echo(line)
        talk.say(f"{ledger.rows:,} rows: {len(found)} groups or patterns out of line")


@main.command()
@list_options
@threshold_option
@format_option
@click.option(
    "--sample", type=click.IntRange(1), default=1500, show_default=True, help="Names to vary."
)
def selftest(sample: int, form: str | None, **given: Any) -> None:
    """Recall and false alarms measured on the loaded lists with the given settings.

    \b
    Listed names are varied as senders vary them; `percent` of the variations raise their entry.
      spelling        typing errors, scans, look-alike letters, word order, legal form
      shortening      abbreviations, initials, names cut off, a trade word left out
      near-neighbour  one distinctive word replaced: another party, that should not be raised

    screen.py selftest -l consolidated.csv -t 90
    """
    with ending():
        talk, jobs = Talk(given["quiet"]), os.cpu_count() or 1
        screener = load_screener(plain_request(given, jobs=jobs), talk)
        rows = measure_recall(screener, sample)
        records = [dict(zip(SELFTEST_COLUMNS, row, strict=True)) for row in rows]
        print_records(records, SELFTEST_COLUMNS, form)
        talk.say(f"variations of at most {sample:,} names at threshold {given['threshold']:g}")


@main.command()
@click.argument("names", nargs=-1)
@click.option("-q", "--quiet", is_flag=True, help="No talk on standard error but errors.")
def update(names: Sequence[str], quiet: bool) -> None:
    """Download official lists into lists/official/: all of lists/sources.csv, or those NAMED."""
    limits = replace(UPDATE_LIMITS, progress=sys.stderr.isatty() and not quiet)
    with ending():
        faults = update_lists(
            read_table("sources"), names, TABLES / "official", Talk(quiet).say, limits
        )
    if faults:
        raise ScreenError("\n".join(faults))


@main.command()
@click.argument("file")
@click.argument("row", type=click.IntRange(1))
@list_options
@threshold_option
@reading_options
def clear(file: str, row: int, **given: Any) -> None:
    """Print clearance rows for the party hits of data row ROW of FILE, for a person to fill in.

    screen.py clear shipments.csv 7 >> cleared.csv
    """
    with ending():
        request = plain_request(given, hits="all")
        screener = load_screener(request, Talk(given["quiet"]))
        entries = {(entry.list, entry.entry_id): entry for entry in screener.entries}
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(CLEARANCE_COLUMNS)
        with open_shipments(file, reading_of(request)) as shipments:
            for chunk in shipments.chunks:
                place = row - chunk.first_row
                if 0 <= place < len(chunk.rows):
                    one = Chunk(row, [chunk.rows[place]], [chunk.lines[place]], {})
                    cells = RowCells(chunk.rows[place], build_plan(shipments.roles))
                    for found in screener.screen_chunk(one, shipments.roles):
                        for flag in (f for f in found.flags if f.kind == "party"):
                            entry = entries[flag.facts["list"], flag.facts["entry_id"]]
                            writer.writerow(write_clearance(flag, entry, cells))


@main.command()
@click.argument("receipt")
def verify(receipt: str) -> None:
    """Run again what RECEIPT records and say what differs."""
    with ending():
        try:
            old = json.loads(Path(receipt).read_text("utf-8"))
            options = {**old["options"], "as_of": date.fromisoformat(old["options"]["as_of"])}
            values: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in options.items()
            }
            request = RunRequest(**values)
        except (OSError, ValueError, KeyError, TypeError) as err:
            raise ScreenError(
                f"{receipt}: no receipt of screen.py ({err}): give the file that --receipt wrote."
            ) from err
        with tempfile.TemporaryDirectory() as folder:
            again = replace(
                request, output=f"{folder}/rows", receipt=f"{folder}/receipt", quiet=True
            )
            run_screening(again, Talk(quiet=True))
            new = json.loads(Path(f"{folder}/receipt").read_text("utf-8"))
    differences = list(find_differences(old, new))
    for line in differences:
        click.echo(line)
    if differences:
        raise ScreenError(
            f"{receipt}: {len(differences)} differences: the run cannot be replayed as it was."
        )
    click.echo(
        f"{receipt}: the same program, tables, lists, inputs and options"
        f" give the same {new['counts']['rows']:,} rows"
    )


def find_changed_rows(file: str, old: str, new: str) -> Iterator[str]:
    """The first rows of `file` whose marks differ, and a count that does."""
    pairs = (
        (i, old[i : i + ROW_MARK], new[i : i + ROW_MARK]) for i in range(0, len(old), ROW_MARK)
    )
    changed = (i // ROW_MARK + 1 for i, then, now in pairs if now and then != now)
    yield from (f"row {row:,} of {file} has changed" for row in islice(changed, MOST_NAMED))
    if len(old) != len(new):
        then, now = len(old) // ROW_MARK, len(new) // ROW_MARK
        yield f"{file} has {now:,} rows where it had {then:,}"


def find_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What differs between two receipts, a line each."""
    for part in ("tables", "inputs"):
        for name in sorted({*old[part], *new[part]}):
            if old[part].get(name) != new[part].get(name):
                yield f"{part[:-1]} {name} has changed"
    for name, marks in old["rows"].items():
        yield from find_changed_rows(name, marks, new["rows"].get(name, ""))
    lists = [
        {(r["list"], r["file"]): r["sha256"] for r in receipt["lists"]} for receipt in (old, new)
    ]
    for key in sorted({*lists[0], *lists[1]}):
        if lists[0].get(key) != lists[1].get(key):
            yield f"list {key[0]} ({key[1]}) has changed"
    for part in ("version", "program", "options", "counts", "suppressed", "reopened", "output"):
        if old[part] != new[part]:
            then, now = (json.dumps(receipt[part])[:200] for receipt in (old, new))
            yield f"{part} differs: {then} then, {now} now"


if __name__ == "__main__":
    main()
