"""Measure addresses: those of a list under another party's name, varied as senders vary them, and
made-up ones of the same towns, which should raise nothing.

    python tests/addresses.py LIST [--seed N] [--size N] [--show N]

A variation counts as found when the entry that it was made of is among the entries raised. Tune on
one seed, report others.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import defaultdict
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import screen

SHORT = {
    "street": "St.", "road": "Rd", "avenue": "Ave.", "building": "Bldg", "floor": "Fl.", "room": "Rm",
    "unit": "Room", "flat": "Flt", "suite": "Ste", "district": "Dist.", "tower": "Twr", "kowloon": "KLN",
    "number": "No.", "no": "Number", "boulevard": "Blvd", "industrial": "Ind.", "province": "Prov.",
    "street.": "St", "center": "Ctr", "centre": "Ctr", "house": "Hse", "square": "Sq.", "north": "N.",
    "south": "S.", "east": "E.", "west": "W.", "st": "Street", "rd": "Road", "ave": "Avenue",
    "bldg": "Building", "rm": "Unit", "ul": "Ulitsa", "ulitsa": "ul.", "prospekt": "pr-t", "lane": "Ln",
    "caddesi": "Cad.", "sokak": "Sok.", "mahallesi": "Mah.", "avenida": "Av.", "calle": "C.", "p.o": "PO",
    "territories": "T.", "development": "Dev.", "international": "Intl", "po": "P.O.", "mansion": "Mans.",
}  # fmt: skip
KEYS = "abcdefghijklmnopqrstuvwxyz"


def slip(text: str, rng: random.Random) -> str:
    """`text` with one letter replaced, left out, doubled, added, or swapped with the next."""
    at = rng.choice([i for i, char in enumerate(text) if char.isalpha()])
    key = rng.choice(KEYS)
    key = key.upper() if text[at].isupper() else key
    return rng.choice(
        (
            text[:at] + key + text[at + 1 :],
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + key + text[at:],
            text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :],
        )
    )


def abbreviate(text: str) -> str:
    """`text` with the usual words of addresses abbreviated, or written out."""
    return re.sub(
        r"[^\W\d_]+\.?",
        lambda word: SHORT.get(word[0].rstrip(".").casefold(), word[0]),
        text,
    )


def vary(text: str, rng: random.Random) -> dict[str, str]:
    """The variations of the address `text` by kind."""
    parts = [part.strip() for part in text.split(",")]
    body, country = parts[:-1], parts[-1]
    shuffled = rng.sample(body, len(body))
    towns = [part for part in body[1:] if not re.search(r"\d", part)]
    varied = {
        "as written": text,
        "in capitals": text.upper(),
        "one letter wrong": slip(text, rng),
        "abbreviated": abbreviate(text),
        "reordered": ", ".join([*shuffled, country]),
        "signs left out": re.sub(r"[^\w\s]", " ", text),
        "country left out": ", ".join(body),
    }
    if towns and len(body) > 2:
        varied["town left out"] = ", ".join(part for part in parts if part != towns[-1])
    if any(re.fullmatch(r"\d{5,}", part) for part in body):
        kept = [part for part in parts if not re.fullmatch(r"\d{5,}", part)]
        varied["post code left out"] = ", ".join(kept)
    return {kind: one for kind, one in varied.items() if kind == "as written" or one != text}


def other_number(number: str, rng: random.Random) -> str:
    """Another number than `number`."""
    return rng.choice([str(n) for n in range(1, 400) if str(n) != number.lstrip("0")])


def make_up(texts: list[str], count: int, rng: random.Random) -> list[str]:
    """`count` addresses of the same towns: a listed street with another number, or the number and
    building of one address with the street of another."""
    towns: dict[str, list[list[str]]] = defaultdict(list)
    for text in texts:
        parts = [part.strip() for part in text.split(",")]
        if len(parts) >= 3:
            towns[", ".join(parts[-2:])].append(parts)
    several = [town for town, some in sorted(towns.items()) if len(some) >= 5]
    made = []
    while len(made) < count:
        town = rng.choice(several)
        first, second = rng.sample(towns[town], 2)
        street = rng.choice([part for part in first[:-2] if re.search(r"[^\W\d]{3}", part)] or [""])
        number = str(rng.randint(1, 400))
        if rng.random() < 0.5:  # another number on a real street
            parts = [
                re.sub(r"\d+", number, street) if re.search(r"\d", street) else f"{number} {street}"
            ]
        else:  # a street that nobody has, with real districts
            name = "".join(rng.sample("aeioulrstnmk", 7)).title()
            district = [part for part in second[1:-2] if not re.search(r"\d", part)]
            parts = [f"{number} {name} Street", *district[-1:]]
        if street and number not in re.findall(r"\d+", str(first + second)):
            made.append(", ".join([*parts, *first[-2:]]))
    return made


def main() -> None:
    """Print one line a kind: how many addresses, how many found."""
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("list", type=Path)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--size", type=int, default=1000)
    ap.add_argument("--show", type=int, default=0)
    args = ap.parse_args()
    rng = random.Random(args.seed)
    options = screen.ListOptions(as_of=date(2026, 11, 25), max_age=99_999)
    entries, _ = screen.read_lists([args.list], options)
    started = time.perf_counter()
    places = screen.Places(entries, screen.load_language())
    owners: dict[str, set[int]] = defaultdict(set)
    for e, entry in enumerate(entries):
        for text in entry.addresses:
            owners[text].add(e)
    telling = sorted(t for t in owners if len(t) >= 20 and re.search(r"\d", t))
    places.find_addresses("1 Nowhere Street, Nowhere")
    print(f"{len(telling):,} addresses; index {time.perf_counter() - started:.2f} s")
    tried: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    lost = []
    for text in rng.sample(telling, args.size):
        for kind, varied in vary(text, rng).items():
            found = {hit.entry for hit in places.find_addresses(varied)}
            tried[kind][0] += 1
            tried[kind][1] += bool(found & owners[text])
            if not found & owners[text]:
                lost.append((kind, varied, text))
    for kind, (count, found_count) in tried.items():
        print(f"{kind:20} {count:6,} {found_count:6,} {100 * found_count / count:6.1f} %")
    made = make_up(telling, 2000, rng)
    started = time.perf_counter()
    raised = [(text, hits) for text in made if (hits := places.find_addresses(text))]
    each = (time.perf_counter() - started) / len(made)
    print(
        f"made up              {len(made):6,} {len(raised):6,} {100 * len(raised) / len(made):6.2f} %"
    )
    print(f"{each * 1e6:.0f} microseconds an address")
    for case in rng.sample(lost, min(args.show, len(lost))):
        print("  ", " | ".join(case))
    for text, hits in raised[: args.show]:
        print("   raised", text, "|", [(h.score, h.text) for h in hits[:2]])


if __name__ == "__main__":
    main()
