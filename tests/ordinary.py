"""A clean shipment file from a seed: ordinary goods on ordinary ways; run it to see what is raised.

tests/ordinary.py [SEED ...]     alerts by kind on 10,000 rows of each seed, own list of nobody
"""

import csv
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import screen

GOODS = Path(__file__).parent / "cases" / "ordinary.csv"
HEADERS = [
    "Reference", "Date", "Consignee", "Consignee Address", "Consignee Country", "HS Code",
    "Description", "Value", "Weight kg", "Destination", "Transit",
]  # fmt: skip
# Country, its share in percent, towns, firm ending. A sixth goes where goods are also diverted.
WAYS = [
    ("Germany", 14, "Hamburg|Köln|Leipzig", "GmbH"), ("France", 9, "Lyon|Lille|Nantes", "SARL"),
    ("Italy", 7, "Bologna|Torino|Bari", "S.r.l."), ("Poland", 7, "Łódź|Gdynia|Poznań", "Sp. z o.o."),
    ("Spain", 6, "Valencia|Bilbao", "S.L."), ("United States", 9, "Columbus OH|Fresno CA", "Inc."),
    ("United Kingdom", 6, "Leeds|Bristol", "Ltd"), ("Netherlands", 5, "Breda|Venlo", "B.V."),
    ("Japan", 3, "Nagoya|Kobe", "Co., Ltd."), ("Brazil", 4, "Curitiba|Manaus", "Ltda."),
    ("Mexico", 4, "Puebla|León", "S.A. de C.V."), ("India", 3, "Pune|Surat", "Pvt. Ltd."),
    ("Vietnam", 3, "Da Nang|Hai Phong", "JSC"), ("South Africa", 2, "Durban", "Pty Ltd"),
    ("Saudi Arabia", 2, "Jeddah", "Est."), ("Kazakhstan", 4, "Almaty|Karaganda", "LLP"),
    ("Turkey", 4, "Izmir|Bursa|Konya", "A.Ş."), ("UAE", 3, "Dubai|Sharjah", "LLC"),
    ("Hong Kong", 2, "Kwun Tong|Tsuen Wan", "Limited"), ("Armenia", 1.5, "Yerevan|Gyumri", "LLC"),
    ("Georgia", 0.5, "Tbilisi", "LLC"), ("Uzbekistan", 1, "Tashkent|Samarkand", "MChJ"),
]  # fmt: skip
SOUNDS = "ba be lo mi ra ton vel kar dan sil mor fen pal rik sto gar tes nol".split()
TRADES = (
    "Home|Garden|Market|Foods|Interior|Textile|Tools|Electro|Agro|Stores|Baumarkt|Dental".split("|")
)
STREETS = (
    "Moscow Road|Mill Lane|Station Street|Rue de Crimée|Havana Street|Park Avenue|Lenin Street"
)


def read_goods() -> list[tuple[str, str]]:
    """(HS code, description) of ordinary goods, those of the listed chapters among them."""
    with open(GOODS, encoding="utf-8", newline="") as file:
        return [(row["hs_code"], row["description"]) for row in csv.DictReader(file)]


def build_ordinary(rows: int, seed: int) -> list[list[str]]:
    """Rows of HEADERS, two years of trade of some hundred firms with their own goods."""
    rng = np.random.default_rng(seed)
    goods, shares = read_goods(), np.array([way[1] for way in WAYS], dtype=float)
    prices = np.exp(np.random.default_rng(0).normal(2, 1, len(goods)))  # value per kilogram
    firms = []
    for way in rng.choice(len(WAYS), max(20, rows // 12), p=shares / shares.sum()):
        country, _, towns, form = WAYS[way]
        name = "".join(rng.choice(SOUNDS, 3)).title() + " " + rng.choice(TRADES)
        street = rng.choice(STREETS.split("|"))
        place = f"{rng.integers(1, 400)} {street}, {rng.choice(towns.split('|'))}"
        own = rng.choice(len(goods), 4)
        firms.append((f"{name} {form}", place, country, own))
    lines = []
    for n in range(rows):
        name, place, country, own = firms[rng.integers(len(firms))]
        which = rng.choice(own)
        weight = np.exp(rng.normal(6, 1.2))
        value = weight * prices[which] * np.exp(rng.normal(0, 0.4))
        day = np.datetime64("2024-11-01") + rng.integers(0, 730)
        transit = "Netherlands" if rng.random() < 0.05 else ""
        amounts = [f"{value:.2f}", f"{weight:.1f}"]
        line = [f"R{n + 1}", str(day), name, place, country, *goods[which], *amounts]
        lines.append([*line, country, transit])
    return lines


def write_ordinary(path: Path, rows: int, seed: int) -> None:
    """The file of `build_ordinary` at `path`."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADERS, *build_ordinary(rows, seed)])


def count_alerts(rows: int, seed: int) -> Counter[str]:
    """How many rows of a clean file raise each kind, and any of destination and diversion."""
    import pandas as pd

    frame = pd.DataFrame(build_ordinary(rows, seed), columns=HEADERS)
    with tempfile.TemporaryDirectory() as folder:
        nobody = Path(folder) / "nobody.csv"
        nobody.write_text("name\nXyzzyqqua Vwxkplu\n")
        found = screen.Screener.load([str(nobody)]).screen(frame)
    counts: Counter[str] = Counter()
    for cell in found["screen_flags"]:
        kinds = set(cell.split(";"))
        counts.update(kinds)
        counts["destination or diversion"] += bool(kinds & {"destination", "diversion"})
    return counts


if __name__ == "__main__":
    for seed in map(int, sys.argv[1:] or ["1", "2", "3"]):
        print(seed, dict(count_alerts(10_000, seed)))
