from __future__ import annotations

import csv
import itertools
import random
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

import screen

CASES = Path(__file__).parent / "cases"
STARTER = screen.TABLES / "starter.csv"
DAY = date(2026, 11, 23)
PAIR = "PAIR"


def read_cases(name):
    with open(CASES / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


PAIRS, ALONE, GAPS = (
    read_cases("names.csv"),
    read_cases("alone.csv"),
    read_cases("names_known_gaps.csv"),
)
KNOWN_GAPS = {(gap["query_name"], gap["listed_name"], gap["type"]) for gap in GAPS}


def entry_of(entry_id, *names, **more):
    return screen.ListEntry(
        more.pop("list", "OWN"),
        entry_id,
        more.pop("type", ""),
        tuple((n, "primary") for n in names),
        **more,
    )


def matcher_of(*names):
    return screen.Matcher(
        [entry_of(str(i), name) for i, name in enumerate(names)], screen.load_language()
    )


def score(query, listed, *others):
    """The score of `query` against `listed`, 0 if under any floor; `others` stand on the list too."""
    return max(
        (s for s, n in matcher_of(listed, *others).find_hits([query], 0)[0] if n == 0), default=0
    )


@cache
def starter():
    return screen.read_lists([STARTER], screen.ListOptions(as_of=DAY))[0]


@cache
def starter_matcher():
    return screen.Matcher(starter(), screen.load_language())


@cache
def judged():
    """Score of every pair of names.csv, the starter list and all other listed names beside it."""
    listed = list(dict.fromkeys((pair["listed_name"], pair["type"]) for pair in PAIRS))
    entries = [
        screen.ListEntry(PAIR, str(i), kind, ((name, "primary"),))
        for i, (name, kind) in enumerate(listed)
    ]
    matcher = screen.Matcher([*starter(), *entries], screen.load_language())
    hits = matcher.find_hits([pair["query_name"] for pair in PAIRS], screen.DEFAULT_THRESHOLD)
    scores = []
    for pair, found in zip(PAIRS, hits, strict=True):
        owner = len(starter()) + listed.index((pair["listed_name"], pair["type"]))
        scores.append(max((s for s, n in found if matcher.index.owners[n] == owner), default=0.0))
    return scores


def key_of(pair):
    return pair["query_name"], pair["listed_name"], pair["type"]


# --------------------------------------------------------------------------------- judged pairs
# Each pair lands on its side; names_known_gaps.csv holds those that do not yet. Making one right
# takes it out of that file and moves the totals below; nothing may be added to it lightly.

LEAST_RECALL, MOST_FALSE_ALARMS = 361, 11  # of 438 hits and 465 near misses


@pytest.mark.parametrize("n", [n for n, pair in enumerate(PAIRS) if key_of(pair) not in KNOWN_GAPS],
                         ids=lambda n: f"{PAIRS[n]['expect']}-{PAIRS[n]['kind']}-{n + 2}")  # fmt: skip
def test_judged_pair_lands_on_its_side(n):
    assert (judged()[n] > 0) == (PAIRS[n]["expect"] == "hit"), (PAIRS[n], judged()[n])


def test_recall_does_not_fall():
    assert (
        sum(s > 0 for s, pair in zip(judged(), PAIRS, strict=True) if pair["expect"] == "hit")
        >= LEAST_RECALL
    )


def test_false_alarms_do_not_rise():
    assert (
        sum(s > 0 for s, pair in zip(judged(), PAIRS, strict=True) if pair["expect"] == "miss")
        <= MOST_FALSE_ALARMS
    )


def test_judged_pairs_are_as_many_near_misses_as_hits_and_no_pair_stands_twice():
    keys = [key_of(pair) for pair in PAIRS]
    sides = [pair["expect"] for pair in PAIRS]
    assert len(keys) == len(set(keys)) and set(sides) == {"hit", "miss"}
    assert 0.4 < sides.count("hit") / len(sides) < 0.6


def test_every_known_gap_is_a_judged_pair():
    assert len(KNOWN_GAPS) == len(GAPS)
    assert not KNOWN_GAPS - {key_of(pair) for pair in PAIRS}


@pytest.mark.parametrize("case", ALONE, ids=lambda case: case["query_name"])
def test_a_generic_name_alone_raises_nothing(case):
    assert starter_matcher().find_hits([case["query_name"]], screen.DEFAULT_THRESHOLD) == [[]]


def test_every_starter_name_hits_its_own_entry_at_100():
    matcher = starter_matcher()
    names = [(text, e) for e, entry in enumerate(starter()) for text, _ in entry.names]
    hits = matcher.find_hits([text for text, _ in names], 100)
    lost = [text for (text, e), found in zip(names, hits, strict=True)
            if e not in {int(matcher.index.owners[n]) for _, n in found}]  # fmt: skip
    assert len(names) > 700 and lost == []


# --------------------------------------------------------------------------------------- scores

SCORES = [
    ("Kvantek Limited", "Kvantek Limited", 100, 100), ("KVANTEK  limited.", "Kvantek Limited", 100, 100),
    ("Kvantek GmbH", "Kvantek Ltd", 95, 100), ("Kvantek", "Kvantek Ltd", 95, 99.9),
    ("Kvantek JSC", "Kvantek Ltd", 90, 99.9), ("Hangzhou Hikvison", "Hangzhou Hikvision", 90, 99.9),
    ("Kvantek Sever", "Sever Kvantek", 100, 100), ("Квантек", "Kvantek", 95, 100),
    ("Plant Kvantek No 5", "Plant Kvantek No 7", 0, 75), ("Kvantek Holdings", "Orbita Holdings", 0, 60),
    ("Kim", "Kin", 0, 60), ("Bashar al-Assad", "Hafez al-Assad", 0, 80),
]  # fmt: skip


@pytest.mark.parametrize(("query", "listed", "least", "most"), SCORES)
def test_score_lies_in_its_band(query, listed, least, most):
    assert least <= score(query, listed) <= most


@pytest.mark.parametrize("text", ["", " ", "!!", "\u200b", "\0"])
def test_nothing_hits_by_an_empty_name(text):
    assert matcher_of("", " ", "..", "Kvantek").find_hits([text], 0) == [[]]


def test_empty_list_hits_nothing():
    assert matcher_of().find_hits(["Kvantek", ""], 0) == [[], []]


def test_hits_come_best_first():
    found = matcher_of("Orbita Kvantek Sever", "Kvantek Sever", "Kvantek Siver").find_hits(
        ["Kvantek Sever"], 50
    )[0]
    scores = [value for value, _ in found]
    assert len(found) == 3 and found[0] == (100.0, 1) and scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "query",
    ["Technology Co Ltd", "Trading Company Limited", "International Group", "General Trading LLC"],
)
def test_generic_words_never_raise_a_longer_name(query):
    assert (
        score(query, f"Kvantek {query}", f"Orbita {query}", f"Sever {query}")
        < screen.DEFAULT_THRESHOLD
    )


# ----------------------------------------------------------------------------------- properties

COINED = ["kvantek", "kvanteks", "orbita", "orbital", "sever", "siver", "terskov", "tereshkov", "baltech", "altech",
          "hikvision", "zarya", "lukan", "milur", "tako", "k", "v", "7", "12", "trading", "technology", "shanghai",
          "bank", "al", "ivan", "ivanovich", "group", "ltd", "llc", "华为", "技术", "вектор", "محمد"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(COINED), min_size=1, max_size=5).map(" ".join)
LISTS = st.lists(TEXTS, min_size=1, max_size=12)
FLOORS = st.sampled_from([0, 50, 60, 75, 80, 85, 95, 100])


def score_every_pair(matcher, text, floor):
    """As `find_hits` of one text, no candidate skipped."""
    queries = screen.fold_queries([text], matcher.language)[0]
    matcher.learn(queries)
    best = {}
    for query, n in itertools.product(queries, range(len(matcher.index.texts))):
        value = screen.compare_names(query, n, matcher).score
        if value >= floor and value > best.get(n, 0):
            best[n] = value
    return sorted(((s, n) for n, s in best.items()), key=lambda hit: (-hit[0], hit[1]))


@settings(max_examples=150, deadline=None)
@given(LISTS, TEXTS, FLOORS)
def test_skipping_candidates_loses_nothing(listed, query, floor):
    matcher = matcher_of(*listed)
    assert matcher.find_hits([query], floor)[0] == score_every_pair(matcher, query, floor)


def vary(name, rng):
    """`name` as people write it: shorter, longer, reordered, misspelt, spaced otherwise."""
    words = name.split()
    spot = rng.randrange(len(words))
    word = words[spot]
    cut = rng.randrange(1, max(2, len(word)))
    other = {0: words, 1: words[:spot] + words[spot + 1 :], 2: [*words, "Group"], 3: words[::-1],
             4: [*words[:spot], word[:cut] + word[cut + 1 :], *words[spot + 1 :]],
             5: [*words[:spot], word[:cut], word[cut:], *words[spot + 1 :]],
             6: [*words[:spot], word[0], *words[spot + 1 :]], 7: ["".join(words)],
             8: [name[: max(20, len(name) // 2)]]}[rng.randrange(9)]  # fmt: skip
    return " ".join(other) or name


@pytest.mark.parametrize("floor", [60, 80, 85])
def test_skipping_candidates_loses_nothing_of_the_starter_list(floor):
    rng, matcher = random.Random(floor), starter_matcher()
    names = [entry.names[0][0] for entry in starter()]
    queries = [vary(rng.choice(names), rng) for _ in range(50)]
    assert matcher.find_hits(queries, floor) == [
        score_every_pair(matcher, query, floor) for query in queries
    ]


@settings(max_examples=60, deadline=None)
@given(LISTS, TEXTS, FLOORS, FLOORS)
def test_raising_the_threshold_never_adds_a_hit(listed, query, one, other):
    matcher = matcher_of(*listed)
    high, low = (
        matcher.find_hits([query], floor)[0] for floor in (max(one, other), min(one, other))
    )
    assert high == [hit for hit in low if hit[0] >= max(one, other)]


@settings(max_examples=60, deadline=None)
@given(LISTS, TEXTS, st.sampled_from([str.upper, str.title, lambda t: t.replace(" ", ", "), lambda t: f"({t}).",
                                      lambda t: t.replace("a", "á"), lambda t: t.replace(" ", " - ")]))  # fmt: skip
def test_case_accents_and_punctuation_do_not_change_the_hits(listed, query, change):
    assume(not any(len(word) == 1 for word in query.split()))  # "k. v" is an acronym
    assume(not any(map(str.isdigit, query)))  # "Kvantek, 12 Bay Road" ends in an address
    places = screen.load_cell_words().kinds["place"]
    assume(places.isdisjoint(query.lower().split()))  # "Kvantek, Shanghai" is Kvantek in a town
    matcher = matcher_of(*listed)
    assert matcher.find_hits([query], 50) == matcher.find_hits([change(query)], 50)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(COINED[:20]), min_size=2, max_size=4, unique=True), st.randoms())
def test_word_order_does_not_change_the_score(words, rng):
    moved = rng.sample(words, len(words))
    assert score(" ".join(moved), " ".join(words)) == score(" ".join(words), " ".join(words))


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_every_listed_name_hits_itself_at_100(listed):
    matcher = matcher_of(*listed)
    for n, (text, hits) in enumerate(zip(listed, matcher.find_hits(listed, 100), strict=True)):
        assert (100.0, n) in hits, text


@settings(max_examples=60, deadline=None)
@given(LISTS, st.lists(TEXTS, min_size=2, max_size=6), FLOORS)
def test_what_was_asked_before_changes_nothing(listed, queries, floor):
    together = matcher_of(*listed).find_hits(queries, floor)
    asked = matcher_of(*listed)
    assert together == [asked.find_hits([query], floor)[0] for query in reversed(queries)][::-1]


@settings(max_examples=100, deadline=None)
@given(
    *[st.lists(st.text("abck", min_size=1, max_size=12), min_size=1, max_size=20, unique=True)] * 2
)
def test_similar_tokens_are_those_of_a_search_without_buckets(vocabulary, tokens):
    index = matcher_of(*vocabulary).index
    found = set(screen.find_edits(tokens, index.vocabulary, index.buckets, 1))
    expected = set()
    for token, (v, word) in itertools.product(tokens, enumerate(index.vocabulary)):
        edits = OSA.distance(token, word)
        near = edits == 1 or (
            edits == 2
            and token[0] == word[0]
            and max(len(token), len(word)) >= screen.TWO_EDITS_FROM
        )
        if (
            min(len(token), len(word)) > 2
            and near
            and (value := screen.score_edits(token, word, edits))
        ):
            expected.add((token, v, value))
    assert {hit for hit in found if hit[2]} == expected


# ---------------------------------------------------------------------------- aliases and expiry


def screener_of(*entries, **options):
    return screen.Screener(entries, [], screen.Options(as_of=DAY, **options))


def party_flags(
    screener, *cells, roles=("consignee", "consignee_country", "end_user", "consignee_address")
):
    where = {role: (i,) for i, role in enumerate(roles[: len(cells)])}
    rows = screener.screen_chunk(screen.Chunk(1, [list(cells)], [1], {}), where)
    return [flag for row in rows for flag in row.flags if flag.kind == "party"]


WEAK = screen.ListEntry(
    "OWN",
    "W1",
    "",
    (("Kvantek Sever", "primary"), ("Milurov", "weak")),
    ("RU",),
    ("Lenina 7, Tambov Severny",),
)


@pytest.mark.parametrize(("cells", "raised"), [
    (("Milurov",), 0), (("Milurov", "CN"), 0), (("Milurov", "RU"), 1), (("Milurov", "", "Kvantek Sever"), 2),
    (("Milurov", "", "", "Lenina 7, Tambov Severny"), 1), (("Kvantek Sever",), 1),
])  # fmt: skip
def test_a_weak_alias_needs_support(cells, raised):
    assert len(party_flags(screener_of(WEAK), *cells)) == raised


def test_a_weak_alias_without_support_is_counted():
    screener = screener_of(WEAK)
    party_flags(screener, "Milurov", "CN")
    assert screener.unsupported == 1


def test_a_supported_weak_alias_is_labelled():
    (flag,) = party_flags(screener_of(WEAK), "Milurov", "RU")
    assert (flag.facts["name_kind"], flag.facts["evidence"]["band"]) == ("weak", "weak alias")


@pytest.mark.parametrize(
    ("expires", "expired", "raised"),
    [("", 0, 1), ("2026-11-22", 1, 0), ("2026-11-23", 0, 1), ("2026-11-24", 0, 1)],
)
def test_an_expired_entry_is_counted_not_raised(expires, expired, raised):
    screener = screener_of(entry_of("E1", "Kvantek Sever", expires_on=expires))
    assert (screener.expired, len(party_flags(screener, "Kvantek Sever"))) == (expired, raised)


def test_each_way_to_agree_has_a_similarity_of_its_own():
    words = [
        "lumen",
        "lumens",
        "lumina",
        "numen",
        "lumne",
        "severnaya",
        "severnoya",
        "severnoy",
        "abcd",
        "abce",
    ]
    edits = {screen.score_edits(a, b, n) for a in words for b in words for n in (1, 2) if a != b}
    ways = (
        screen.SOUND,
        screen.OCR,
        screen.GIVEN_NAME,
        screen.INITIAL,
        screen.JOINED,
        screen.CONSONANTS_AGREE,
    )
    assert len({*ways}) == len(ways) and not edits & {*ways}
