from __future__ import annotations

import csv
import io
import json
import random
import unicodedata
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import screen
from caller import call

LIST = """name,entry_id,type,aliases,weak_aliases,countries,addresses,programme
Kvantek Severnaya Zarya,K1,entity,Kvantek SZ,Milurov,RU,"Lenina 7, Tambov Severny",P1|P2
Orbita Plus,O1,entity,,,CN,,
Orbita Plus Marine 12,O2,entity,,,AE,,
=Evil Formula,E1,entity,,,,,
"""
DAY = ("--as-of", "2026-11-23")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder, made the current one, with own.csv."""
    (tmp_path / "own.csv").write_text(LIST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCREEN_LISTS", raising=False)
    return tmp_path


def run(*args, text=None, code=0):
    done = call("-l", "own.csv", *DAY, *args, text=text)
    assert done.exit_code == code, done.stderr
    return done


def read_rows(stdout):
    return list(csv.DictReader(io.StringIO(stdout, newline="")))


def read_records(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_rows(*args, text=None):
    """The rows of a CSV run."""
    return read_rows(run(*args, text=text).stdout)


def run_records(*args, text=None):
    """The records of a JSONL run."""
    return read_records(run("-f", "jsonl", *args, text=text))


# ------------------------------------------------------------------------------- cells unchanged

CELLS = ["", " ", "NA", "None", "null", "nan", "007", "1e5", "1,5", 'say "x"', "two\nlines", "two\r\nlines", "=1+1", "-5",
         "+7 495", "@x", "'quoted'", "Zürich", "华为", " lead and tail ", "\ttab", "1.0", "TRUE", "a;b|c"]  # fmt: skip


def write_input(cells):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([["Consignee", "Note", ""], *(["Orbita Plus", cell, cell] for cell in cells)])
    return out.getvalue()


def test_input_cells_come_out_as_they_went_in(place):
    (place / "rows.csv").write_bytes(write_input(CELLS).encode())
    _, *rows = csv.reader(io.StringIO(run("rows.csv").stdout_bytes.decode(), newline=""))
    assert [row[:3] for row in rows] == [["Orbita Plus", cell, cell] for cell in CELLS]


def test_input_cells_come_out_as_they_went_in_jsonl(place):
    (place / "rows.csv").write_bytes(write_input(CELLS).encode())
    assert [record["shipment"]["Note"] for record in run_records("rows.csv")] == CELLS


def test_repeated_and_empty_headers_lose_no_cell(place):
    headers, cells = ["Consignee", "Note", "Note", "", ""], ["Orbita Plus", "a", "b", "c", "d"]
    text = f"{','.join(headers)}\n{','.join(cells)}\n"
    header, row = csv.reader(io.StringIO(run(text=text).stdout))
    assert (header[:5], row[:5]) == (headers, cells)
    (record,) = run_records(text=text)
    assert list(record["shipment"].values()) == cells


@given(st.lists(st.sampled_from(["", "A", "B", "A (2)", "A (3)"]), max_size=6))
def test_keys_are_distinct_whatever_the_headers(headers):
    assert len(set(screen.unique_headers(headers))) == len(headers)


# ---------------------------------------------------------------------------------- three shapes

ROW = "Consignee,Country,HS Code\nOrbita Plus,CN,8542.31\nSomeone,DE,610910\n,DE,x\n"
COLUMNS = (
    "screen_row", "screen_flags", "screen_score", "screen_role", "screen_query_name", "screen_listed_name",
    "screen_name_kind", "screen_list", "screen_entry_id", "screen_programme", "screen_hs_rule", "screen_reason",
)  # fmt: skip


def test_csv_is_the_contracts(place):
    done = run(text=ROW)
    first, second = read_rows(done.stdout)
    assert done.stdout.splitlines()[0].split(",") == ["Consignee", "Country", "HS Code", *COLUMNS]
    assert {k: v for k, v in first.items() if k in COLUMNS[2:10]} == {
        "screen_score": "100", "screen_role": "consignee", "screen_query_name": "Orbita Plus", "screen_listed_name": "Orbita Plus",
        "screen_name_kind": "primary", "screen_list": "own", "screen_entry_id": "O1", "screen_programme": "",
    }  # fmt: skip
    assert first["screen_flags"].split(";")[0] == "party" and "854231" in first["screen_hs_rule"]
    assert second["screen_row"] == "3"
    assert (second["screen_flags"], second["screen_score"]) == ("hs-code;unscreened", "")


def test_jsonl_is_the_contracts(place):
    first, second = run_records(text=ROW)
    assert list(first) == ["row", "file", "flags", "shipment", "hits"]
    assert (first["row"], first["file"]) == (1, "-")
    assert first["shipment"] == {"Consignee": "Orbita Plus", "Country": "CN", "HS Code": "8542.31"}
    keys = {
        "party": {"role", "query_name", "listed_name", "name_kind", "score", "list", "entry_id", "programmes", "countries",
                  "also_on", "licence", "citation", "evidence", "words"},
        "goods": {"hs_code", "rule", "table", "tier", "controls", "edition"}, "destination": {"rule", "country", "table"},
        "diversion": {"rule", "country", "table"}, "hs-code": {"hs_code", "found"}, "unscreened": {"role", "found"},
    }  # fmt: skip
    hits = [*first["hits"], *second["hits"]]
    assert {h["kind"] for h in hits} == set(keys)
    assert all(set(h) - {"kind", "reason"} == keys[h["kind"]] and h["reason"] for h in hits)
    for record in (first, second):
        assert list(dict.fromkeys(h["kind"] for h in record["hits"])) == record["flags"]


def test_address_and_identifier_hits_have_the_contracts_keys(place):
    (place / "own.csv").write_text(
        'name,entry_id,addresses,identifiers\nFirst,F1,"Lenina 7, Tambov Severny",IMO 9253325\n'
    )
    text = 'Consignee,Consignee Address,IMO\nSomeone,"Lenina 7, Tambov Severny",9253325\n'
    (record,) = run_records(text=text)
    keys = {"kind", "reason", "role", "query", "listed_name", "list", "entry_id", "score"}
    assert record["flags"] == ["address", "identifier"]
    assert [set(hit) for hit in record["hits"]] == [keys, keys]


def test_csv_and_jsonl_tell_the_same_rows(place):
    for row, record in zip(run_rows(text=ROW), run_records(text=ROW), strict=True):
        assert row["screen_row"] == str(record["row"])
        assert row["screen_flags"] == ";".join(record["flags"])
        assert all(hit["reason"] in row["screen_reason"] for hit in record["hits"])


def test_table_is_one_line_a_row_within_the_width(place):
    lines = run("-f", "table", text=ROW).stdout.splitlines()
    assert len(lines) == 3 and lines[0].split()[:3] == ["row", "flags", "score"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "3"]
    assert all(screen.width_of(line) <= 120 for line in lines)


CONTROLS = "\x1b]0;own\x07Orb\x1b[31mita\x9b Plus\x00\u202e"


def test_a_table_obeys_no_control_character_of_a_cell(place):
    (place / "own.csv").write_text("name\nOrbita Plus\n")
    text = f"Consignee,N\n{CONTROLS},x\nOrbita Plus,x\n"
    out = run("-f", "table", "-t", 0, "--all", text=text).stdout
    odd = [c for c in out if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
    assert odd == []


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_fitted_cell_has_its_width(text, width):
    assert screen.width_of(screen.fit(screen.clean(text), width)) == width


# ------------------------------------------------------------------------------- several files


def test_several_files_have_a_first_column_and_start_again_at_row_one(place):
    for name in ("a.csv", "b.csv"):
        (place / name).write_text("Consignee\nSomeone\nOrbita Plus\n")
    done = run("a.csv", "b.csv")
    assert done.stdout.startswith("screen_file,Consignee,screen_row,")
    assert done.stdout.count("screen_row") == 1
    numbers = [(row["screen_file"], row["screen_row"]) for row in read_rows(done.stdout)]
    assert numbers == [("a.csv", "2"), ("b.csv", "2")]
    assert done.stderr.splitlines()[-1].startswith("4 rows: 2 flagged (2 party), 2 clear; ")


def test_files_of_other_headers_are_refused_in_csv_and_taken_in_jsonl(place):
    (place / "a.csv").write_text("Consignee\nOrbita Plus\n")
    (place / "b.csv").write_text("No,Consignee\n1,Orbita Plus\n")
    assert run("a.csv", "b.csv", code=2).stderr.splitlines()[-1] == (
        "Error: files of one CSV run need the same headers: found No, Consignee, expected Consignee;"
        " run them one by one or with -f jsonl."
    )
    assert [record["file"] for record in run_records("a.csv", "b.csv")] == ["a.csv", "b.csv"]


# --------------------------------------------------------------------------- spreadsheet formulas

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_neutralised(text):
    assert screen.neutralise(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a=1", "'=1", "7", "AB-12", "100"])
def test_other_cells_are_left_alone(text):
    assert screen.neutralise(text) == text


def test_our_own_columns_never_begin_a_formula(place):
    rows = run_rows("-t", 60, text="Consignee,Note\n=Evil Formula,=1\n")
    assert [(r["Consignee"], r["Note"]) for r in rows] == [("=Evil Formula", "=1")]
    assert rows[0]["screen_query_name"] == rows[0]["screen_listed_name"] == "'=Evil Formula"
    assert not any(screen.FORMULA.match(r[c]) for r in rows for c in COLUMNS)


def test_safe_cells_neutralises_the_input_too(place):
    (row,) = run_rows("--safe-cells", text="Consignee,Note\n=Evil Formula,=1\n")
    assert (row["Consignee"], row["Note"]) == ("'=Evil Formula", "'=1")


# ------------------------------------------------------- the score from the JSONL evidence alone


def vary(name, rng):
    """`name` misspelt, shortened, longer or in another order."""
    words = name.split()
    spot = rng.randrange(len(words))
    cut = rng.randrange(len(words[spot]))
    misspelt = [*words[:spot], words[spot][:cut] + words[spot][cut + 1 :], *words[spot + 1 :]]
    shorter = (words[1:] or words, words[:-1] or words)
    kinds = [words, words[::-1], misspelt, *shorter, [*words, "Marine"], [*words, "LLC"]]
    return " ".join(rng.choice(kinds)) or name


def test_evidence_alone_recomputes_the_score_and_the_reason_tells_it(place):
    rng = random.Random(1)
    starter = screen.TABLES / "starter.csv"
    lines = [
        [vary(row["name"], rng), rng.choice(["", "CN", "RU", row["countries"].split("|")[0]])]
        for row in rng.sample(screen.read_table("starter"), 300)
    ]
    out = io.StringIO()
    csv.writer(out).writerows([["Consignee", "Consignee Country"], *lines])
    args = ("-l", starter, *DAY, "-t", 70, "--hits", "all", "-f", "jsonl")
    records = read_records(call(*args, text=out.getvalue()))
    hits = [h for record in records for h in record["hits"] if h["kind"] == "party"]
    assert len(hits) >= 200 and len({h["score"] for h in hits}) > 20
    for hit in hits:
        assert 100 - sum(x["points"] for x in hit["evidence"]) == pytest.approx(hit["score"])
        assert f"with {hit['score']:g} (" in hit["reason"]
        assert all(x["words"] in hit["reason"] for x in hit["evidence"])
        assert hit["score"] >= 70


@pytest.mark.parametrize(
    ("name", "band"),
    [
        ("Orbita Plus", "exact"),
        ("Orbita Plus GmbH", "strong"),
        ("Milurov", "weak alias"),
        ("Kvantek Severnaya Zara", "possible"),
    ],
)
def test_bands(place, name, band):
    country = "RU" if name == "Milurov" else ""
    text = f"Consignee,Consignee Country\n{name},{country}\n"
    (record,) = run_records("-t", 80, text=text)
    assert f"({band})" in record["hits"][0]["reason"]


# -------------------------------------------------------------------------- life of a clearance

SHIPMENT = 'Consignee,Consignee Country,Consignee Address\nOrbita Plus,CN,"Main St 1"\n'


DECISION = {
    "reviewer": "A. Clerk",
    "reason": "another firm",
    "decided_on": "2026-11-01",
    "expires_on": "2027-01-31",
}


def write_cleared(row):
    with open("cleared.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, screen.CLEARANCE_COLUMNS)
        writer.writeheader()
        writer.writerow(row)


@pytest.fixture
def printed(place):
    """The row that `clear` prints for the shipment in rows.csv."""
    (place / "rows.csv").write_text(SHIPMENT)
    return read_rows(call("clear", "rows.csv", 1, "-l", "own.csv", *DAY).stdout)[0]


@pytest.fixture
def cleared(place, printed):
    """cleared.csv with that row, filled in by a person."""
    write_cleared(printed | DECISION)
    return place


def screened(*args):
    """(flagged rows, the line about clearances) of a run with cleared.csv."""
    done = run("--cleared", "cleared.csv", *args, "rows.csv")
    (line,) = [line for line in done.stderr.splitlines() if "suppressed" in line]
    return len(read_rows(done.stdout)), line


def test_a_clearance_row_is_printed_ready_but_for_the_decision(printed):
    said = [printed[column] for column in ("party", "country", "address", "list", "entry_id")]
    assert said == ["Orbita Plus", "CN", "Main St 1", "own", "O1"]
    assert printed["entry_digest"] and [printed[column] for column in DECISION] == [""] * 4


def test_a_clearance_suppresses_its_hit_and_is_counted(cleared):
    assert screened() == (0, "1 hits suppressed by clearances; re-opened: none")


OWN = "Orbita Plus,O1,entity,,,CN,,"
ENTRY_CHANGES = [
    ("aliases", OWN, "Orbita Plus,O1,entity,Orbita Neu,,CN,,"),
    ("aliases", OWN, "Orbita Plus,O1,entity,,Orb,CN,,"), ("addresses", OWN, 'Orbita Plus,O1,entity,,,CN,"New 5, Street",'),
    ("programmes", OWN, "Orbita Plus,O1,entity,,,CN,,P9"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "old", "new"), ENTRY_CHANGES)
def test_a_changed_entry_reopens_it(cleared, part, old, new):
    assert old in LIST
    (cleared / "own.csv").write_text(LIST.replace(old, new))
    said = f"0 hits suppressed by clearances; re-opened: 1 (entry changed: {part})"
    assert screened() == (1, said)


@pytest.mark.parametrize(("day", "rows", "why"), [
    ("2027-01-31", 0, "none"), ("2027-02-01", 1, "1 (clearance expired)"),
])  # fmt: skip
def test_an_expired_clearance_reopens(cleared, day, rows, why):
    said = f"{1 - rows} hits suppressed by clearances; re-opened: {why}"
    assert screened("--as-of", day) == (rows, said)


@pytest.mark.parametrize(("old", "new", "why"), [
    (",CN,", ",DE,", "party's country changed"), ("Main St 1", "Main St 2", "party's address changed"),
])  # fmt: skip
def test_a_changed_party_reopens_it(cleared, old, new, why):
    (cleared / "rows.csv").write_text(SHIPMENT.replace(old, new))
    assert screened() == (1, f"0 hits suppressed by clearances; re-opened: 1 ({why})")


def test_a_clearance_is_for_one_party_and_one_entry(cleared):
    (cleared / "rows.csv").write_text(SHIPMENT.replace("Orbita Plus", "Orbita Plus Ltd"))
    assert screened()[0] == 1
    (cleared / "rows.csv").write_text(SHIPMENT)
    (cleared / "own.csv").write_text(LIST.replace("Orbita Plus,O1", "Orbita Plus,O7"))
    assert screened()[0] == 1


@pytest.mark.parametrize("column", ["reviewer", "reason", "decided_on"])
def test_a_decision_needs_its_reviewer_reason_and_date(printed, column):
    write_cleared(printed | DECISION | {column: " "})
    done = run("--cleared", "cleared.csv", "rows.csv", code=2)
    assert (done.stdout, done.stderr.splitlines()[-1]) == (
        "", f"Error: cleared.csv, line 2, column {column}: empty, a decision needs one: fill it in.",
    )  # fmt: skip


def test_a_clearance_without_a_decision_is_named_by_its_line(cleared):
    text = (cleared / "cleared.csv").read_text()
    header, row = text.splitlines()
    several = row.replace("another firm", '"another\nfirm"')
    (cleared / "cleared.csv").write_text(f"{text}{header}\n{several}\nOrbita Plus,CN\n")
    assert run("--cleared", "cleared.csv", "rows.csv", code=2).stderr.splitlines()[-1] == (
        "Error: cleared.csv, line 6, column reviewer: empty, a decision needs one: fill it in."
    )


# --------------------------------------------------------------------------- receipt and verify


@pytest.fixture
def received(place):
    (place / "rows.csv").write_text("Consignee,Note\nOrbita Plus,a\nSomeone,b\n")
    run("--receipt", "receipt.json", "-o", "out.csv", "rows.csv")
    return place


def verified(code):
    """The lines that `verify` writes."""
    done = call("verify", "receipt.json")
    assert done.exit_code == code, done.stderr
    return done.stdout.splitlines()


def test_a_receipt_holds_the_account_and_no_clock(received):
    receipt = json.loads((received / "receipt.json").read_text())
    assert receipt["counts"] == {"rows": 2, "flagged": 1, "unscreened": 0, "kinds": {"party": 1}}
    keys = {"version", "options", "program", "tables", "lists", "inputs", "suppressed", "output"}
    assert keys <= receipt.keys()
    assert (list(receipt["inputs"]), receipt["options"]["as_of"]) == (["rows.csv"], "2026-11-23")


@pytest.mark.parametrize("args", [(), ("--jobs", "1"), ("--jobs", "2"), ("-q",)])
def test_the_same_run_gives_the_same_bytes(received, args):
    run("--receipt", "again.json", "-o", "again.csv", *args, "rows.csv", code=0)
    assert (received / "again.json").read_bytes() == (received / "receipt.json").read_bytes()
    assert (received / "again.csv").read_bytes() == (received / "out.csv").read_bytes()


def test_lists_in_another_order_give_the_same_rows(place):
    (place / "other.csv").write_text("name\nOrbita Plus\n")
    rows = "Consignee\nOrbita Plus\nKvantek SZ\n"
    one, two = (call(*DAY, "--hits", "all", *args, text=rows).stdout
                for args in (("-l", "own.csv", "-l", "other.csv"), ("-l", "other.csv", "-l", "own.csv")))  # fmt: skip
    assert one == two and len(read_rows(one)) == 2


def test_verify_of_an_unchanged_run_says_so(received):
    assert verified(0) == [
        "receipt.json: the same program, tables, lists, inputs and options give the same 2 rows"
    ]


CHANGES = [
    ("own.csv", "Kvantek SZ", "Kvantek SX", ["list own (own.csv) has changed"]),
    ("own.csv", "Orbita Plus,O1", "Orbita Plux,O1", ["list own (own.csv) has changed", "output differs"]),
    ("rows.csv", "Someone,b", "Someone,c", ["input rows.csv has changed", "row 2 of rows.csv has changed"]),
    ("rows.csv", "Someone", "Kvantek SZ", ["input rows.csv has changed", "counts differs", "output differs"]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "said"), CHANGES)
def test_verify_names_what_changed(received, file, old, new, said):
    text = (received / file).read_text()
    assert old in text
    (received / file).write_text(text.replace(old, new))
    lines = verified(2)
    assert [words for words in said if not any(x.startswith(words) for x in lines)] == [], lines


@contextmanager
def changed_receipt():
    """What receipt.json holds, written back as it was changed."""
    file = Path("receipt.json")
    receipt = json.loads(file.read_text())
    yield receipt
    file.write_text(json.dumps(receipt))


def test_verify_names_a_changed_option(received):
    with changed_receipt() as receipt:
        receipt["options"]["every"] = True
    assert [line.split(":")[0] for line in verified(2)] == ["output differs"]


def test_verify_names_a_changed_table_and_program(received):
    with changed_receipt() as receipt:
        receipt["tables"]["goods.csv"] = receipt["program"] = "0" * 64
    lines = verified(2)
    assert "table goods.csv has changed" in lines
    assert any(line.startswith("program differs") for line in lines)


ODD_OPTIONS = ('{"options": {"as_of": 7}}', '{"options": {"as_of": "2026-01-01", "x": 1}}')


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json", *ODD_OPTIONS])
def test_verify_refuses_what_is_no_receipt(place, text):
    (place / "receipt.json").write_text(text)
    assert verified(2) == []


def test_outputs_of_two_days_differ_only_where_the_list_does(place):
    rows = "Consignee\nOrbita Plus\nSomeone\nKvantek SZ\nNew Firm Ltd\n"
    before = set(run(text=rows).stdout.splitlines())
    (place / "own.csv").write_text(LIST.replace("Kvantek SZ,", ",") + "New Firm,N1,entity,,,,,\n")
    after = set(run(text=rows).stdout.splitlines())
    assert {line.split(",")[0] for line in before ^ after} == {"Kvantek SZ", "New Firm Ltd"}
