from __future__ import annotations

import contextlib
import csv
import fnmatch
import gzip
import io
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import damage_shipments
import screen

DAMAGED = Path(__file__).parent / "cases" / "damaged"
with open(DAMAGED / "expected.csv", encoding="utf-8", newline="") as file:
    EXPECTED = list(csv.DictReader(file))
HEADER = "No,Consignee,Country,HS Code\n"


def read_chunks(path, **options):
    with screen.open_shipments(str(path), screen.ReadOptions(**options)) as shipments:
        return shipments, list(shipments.chunks)


def read_text(tmp_path, text, **options):
    path = tmp_path / "shipments.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    shipments, chunks = read_chunks(path, **options)
    return shipments, [row for chunk in chunks for row in chunk.rows]


def find_error(path, **options):
    with pytest.raises(screen.ScreenError) as caught:
        read_chunks(path, **options)
    return caught.value.message


def find_damage(chunks):
    return {chunk.first_row + i: words for chunk in chunks for i, words in chunk.damage.items()}


def check_shape(shipments, chunks):
    count = 0
    for chunk in chunks:
        assert chunk.first_row == count + 1
        assert len(chunk.rows) == len(chunk.lines) > 0
        assert all(len(row) == len(shipments.headers) for row in chunk.rows)
        assert set(chunk.damage) <= set(range(len(chunk.rows)))
        count += len(chunk.rows)
    return count


# Damaged files, each with its account of rows ------------------------------------------------


def test_every_damaged_file_has_its_account():
    names = {path.name for path in DAMAGED.iterdir()} - {"expected.csv"}
    assert names == {case["file"] for case in EXPECTED} and len(names) >= 50


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["file"])
def test_damaged_file(case, monkeypatch):
    monkeypatch.chdir(DAMAGED)
    if case["error"]:
        assert fnmatch.fnmatchcase(find_error(case["file"]), case["error"].replace("[", "[[]"))
        return
    shipments, chunks = read_chunks(case["file"])
    damage = dict(sorted(find_damage(chunks).items()))
    assert check_shape(shipments, chunks) == int(case["rows"])
    assert " ".join(map(str, damage)) == case["damaged"]
    assert " | ".join(damage.values()) == case["words"]
    assert shipments.encoding == case["encoding"]


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["file"])
def test_small_chunks_and_byte_by_byte_reading_change_nothing(case, monkeypatch):
    monkeypatch.chdir(DAMAGED)
    if case["error"]:
        return
    whole = read_chunks(case["file"])[1]
    monkeypatch.setattr(screen, "BLOCK", 1 << 10)
    parts = read_chunks(case["file"], chunk_rows=1)[1]
    assert [row for c in parts for row in c.rows] == [row for c in whole for row in c.rows]
    assert [line for c in parts for line in c.lines] == [line for c in whole for line in c.lines]
    assert find_damage(parts) == find_damage(whole)


# Headers and roles ---------------------------------------------------------------------------

with open(DAMAGED.parent / "headers.csv", encoding="utf-8", newline="") as file:
    SPELLINGS = [(row["role"], row["header"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("role,header", SPELLINGS)
def test_header_spelling(role, header):
    found = screen.find_role(header)
    assert (found if found in screen.ROLES else "") == role


def test_every_spelling_of_the_table_is_found_and_means_one_role():
    for row in screen.read_table("columns"):
        assert row["source"] and row["as_of"]
        role = row["role"].rstrip("+").partition("/")[0]
        assert role in (*screen.ROLES, *screen.PARTS, "noise", "total_line")
        for header in row["headers"].split("|"):
            found = screen.find_role(header)
            assert (
                row["role"][-1] == "+" or role in (*screen.PARTS, "noise") or found == row["role"]
            ), (header, found)


@pytest.mark.parametrize(
    "headers,columns,roles",
    [
        ("Consignee,Consignee Name", {}, {"consignee": ((0,), (1,))}),
        ("Shipper,Country,Cnee,City,Country", {}, {
            "shipper": ((0,),), "shipper_country": ((1,),), "consignee": ((2,),),
            "consignee_address": ((3,),), "consignee_country": ((4,),)}),
        ("Kunde 1,Consignee", {"consignee": ("Kunde 1",)}, {"consignee": ((0,), (1,))}),
        ("Consignee,Buyer", {"end_user": ("buyer",)}, {"end_user": ((1,),), "consignee": ((0,),)}),
        ("X,Consignee,X", {"bank": ("X",)}, {"bank": ((0,), (2,)), "consignee": ((1,),)}),
        ("X,Y,Cnee", {"bank": ("X", "Y")}, {"bank": ((0,), (1,)), "consignee": ((2,),)}),
        ("Cnee Name 1,Cnee Name 2", {}, {"consignee": ((0,), (1,), (0, 1))}),
    ],
)  # fmt: skip
def test_roles(headers, columns, roles):
    assert screen.find_roles(headers.split(","), columns) == roles


with open(DAMAGED.parent / "header_rows.csv", encoding="utf-8", newline="") as file:
    HEADER_ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", HEADER_ROWS, ids=lambda row: row["note"])
def test_header_rows_from_the_field(row):
    """`Header=role`; `=?` must be read or named as not read; no other is a party."""
    cells = [cell.partition("=") for cell in row["headers"].split(";")]
    headers = [header for header, *_ in cells]
    roles = screen.find_roles(headers, {})
    read = {n: role for role, fields in roles.items() for field in fields for n in field}
    values = [[firm] * len(headers) for firm in ("Acme Foods", "Otto Ltd")]
    unread = {*screen._find_unread(headers, roles, values)}
    for n, (header, _, role) in enumerate(cells):
        if role == "?":
            assert n in read or header in unread, header
        elif role:
            assert read.get(n) == role, header
        else:
            assert read.get(n) not in screen.PARTY_ROLES, header


def test_headers_preamble_and_cells_come_out_as_they_stand(tmp_path):
    text = "Report,2026\n\nConsignee ,,Value,Value\n NA ,None,007,1e5\n"
    shipments, rows = read_text(tmp_path, text)
    assert shipments.headers == ("Consignee ", "", "Value", "Value")
    assert shipments.preamble == ("Report,2026", "")
    assert rows == [[" NA ", "None", "007", "1e5"]]


def test_given_delimiter_and_encoding_win(tmp_path):
    text = "Empfänger#Land\nMüller#DE\n".encode("cp850")
    assert read_text(tmp_path, text, delimiter="#", encoding="cp850")[1] == [["Müller", "DE"]]


@pytest.mark.parametrize(
    "options,error",
    [
        ({"columns": {"consignee": ("Foo",)}}, "f.csv, line 1: no header 'Foo' for --column "
         "consignee, give one of: 'No', 'Consignee', 'Country', 'HS Code'."),
        ({"columns": {"party": ("No",)}},
         f"--column: 'party' is no role: use one of {', '.join(screen.ROLES)}."),
        ({"delimiter": ";;"}, "--delimiter: ';;' found, one character expected: , ; | or a tab."),
        ({"encoding": "idna"}, "--encoding: 'idna' is no text encoding: give one such as cp1252."),
        ({"encoding": "hex"}, "--encoding: 'hex' is no text encoding: give one such as cp1252."),
    ],
)  # fmt: skip
def test_wrong_options(tmp_path, monkeypatch, options, error):
    monkeypatch.chdir(tmp_path)
    Path("f.csv").write_text(HEADER)
    assert find_error("f.csv", **options) == error


def test_missing_file_and_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_error("no.csv") == "no.csv: there is no such file: check its name and folder."
    assert find_error(".") == ".: this is a folder: give the files in it."


def test_a_row_of_header_words_does_not_hide_the_rows_above_it(tmp_path):
    text = HEADER + "1,A,KG,8\nConsignee,End User,HS Code,Value\n2,B,KG,8\n"
    assert [row[0] for row in read_text(tmp_path, text)[1]] == ["1", "Consignee", "2"]


# Encodings -----------------------------------------------------------------------------------

TEXTS = {
    "cp1252": ["Société d’Optique;Rue de l’Église", "O’Neill 5–10mm a…b 10×20 Ø25x10", "Cinty Int’l;Xi’an",
               "Établissements L’Œuvre – Cœur", "SOCIETE D’OPTIQUE;ÉTS D’ALENÇON", "dell’Arte;qualità",
               "Müller Präzisionslager;Köln;Größe", "Société Générale;Besançon;créée à l'été",
               "Peña Ñandú;Cádiz;año", "Straße 5", "Ærø Skibsværft;Ålborg", "Zürich"],
    "cp1251": ["ООО Подшипник;Москва", "Предузеће д.о.о.;Београд;лежај", "Tako – «Foo»;ООО Подшипник", "АО «СТАНКО» №5;Бишкек", "РОССИЯ", "Ёлка Ltd;Алматы",
               "Consignee;ТОО Алтын Трейд"],
    "gb18030": ["ACME（深圳）Ltd，X", "深圳市东方贸易有限公司;轴承", "上海国际货运代理", "北京",
                "Consignee;广州机械进出口公司"],
    "cp1254": ["Şimşek Dış Ticaret;Kırgızistan", "Işık Sanayi ve Ticaret Ltd. Şti."],
    "big5hkscs": ["華為技術有限公司;臺灣電子股份有限公司;積體電路股份有限公司", "鴻海精密工業股份有限公司 新北市土城區"],
    "cp932": ["東京エレクトロン株式会社;三菱電機株式会社;トヨタ自動車;株式会社ミツトヨ 神奈川県川崎市", "三菱重工業株式会社 東京都千代田区"],
    "euc_jp": ["東京エレクトロン株式会社;三菱電機株式会社;トヨタ自動車;株式会社ミツトヨ 神奈川県川崎市"],
    "cp949": ["한국무역 주식회사;삼성전자 주식회사;서울특별시 강남구"],
    "koi8_u": ["ООО Росэлектроника;АО Концерн Радиоэлектронные технологии;г. Москва, ул. Ленина 5"],
    "cp866": ["ООО Росэлектроника;АО Концерн Радиоэлектронные технологии;г. Москва, ул. Ленина 5"],
    "iso8859_5": ["ООО Росэлектроника;АО Концерн Радиоэлектронные технологии;г. Москва, ул. Ленина 5"],
    "cp1250": ["Zakład Łożysk Śrubowych;Przedsiębiorstwo Usługowe Kraków;Żółw Gdańsk", "Spółka Łódź", "Škoda Plzeň;Žďár nad Sázavou strojírny;Příbram Tatra vagónka Kopřivnice", "Győri Gépgyár;Műszaki Fejlesztő Zártkörű;Budapest Főváros Kőbánya", "Fabrica de maşini Braşov;Societatea Naţională Bucureşti Constanţa în Piteşti întreprindere", "Tvornica željezničkih vozila Gredelj;Đuro Đaković Slavonski Brod;Čakovec Šibenik tvornička ćelija"],
    "cp1257": ["Lietuvos geležinkeliai įmonė;Uždaroji akcinė bendrovė Šiaulių Žalgiris ąžuolas ėjęs", "Sabiedrība ar ierobežotu atbildību Rīgas Ķīmija;Jūrmala Cēsis Ļaudona ģimene"],
    "cp1253": ["Ελληνική Βιομηχανία Όπλων;Ανώνυμη Εταιρεία Αθήνα;Λιμάνι Πειραιάς", "ΕΛΛΗΝΙΚΗ ΒΙΟΜΗΧΑΝΙΑ ΟΠΛΩΝ;ΑΝΩΝΥΜΗ ΕΤΑΙΡΕΙΑ ΑΘΗΝΑ"],
    "cp1255": ["תעשיות אלקטרוניקה בעמ;חברת שיווק ישראל תל אביב"],
    "cp1256": ["شركة التجارة العامة;مؤسسة الإلكترونيات دبي;الإمارات العربية المتحدة", "شركت صنايع الكترونيك ايران;تهران"],
    "cp874": ["บริษัท ไทยอิเล็กทรอนิกส์ จำกัด;กรุงเทพมหานคร"],
    "cp850": ["Müller Wälzlager GmbH;Größe Straße München", "Compañía Española de Petróleos;Construcción Málaga"],
    "mac_roman": ["Müller Wälzlager GmbH;Größe Straße München"],
}  # fmt: skip


@pytest.mark.parametrize("encoding,text", [(e, t) for e, ts in TEXTS.items() for t in ts])
def test_encoding_found(encoding, text):
    assert screen.find_encodings(text.encode(encoding)) == [encoding]


@pytest.mark.parametrize("text", [t for texts in TEXTS.values() for t in texts] + ["plain"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_unicode_found(encoding, text):
    assert screen.find_encodings(f"Consignee;Country;Date\n{text}\n".encode(encoding)) == [encoding]


# What the field sends -------------------------------------------------------------------------


def test_rows_above_a_late_header_are_rows_in_doubt(tmp_path):
    text = "Lfd,Name des Kd,Ware\n1,Tako OOO,chairs\nNr,Consignee,Goods\n4,Acme,chairs\n"
    path = tmp_path / "late.csv"
    path.write_text(text)
    shipments, chunks = read_chunks(path)
    assert [row[0] for chunk in chunks for row in chunk.rows] == ["Lfd", "1", "4"]
    assert find_damage(chunks) == {
        n: f"line {n}: above the header line, which may not be its own" for n in (1, 2)
    }
    assert chunks[0].lines == [1, 2, 4]


def test_a_blank_follow_up_line_belongs_to_the_party_above(tmp_path):
    rows = ["#1,Tako OOO,RU,nuts", "#1,,,bolts", "#1,,DE,pins", "#2,,,screws", ",,,nails"]
    path = tmp_path / "orders.csv"
    path.write_text("Order No,Ship To Name,Ship To Country,Goods\n" + "\n".join(rows) + "\n")
    _, (chunk,) = read_chunks(path)
    assert chunk.rows[1] == ["#1", "", "", "bolts"]
    assert chunk.meant == {
        1: ["#1", "Tako OOO", "RU", "bolts"],
        2: ["#1", "Tako OOO", "DE", "pins"],
    }


def test_a_name_column_of_numbers_is_the_shipments_own(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("Name,Shipping Name,Lineitem name\n#1001,Ann Roe,Mug\n#1001,,Cup\n")
    shipments, (chunk,) = read_chunks(path)
    assert shipments.roles["reference"] == ((0,),) and chunk.meant[1][1] == "Ann Roe"


def test_values_tell_codes_from_other_numbers():
    headers, rows = ["HS Code", "Commodity Code"], [["84821010", "A-77"], ["940360", "B-12"]]
    assert screen.find_roles(headers, {}, rows) == {"hs_code": ((0,),)}
    assert screen.find_roles(["Customs Code", "HS Code"], {}) == {"hs_code": ((1,),)}
    assert screen.find_roles(["Customs Code"], {}) == {"hs_code": ((0,),)}


def test_first_and_last_name_are_one_party():
    roles = screen.find_roles(["Consignee First Name", "Consignee Last Name", "Consignee"], {})
    assert roles == {"consignee": ((2,), (0, 1))}
    shop = "First Name (Billing),Last Name (Billing),First Name (Shipping),Last Name (Shipping)"
    assert screen.find_roles(shop.split(","), {}) == {"consignee": ((0, 1), (2, 3))}


def test_no_consignee_is_said_with_a_sign(tmp_path):
    path = tmp_path / "none.csv"
    path.write_text("TPM Ship To Nm,End User,Goods\nAcme Foods Ltd,Otto,chairs\n")
    assert find_error(path) == (
        f"{path}, line 1: no column for consignee, give the header of one, such as --column "
        "consignee=\"TPM Ship To Nm\", or --column consignee=- if there is none: 'TPM Ship To Nm', "
        "'End User', 'Goods'."
    )
    shipments = read_chunks(path, columns={"consignee": ("-",)})[0]
    assert shipments.roles == {"end_user": ((1,),), "description": ((2,),)}
    assert shipments.unread == ("TPM Ship To Nm",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("term,class,source,as_of\na,b,c,d\n", "this is a table of screen.py, give a shipment file instead"),
        ("name,aliases,type\nTako,,entity\n", "this is a list of parties, give it with -l and"),
    ],
)  # fmt: skip
def test_what_is_no_shipment_file_is_said(tmp_path, text, words):
    path = tmp_path / "other.csv"
    path.write_text(text)
    assert words in find_error(path)


def test_a_file_that_is_cut_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "cut.csv"
    path.write_text(HEADER + "1,A,KG,8\n" * 50_000)
    with (
        pytest.raises(screen.ScreenError, match="it was cut meanwhile"),
        screen.open_shipments(str(path), screen.ReadOptions()) as shipments,
    ):
        next(shipments.chunks)
        os.truncate(path, 0)
        list(shipments.chunks)


def test_an_endless_line_ends_the_run(monkeypatch):
    monkeypatch.setattr(screen, "ENDLESS", 1 << 20)
    assert find_error("/dev/zero").startswith("/dev/zero: reading broke off after ")


def test_a_lock_file_and_a_file_that_may_not_be_read(tmp_path):
    lock = tmp_path / "~$a.xlsx"
    lock.write_bytes(b"\x05user")
    said = "this is the lock of an open office document: give the document itself."
    assert find_error(lock) == f"{lock}: {said}"
    closed = tmp_path / "closed.csv"
    closed.write_text(HEADER)
    closed.chmod(0)
    if os.geteuid():
        assert find_error(closed).endswith(
            "you may not read it: ask for the right to, or for a copy."
        )


@pytest.mark.parametrize("sign", ["\x85", "\u2028"])
def test_an_odd_line_end_in_a_cell_is_damage(tmp_path, sign):
    path = tmp_path / "ends.csv"
    path.write_text(f"Consignee\nAcme{sign}Tako OOO\nOtto\n", encoding="utf-8")
    shipments, chunks = read_chunks(path)
    assert [*find_damage(chunks)] == [1]


def test_letters_that_do_not_tell_are_damage(tmp_path):
    path = tmp_path / "doubt.csv"
    path.write_bytes("Consignee,Goods\nPeña,x\nAcme,x\n".encode("cp1252"))
    assert screen.find_encodings(path.read_bytes())[0] == "cp1252"
    path.write_bytes(b"Consignee,Goods\n\xe6\xf8,x\nAcme,x\n")
    shipments, chunks = read_chunks(path)
    rivals = screen.find_encodings(path.read_bytes())[1:]
    assert [*find_damage(chunks)] == ([1] if rivals else [])


def test_a_workbook_is_read_as_its_sheets_show_it(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    path, book = tmp_path / "week.xlsx", openpyxl.Workbook()
    book.active.append(["Cover"])
    for name, key in (("Jan", "0012"), ("Feb", 7)):
        sheet = book.create_sheet(name)
        sheet.append(["Shipment No", "Consignee", "HS Code", "Date", "Value"])
        sheet.append([key, "Acme\nFoods", 1012100, date(2026, 1, 2), 12.5])
        sheet.cell(2, 3).number_format = "00000000"
    book.save(path)
    shipments, (chunk,) = read_chunks(path)
    assert chunk.rows == [
        [key, "Acme\nFoods", "01012100", "2026-01-02", "12.5"] for key in ("0012", "7")
    ]
    assert shipments.notes == [
        "sheets not read, no such header in them: 'Sheet'",
        "2 sheets read one after the other: 'Jan', 'Feb'",
    ]
    sheet.cell(2, 2).value = "=A1"
    book.save(path)
    assert find_error(path) == f"{path}: its formulas have no values: open and save it in Excel."


def test_planted_parties_come_out_of_damaged_files(tmp_path):
    """None is lost without a flag; seeds 1 to 3 of 200 files lose one each, to a quote in a name."""
    rng, screener = random.Random(5), damage_shipments.load_screener()
    lost = []
    for n in range(len(damage_shipments.DAMAGES)):
        made = damage_shipments.Made(rng)
        with contextlib.suppress(UnicodeEncodeError):
            raw = damage_shipments.DAMAGES[n](made)
            lost += damage_shipments.find_lost(raw, made, screener, tmp_path / "shipments.csv")[1]
    assert lost == []


# Size and hostility --------------------------------------------------------------------------


def test_a_cell_of_100_megabytes_is_cut_and_reported(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("w") as out:
        out.write(HEADER + "1,")
        for _ in range(100):
            out.write("x" * 1_000_000)
        out.write(",KG,8482\n2,Bolt,KG,8482\n")
    chunks = read_chunks(path)[1]
    assert [row[0] for chunk in chunks for row in chunk.rows] == ["1", "2"]
    assert max(len(cell) for chunk in chunks for row in chunk.rows for cell in row) < 3 << 19
    assert find_damage(chunks) == {
        1: "line 2: a line longer than 1,048,576 characters, the rest of it not read; "
        "quotes out of place, or a cell over 131,072 characters"
    }


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with gzip.open("bomb.gz", "wb") as out:
        out.write(HEADER.encode() + b"," * 100_000_000)
    assert (
        find_error("bomb.gz")
        == "bomb.gz: reading broke off after 52,690,944 bytes (200 times its size unpacked: "
        "unpack it yourself): give the whole file."
    )


def test_an_encrypted_or_false_zip_is_one_sentence(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04 no archive")
    assert (
        find_error(path)
        == f"{path}: cannot be opened (File is not a zip file): give a readable CSV file."
    )


@pytest.mark.parametrize("line", ['a",",b,c,d\n', '"x\n', ',"\n', '"""\n', "\n", '"",' * 50 + "\n"])
def test_work_is_linear_in_hostile_quotes(tmp_path, line):
    def seconds(count):
        start = time.process_time()
        read_text(tmp_path, HEADER + "1,A,KG,8\n" + line * count)
        return time.process_time() - start

    assert seconds(40_000) < 8 * seconds(10_000) + 0.2


@pytest.mark.parametrize(
    "line",
    [
        b"a" * 400_000 + b"\xe4",
        b"\xe4a" * 200_000,
        b"\x1b$B" * 130_000,
        b"a" * 400_000 + b" \xe4 \xe5 \xe6 \xe7 \xe8",
    ],
)
def test_an_encoding_is_found_in_linear_time(tmp_path, line, no_hang):
    file = tmp_path / "odd.csv"
    file.write_bytes(b"Consignee,Note\n" + (b"Altyn Trade," + line + b"\n") * 12)
    assert check_shape(*read_chunks(file)) == 12


def test_hostile_header_is_refused_soon(tmp_path):
    start = time.process_time()
    path = tmp_path / "h.csv"
    path.write_text("".join(f"{n},a/b|" for n in range(100_000)))
    assert "columns, at most 300 expected." in find_error(path)
    assert time.process_time() - start < 10


# Streams -------------------------------------------------------------------------------------

SHOW = """
import screen
with screen.open_shipments("-", screen.ReadOptions()) as s:
    for chunk in s.chunks:
        print(chunk.first_row, len(chunk.rows), flush=True)
"""


def test_rows_appear_while_input_is_still_coming():
    paths = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen([sys.executable, "-c", SHOW], stdin=-1, stdout=-1,
                          env={**os.environ, "PYTHONPATH": paths}) as run:  # fmt: skip
        timer = threading.Timer(20, run.kill)
        timer.start()
        for sent, seen in [
            (b"Report\n", None), (HEADER.encode(), None), (b"1,A,KG,8\n2,B,K", b"1 1\n"),
            (b'G,8\n3,"C\n', b"2 1\n"), (b'D",KG,8\n', b"3 1\n"),
        ]:  # fmt: skip
            run.stdin.write(sent)
            run.stdin.flush()
            time.sleep(0.5)
            assert seen is None or run.stdout.readline() == seen
        run.stdin.write(b"4,last row without line end,KG,8")
        run.stdin.close()
        assert run.stdout.read() == b"4 1\n"
        timer.cancel()


def test_rows_that_come_with_the_header_do_not_wait_for_more():
    paths = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen([sys.executable, "-c", SHOW], stdin=-1, stdout=-1,
                          env={**os.environ, "PYTHONPATH": paths}) as run:  # fmt: skip
        timer = threading.Timer(20, run.kill)
        timer.start()
        run.stdin.write(HEADER.encode() + b"1,A,KG,8\n")
        run.stdin.flush()
        assert run.stdout.readline() == b"1 1\n"
        run.stdin.close()
        timer.cancel()


def test_standard_input_without_a_file_descriptor(monkeypatch):
    fake = io.TextIOWrapper(io.BytesIO((HEADER + "1,A,KG,8\n").encode()))
    monkeypatch.setattr(sys, "stdin", fake)
    shipments, chunks = read_chunks("-")
    assert (shipments.name, chunks[0].rows) == ("standard input", [["1", "A", "KG", "8"]])


def test_an_error_of_the_consumer_is_left_alone(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(HEADER + "1,A,KG,8\n")
    with pytest.raises(BrokenPipeError), screen.open_shipments(str(path), screen.ReadOptions()):
        raise BrokenPipeError


# Properties ----------------------------------------------------------------------------------

LINES = [f"ROW-{n}-,{name},KG,8482.10" for n, name in enumerate(
    ["Altyn Trade", '"Acme, Ltd"', '"The ""Best"" Firm"', "Müller", "东方贸易",
     "ООО Ромашка", "B", ""] * 3
)]  # fmt: skip
VALID = (HEADER + "".join(f"{line}\n" for line in LINES)).encode()
PIECES = [b'"', b",", b"\n", b"\r", b"\0", b"\xff", b'""', b'","', b"\xe4\xb8", b";", b"\t", b'"\n']


@st.composite
def damaged_files(draw):
    text = bytearray(VALID)
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(len(HEADER), len(text)))
        if draw(st.booleans()):
            text[at:at] = draw(st.sampled_from(PIECES))
        elif bytes(text[at : at + 1]) in (b'"', b",", b"\n"):
            del text[at : at + 1]
    return bytes(text)


def count_markers(text):
    return [text.count(f"ROW-{n}-".encode()) for n in range(len(LINES))]


@settings(max_examples=400, deadline=None)
@given(text=damaged_files(), block=st.sampled_from([64, 300, 1 << 18]), rows=st.integers(1, 30))
@example(VALID.replace(b"Altyn", b'"Altyn', 1), 64, 1)
def test_no_row_is_lost_or_doubled(tmp_path_factory, text, block, rows):
    path = tmp_path_factory.mktemp("random") / "f.csv"
    path.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screen, "BLOCK", max(block, len(HEADER) + 20))
        shipments, chunks = read_chunks(path, chunk_rows=rows)
    check_shape(shipments, chunks)
    seen = "\n".join(
        "\n".join((*row, chunk.damage.get(index, "")))
        for chunk in chunks for index, row in enumerate(chunk.rows)
    )  # fmt: skip
    assert count_markers(seen.encode()) == count_markers(text.replace(b"\0", b""))


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from(["", HEADER, "Consignee\n", "PK\x03\x04", "\x1f\x8b\x08"]),
)
def test_nothing_but_a_screen_error_escapes(tmp_path_factory, noise, start):
    path = tmp_path_factory.mktemp("noise") / "f.csv"
    path.write_bytes(start.encode("latin-1") + noise)
    with contextlib.suppress(screen.ScreenError):
        check_shape(*read_chunks(path))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text(
    st.characters(codec="utf-8", exclude_characters="\0\ufffd\uffff\ufffe")),
    min_size=3, max_size=3), min_size=1, max_size=8))  # fmt: skip
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("back") / "f.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([["Consignee", "HS Code", "Value"], *rows])
    chunks = read_chunks(path, encoding="utf-8", delimiter=",")[1]
    assert [row for chunk in chunks for row in chunk.rows] == rows


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 150))
def test_damaged_archives(tmp_path_factory, noise, at):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", HEADER + "1,A,KG,8\n" * 20)
    path = tmp_path_factory.mktemp("zip") / "f.zip"
    text = whole.getvalue()
    path.write_bytes(text[:at] + noise[:3] + text[at + len(noise[:3]) :])
    with contextlib.suppress(screen.ScreenError):
        check_shape(*read_chunks(path))


def test_a_byte_order_mark_in_the_middle_loses_no_row(tmp_path):
    lines = [b"Ref,Consignee", *(b"R%d,Acme %d Ltd" % (n, n) for n in range(20_000))]
    lines[15_000] = b"\xff\xfe" + lines[15_000]
    (tmp_path / "rows.csv").write_bytes(b"\n".join(lines) + b"\n")
    with screen.open_shipments(str(tmp_path / "rows.csv"), screen.ReadOptions()) as shipments:
        rows = sum(len(chunk.rows) for chunk in shipments.chunks)
    assert rows == 20_000
