"""Figures, not pass or fail: accuracy, alert rates, recall, speed and memory of screen.py.

python tests/bench.py                          every section, on the starter list and made-up names
python tests/bench.py accuracy --pairs P.csv --lists consolidated.csv
python tests/bench.py throughput --rows 1000000 --lists consolidated.csv
"""

from __future__ import annotations

import csv
import functools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter, process_time

import click
import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process, utils

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import screen  # noqa: E402
from history import build_history  # noqa: E402

AS_OF = date.today()
FLOOR = screen.DEFAULT_THRESHOLD - screen.EVIDENCE_MOST  # what screening asks of the matcher
FIRMS = ("Company", "Organization", "LegalEntity", "Vessel")
HEADS = (
    "nor al ter bel cor dan el fal gar hel in jor kal lum mar nov or pel quin ros sol tor ul vel"
    " wes xan yor zel bra cle dro fre gru"
)
TAILS = (
    "wind tech dale mont berg stone field vik lund mar tec nova plast form pharm trans gas mill"
    " ton ford holm burg light son ski ova aro ette ium eks"
)
TRADES = (
    "Machinery Foods Textiles Trading Electric Metals Pharma Retail Builders Paper Auto Logistics"
    " Systems Industries Packaging Marine Medical Optics Furniture Ceramics"
)
FORMS = ("Ltd", "GmbH", "S.A.", "Inc.", "SpA", "LLC", "B.V.", "Oy", "AS", "Pty Ltd", "Co., Ltd.")
DESTINATIONS = (
    "Germany France Italy Spain Poland Netherlands Belgium Austria Sweden Finland Norway Denmark"
    " Portugal Ireland Canada Mexico Brazil Chile Peru India Japan Australia Thailand Vietnam"
    " Indonesia Malaysia Singapore Egypt Morocco Kenya Ghana Ecuador"
)
THIRD_STATES = "CN IN MX BR SG MY TH VN AE TR IL ZA SA CL HK PH ID RS MA EG"
FLAG_ROLES = "consignee consignee_address consignee_country destination transit hs_code"


@dataclass(frozen=True, slots=True)
class Request:
    """What the figures are taken of."""

    lists: tuple[Path, ...]
    pairs: Path | None
    companies: Path | None
    show: int  # alerts printed
    compare: int  # names compared with scoring every pair
    rows: tuple[int, ...]


def say(label: str, *figures: str) -> None:
    """One line of figures."""
    print(f"  {label:<46} {'  '.join(figures)}", flush=True)


def share(part: float, whole: float) -> str:
    """`part` of `whole` in percent."""
    return f"{100 * part / whole:.2f} %" if whole else "-"


def timed(call: Callable[[], object]) -> float:
    """Seconds that `call` takes."""
    start = perf_counter()
    call()
    return perf_counter() - start


# What is screened ---------------------------------------------------------------------------------


@functools.cache
def read_entries(lists: tuple[Path, ...]) -> tuple[list[screen.ListEntry], list]:
    """Entries and reports of `lists`, of the project's own lists where none is named."""
    return screen.read_lists(list(lists) or [screen.TABLES], screen.ListOptions(as_of=AS_OF))


@functools.cache
def load(lists: tuple[Path, ...], jobs: int = 1) -> screen.Screener:
    """A screener of `lists` with default settings."""
    return screen.Screener(*read_entries(lists), screen.Options(as_of=AS_OF, jobs=jobs))


def forget(screener: screen.Screener) -> screen.Screener:
    """`screener` with nothing learned: its caches are cold."""
    relations = screener.matcher.relations
    for cache in (relations.known, relations.rows, relations.weights, screener.known):
        cache.clear()
    screener.answers.clear()
    screen.read_cell.cache_clear()
    return screener


def make_names(count: int, seed: int = 3) -> list[str]:
    """`count` distinct names of made-up firms."""
    rng, made = random.Random(seed), dict[str, None]()
    heads, tails, trades = HEADS.split(), TAILS.split(), TRADES.split()
    while len(made) < count:
        first = rng.choice(heads) + rng.choice((rng.choice(heads), "")) + rng.choice(tails)
        second = rng.choice(("", "", (rng.choice(heads) + rng.choice(tails)).title() + " "))
        made[f"{first.title()} {second}{rng.choice(trades)} {rng.choice(FORMS)}"] = None
    return list(made)


def read_companies(request: Request, count: int = 20_000) -> list[str]:
    """Distinct names of ordinary firms: of the file given, else made up."""
    if request.companies is None:
        return make_names(count)
    with open(request.companies, encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["name"] for row in csv.DictReader(file)))


def make_pairs(screener: screen.Screener) -> list[dict[str, str]]:
    """Pairs made of listed names: variations are matches, near-neighbours are not."""
    rows = []
    for entry in screener.entries[:300]:
        name, schema = entry.names[0][0], "Person" if entry.type == "individual" else "Company"
        varied = screen.vary_name(name, entry.type, ["Nordwind", "Lumenberg"], screener.language)
        for kind, text in varied.items():
            match = "false" if kind == "near-neighbour" else "true"
            rows.append((schema, text, name, match, "MEDIUM"))
    keys = ("schema", "query_name", "listed_name", "is_match", "quality")
    return [dict(zip(keys, row, strict=True)) for row in rows]


def read_codes() -> tuple[list[str], list[str]]:
    """The subheadings of the goods table, and those of them that meet no rule everywhere."""
    prefixes = {code for row in screen.read_table("goods") for code in row["prefix"].split("|")}
    codes = sorted(code for code in prefixes if len(code) == 6)
    return codes, [code for code in codes if not screen.find_goods(code, "")]


# Accuracy and alert rate --------------------------------------------------------------------------


def bench_accuracy(request: Request) -> None:
    """F1, precision and recall over judged pairs, the list loaded beside them."""
    if request.pairs is None:
        pairs = make_pairs(load(request.lists))
    else:
        with open(request.pairs, encoding="utf-8", newline="") as file:
            pairs = list(csv.DictReader(file))
    scores = score_pairs(pairs, load(request.lists).entries)
    judged = list(zip(pairs, scores, strict=True))
    for title, some in (("all pairs", judged), ("even", judged[::2]), ("odd", judged[1::2])):
        say_accuracy(f"{title}, firms and vessels", [x for x in some if x[0]["schema"] in FIRMS])
        say_accuracy(f"{title}, persons included", some)
    strong = [pair for pair in judged if pair[0]["quality"] == "STRONG"]  # every judge agrees
    right = sum((r["is_match"] == "true") == (s >= screen.DEFAULT_THRESHOLD) for r, s in strong)
    say("STRONG pairs right", f"{right} of {len(strong)}")
    for name, least, most in (("exact", 100, 101), ("strong", 95, 100), ("possible", 85, 95)):
        band = [row["is_match"] == "true" for row, score in judged if least <= score < most]
        say(f"precision of band {name}", f"{sum(band)} of {len(band)}", share(sum(band), len(band)))


def score_pairs(
    pairs: Sequence[dict[str, str]], entries: Sequence[screen.ListEntry]
) -> list[float]:
    """The best score of each pair's query against its own listed name, through the index."""
    types = {"Person": "individual", "Vessel": "vessel"}
    named = [(types.get(r["schema"], "entity"), ((r["listed_name"], "primary"),)) for r in pairs]
    beside = [screen.ListEntry("PAIRS", str(n), *pair) for n, pair in enumerate(named)]
    matcher = screen.Matcher([*entries, *beside], screen.load_language())
    hits = matcher.find_hits([row["query_name"] for row in pairs], 50.0)
    owners = matcher.index.owners
    return [
        max((score for score, n in some if owners[n] == own), default=0.0)
        for own, some in enumerate(hits, len(entries))
    ]


def say_accuracy(title: str, judged: Sequence[tuple[dict[str, str], float]]) -> None:
    """F1, precision and recall at the default threshold."""
    sums = Counter(
        (row["is_match"] == "true", score >= screen.DEFAULT_THRESHOLD) for row, score in judged
    )
    right, false, missed = sums[True, True], sums[False, True], sums[True, False]
    best = 2 * right / (2 * right + false + missed) if right else 0.0
    rates = f"precision {share(right, right + false)}", f"recall {share(right, right + missed)}"
    say(f"{title} ({len(judged)})", f"F1 {best:.3f}", *rates)


def bench_alerts(request: Request) -> None:
    """Share of ordinary firms that raise something, and some of what they raise."""
    names, screener = read_companies(request), load(request.lists)
    hits = screener.matcher.find_hits(names, screen.DEFAULT_THRESHOLD)
    index = screener.matcher.index
    firm = [[hit for hit in some if index.kinds[hit.name] != "weak"] for some in hits]
    raised = [(name, some[0]) for name, some in zip(names, firm, strict=True) if some]
    say(f"of {len(names):,} firms raised", f"{len(raised)}", share(len(raised), len(names)))
    bands = Counter(screen.name_band(hit.score, "") for _, hit in raised)
    say("by band", *(f"{band} {n}" for band, n in bands.items()))
    for name, hit in random.Random(7).sample(raised, min(request.show, len(raised))):
        print(
            f"    {hit.score:5.1f}  {name}  |  {index.texts[hit.name]}  ({index.kinds[hit.name]})"
        )
    sample = random.Random(8).sample(names, min(500, len(names)))
    sides = [[utils.default_process(text) for text in texts] for texts in (sample, index.texts)]
    best = process.cdist(*sides, scorer=fuzz.token_sort_ratio, workers=2).max(axis=1)
    say("token_sort_ratio >= 85 raises, of a sample", share((best >= 85).sum(), len(sample)))


def bench_selftest(request: Request) -> None:
    """Recall by kind of variation."""
    for row in screen.measure_recall(load(request.lists), 1500):
        say(f"{row[0]} ({row[1]})", f"{row[3]} of {row[2]}", f"{row[4]} %")


# Speed of matching --------------------------------------------------------------------------------


def bench_matching(request: Request) -> None:
    """Time a distinct name, beside what a user would write instead."""
    names, screener = read_companies(request), load(request.lists)
    choices = screener.matcher.index.texts
    print(f"  {len(names):,} distinct names against {len(choices):,}")
    forget(screener)
    busy = process_time()
    alone = timed(lambda: list(screener.find_hits(names, FLOOR))) / len(names)
    busy = (process_time() - busy) / len(names)
    shared = load(request.lists, jobs=2)
    list(forget(shared).find_hits(names[:1], FLOOR))
    forget(shared)
    both = timed(lambda: list(shared.find_hits(names, FLOOR))) / len(names)
    if shared.pool is not None:
        shared.close()
        shared.pool = None
    say("one process", f"{alone * 1e3:.4f} ms", f"processor time {busy * 1e3:.4f} ms")
    say("two processes, their start included", f"{both * 1e3:.4f} ms")
    for title, seconds, spent in time_rivals(names, choices, screener):
        ratios = f"{seconds / alone:,.1f} x one process", f"{seconds / both:,.1f} x two"
        say(title, f"{seconds * 1e3:.3f} ms", *ratios, f"{spent / busy:,.1f} x processor time")
    compare_with_every_pair(names, screener, request.compare)


def time_rivals(
    names: Sequence[str], choices: Sequence[str], screener: screen.Screener
) -> Iterator[tuple[str, float, float]]:
    """(what, seconds a name, processor time of these) on a sample."""
    few, more = names[:: len(names) // 20][:20], names[:: len(names) // 200][:200]
    best = functools.partial(process.extractOne, choices=choices, scorer=fuzz.WRatio)
    sort = functools.partial(process.cdist, choices=choices, scorer=fuzz.token_sort_ratio)
    rivals: tuple[tuple[str, Sequence[object], Callable[[], object]], ...] = (
        ("extractOne(WRatio)", few, lambda: [best(name) for name in few]),
        ("extractOne(.., score_cutoff=85)", few, lambda: [best(n, score_cutoff=85) for n in few]),
        ("cdist(token_sort_ratio, workers=2)", more, lambda: sort(more, workers=2)),
        ("scoring every pair", few[:1], lambda: score_every_pair(screener.matcher, few[0])),
    )
    for title, sample, call in rivals:
        busy, seconds = process_time(), timed(call)
        yield title, seconds / len(sample), (process_time() - busy) / len(sample)


def score_every_pair(matcher: screen.Matcher, text: str) -> dict[int, float]:
    """Scores of listed names by number, as the matcher finds them, but no name passed over."""
    best: dict[int, float] = {}
    for asked in screen.find_asked(text):
        (query,) = map(screen.trim, screen.fold_names([asked], matcher.language))
        matcher.relations.learn(query.words)
        ways = [(n, screen.WORDS) for n, name in enumerate(matcher.index.folded) if name.words]
        ways += [(n, way) for _, n, way in matcher.find_candidates([query], 100 - FLOOR) if way]
        for n, way in ways if query.words else ():
            hit = matcher.score(asked, query, n, way, FLOOR)
            if hit is not None:
                best[n] = max(hit.score, best.get(n, 0.0))
    return best


matcher_of_all: screen.Matcher | None = None  # in the worker processes


def check_name(text: str) -> str:
    """`text` if pruned hits differ from scoring every pair, else ""."""
    assert matcher_of_all is not None
    pruned = {hit.name: hit.score for hit in matcher_of_all.find_hits([text], FLOOR)[0]}
    return "" if pruned == score_every_pair(matcher_of_all, text) else text


def compare_with_every_pair(names: Sequence[str], screener: screen.Screener, count: int) -> None:
    """Says how many of `count` names, half of them variations of listed ones, differ; Chinese
    names, which are also asked as spelt, aside."""
    global matcher_of_all
    varied = [text for *_, text in screen.vary_names(screener, count, 11)]
    rng = random.Random(11)
    texts = rng.sample(list(names), min(len(names), count - count // 2))
    texts += rng.sample(varied, min(len(varied), count // 2))
    texts = [text for text in texts if not screen.HAN.search(text)]
    matcher_of_all = screener.matcher
    start = perf_counter()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        wrong = [text for text in pool.imap_unordered(check_name, texts, 8) if text]
    spent = f"{perf_counter() - start:.0f} s"
    say("pruned hits equal scoring every pair", f"{len(texts) - len(wrong)} of {len(texts)}", spent)
    for text in wrong[:10]:
        print(f"    differs: {text}")


# Load, start and throughput -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command took."""

    seconds: float
    busy: float  # seconds of processor time, of all its processes
    largest: float  # MiB of its largest process
    together: float  # MiB of all its processes, shared pages counted once
    said: str


# A process begins with the memory of the one that started it on its account: so a small one does.
LAUNCHER = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
spent = round(1000 * (usage.ru_utime + usage.ru_stime))
os.write(2, f"\\n{usage.ru_maxrss} {spent} {os.waitstatus_to_exitcode(status)}".encode())
"""


def measure(*command: str, output: str = os.devnull) -> Ran:
    """Runs `command`, its memory watched."""
    with open(output, "wb") as out, tempfile.TemporaryFile() as err:
        start = perf_counter()
        launch = [sys.executable, "-S", "-E", "-c", LAUNCHER, *command]
        child = subprocess.Popen(launch, stdout=out, stderr=err)
        peak, done = [0.0], threading.Event()
        watcher = threading.Thread(target=watch, args=(child.pid, peak, done))
        watcher.start()
        child.wait()
        seconds = perf_counter() - start
        done.set()
        watcher.join()
        err.seek(0)
        said, _, counted = err.read().decode("utf-8", "replace").rpartition("\n")
    most, busy, code = map(int, counted.split())
    if code:
        raise click.ClickException(f"{' '.join(command)}: exit code {code}: {said}")
    largest = most / (2**20 if sys.platform == "darwin" else 2**10)
    return Ran(seconds, busy / 1000, largest, max(peak[0], largest), said.strip())


def watch(pid: int, peak: list[float], done: threading.Event) -> None:
    """Keeps in `peak` the most that the children of `pid` held together; Linux only."""
    while not done.wait(0.3):
        with suppress(OSError, ValueError, IndexError):
            peak[0] = max(peak[0], sum(map(read_share, children(pid))))


def children(pid: int) -> list[int]:
    """The processes that `pid` started, and those that they did."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [one for child in map(int, text.split()) for one in (child, *children(child))]


def read_share(pid: int) -> float:
    """MiB that `pid` holds, of shared pages its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


LOADING = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[1])
from datetime import date
from pathlib import Path
t0 = time.perf_counter(); import pandas
t1 = time.perf_counter(); import screen
t2 = time.perf_counter()
paths = [Path(p) for p in sys.argv[2:]] or [screen.TABLES]
read = screen.read_lists(paths, screen.ListOptions(as_of=date.today()))
t3 = time.perf_counter(); screen.load_language()
t4 = time.perf_counter(); index = screen.build_index(read[0], screen.load_language())
t5 = time.perf_counter(); screener = screen.Screener(*read, screen.Options(as_of=date.today()))
screener.identifiers.addresses
t6 = time.perf_counter()
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"import pandas": t1 - t0, "import screen beyond": t2 - t1, "read lists": t3 - t2,
  "read language tables": t4 - t3, "build index": t5 - t4, "screener with addresses": t6 - t5,
  "names": len(index.texts), "words": len(index.vocabulary), "MiB": rss}))
"""


def bench_loading(request: Request) -> None:
    """Time and memory to load, and the start of a small run beyond importing pandas."""
    lists = [str(path) for path in request.lists]
    ran = subprocess.run(
        [sys.executable, "-c", LOADING, str(ROOT), *lists], capture_output=True, check=True
    )
    for key, value in json.loads(ran.stdout).items():
        say(key, f"{value:,.0f}" if isinstance(value, int) or value > 100 else f"{value:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "small.csv")
        file.write_text("Consignee,Country\nNordwind Foods GmbH,Germany\n", "utf-8")
        runs = [measure(*call(request), str(file)).seconds for _ in range(5)]
        bare = [measure(sys.executable, "-c", "import pandas").seconds for _ in range(5)]
    small, pandas = sorted(runs)[2], sorted(bare)[2]
    say("run of one row", f"{small:.2f} s", f"beyond importing pandas {small - pandas:.2f} s")


def call(request: Request) -> list[str]:
    """The command line of a run against the lists."""
    named = [part for path in request.lists for part in ("-l", str(path))]
    return [sys.executable, str(ROOT / "screen.py"), *named]


def write_shipments(file: Path, rows: int, consignees: int, screener: screen.Screener) -> None:
    """`rows` shipments in 15 columns to `consignees`, one in a hundred a listed name varied."""
    rng = np.random.default_rng(rows)
    listed = [
        text
        for _, kind, text in screen.vary_names(screener, 1 + consignees // 1000)
        if kind not in ("near-neighbour", "initials")
    ]
    firms = np.array(make_names(consignees), dtype=object)
    spots = rng.choice(consignees, min(len(listed), consignees // 100), replace=False)
    firms[spots] = listed[: len(spots)]
    codes, plain = read_codes()
    high = sorted({*codes} - {*plain})
    usual, rare = rng.choice(plain, 485), rng.choice(high, 15)  # of 500 codes fifteen are listed
    goods = np.array([*usual, *rare], dtype=object)
    for first in range(0, rows, 500_000):
        size = min(500_000, rows - first)
        frame = make_frame(rng, first, size, firms, goods)
        frame.to_csv(file, mode="a", header=first == 0, index=False, lineterminator="\n")


def pick(words: str, numbers: np.ndarray) -> np.ndarray:
    """A word of `words` for each of `numbers`, in turn."""
    return np.array(words.split(), dtype=object)[numbers % len(words.split())]


def make_frame(
    rng: np.random.Generator, first: int, rows: int, firms: np.ndarray, goods: np.ndarray
) -> pd.DataFrame:
    """Rows `first` and on of a shipment file."""
    who = rng.integers(0, len(firms), rows)
    agents, shippers = np.array(make_names(3_000, 5), dtype=object), make_names(200, 6)
    where = pick(DESTINATIONS, who)
    agent = np.where(rng.random(rows) < 0.4, firms[who], agents[rng.integers(0, 3_000, rows)])
    house, amount = pd.Series(who % 197 + 1).astype(str), rng.lognormal(9, 1, rows)
    day = np.datetime64("2026-01-01") + rng.integers(0, 300, rows)
    return pd.DataFrame(
        {
            "Reference": pd.Series(first + np.arange(rows)).astype(str).radd("EX"),
            "Date": day.astype(str),
            "Shipper": np.array(shippers, dtype=object)[rng.integers(0, 200, rows)],
            "Consignee": firms[who],
            "Consignee address": house + " " + pick(TAILS, who) + " Street, " + where,
            "Consignee country": where,
            "Notify party": agent,
            "HS code": goods[rng.integers(0, len(goods), rows)],
            "Description": pick(TRADES, who),
            "Destination": where,
            "Value": amount.round(2).astype(str),
            "Quantity": rng.integers(1, 500, rows).astype(str),
            "Weight": (amount / 40).round(1).astype(str),
            "Incoterm": pick("FOB CIF DAP", who),
            "Remarks": "as ordered, see contract",
        }
    )


PANDAS = """
import sys, pandas
frame = pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
frame.to_csv(sys.argv[2], index=False)
"""


def bench_throughput(request: Request) -> None:
    """Wall time and memory of the command on generated files, beside pandas reading and writing."""
    for rows in request.rows:
        with tempfile.TemporaryDirectory() as folder:
            file, again = str(Path(folder, "in.csv")), str(Path(folder, "out.csv"))
            consignees = max(1_000, rows // 5 if rows < 500_000 else min(rows // 10, 100_000))
            write_shipments(Path(file), rows, consignees, load(request.lists))
            pandas = measure(sys.executable, "-c", PANDAS, file, again)
            ran = measure(*call(request), file, output=again)
            print(f"  {rows:,} rows, {consignees:,} consignees: {ran.said.splitlines()[-1]}")
            memory = f"largest process {ran.largest:,.0f} MiB", f"together {ran.together:,.0f} MiB"
            rate = f"{rows / ran.seconds:,.0f} rows a second"
            busy = f"processor time {ran.busy:.1f} s, ratio {ran.busy / pandas.busy:.2f}"
            say("screen.py", f"{ran.seconds:.1f} s", rate, *memory, busy)
            took, held = f"{pandas.seconds:.1f} s", f"{pandas.largest:,.0f} MiB"
            say("pandas read and write", took, f"ratio {ran.seconds / pandas.seconds:.2f}", held)


# Flags on clean files, and surges -----------------------------------------------------------------


def bench_flags(request: Request) -> None:
    """Alert rate by kind on 10,000 rows of ordinary goods, and on an electronics exporter's."""
    codes, plain = read_codes()
    high = [code for code in codes if screen.tier_of(code)]
    all_countries = [row["names"].split("|")[0] for row in screen.read_table("countries")]
    rules = screen.read_table("destinations")
    partners = [row["iso2"] for row in rules if row["kind"] == "partner"] or DESTINATIONS.split()
    say_flags("ordinary goods, all countries", make_cells(plain, all_countries), request)
    mixed = make_cells([*plain, *codes], all_countries)
    say_flags("all codes of the tables, all countries", mixed, request)
    wares, places = [*plain * 2 * len(high), *high * len(plain)], partners * 4
    exporter = make_cells(wares, places + THIRD_STATES.split())
    say_flags("electronics exporter", exporter, request)


def make_cells(codes: Sequence[str], countries: Sequence[str]) -> list[list[str]]:
    """10,000 rows: consignee, address, country, destination, transit, code."""
    rng, rows = random.Random(1), []
    transits = ("", "", "", "Netherlands", "Singapore", "Turkey", "Panama", "Germany")
    for name in make_names(10_000, 9):
        country = rng.choice(countries)
        street = f"{rng.randint(1, 200)} {rng.choice(TAILS.split()).title()} Street, Springfield"
        box = f"PO Box {rng.randint(10, 9999)}, Springfield"
        address = box if rng.random() < 0.03 else street
        seat = country if rng.random() < 0.95 else rng.choice(("DE", "US", "NL", "SG", "AE"))
        rows.append([name, address, seat, country, rng.choice(transits), rng.choice(codes)])
    return rows


def say_flags(title: str, rows: list[list[str]], request: Request) -> None:
    """Share of rows with each kind of flag, embargoed destinations aside."""
    always = screen.read_table("destinations")
    embargoed = {r["iso2"] for r in always if r["kind"] == "destination" and not r["needs"]}
    kept = [row for row in rows if screen.parse_country(row[3]) not in embargoed]
    roles = FLAG_ROLES.split()
    chunk = screen.Chunk(1, kept, list(range(len(kept))), {})
    columns = {role: (n,) for n, role in enumerate(roles)}
    kinds: Counter[str] = Counter()
    for row in load(request.lists).screen_chunk(chunk, columns):
        found = {flag.kind for flag in row.flags}
        kinds.update(found)
        kinds["destination or diversion"] += not found.isdisjoint(("destination", "diversion"))
    shares = [f"{kind} {share(n, len(kept))}" for kind, n in sorted((+kinds).items())]
    say(f"{title} ({len(kept):,} rows)", *shares)


def bench_surge(request: Request) -> None:
    """The generated history: is the story first, how near is its growth, who else shouts."""
    frame, truth = build_history()
    assert truth is not None
    with tempfile.TemporaryDirectory() as folder:
        file, out = str(Path(folder, "history.csv")), str(Path(folder, "out.jsonl"))
        frame.to_csv(file, index=False)
        command = sys.executable, str(ROOT / "screen.py"), "surge", "-f", "jsonl"
        ran = measure(*command, file, output=out)
        found = [json.loads(line) for line in Path(out).read_text("utf-8").splitlines()]
    took, held = f"{ran.seconds:.1f} s", f"{ran.largest:,.0f} MiB"
    say("200,000 rows, 24 months", took, held, ran.said[-60:])
    first = found[0]
    say("ranked first", f"{first['destination']} x {first['heading']}")
    growth, true = first["growth_percent"], truth.growth_percent
    off = f"off by {growth / true * 100 - 100:.2f} %"
    say("growth", f"{growth} % where the truth is {true:.1f} %", off)
    others = sum(bool(x["heading"]) for x in found[1:])
    say("other groups beyond the least growth", f"{others}", f"of {len(found) - 1} lines")


SECTIONS: dict[str, Callable[[Request], None]] = {
    "accuracy": bench_accuracy,
    "alerts": bench_alerts,
    "selftest": bench_selftest,
    "matching": bench_matching,
    "loading": bench_loading,
    "throughput": bench_throughput,
    "flags": bench_flags,
    "surge": bench_surge,
}


@click.command(help=__doc__)
@click.argument("sections", nargs=-1, type=click.Choice(list(SECTIONS)))
@click.option("--lists", multiple=True, type=Path, help="List file or folder; repeatable.")
@click.option("--pairs", type=Path, help="CSV: schema, query_name, listed_name, is_match, quality.")
@click.option("--companies", type=Path, help="CSV with a `name` column of ordinary firms.")
@click.option("--show", default=10, help="Alerts to print.")
@click.option("--compare", default=20, help="Names to compare with scoring every pair.")
@click.option("--rows", multiple=True, type=int, help="Rows of a throughput file; repeatable.")
def main(sections: tuple[str, ...], rows: tuple[int, ...], **given) -> None:
    """Print the figures of `sections`, of all of them where none is named."""
    request = Request(rows=rows or (10_000, 100_000, 1_000_000), **given)
    for name in sections or SECTIONS:
        print(f"{name}: {(SECTIONS[name].__doc__ or '').splitlines()[0]}", flush=True)
        say("took", f"{timed(lambda name=name: SECTIONS[name](request)):.1f} s")


if __name__ == "__main__":
    main()
