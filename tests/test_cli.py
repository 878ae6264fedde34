from __future__ import annotations

import csv
import io
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import screen
from caller import call

PROGRAM = Path(screen.__file__)
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
ENV.pop("SCREEN_LISTS", None)
LIST = "name,entry_id,countries\nOrbita Plus,O1,CN\nKvantek Sever,K1,\n"
ROWS = "Consignee,Country,Note\nOrbita Plus,DE,a\nSomeone,DE,b\n,DE,c\nKvantek Sever,DE,d\n"
HEADER = ",".join(["Consignee", "Country", "Note", *screen.SCREEN_COLUMNS])
ACCOUNT = "4 rows: 3 flagged (2 party, 1 unscreened), 1 clear; 1 unscreened"
LOADED = "own: 2 entries, 2 names, "


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder, made the current one, with own.csv and rows.csv."""
    (tmp_path / "own.csv").write_text(LIST)
    (tmp_path / "rows.csv").write_text(ROWS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCREEN_LISTS", raising=False)
    return tmp_path


def start(*args, **more):
    """A real process of the program in a pipe."""
    return subprocess.Popen([sys.executable, PROGRAM, *map(str, args)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, text=True, **more)  # fmt: skip


def numbers(stdout):
    return [row["screen_row"] for row in csv.DictReader(io.StringIO(stdout))]


# ---------------------------------------------------------------------------------------- rows


def test_rows_to_stdout_talk_to_stderr_and_zero(place):
    done = call("-l", "own.csv", "rows.csv")
    assert (done.exit_code, numbers(done.stdout)) == (0, ["1", "3", "4"])
    assert done.stdout.splitlines()[0] == HEADER
    assert LOADED in done.stderr and done.stderr.splitlines()[-1] == ACCOUNT


def test_file_is_run_file(place):
    plain, run = call("-l", "own.csv", "rows.csv"), call("run", "-l", "own.csv", "rows.csv")
    assert (plain.stdout, plain.stderr, plain.exit_code) == (run.stdout, run.stderr, run.exit_code)


def test_a_file_named_like_a_command_is_screened_with_run(place):
    (place / "name").write_text(ROWS)
    assert numbers(call("run", "-l", "own.csv", "name").stdout) == ["1", "3", "4"]


@pytest.mark.parametrize("args", [(), ("-",)])
def test_standard_input(place, args):
    assert numbers(call("-l", "own.csv", *args, text=ROWS).stdout) == ["1", "3", "4"]


def test_the_environment_names_the_lists(place, monkeypatch):
    monkeypatch.setenv("SCREEN_LISTS", "own.csv")
    assert LOADED in call("rows.csv").stderr


@pytest.mark.parametrize(("args", "code"), [((), 0), (("--exit-code",), 1)])
def test_exit_code_is_one_only_if_asked(place, args, code):
    assert call("-l", "own.csv", *args, "rows.csv").exit_code == code


def test_exit_code_is_zero_when_nothing_is_flagged(place):
    done = call("-l", "own.csv", "--exit-code", text="Consignee\nSomeone\n")
    assert (done.exit_code, done.stdout) == (
        0,
        ",".join(["Consignee", *screen.SCREEN_COLUMNS]) + "\n",
    )


def test_all_gives_every_row(place):
    done = call("-l", "own.csv", "-a", "rows.csv")
    assert numbers(done.stdout) == ["1", "2", "3", "4"] and done.stderr.endswith(ACCOUNT + "\n")


def test_quiet_says_nothing(place):
    assert call("-l", "own.csv", "-q", "rows.csv").stderr == ""


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_every_row_is_flagged_or_clear(place, rows):
    text = "Consignee\n" + "Orbita Plus\nSomeone\n" * rows
    done = call("-l", "own.csv", text=text)
    said = f"{2 * rows} rows: {rows} flagged ({rows} party), {rows} clear; 0 unscreened"
    assert done.stderr.splitlines()[-1] == said


def test_a_file_without_a_row_of_data_is_no_clean_file(place):
    for text in ("Consignee\n", "Consignee\n\n"):
        done = call("-l", "own.csv", text=text)
        assert (done.exit_code, done.stderr.splitlines()[-1]) == (
            2, "Error: standard input, line 1: no data row below the header: give a file with shipments.",
        )  # fmt: skip


def test_threshold_is_inclusive_and_leaves_out_what_is_under_it(place):
    text = "Consignee\nKvantek Siver\n"
    (row,) = csv.DictReader(io.StringIO(call("-l", "own.csv", "-t", 50, text=text).stdout))
    score = float(row["screen_score"])
    assert numbers(call("-l", "own.csv", "-t", score, text=text).stdout) == ["1"]
    assert numbers(call("-l", "own.csv", "-t", score + 0.1, text=text).stdout) == []


# ---------------------------------------------------------------------------------- help


COMMANDS = ["run", "show", "name", "hs", "lists", "update", "surge", "selftest", "clear", "verify"]


@pytest.mark.parametrize(
    "args", [[], *([c] for c in COMMANDS)], ids=lambda a: " ".join(a) or "main"
)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_tells_usage_and_every_option(args, flag):
    done = call(*args, flag)
    command = screen.main.commands[args[0]] if args else screen.main
    spelt = [
        o
        for p in command.params
        for o in p.opts
        if o.startswith("--") and not getattr(p, "hidden", False)
    ]
    assert (done.exit_code, done.stderr) == (0, "") and done.stdout.startswith("Usage: ")
    assert [o for o in spelt if o not in done.stdout] == []


def test_main_help_names_every_command():
    assert [c for c in COMMANDS if c not in call("-h").stdout] == []
    assert sorted(screen.main.commands) == sorted(COMMANDS)


def test_version():
    assert call("--version").stdout == f"screen.py, version {screen.VERSION}\n"


# ------------------------------------------------------------------- could not screen: exit 2


def said(done):
    """The last line of talk, where nothing came out and the exit code is 2."""
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr.splitlines()[-1]


def test_missing_consignee_column(place):
    (place / "no.csv").write_text("No,Weight\n1,2\n")
    assert said(call("-l", "own.csv", "no.csv")) == (
        "Error: no.csv, line 1: no column for consignee, give the header of one, such as --column"
        " consignee=\"No\", or --column consignee=- if there is none: 'No', 'Weight'."
    )


def test_unreadable_list(place):
    assert said(call("-l", "none.csv", "rows.csv")) == (
        "Error: none.csv cannot be read ([Errno 2] No such file or directory: 'none.csv'): give a sound copy."
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "cannot be read (the file is empty, a header line expected)"),
        ("name\n", "holds no entries"),
    ],
)
def test_empty_list(place, text, fault):
    (place / "empty.csv").write_text(text)
    assert (
        said(call("-l", "empty.csv", "rows.csv")) == f"Error: empty.csv {fault}: give a sound copy."
    )


def test_one_empty_list_among_sound_ones_stops_the_run(place):
    (place / "empty.csv").write_text("")
    assert (
        said(call("-l", "own.csv", "-l", "empty.csv", "rows.csv"))
        == "Error: empty.csv cannot be read (the file is empty, a header line expected): give a sound copy."
    )


def test_missing_shipment_file(place):
    assert said(call("-l", "own.csv", "none.csv")) == (
        "Error: none.csv: there is no such file: check its name and folder."
    )


def test_empty_standard_input(place):
    assert said(call("-l", "own.csv", text="")) == (
        "Error: standard input: the file is empty, a header line expected."
    )


WRONG = [
    (("--as-of", "23.11.2026"), "Error: --as-of: '23.11.2026' found, a date such as 2026-11-23 expected."),
    (("--column", "consignee"), "Error: --column: 'consignee' found, ROLE=HEADER expected, such as consignee=Buyer."),
    (("-t", "101"), "Error: --threshold: 101 found, a score from 0 to 100 expected: did you mean 85?"),
    (("-t", "850"), "Error: --threshold: 850 found, a score from 0 to 100 expected: did you mean 85?"),
    (("-t", "0.85"), "Error: --threshold: 0.85 found, a score from 0 to 100 expected: did you mean 85?"),
    (("-t", "1"), "Error: --threshold: 1 found, a score from 0 to 100 expected: did you mean 100?"),
    (("-l", ""), "Error: --lists: '' found, a list file or a folder of lists expected."),
    (("-o", "x.ods"), "Error: x.ods: this kind of office file is not written: choose .xlsx for a workbook, or .csv."),
    (("-o", "x.xlsx", "-f", "csv"), "Error: --format: csv found, but x.xlsx is a workbook: give one of both."),
    (("-f", "xml"), "Error: Invalid value for '-f' / '--format': 'xml' is not one of 'csv', 'jsonl', 'table'."),
    (("--jobs", "0"), "Error: Invalid value for '--jobs': 0 is not in the range x>=1."),
]  # fmt: skip


@pytest.mark.parametrize(("args", "sentence"), WRONG)
def test_a_wrong_option_is_said_in_one_sentence(place, args, sentence):
    assert said(call("-l", "own.csv", *args, "rows.csv")) == sentence


def test_an_unknown_role_is_said_with_the_roles_there_are(place):
    sentence = said(call("-l", "own.csv", "--column", "buyer=Consignee", "rows.csv"))
    assert sentence.startswith("Error: --column: 'buyer' is no role: use one of consignee, ")


# --------------------------------------------------------------------- output files and streams


def leftovers(place):
    return sorted(path.name for path in place.iterdir() if path.name not in ("own.csv", "rows.csv"))


def test_output_file_holds_what_stdout_would(place):
    plain, filed = (
        call("-l", "own.csv", "rows.csv"),
        call("-l", "own.csv", "-o", "out.csv", "rows.csv"),
    )
    assert (filed.exit_code, filed.stdout, (place / "out.csv").read_text()) == (0, "", plain.stdout)
    assert leftovers(place) == ["out.csv"]


@pytest.mark.parametrize("there", [None, "yesterday\n"])
def test_a_failed_run_leaves_the_output_as_it_was(place, there):
    if there:
        (place / "out.csv").write_text(there)
    (place / "bad.csv").write_text("No\n1\n")
    assert (
        call("-l", "own.csv", "-f", "jsonl", "-o", "out.csv", "rows.csv", "bad.csv").exit_code == 2
    )
    assert leftovers(place) == ["bad.csv", *(["out.csv"] if there else [])]
    assert not there or (place / "out.csv").read_text() == there


def test_output_into_a_missing_folder_is_refused(place):
    sentence = said(call("-l", "own.csv", "-o", "none/out.csv", "rows.csv"))
    assert (
        sentence
        == "Error: none/out.csv: cannot be written or read (No such file or directory): make the folder first, or choose another one."
    )


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_is_exit_two_and_said(place):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, PROGRAM, "-l", "own.csv", "rows.csv"], stdout=full, env=ENV,
                              stderr=subprocess.PIPE, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: standard output: cannot be written or read (No space left on device): free the disk or choose another place."
    )


def test_an_output_that_is_a_device_is_written_not_replaced(place):
    os.mkfifo(place / "pipe")
    reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert call("-l", "own.csv", "-o", "pipe", "rows.csv").exit_code == 0
    assert (place / "pipe").is_fifo() and os.read(reader, 1 << 16).decode().startswith(HEADER)
    os.close(reader)


def test_a_reader_that_leaves_early_is_no_error(place):
    (place / "many.csv").write_text("Consignee\n" + "Orbita Plus\n" * 3_000)
    with start("-l", "own.csv", "many.csv") as run:
        first = run.stdout.readline()
        run.stdout.close()
        talk = run.stderr.read()
    assert (run.returncode, first) == (0, ",".join(["Consignee", *screen.SCREEN_COLUMNS]) + "\n")
    assert "Traceback" not in talk and "Error" not in talk and "Broken" not in talk


def read_for(stream, seconds):
    """A line of `stream` if one comes in time."""
    line = b""
    while not line.endswith(b"\n") and select.select([stream], [], [], seconds)[0]:
        line += (byte := os.read(stream.fileno(), 1)) or b"\n"
        if not byte:
            break
    return line.decode()


def test_rows_come_while_input_is_still_coming_and_sigint_accounts_for_them(place):
    with start("-l", "own.csv", "-") as run:
        try:
            run.stdin.write("Consignee\nOrbita Plus\nSomeone\n")
            run.stdin.flush()
            assert read_for(run.stdout, 30).startswith("Consignee,screen_row")
            assert read_for(run.stdout, 30).startswith("Orbita Plus,1,party,100")
            time.sleep(0.3)
            run.send_signal(signal.SIGINT)
            out, talk = run.communicate(timeout=30)
        finally:
            run.kill()
    assert (run.returncode, out) == (130, "")
    assert (
        talk.splitlines()[-1]
        == "interrupted; so far 2 rows: 1 flagged (1 party), 1 clear; 0 unscreened"
    )


def test_sigint_leaves_no_half_file(place):
    with start("-l", "own.csv", "-o", "out.csv", "-") as run:
        try:
            run.stdin.write("Consignee\n" + "Orbita Plus\n" * 10)
            run.stdin.flush()
            while "Consignee" not in (run.stderr.readline() or "Consignee"):
                pass
            time.sleep(0.5)
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=30)
        finally:
            run.kill()
    assert (run.returncode, leftovers(place)) == (130, [])


def test_no_colour_where_none_is_wanted(place):
    done = subprocess.run([sys.executable, PROGRAM, "-l", "own.csv", "-f", "table", "rows.csv"], capture_output=True,
                          env={**ENV, "NO_COLOR": "1"}, timeout=60)  # fmt: skip
    assert done.returncode == 0 and b"\x1b" not in done.stdout + done.stderr


def test_import_has_no_side_effects(tmp_path):
    code = "import screen, sys; sys.exit(bool(screen.read_table.cache_info().currsize))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=tmp_path, env=ENV, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr, list(tmp_path.iterdir())) == (
        0,
        b"",
        b"",
        [],
    )


# ------------------------------------------------------------------------------- other commands


def test_name_says_which_entries_it_hits(place):
    rows = list(
        csv.DictReader(io.StringIO(call("name", "-l", "own.csv", "Orbita Plus", "Nobody").stdout))
    )
    assert [
        (r["query_name"], float(r["score"]), r["list"], r["entry_id"], r["countries"]) for r in rows
    ] == [("Orbita Plus", 100.0, "own", "O1", "CN")]


def test_name_without_a_hit_says_so_with_the_threshold(place):
    done = call("name", "-l", "own.csv", "Nobody")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (0, '"Nobody": no hit at threshold 85')


def test_names_come_from_standard_input_too(place):
    done = call("name", "-l", "own.csv", "-f", "jsonl", text="Orbita Plus\n\nKvantek Sever\n")
    assert done.stdout.count('"kind": "party"') == 2


@pytest.mark.parametrize(
    ("command", "option", "text"),
    [("name", "--country", "Orbita"), ("hs", "--destination", "8542.31")],
)
def test_an_unknown_country_is_refused(place, command, option, text):
    assert said(call(command, "-l", "own.csv", option, "Atlantis", text)) == (
        f"Error: {option}: 'Atlantis' is no country, an ISO code such as CN or a name expected."
    )


def test_a_name_given_twice_is_answered_twice(place):
    done = call("name", "-l", "own.csv", "-f", "table", "Orbita Plus", "Orbita Plus")
    assert done.stdout.count("1 hit at threshold 85") == done.stdout.count(" of own O1 ") == 2


def test_lists_shows_a_verdict_a_list(place):
    (row,) = csv.DictReader(io.StringIO(call("lists", "-l", "own.csv").stdout))
    assert (row["list"], row["entries"], row["names"], row["status"]) == ("own", "2", "2", "ok")


def test_lists_shows_refused_lists_and_ends_with_two(place):
    (place / "empty.csv").write_text("")
    done = call("lists", "-l", "own.csv", "-l", "empty.csv", "-f", "jsonl")
    assert (done.exit_code, done.stdout.count("\n"), done.stdout.count('"refused"')) == (2, 2, 1)


def test_hs_says_that_a_code_proves_nothing():
    done = call("hs", "8542.31")
    assert (
        done.exit_code == 0
        and done.stdout.count("an HS code never proves control: check the parameters") >= 1
    )


def test_hs_without_a_rule_says_so():
    done = call("hs", "610910")
    said, tables = done.stderr.splitlines()
    assert said == 'HS "610910": no rule of lists/goods.csv names it; other controls may apply'
    assert tables.startswith("tables asked: ") and "Common High Priority List (2026-" in tables
    assert done.stdout.count("\n") == 1


def test_without_official_lists_the_starter_list_stands_in_and_says_so(place):
    done = call("rows.csv")
    assert done.exit_code == 0 and "no official list is loaded" in done.stderr
