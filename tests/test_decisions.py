from __future__ import annotations

import csv
import json
from datetime import datetime

import pytest

import screen
from caller import call
from own import DAY, LIST, read_rows, run, run_records, run_rows

# -------------------------------------------------------------------------- life of a clearance

SHIPMENT = 'Consignee,Consignee Country,Consignee Address\nOrbita Plus,CN,"Main St 1"\n'


DECISION = {
    "decision": "clear",
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
def printed(own_place):
    """The row that `clear` prints for the shipment in rows.csv."""
    (own_place / "rows.csv").write_text(SHIPMENT)
    return read_rows(call("clear", "rows.csv", 1, "-l", "own.csv", *DAY).stdout)[0]


@pytest.fixture
def cleared(own_place, printed):
    """cleared.csv with that row, filled in by a person."""
    write_cleared(printed | DECISION)
    return own_place


def screened(*args):
    """(flagged rows, the line about clearances) of a run with cleared.csv."""
    done = run("--cleared", "cleared.csv", *args, "rows.csv")
    (line,) = [line for line in done.stderr.splitlines() if "cleared by decisions" in line]
    return len(read_rows(done.stdout)), line


def test_a_clearance_row_is_printed_ready_but_for_the_decision(printed):
    said = [printed[column] for column in ("party", "country", "address", "list", "entry_id")]
    assert said == ["Orbita Plus", "CN", "Main St 1", "own", "O1"]
    assert printed["entry_digest"] and [printed[column] for column in DECISION] == [""] * 5


def test_a_clearance_suppresses_its_hit_and_is_counted(cleared):
    assert screened() == (0, "1 flags cleared by decisions; re-opened: none")


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
    said = f"0 flags cleared by decisions; re-opened: 1 (entry: {part} changed)"
    assert screened() == (1, said)


@pytest.mark.parametrize(("day", "rows", "why"), [
    ("2027-01-31", 0, "none"), ("2027-02-01", 1, "1 (decision expired)"),
])  # fmt: skip
def test_an_expired_clearance_reopens(cleared, day, rows, why):
    said = f"{1 - rows} flags cleared by decisions; re-opened: {why}"
    assert screened("--as-of", day) == (rows, said)


@pytest.mark.parametrize(("old", "new", "why"), [
    (",CN,", ",DE,", "party's country changed"), ("Main St 1", "Main St 2", "party's address changed"),
])  # fmt: skip
def test_a_changed_party_reopens_it(cleared, old, new, why):
    (cleared / "rows.csv").write_text(SHIPMENT.replace(old, new))
    assert screened() == (1, f"0 flags cleared by decisions; re-opened: 1 ({why})")


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


def test_a_decision_half_filled_in_is_named_by_its_line(cleared):
    header, row = (cleared / "cleared.csv").read_text().splitlines()
    several = row.replace("another firm", '"another\nfirm"')
    bad = row.replace("A. Clerk", "")
    (cleared / "cleared.csv").write_text(f"{header}\n{row}\n{header}\n{several}\n{bad}\n")
    assert run("--cleared", "cleared.csv", "rows.csv", code=2).stderr.splitlines()[-1] == (
        "Error: cleared.csv, line 6, column reviewer: empty, a decision needs one: fill it in."
    )


def test_a_row_without_a_decision_is_skipped_and_counted(printed):
    write_cleared(printed | DECISION | {"decision": ""})
    assert screened() == (1, "0 flags cleared by decisions, 1 row undecided; re-opened: none")


@pytest.mark.parametrize("word", ["hold", "Escalate "])
def test_a_row_on_hold_stays_and_is_counted(printed, word):
    write_cleared(printed | DECISION | {"decision": word})
    said = f"0 flags cleared by decisions, 1 on {word.strip().lower()}; re-opened: none"
    assert screened() == (1, said)


def test_a_word_that_is_no_decision_is_refused(printed):
    write_cleared(printed | DECISION | {"decision": "ok"})
    assert run("--cleared", "cleared.csv", "rows.csv", code=2).stderr.splitlines()[-1] == (
        "Error: cleared.csv, line 2, column decision: 'ok' found, clear, hold, escalate or nothing expected."
    )


DATES = [
    ("2026-11-01", True), ("2026-9-1", True), ("01.09.2026", True), ("31/10/2026", True), ("10/31/2026", True),
    ("05-Nov-2026", True), ("03/04/2026", False), ("next week", False), ("2026-11-24", False), ("2026-02-30", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sound"), DATES)
def test_dates_are_read_as_a_person_writes_them_or_refused_by_line(printed, text, sound):
    write_cleared(printed | DECISION | {"decided_on": text})
    done = call("-l", "own.csv", *DAY, "--cleared", "cleared.csv", "rows.csv")
    assert done.exit_code == (0 if sound else 2)
    assert sound or "cleared.csv, line 2, column decided_on: " in done.stderr


def test_an_expiry_is_a_date_however_it_is_written(printed):
    write_cleared(printed | DECISION | {"decided_on": "2026-08-01", "expires_on": "2026-9-1"})
    assert screened() == (1, "0 flags cleared by decisions; re-opened: 1 (decision expired)")


def test_decisions_of_version_1_are_read(printed):
    old = ("party", "country", "address", "list", "entry_id", "entry_digest")
    row = {key: printed[key] for key in old} | {
        k: v for k, v in DECISION.items() if k != "decision"
    }
    with open("cleared.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    assert screened()[0] == 0


def test_decisions_with_semicolons_and_in_a_workbook_are_read(cleared):
    openpyxl = pytest.importorskip("openpyxl")
    with open("cleared.csv", newline="") as file:
        lines = list(csv.reader(file))
    with open("cleared.csv", "w", newline="") as file:
        csv.writer(file, delimiter=";").writerows(lines)
    assert screened()[0] == 0
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    book.active["Q2"] = datetime(2026, 11, 1)
    book.save("cleared.xlsx")
    assert run_rows("--cleared", "cleared.xlsx", "rows.csv") == []


def test_a_party_like_a_formula_is_inert_in_clear_and_still_cleared(own_place):
    (own_place / "rows.csv").write_text("Consignee\n=Evil Formula\n")
    (row,) = read_rows(call("clear", "rows.csv", "-l", "own.csv", *DAY).stdout)
    assert row["party"] == "'=Evil Formula"
    write_cleared(row | DECISION)
    assert screened()[0] == 0


GOODS = "Ref,Consignee,HS Code,Destination,Description\nS1,Vega Tools,8542.31,Kyrgyzstan,chips\nS2,Vega Tools,8542.31,Iran,chips\n"


def test_every_kind_of_flag_can_be_decided_on_but_what_was_not_read(own_place):
    (own_place / "rows.csv").write_text(GOODS + "S3,,1,Germany,x\n")
    done = call("clear", "rows.csv", "-l", "own.csv", *DAY)
    rows = read_rows(done.stdout)
    assert {"destination", "diversion", "goods", "hs-code"} <= {row["kind"] for row in rows}
    assert "unscreened" not in {row["kind"] for row in rows} and "1 rows were not" in done.stderr
    with open("cleared.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, screen.CLEARANCE_COLUMNS)
        writer.writeheader()
        writer.writerows(row | DECISION for row in rows if row["kind"] != "goods")
    left = run_rows("-a", "--cleared", "cleared.csv", "rows.csv")
    assert [row["screen_flags"] for row in left] == ["goods", "goods", "unscreened"]
    assert "A. Clerk, 2026-11-01" in left[0]["screen_cleared"]


def test_a_rule_decided_on_for_one_party_holds_for_no_other(own_place):
    (own_place / "rows.csv").write_text(GOODS)
    rows = read_rows(call("clear", "rows.csv", "1", "-l", "own.csv", *DAY).stdout)
    write_cleared(next(row for row in rows if row["kind"] == "diversion") | DECISION)
    (own_place / "rows.csv").write_text(GOODS.replace("S1,Vega Tools", "S1,Deneb Tools"))
    assert "diversion" in run_rows("--cleared", "cleared.csv", "rows.csv")[0]["screen_flags"]


def test_a_cleared_row_leaves_its_trace(cleared):
    done = run(
        "--cleared",
        "cleared.csv",
        "-a",
        "rows.csv",
        "--report",
        "page.html",
        "--receipt",
        "run.json",
    )
    (row,) = read_rows(done.stdout)
    assert row["screen_flags"] == "" and row["screen_cleared"] == "own O1: A. Clerk, 2026-11-01"
    assert done.stderr.splitlines()[-1].endswith("0 unscreened, 1 cleared by decision")
    assert "own O1: A. Clerk, 2026-11-01" in (cleared / "page.html").read_text()
    assert json.loads((cleared / "run.json").read_text())["suppressed"] == {"own O1": 1}


# -------------------------------------------------------------------------------- since last week

WEEK = (
    "Shipment,Consignee,Note\nA1,Orbita Plus,a\nA2,Kvantek SZ,b\nA3,Someone,c\nA4,Orbita Plus,d\n"
)
NEXT = "Shipment,Consignee,Note\nA9,Kvantek SZ,z\nA2,Kvantek SZ,bb\nA1,Orbita Plus,a\nA3,Orbita Plus,c\n"
EARLIER = [("csv", "week.csv"), ("jsonl", "week.jsonl"), ("", "week.xlsx")]


@pytest.mark.parametrize(("form", "file"), EARLIER, ids=str)
def test_new_rows_are_told_from_those_of_last_week(own_place, form, file):
    pytest.importorskip("openpyxl")
    (own_place / "rows.csv").write_text(WEEK)
    run(*(["-f", form] if form else []), "-o", file, "rows.csv")
    (own_place / "rows.csv").write_text(NEXT)
    done = run("--since", file, "--column", "reference=Shipment", "rows.csv")
    since = [(row["Shipment"], row["screen_since"]) for row in read_rows(done.stdout)]
    assert since == [("A9", "new"), ("A2", "same"), ("A1", "same"), ("A3", "new")]
    assert (
        f"since {file}: 2 rows new (2 not in the earlier output), 2 same, 1 gone: A4" in done.stderr
    )


def test_why_a_row_is_new_is_told(own_place):
    (own_place / "rows.csv").write_text(
        "Shipment,Consignee,Shipper\nA1,Orbita Plus,x\nA2,Orbita Plus,x\n"
    )
    run("-o", "week.csv", "rows.csv")
    (own_place / "own.csv").write_text(LIST.replace("O1,entity", "O7,entity"))
    (own_place / "rows.csv").write_text(
        "Shipment,Consignee,Shipper\nA1,Orbita Plus,x\nA2,Orbita Plus,Kvantek SZ\n"
    )
    records = run_records("--since", "week.csv", "--column", "reference=Shipment", "rows.csv")
    assert [r["why_new"] for r in records] == [screen.WHY_NEW[2], screen.WHY_NEW[1]]


def test_without_references_rows_meet_by_their_cells(own_place):
    (own_place / "rows.csv").write_text("Consignee,Note\nOrbita Plus,a\nOrbita Plus,b\n")
    run("-o", "week.csv", "rows.csv")
    (own_place / "rows.csv").write_text("Consignee,Note\nOrbita Plus,b\nOrbita Plus,c\n")
    assert [row["screen_since"] for row in run_rows("--since", "week.csv", "rows.csv")] == [
        "same",
        "new",
    ]


def test_an_earlier_output_that_is_none_is_said(own_place):
    (own_place / "rows.csv").write_text(WEEK)
    said = run("--since", "own.csv", "rows.csv", code=2).stderr.splitlines()[-1]
    assert (
        said
        == "Error: own.csv: no output of screen.py, it has no column screen_reason: give one to --since."
    )


def test_a_row_that_a_decision_cleared_is_not_gone(cleared):
    run("-o", "week.csv", "rows.csv")
    done = run("--cleared", "cleared.csv", "--since", "week.csv", "rows.csv")
    assert "since week.csv: 0 rows new, 0 same, 0 gone" in done.stderr
