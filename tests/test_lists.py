import csv
import gzip
import hashlib
import json
import os
import shutil
import time
import zipfile
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

import screen

CASES = Path(__file__).parent / "cases"
LISTS = CASES / "lists"
OPTIONS = screen.ListOptions(date(2026, 11, 23))
SOURCES = {row["list"]: row for row in screen.read_table("sources")}


def read_cases(name):
    with open(CASES / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ENTRIES, FAULTS = read_cases("list_entries.csv"), read_cases("list_faults.csv")


def read(name, options=OPTIONS):
    return screen.read_lists([LISTS / name], options)


def report_of(name, options=OPTIONS):
    return screen.judge_lists([LISTS / name], options)[0][1]


def note_of(name, options=OPTIONS):
    return report_of(name, options).note.replace(f"{LISTS}/", "")


def write_cell(value):
    pairs = isinstance(value, tuple)
    return "|".join(":".join(v) if isinstance(v, tuple) else v for v in value) if pairs else value


@pytest.mark.parametrize("name", dict.fromkeys(row["file"] for row in ENTRIES))
def test_every_layout_gives_its_entries(name):
    expected = [row for row in ENTRIES if row["file"] == name]
    columns = [column for column in ENTRIES[0] if column != "file"]
    found = [
        entry for entries, _ in screen.judge_lists([LISTS / name], OPTIONS) for entry in entries
    ]
    rows = [{column: write_cell(getattr(entry, column)) for column in columns} for entry in found]
    assert rows == [{column: row[column] for column in columns} for row in expected]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case["file"])
def test_what_is_no_whole_list_is_refused_in_one_sentence(case):
    with pytest.raises(screen.ScreenError) as caught:
        read(case["file"])
    assert caught.value.message.replace(f"{LISTS}/", "") == case["sentence"] + "."


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(screen.ScreenError, match=r"nowhere\.csv cannot be read .* a sound copy\.$"):
        read("nowhere.csv")


def test_a_refused_list_says_so_and_still_counts_what_it_could_read():
    report = report_of("csl-cut-inside-a-cell.csv")
    assert (report.status, report.entries) == ("refused", 4)


@pytest.mark.parametrize("word", ["US-CSL", "csl-cut-inside-a-cell.csv"])
def test_the_user_admits_a_refused_list_by_name_and_the_note_records_it(word):
    entries, (report,) = read(
        "csl-cut-inside-a-cell.csv", replace(OPTIONS, admit=frozenset([word]))
    )
    assert (len(entries), report.status) == (4, "refused")
    assert report.note.startswith("admitted by the user: ")


def test_another_list_s_name_admits_nothing():
    with pytest.raises(screen.ScreenError):
        read("csl-cut-inside-a-cell.csv", replace(OPTIONS, admit=frozenset(["US-SDN"])))


def test_a_list_without_entries_cannot_be_admitted():
    with pytest.raises(screen.ScreenError):
        read("empty.csv", replace(OPTIONS, admit=frozenset(["empty", "empty.csv"])))


def test_the_report_has_the_contract_s_keys_and_counts(no_profiles):
    report = asdict(report_of("uk.csv"))
    raw = (LISTS / "uk.csv").read_bytes()
    assert report == {
        "list": "UK-SL", "title": "UK Sanctions List", "file": str(LISTS / "uk.csv"),
        "format": "uk csv", "entries": 2, "names": 5, "weak_names": 1, "addresses": 1,
        "as_of": "2026-11-20", "age_days": 3, "sha256": hashlib.sha256(raw).hexdigest(),
        "status": "ok", "note": "1 unreadable dates",
    }  # fmt: skip


def test_rows_without_a_name_are_counted_and_refuse_above_two_percent(tmp_path):
    assert note_of("own-with-nameless-rows.csv").startswith(
        "own-with-nameless-rows.csv has 1 rows without a name beside 1 entries: give a sound copy"
    )
    rows = ["name,countries", *(f"Borealis {n},KG" for n in range(99)), ",RU", ",", ""]
    (tmp_path / "house.csv").write_text("\n".join(rows))
    report = screen.judge_lists([tmp_path / "house.csv"], OPTIONS)[0][1]
    assert (report.status, report.entries, report.note) == ("ok", 99, "1 rows without a name")


@pytest.mark.parametrize("column", ["alias", "aka", "A.K.A.", "aliases"])
def test_aliases_under_any_usual_header_are_read(column, tmp_path):
    (tmp_path / "own.csv").write_text(f"name,{column},note\nBorealis,BWW; North Works|Bo,x\n")
    ((entry,), report) = screen.judge_lists([tmp_path / "own.csv"], OPTIONS)[0]
    assert [text for text, _ in entry.names] == ["Borealis", "BWW", "North Works", "Bo"]
    assert report.note == "column not read: note"


@pytest.mark.parametrize("column", ["name 2", "other_names", "Alias (Latin)", "former name 1"])
def test_a_column_that_looks_like_names_and_is_not_read_refuses_an_own_list(column, tmp_path):
    (tmp_path / "own.csv").write_text(f"name,{column}\nBorealis,BWW\n")
    report = screen.judge_lists([tmp_path / "own.csv"], OPTIONS)[0][1]
    assert report.status == "refused"
    assert "that looks like names and is not read" in report.note


def test_an_old_list_given_by_hand_is_stale_and_loads(no_profiles):
    assert report_of("un-one-year-old.xml").status == "stale"
    assert note_of("un-one-year-old.xml").endswith(
        "is of 2025-11-20, 368 days old where 30 are allowed"
    )
    assert len(read("un-one-year-old.xml")[0]) == 2


@pytest.mark.parametrize(("days", "status"), [(368, "ok"), (367, "refused")])
def test_a_given_age_limit_refuses_what_is_older(days, status, no_profiles):
    assert report_of("un-one-year-old.xml", replace(OPTIONS, max_age=days)).status == status


def test_own_lists_have_no_age_limit():
    assert report_of("own.csv", screen.ListOptions(date(2099, 1, 1), 1)).status == "ok"


def test_the_same_file_twice_is_one_list():
    assert len(screen.read_lists([LISTS / "own.csv", LISTS / "own.csv"], OPTIONS)[1]) == 1


def test_parts_given_one_by_one_are_one_list(no_profiles):
    parts = [LISTS / "sdn-set" / f"{name}.csv" for name in ("alt", "sdn", "add")]
    assert [r.names for r in screen.read_lists(parts, OPTIONS)[1]] == [8]


@pytest.fixture
def no_profiles(monkeypatch):
    """Official lists of any size are whole."""
    table = screen.read_table
    rows = [{**row, "canaries": ""} for row in SOURCES.values()]
    tables = {"sources": rows, "list_profiles": []}
    changed = lambda name: tables[name] if name in tables else table(name)  # noqa: E731
    monkeypatch.setattr(screen, "read_table", changed)


HEADER = (LISTS / "csl-minimal-quotes.csv").read_text().splitlines()[0]


def write_csl(path, names, code="EL"):
    """A CSL of entries with these names, each with an alias; of another list where said."""
    source = f"Entity List ({code}) - Bureau of Industry and Security"
    rows = [
        f'{n},{source},,,P,"{name}"{"," * 17}"{name} Works"{"," * 6}'
        for n, name in enumerate(names)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


NAMES = [f"Borealis {n}" for n in range(200)]
PROFILE = {"list": "US-CSL", "since": "", "until": "", "digests": "", "source": "x", "as_of": "x"}


@pytest.fixture
def profile(monkeypatch):
    """A profile of the made-up list, in place of the real ones."""
    kept = " ".join(map(screen.digest_name, NAMES[::2]))
    newest = " ".join(map(screen.digest_name, NAMES[-20:]))
    floors = [
        ("entries", "100", {}), ("names", "200", {}), ("entries of US-EL", "100", {}),
        ("names for 100 entries", "180", {}), ("of 100 names of old", "95", {"digests": kept}),
        ("of 100 newest names", "0", {"digests": newest, "since": "2026-07-31"}),
        ("entries", "190", {"since": "2026-07-31"}),
    ]  # fmt: skip
    rows = [{**PROFILE, "measure": word, "least": least, **more} for word, least, more in floors]
    sources = [{**row, "canaries": "Borealis 0"} for row in SOURCES.values()]
    tables, table = {"list_profiles": rows, "sources": sources}, screen.read_table
    monkeypatch.setattr(
        screen, "read_table", lambda name: tables[name] if name in tables else table(name)
    )


def judge_csl(tmp_path, names, **more):
    return screen.judge_lists([write_csl(tmp_path / "c.csv", names, **more)], OPTIONS)[0][1]


def test_a_whole_csl_is_ok(tmp_path, profile):
    report = judge_csl(tmp_path, NAMES)
    assert (report.list, report.entries, report.names, report.status) == ("US-CSL", 200, 400, "ok")
    assert report.note.startswith("undated, so taken to be as old as its file, ")


@pytest.mark.parametrize(
    ("names", "code", "fault"),
    [
        (NAMES[:90], "EL", "has 90 entries where a full copy has 100 or more"),
        (NAMES, "DPL", "has 0 entries of US-EL where a full copy has 100 or more"),
        (NAMES[10:], "EL", "has 190 entries where"),
        (NAMES[:180], "EL", "has 90 of 100 names of old where a full copy has 95 or more"),
        (NAMES[:1] + NAMES[12:], "EL", "has 95 of 100"),
        ([n[:9] for n in NAMES], "EL", "has 0 of 100 names of old where a full copy has 95 or more"),
    ],
)  # fmt: skip
def test_a_csl_below_its_profile_is_refused(names, code, fault, tmp_path, profile):
    report = judge_csl(tmp_path, names, code=code)
    if fault.startswith(("has 190", "has 95")):
        assert report.status == "refused"  # by another of its floors
    else:
        assert report.note == (
            f"{tmp_path / 'c.csv'} {fault}: give a sound copy, or --admit US-CSL to screen on it all the same"
        )


def test_an_undated_list_with_the_newest_names_is_held_to_the_floors_of_their_edition(
    tmp_path, profile
):
    names = [name for n, name in enumerate(NAMES) if n % 2 == 0 or n > 189]
    assert "has 105 entries where a full copy has 190" in judge_csl(tmp_path, names).note
    assert judge_csl(tmp_path, [*NAMES[:180:2], *NAMES[180:190:2], *NAMES[1:40:2]]).status == "ok"


@pytest.mark.parametrize("column", ["name", "alt_names", "programs", "_id", "source_list_url"])
def test_a_renamed_column_of_an_official_list_refuses_it(column, tmp_path, profile):
    path = write_csl(tmp_path / "c.csv", NAMES)
    text = path.read_text()
    path.write_text(text.replace(f"{column},", f"{column}x,", 1))
    (report,) = [report for _, report in screen.judge_lists([path], OPTIONS)]
    assert (report.list, report.status) == ("US-CSL", "refused")
    assert f"lacks the column {screen._fold_column(column)!r}" in report.note


@pytest.mark.parametrize("mark", ["\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_and_encoding_are_found_as_in_any_table(mark, encoding, tmp_path, profile):
    names = [*NAMES[:-1], "Bürö Größe Žižka Ltd" if encoding != "cp1252" else "Büro Größe Ltd"]
    rows = list(csv.reader(write_csl(tmp_path / "c.csv", names).read_text("utf-8").splitlines()))
    with open(tmp_path / "c.csv", "w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=mark).writerows(rows)
    ((entries, report),) = screen.judge_lists([tmp_path / "c.csv"], OPTIONS)
    assert (report.status, entries[-1].names[0][0]) == ("ok", names[-1])


def keep_copy(home, body, checked_at="2026-11-20T00:00:00+00:00"):
    """The folder of a list as `update` leaves it: one copy in use, the one before it beside."""
    for copy in (home / "000009", home / "000010"):
        copy.mkdir(parents=True)
        (copy / "list").write_bytes(body)
        digests = {"list": hashlib.sha256(body).hexdigest()}
        note = {"checked_at": checked_at, "entries": 2, "sha256": digests}
        (copy / "copy.json").write_text(json.dumps(note))
    return copy


@pytest.fixture
def small_registry(monkeypatch):
    """The registry without profiles, and with a source of the user's own."""
    rows = [{**row, "canaries": ""} for row in SOURCES.values()]
    rows.append({**rows[0], "list": "HOUSE", "format": "own csv", "title": "House"})
    table = screen.read_table
    tables = {"sources": rows, "list_profiles": []}
    changed = lambda name: tables[name] if name in tables else table(name)  # noqa: E731
    monkeypatch.setattr(screen, "read_table", changed)


UN_XML = (LISTS / "un.xml").read_bytes()


def test_of_what_update_left_only_the_copy_in_use_loads(tmp_path, small_registry):
    copy = keep_copy(tmp_path / "official" / "UN-SC", UN_XML)
    (tmp_path / "own.csv").write_text("name\nBorealis\n")
    for folder in (tmp_path, tmp_path / "official", tmp_path / "official" / "UN-SC", copy):
        reports = {report.list: report for report in screen.read_lists([folder], OPTIONS)[1]}
        report, own = reports.pop("UN-SC"), [*reports]
        assert (report.file, report.status, report.entries) == (str(copy / "list"), "ok", 2)
        assert own == (["own"] if folder == tmp_path else [])


def test_a_source_of_the_user_s_own_goes_by_its_folder(tmp_path, small_registry):
    keep_copy(tmp_path / "official" / "HOUSE", b"name\nBorealis\n")
    (report,) = screen.read_lists([tmp_path], OPTIONS)[1]
    assert (report.list, report.title, report.as_of) == ("HOUSE", "House", "2026-11-20")


@pytest.mark.parametrize("note", ["{", "[1]"])
def test_without_the_note_of_update_a_copy_is_as_old_as_its_file(note, tmp_path, small_registry):
    copy = keep_copy(tmp_path / "official" / "US-CSL", (LISTS / "csl-quoted.csv").read_bytes())
    (copy / "copy.json").write_text(note)
    os.utime(copy / "list", (0, 0))
    report = screen.judge_lists([tmp_path], OPTIONS)[0][1]
    assert (report.as_of, report.status) == ("1970-01-01", "refused")


def test_a_downloaded_list_a_year_old_is_refused(tmp_path, small_registry):
    keep_copy(tmp_path / "official" / "UN-SC", (LISTS / "un-one-year-old.xml").read_bytes())
    assert screen.judge_lists([tmp_path], OPTIONS)[0][1].status == "refused"


def test_a_list_without_a_date_is_as_old_as_its_last_check(tmp_path, small_registry):
    body = (LISTS / "csl-quoted.csv").read_bytes()
    keep_copy(tmp_path / "official" / "US-CSL", body, "2026-10-23T00:00:00+00:00")
    report = screen.judge_lists([tmp_path], OPTIONS)[0][1]
    assert (report.as_of, report.age_days, report.status) == ("2026-10-23", 31, "refused")


@pytest.mark.parametrize(("name", "status"), [("un.xml", "ok"), ("eu.xml", "refused")])
def test_a_file_laid_by_hand_counts_while_it_is_the_newest(name, status, tmp_path, small_registry):
    home = tmp_path / "official" / "UN-SC"
    home.mkdir(parents=True)
    laid = home / "fetched.xml"
    laid.write_bytes((LISTS / name).read_bytes())
    assert screen.judge_lists([tmp_path], OPTIONS)[0][1].status == status
    copy = keep_copy(home, UN_XML)
    for age, used in ((60, copy / "list"), (-60, laid)):
        os.utime(laid, (time.time() - age,) * 2)
        (pair,) = screen.judge_lists([tmp_path], OPTIONS)
        assert pair[1].file == str(used)


@pytest.fixture
def own_tables(tmp_path, monkeypatch):
    """A copy of the project's lists/ that a test may add to."""
    folder = tmp_path / "lists"
    shutil.copytree(screen.TABLES, folder, ignore=shutil.ignore_patterns("official"))
    monkeypatch.setattr(screen, "TABLES", folder)
    return folder


def test_the_starter_list_is_used_aloud_when_no_official_list_is_there(own_tables):
    (own_tables / "house.csv").write_text("name,source,as_of\nBorealis,x,2026-11-01\n")
    reports = {report.list: report for report in screen.read_lists([own_tables], OPTIONS)[1]}
    assert {name: report.entries for name, report in reports.items()} == {
        "house": 1,
        "starter": 720,
        "EU-833": 1806,
        "US-MIEU": 13,
    }
    assert reports["US-MIEU"].note == "a transcription of 2026-09-24, not the official file"
    assert reports["starter"].note == (
        "a starter list, used because no official list is loaded: run `screen.py update`"
    )
    assert reports["house"].note == ""
    ran = CliRunner().invoke(screen.main, ["name", "Borealis"])
    assert (ran.exit_code, reports["starter"].note in ran.stderr) == (0, True)


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_starter_list_is_left_out_beside_official_lists(own_tables, small_registry, by_hand):
    home = own_tables / "official" / "UN-SC"
    if by_hand:
        home.mkdir(parents=True)
        (home / "un.xml").write_bytes(UN_XML)
    else:
        keep_copy(home, UN_XML)
    reports = screen.read_lists([own_tables], OPTIONS)[1]
    assert {report.list for report in reports} == {"UN-SC", "EU-833", "US-MIEU"}


def test_another_folder_has_no_starter_list(own_tables, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "house.csv").write_text("name\nBorealis\n")
    reports = screen.read_lists([tmp_path / "mine"], OPTIONS)[1]
    assert [report.list for report in reports] == ["house"]


@pytest.mark.parametrize(
    ("name", "last", "fault"),
    [
        ("un.xml", {}, ""),
        ("un.xml", {"entries": 2, "names": 8}, ""),
        ("un.xml", {"entries": 3}, "un.xml has 2 entries where the last good copy had 3"),
        ("un.xml", {"weak names": 2}, "un.xml has 1 weak names where the last good copy had 2"),
        ("un.xml", {"names": 3}, "un.xml has 8 names where the last good copy had 3"),
        ("eu.xml", {}, "eu.xml holds EU-FSF where UN-SC is due"),
        ("own.csv", {}, "own.csv holds own where UN-SC is due"),
        ("html-page-as-csl.csv", {}, "html-page-as-csl.csv holds <html>, which is no list known here"),
    ],
)  # fmt: skip
def test_a_download_is_checked_before_it_counts(name, last, fault, no_profiles):
    assert (
        screen.check_download([LISTS / name], SOURCES["UN-SC"] | {"canaries": ""}, last)[0] == fault
    )


def test_a_downloaded_set_is_checked_as_one_list(no_profiles):
    sdn = SOURCES["US-SDN"] | {"canaries": ""}
    files = [LISTS / "sdn-set" / f"{n}.csv" for n in ("sdn", "add", "alt", "sdn_comments")]
    fault, measures = screen.check_download(files, sdn, {"entries": 3})
    assert (fault, measures["entries"]) == ("", 3)
    assert measures["of 100 in the alt file with an entry"] == 100
    assert screen.check_download(files[:2], sdn, {})[0] == (
        "sdn.csv is part of a set, and its alt file is not there"
    )


@pytest.mark.parametrize("row", screen.read_table("list_layouts"), ids=lambda row: row["layout"])
def test_every_layout_has_its_source_and_an_official_list_its_registry_row(row):
    date.fromisoformat(row["as_of"])
    assert row["source"]
    assert row["list"] in {*SOURCES, "", "*", "OpenSanctions"}


@pytest.mark.parametrize("row", SOURCES.values(), ids=lambda row: row["list"])
def test_every_source_has_an_address_a_part_or_a_page_to_fetch_it_from(row):
    date.fromisoformat(row["as_of"])
    urls = [url for url in row["url"].split("|") if url]
    assert all(url.startswith("https://") for url in [*urls, row["manual"]])
    assert len(urls) in (0, len(row["files"].split("|")))


def test_a_list_in_a_zip_file_loads(tmp_path):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as pack:
        pack.write(LISTS / "own.csv", "own.csv")
    assert screen.read_lists([tmp_path / "own.zip"], OPTIONS)[1][0].entries == 2


@pytest.mark.parametrize(
    ("end", "why"), [(-9, "Compressed file ended before"), (None, "it is larger than 10,000 bytes")]
)
def test_a_gzip_file_cut_or_bursting_is_refused(end, why, tmp_path, monkeypatch):
    monkeypatch.setattr(screen, "LARGEST_LIST", 10**6 if end else 10_000)
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress(b"name\n" + b"Borealis\n" * 9999)[:end])
    with pytest.raises(screen.ScreenError, match=why):
        screen.read_lists([tmp_path / "own.csv.gz"], OPTIONS)


@pytest.mark.parametrize("cell", ["a\rb", "\n", '"a'])
def test_an_odd_cell_of_opensanctions_is_read(cell, tmp_path, no_profiles):
    text = (LISTS / "opensanctions-16-columns.csv").read_text()
    (tmp_path / "o.csv").write_text(text.replace("BWW", cell.replace('"', '""')), newline="")
    assert screen.read_lists([tmp_path / "o.csv"], OPTIONS)[1][0].entries == 1


def test_a_first_cell_without_end_is_refused(tmp_path):
    (tmp_path / "o.csv").write_text("name\n" + ('"' + "a" * 99_999 + "\n") * 3)
    with pytest.raises(screen.ScreenError, match="quotes out of place"):
        screen.read_lists([tmp_path / "o.csv"], OPTIONS)


def test_a_file_missing_beside_the_note_of_update_stops_the_run(tmp_path, small_registry):
    copy = keep_copy(tmp_path / "official" / "UN-SC", UN_XML)
    note = json.loads((copy / "copy.json").read_text())
    (copy / "copy.json").write_text(json.dumps({**note, "files": ["list", "alt.csv"]}))
    with pytest.raises(screen.ScreenError, match=r"alt\.csv cannot be read .*No such file"):
        screen.read_lists([tmp_path], OPTIONS)


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_links_are_followed_once_and_a_loop_ends(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "house.csv").write_text("name\nBorealis\n")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "near").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "lists")
    reports = screen.read_lists([tmp_path / "lists"], OPTIONS)[1]
    assert [report.list for report in reports] == ["house"]
    (tmp_path / "lists" / "loop.csv").symlink_to(tmp_path / "lists" / "loop.csv")
    with pytest.raises(screen.ScreenError, match=r"loop\.csv cannot be read "):
        screen.read_lists([tmp_path / "lists"], OPTIONS)


def test_a_folder_that_cannot_be_read_stops_the_run(tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "house.csv").write_text("name\nBorealis\n")
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(screen.ScreenError, match=r"cannot be read \(Permission denied\)"):
        screen.read_lists([tmp_path], OPTIONS)


def test_a_list_of_expired_entries_alone_is_refused(tmp_path):
    (tmp_path / "own.csv").write_text("name,expires_on\nBorealis,2025-01-01\nLantern,2024-02-02\n")
    with pytest.raises(screen.ScreenError, match="holds only entries that have expired"):
        screen.read_lists([tmp_path / "own.csv"], OPTIONS)


def test_a_list_of_tomorrow_is_said_to_be(no_profiles):
    report = report_of("un-of-next-year.xml")
    assert (report.status, "after the day it is judged for" in report.note) == ("stale", True)


def test_an_unreadable_date_of_publication_refuses(no_profiles):
    assert "has an unreadable date of publication" in report_of("un-date-unreadable.xml").note


def test_official_lists_that_are_not_loaded_are_named(no_profiles):
    names = screen.find_unloaded([report_of("csl-quoted.csv")])
    assert "UN Security Council Consolidated List (UN-SC)" in names
    assert not any("US-SDN" in name or "US-CSL" in name for name in names)


def test_remarks_full_of_semicolons_are_ofac_s_comments(tmp_path):
    (tmp_path / "c.csv").write_text('101,"one; two; three; four"\r\n102,"five; six"\r\n\x1a')
    file = screen.read_list_file(tmp_path / "c.csv")
    assert (file.layout["part"], [*file.drafts], file.fault) == ("comments", ["101", "102"], "")
