"""Fit lists/scorecard.csv: what each way of being unlike costs a pair of names.

python tests/fit.py LIST COMPANIES [--seed N] [--size N] [--write]

Positives are names of LIST as senders write them: a slip on any character of them, or a habit
(form dropped, changed or written out, words shuffled, cut off …; Selftest of screen.py writes
them). Negatives are the COMPANIES (a CSV with a `name` column; its even rows, the odd ones are kept
for the report) against their likest listed names, listed names with one telling word replaced, and
persons of a given name of one and a family name of another. Ordinal bins are fitted by logistic
regression in which more unlike never scores more; points are scaled so that at the threshold 85
MOST_CLEAN of the even companies are raised. Prints alerts against recall by kind at several
thresholds, on the odd companies too. The same files and seed give the same table.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import screen  # noqa: E402

MOST_CLEAN = 0.0087  # share of ordinary companies raised, some of which are listed
THRESHOLDS = (80, 83, 85, 87, 90, 95)
SHARES = [0.01, 0.04, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6]
UNLIKE = [0.01, 0.06, 0.08, 0.095, 0.105, 0.115, 0.13, 0.15, 0.17, 0.21, 0.26, 0.34, 0.5]
EDGES = {  # feature -> where its bins begin
    "listed_left": SHARES,
    "query_left": SHARES,
    "conflict": [0.005, 0.02, 0.04, 0.07, 0.1, 0.14, 0.18, 0.22, 0.27, 0.33, 0.4],
    "thin": [0.05, 0.2, 0.4, 0.6, 0.8, 0.99, 1.01, 1.15, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9],
    "edits": [0.4, 0.55, 0.75, 0.95, 1.05, 1.3, 1.55, 2.05, 2.55, 3.05, 4.05, 5.05, 6.05, 8.05, 10.05, 13.05],
    "edits_share": [0.01, 0.03, 0.045, 0.06, 0.08, 0.1, 0.125, 0.15, 0.18, 0.22, 0.27, 0.33, 0.4, 0.5],
    "sole_unlike": UNLIKE,
    "sole_ship": UNLIKE,
    "sole_person": UNLIKE,
    "unlike": [0.01, 0.06, 0.09, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7],
    "heavy_left": [0.02, 0.05, 0.11, 0.16, 0.21, 0.31, 0.41, 0.5, 0.6, 0.7, 0.8, 0.95],
    "figures": [0.5, 1.5],
    "forms": [0.5, 1.5],
    "forms_thin": [0.5, 1.5],
    "firm_person": [0.5],
    "firm_ship": [0.5],
    "short": [0.5, 2.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5],
    "initials": [0.5, 1.5],
    "cut": [2.5, 5.5, 8.5, 10.5, 12.5, 15.5, 18.5],
    "moved": [0.5],
    "whole": [0.5, 1.5, 2.5, 3.5, 5.5, 8.5, 12.5],
    "whole_unlike": [1.5, 2.5, 3.5, 5.5, 8.5, 12.5],
    "spaced": [0.5, 4.5, 8.5, 10.5, 12.5, 14.5],
}  # fmt: skip
STEPS = [(feature, edge) for feature, edges in EDGES.items() for edge in edges]
GATES = {  # set by hand: from where on nothing is a hit; "International Trading Company" is no FY
    "listed_left": (0.7, 100), "query_left": (0.7, 100), "generic": (1.5, 20),
}  # fmt: skip
LEAST_STEP = 0.05  # points; smaller steps are left out of the table
WEIGHTS = {  # of a kind of positive; the others count as much as a slip
    "two slips": 0.3, "initial": 0.15, "vowels left out": 0.5, "cut off": 0.7, "common word dropped": 2.0, "shuffled, a slip": 0.5,
    "patronymic dropped": 0.7, "patronymic added": 0.4,
}  # fmt: skip
NEGATIVE_WEIGHTS = {"entity": 0.15, "individual": 0.5, "vessel": 0.8, "company": 1.0, "mixed": 0.5}
START = [  # of the search for candidates, before anything was fitted
    ("listed_left", 0.3, 3), ("query_left", 0.3, 5), ("edits_share", 0.1, 3), ("whole", 2.5, 3),
    ("whole", 8.5, 8), ("sole_unlike", 0.1, 4), ("forms", 1.5, 4),
]  # fmt: skip


class Sample(NamedTuple):
    """A name that is asked, and the entry that it should hit or be told from."""

    text: str
    entry: int  # -1: any
    type: str
    kind: str


class Likest(NamedTuple):
    """The likest listed name of a sample."""

    score: float  # under the card in use; 100: equal
    features: dict[str, float]


def read_parties(entries: Sequence[screen.ListEntry]) -> dict[str, list[tuple[str, int]]]:
    """(primary name, entry number) of names in Latin letters, by type of entry."""
    parties: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for e, entry in enumerate(entries):
        name, kind = entry.names[0][0], entry.type or "entity"
        if re.search("[A-Za-z]{3}", name) and name.isascii() and kind in WEIGHED_TYPES:
            parties[kind].append((name, e))
    return parties


WEIGHED_TYPES = ("entity", "individual", "vessel")


def vary(
    name: str, e: int, kind: str, patronymics: Sequence[str], rng: random.Random
) -> Iterator[Sample]:
    """`name` of entry `e` as senders write it."""
    for way in rng.sample(screen.SLIP_KINDS, 3):
        yield Sample(screen.write_slip(name, way, rng), e, kind, "slip: " + way)
    for way, text in dict(screen.write_habits(name, kind, rng)).items():
        yield Sample(text, e, kind, way)
    if len(name) > 16:
        one, two = rng.sample(screen.SLIP_KINDS, 2)
        yield Sample(
            screen.write_slip(screen.write_slip(name, one, rng), two, rng), e, kind, "two slips"
        )
    words = name.replace(",", "").split()
    if len(words) > 2:
        mixed = " ".join(rng.sample(words, len(words)))
        yield Sample(
            screen.write_slip(mixed, rng.choice(screen.SLIP_KINDS), rng),
            e,
            kind,
            "shuffled, a slip",
        )
    if (
        kind == "individual"
        and "," in name
        and patronymics
        and not screen.PATRONYMIC.search(name.lower())
    ):
        yield Sample(f"{name} {rng.choice(patronymics)}", e, kind, "patronymic added")


def draw(
    parties: dict[str, list[tuple[str, int]]], size: int, rng: random.Random
) -> tuple[list[Sample], list[Sample]]:
    """Positives and negatives written from listed names."""
    counts = Counter(
        w.strip(",.()").lower() for some in parties.values() for n, _ in some for w in n.split()
    )
    strangers = [word for word, n in counts.items() if n < 4 and len(word) > 4 and word.isalpha()]
    people = [name for name, _ in parties["individual"] if "," in name]
    patronymics = [w for n in people for w in n.split() if screen.PATRONYMIC.search(w.lower())]
    good, bad = [], []
    for kind in WEIGHED_TYPES:
        most = size if kind == "entity" else size // 2
        for name, e in rng.sample(parties[kind], min(most, len(parties[kind]))):
            good += vary(name, e, kind, patronymics, rng)
            bad += [
                Sample(x, e, kind, way) for way, x in screen.write_neighbours(name, strangers, rng)
            ]
    for _ in range(size):
        given, last = rng.choice(people).split(",", 1)[1], rng.choice(people).split(",", 1)[0]
        bad.append(Sample(f"{given.strip()} {last.strip()}", -1, "mixed", "names of two persons"))
    for _ in range(size // 4):
        first = re.sub(r"\W.*", "", rng.choice(people).split(",", 1)[1].strip())
        if len(first) > 3:
            bad.append(
                Sample(f"{first} {rng.choice('ABCDEFGHKLMNOPRST')}", -1, "mixed", "given name")
            )
    changed = [s for s in good if s.text.strip()]
    return changed, bad


def fold(matcher: screen.Matcher, texts: Sequence[str]) -> list[list[screen.FoldedName]]:
    """The folded names that each of the cells `texts` asks for, their words learned."""
    asked = [screen.read_cell(text).names for text in texts]
    folded = [
        [screen.trim(f) for f in screen.fold_names(names, matcher.language)] for names in asked
    ]
    matcher.relations.learn(w for several in folded for f in several for w in f.words)
    return folded


def rate(matcher: screen.Matcher, query: screen.FoldedName, n: int, way: int) -> Likest:
    """How like `query` is to listed name `n`."""
    features, found = screen.measure(query, n, matcher.relations, way)
    if screen.is_equal(found, features):
        return Likest(100.0, features)
    return Likest(100 - sum(points for _, points in matcher.weigh(features)), features)


def compare_own(matcher: screen.Matcher, samples: Sequence[Sample]) -> list[Likest | None]:
    """Each sample's likest name among those of its own entry."""
    names_of = defaultdict(list)
    for n, owner in enumerate(matcher.index.owners.tolist()):
        names_of[owner].append(n)
    likest: list[Likest | None] = []
    for sample, queries in zip(samples, fold(matcher, [s.text for s in samples]), strict=True):
        rated = []
        for query in filter(lambda q: q.words, queries):
            cut = {*matcher.find_cut(query)}
            for n in names_of[sample.entry]:
                ways = [screen.WORDS, screen.SPACED] + [screen.ENDING] * (n in cut)
                near = is_near("".join(query.words), "".join(matcher.index.folded[n].words))
                rated += [rate(matcher, query, n, w) for w in ways if w != screen.SPACED or near]
        likest.append(max(rated, key=lambda x: x.score, default=None))
    return likest


def is_near(one: str, other: str) -> bool:
    """Whether two names written as one run differ by a slip at most, as Match asks it."""
    length = 4 < len(other) <= screen.LONGEST_SQUEEZED
    return length and screen.OSA.distance(one, other, score_cutoff=1) <= 1


def search(
    matcher: screen.Matcher, texts: Sequence[str], budget: float, most: int
) -> list[list[Likest]]:
    """The `most` likest listed names of each of `texts`, searched for as a run does."""
    found: list[list[Likest]] = [[] for _ in texts]
    for start in range(0, len(texts), screen.BATCH // 2):
        part = fold(matcher, texts[start : start + screen.BATCH // 2])
        owners = [start + i for i, several in enumerate(part) for _ in several]
        queries = [query for several in part for query in several]
        for q, n, way in matcher.find_candidates(queries, budget):
            found[owners[q]].append(rate(matcher, queries[q], n, way))
    return [sorted(several, key=lambda x: -x.score)[:most] for several in found]


def step(features: dict[str, float]) -> list[bool]:
    """Which edges the features have reached."""
    return [features.get(feature, 0.0) >= edge for feature, edge in STEPS]


def fit(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """What each step costs, never below 0: logistic regression of `y` on `x` with a small ridge."""

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        right = expit(beta[0] - x @ beta[1:])
        fault = -(w * (y * np.log(right + 1e-12) + (1 - y) * np.log(1 - right + 1e-12))).sum()
        pull = w * (right - y) / w.sum() * 100
        value = fault / w.sum() * 100 + 0.002 * beta[1:].sum() + 0.001 * (beta[1:] ** 2).sum()
        return value, np.concatenate([[pull.sum()], 0.002 + 0.002 * beta[1:] - x.T @ pull])

    start = np.concatenate([[5.0], np.full(x.shape[1], 0.2)])
    bounds = [(None, None)] + [(0, None)] * x.shape[1]
    options = {"maxiter": 500}
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return best.x[1:]


def write_card(costs: np.ndarray, scale: float, source: str) -> list[dict[str, str]]:
    """Rows of the scorecard: from each edge on the points up to there."""
    rows, total = [], defaultdict[str, float](float)
    for (feature, edge), cost in zip(STEPS, costs, strict=True):
        total[feature] += cost * scale
        if cost * scale >= LEAST_STEP:
            points = f"{total[feature]:.1f}"
            rows.append({"feature": feature, "from": f"{edge:g}", "points": points})
    rows += write_gates()
    return [row | {"source": source, "as_of": date.today().isoformat()} for row in rows]


def write_gates() -> list[dict[str, str]]:
    """The rows of GATES."""
    return [
        {"feature": feature, "from": str(edge), "points": str(points)}
        for feature, (edge, points) in GATES.items()
    ]


def train(
    matcher: screen.Matcher, good: list[Sample], bad: list[Sample], clean: list[str]
) -> tuple[np.ndarray, float]:
    """The costs of the steps, and by what they are scaled to points."""
    rows: list[tuple[dict[str, float], int, float]] = []
    for sample, own in zip(good, compare_own(matcher, good), strict=True):
        if own is not None and own.score < 100:
            rows.append((own.features, 1, WEIGHTS.get(sample.kind, 1.0)))
    near = [sample for sample in bad if sample.entry >= 0]
    for sample, own in zip(near, compare_own(matcher, near), strict=True):
        if own is not None and own.score < 100:
            rows.append((own.features, 0, NEGATIVE_WEIGHTS[sample.type]))
    mixed = [sample.text for sample in bad if sample.entry < 0]
    found = search(matcher, clean, 40, 3)
    for kind, several in ("mixed", search(matcher, mixed, 40, 2)), ("company", found):
        for likest in several:
            if likest and likest[0].score < 100:
                rows += [(one.features, 0, NEGATIVE_WEIGHTS[kind]) for one in likest]
    x = np.array([step(features) for features, *_ in rows], dtype=float)
    costs = fit(x, *(np.array(side, dtype=float) for side in list(zip(*rows, strict=True))[1:]))
    least = [
        min(0.0 if one.score >= 100 else float(costs @ step(one.features)) for one in some)
        for some in found
        if some
    ]
    limit = sorted(least)[int(MOST_CLEAN * len(clean))]
    return costs, (100 - screen.DEFAULT_THRESHOLD) / limit


def report(matcher: screen.Matcher, good: list[Sample], bad: list[Sample], odd: list[str]) -> None:
    """Print alerts against recall by kind at several thresholds."""
    print(f"{'':44s}" + "".join(f"{t:>8}" for t in THRESHOLDS))
    lines: dict[str, list[float]] = defaultdict(list)
    for name, samples in ("raised", good), ("neighbour raised", [s for s in bad if s.entry >= 0]):
        for sample, own in zip(samples, compare_own(matcher, samples), strict=True):
            score = own.score if own else 0.0
            lines[f"{name}: {sample.type}: {sample.kind}"].append(score)
            group = "slips" if sample.kind.startswith("slip") else "all"
            lines[f"{name}: {sample.type}: {group.upper()}"].append(score)
    mixed = [sample.text for sample in bad if sample.entry < 0]
    for name, texts in ("persons of two names raised", mixed), ("odd companies raised", odd):
        best = search(matcher, texts, 25, 1)
        lines[name] = [likest[0].score if likest else 0.0 for likest in best]
    for name, scores in sorted(lines.items()):
        shares = (100 * sum(s >= t - 0.05 for s in scores) / len(scores) for t in THRESHOLDS)
        print(f"{name:44s}" + "".join(f"{x:8.2f}" for x in shares), len(scores))


def main() -> None:
    """Fit, print, and write the table where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("list", type=Path)
    parser.add_argument("companies", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--size", type=int, default=900, help="listed firms; half as many persons and ships"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write lists/scorecard.csv")
    asked: Any = parser.parse_args()
    rng = random.Random(asked.seed)
    options = screen.ListOptions(date.today(), 10**6, frozenset())
    entries, _ = screen.read_lists([asked.list], options)
    with open(asked.companies, encoding="utf-8", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    clean, odd = (
        rng.sample(half, min(5 * asked.size, len(half))) for half in (names[::2], names[1::2])
    )
    start = [dict(zip(("feature", "from", "points"), map(str, row), strict=True)) for row in START]
    matcher = screen.Matcher(
        entries, screen.load_language(), screen.Scorecard(start + write_gates())
    )
    good, bad = draw(read_parties(entries), asked.size, rng)
    source = f"tests/fit.py --seed {asked.seed} on {asked.list.parent.name} and even rows of {asked.companies.name}"
    rows: list[dict[str, str]] = []
    for _ in range(asked.rounds):
        costs, scale = train(matcher, good, bad, clean)
        rows = write_card(costs, scale, source)
        matcher.card = screen.Scorecard(rows)
        print(f"{len(rows)} rows, points {scale:.2f} a unit of log odds", flush=True)
    if asked.write:
        with open(screen.TABLES / "scorecard.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0]], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    good, bad = draw(read_parties(entries), asked.size // 2, random.Random(asked.seed + 1000))
    report(matcher, good, bad, odd)


if __name__ == "__main__":
    main()
