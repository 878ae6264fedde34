"""Damages shipment files as senders and tools do, each with listed parties planted in its rows, and
says which planted party was lost: not flagged, in a run that did not end with 2.

python tests/damage_shipments.py --seed 1 --files 200
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import random
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import screen  # noqa: E402

OWN = ROOT / "samples" / "own_list.csv"
DAY = date(2026, 11, 23)
HEADER = ["No", "Consignee", "Address", "Country", "HS Code", "Goods", "Value"]
# Letters of many languages, so that an encoding has something to break; the listed ones are made up.
LISTED = {
    "latin": [
        "Zakład Mechaniczny Wołga",
        "Sociétė Générale des Roulements Éclair",
        "Şimşek Savunma Sanayi",
    ],
    "western": ["Größenwahn Präzision GmbH", "Société Éclair Défense", "Compañía Ñandú Blindados"],
    "cyrillic": ["ООО Росподшипник Юг", "АО Уралвагоноптика"],
    "arabic": ["شركة النجم الفضي للإلكترونيات", "مؤسسة برق للصناعات"],
    "greek": ["Ελληνική Βιομηχανία Κεραυνός"],
    "hebrew": ["תעשיות ברק אלקטרוניקה"],
    "chinese": ["深圳市雷霆精密电子有限公司", "上海惊雷进出口贸易有限公司"],
    "japanese": ["雷鳴精密工業株式会社", "イカズチ電機株式会社"],
    "korean": ["번개정밀 주식회사"],
    "turkish": ["Şimşek Savunma Sanayi ve Dış Ticaret"],
    "ascii": ["Varnholt Dynamics FZE", "Kestrel Orbital Bearings LLC", "Obsidian Meridian Trading"],
}
CLEAN = {
    "western": ["Müller Wälzlager GmbH", "Hôtel Bréguet", "Peña Hermanos", "São João Lda"],
    "cyrillic": ["ООО Ромашка", "ТОО Алтын Трейд", "ИП Кузнецов"],
    "arabic": ["شركة الواحة للتجارة", "مطعم النخيل"],
    "greek": ["Εταιρεία Γάλα Αθήνα"],
    "hebrew": ["חברת לחם טוב"],
    "chinese": ["广州市阳光玩具有限公司", "北京春天食品厂"],
    "japanese": ["桜食品株式会社", "さくらパン"],
    "korean": ["봄빛식품 주식회사"],
    "turkish": ["Güneş Gıda Ltd. Şti.", "Işık Mobilya"],
    "ascii": ["Acme Foods Inc", "Blue River Toys Ltd", "Otto Chairs", "Nordic Fish AS"],
}
CODES = {
    "western": "utf-8 cp1252 iso8859_15 cp850 mac_roman utf-16 utf-8-sig utf-16-be cp858 cp437",
    "cyrillic": "utf-8 cp1251 koi8_r koi8_u cp866 iso8859_5 mac_cyrillic utf-16",
    "arabic": "utf-8 cp1256 iso8859_6",
    "greek": "utf-8 cp1253 iso8859_7 cp737",
    "hebrew": "utf-8 cp1255 cp862 iso8859_8",
    "chinese": "utf-8 gb18030 gbk hz gb2312",
    "japanese": "utf-8 cp932 euc_jp iso2022_jp",
    "korean": "utf-8 cp949 euc_kr iso2022_kr",
    "turkish": "utf-8 cp1254 cp857 iso8859_9",
    "ascii": "utf-8 utf-16 utf-8-sig",
}  # fmt: skip


class Made:
    """A file being made: its rows with the planted names among them, then its bytes."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.script = rng.choice(list(CODES))
        self.planted = rng.sample(LISTED[self.script], min(2, len(LISTED[self.script])))
        names = [rng.choice(CLEAN[self.script] + CLEAN["ascii"]) for _ in range(rng.randint(6, 30))]
        for name in self.planted:
            names.insert(rng.randrange(len(names) + 1), name)
        self.rows = [
            [str(n), name, f"Street {rng.randint(1, 90)}", "DE", "940360", "chairs", f"{rng.random() * 900:.2f}"]
            for n, name in enumerate(names, 1)
        ]  # fmt: skip
        self.mark, self.end, self.code = rng.choice(",;\t|"), rng.choice(["\n", "\r\n"]), "utf-8"

    def text(self) -> str:
        """The file as sound text."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self.mark, lineterminator=self.end)
        writer.writerows([HEADER, *self.rows])
        return out.getvalue()

    def lines(self) -> list[str]:
        """Its lines, with their ends."""
        return self.text().splitlines(keepends=True)


Damage = Callable[[Made], bytes]


def encode(made: Made) -> bytes:
    """Written in another encoding."""
    code = made.rng.choice(CODES[made.script].split())
    return made.text().encode(code, "replace" if code != "cp437" else "ignore")


def late_encoding(made: Made) -> bytes:
    """Letters of another encoding after a thousand plain rows."""
    plain = made.mark.join(["0", "Acme", "x", "DE", "940360", "chairs", "1"]) + made.end
    lines = made.lines()
    code = made.rng.choice(CODES[made.script].split()[1:3])
    return (lines[0] + plain * 30_000 + "".join(lines[1:])).encode(code, "replace")


def quote(made: Made) -> bytes:
    """A stray quote somewhere."""
    text = made.text()
    at = made.rng.randrange(len(text))
    return (text[:at] + '"' + text[at:]).encode()


def quotes(made: Made) -> bytes:
    """Several stray quotes."""
    text = made.text()
    for _ in range(4):
        at = made.rng.randrange(len(text))
        text = text[:at] + made.rng.choice(['"', '""', f'"{made.mark}']) + text[at:]
    return text.encode()


def drop_cell(made: Made) -> bytes:
    """A delimiter lost in each of some rows, before the name or behind it."""
    lines = made.lines()
    for n in made.rng.sample(range(1, len(lines)), len(lines) // 2):
        lines[n] = lines[n].replace(made.mark, " ", 1)
    return "".join(lines).encode()


def more_cells(made: Made) -> bytes:
    """Delimiters not quoted in cells."""
    lines = made.lines()
    for n in made.rng.sample(range(1, len(lines)), len(lines) // 2):
        lines[n] = lines[n].replace(" ", made.mark, 1)
    return "".join(lines).encode()


def break_line(made: Made) -> bytes:
    """Line breaks not quoted in rows."""
    lines = made.lines()
    for n in made.rng.sample(range(1, len(lines)), len(lines) // 3 or 1):
        at = made.rng.randrange(len(lines[n]))
        lines[n] = lines[n][:at] + made.end + lines[n][at:]
    return "".join(lines).encode()


def join_lines(made: Made) -> bytes:
    """Line ends lost, or other signs in their place."""
    lines = made.lines()
    sign = made.rng.choice(["", " ", "\x85", "\u2028", "\x0b", "\x0c", "\x1e"])
    for n in made.rng.sample(range(len(lines)), len(lines) // 3 or 1):
        lines[n] = lines[n].rstrip("\r\n") + sign
    return "".join(lines).encode()


def separators(made: Made) -> bytes:
    """Another line end in the whole file."""
    sign = made.rng.choice(["\r", "\x85", "\u2028", "\r\r\n", "\n\r"])
    return made.text().replace(made.end, sign).encode()


def nuls(made: Made) -> bytes:
    """NUL bytes in cells and at the end."""
    text = made.text()
    for _ in range(3):
        at = made.rng.randrange(len(text))
        text = text[:at] + "\0" * made.rng.choice((1, 500)) + text[at:]
    return text.encode()


def cut(made: Made) -> bytes:
    """Cut off in the last row, which holds a planted name."""
    made.rows.append(["99", made.planted[0], *made.rows[0][2:]])
    raw = made.text().encode()
    return raw[: -made.rng.randint(1, 30)]


def torn_bytes(made: Made) -> bytes:
    """Bytes of chance in place of others."""
    raw = bytearray(made.text().encode())
    for _ in range(5):
        raw[made.rng.randrange(len(raw))] = made.rng.randrange(128, 256)
    return bytes(raw)


def preamble(made: Made) -> bytes:
    """A report's title and filters above the header."""
    above = ["Report;2026", "", f"Period{made.mark}2026-10", f"Consignee{made.mark}all"]
    return (made.end.join(above) + made.end + made.text()).encode()


def late_header(made: Made) -> bytes:
    """Rows above the header, as after a sort."""
    lines = made.lines()
    at = made.rng.randint(1, len(lines) - 1)
    return "".join([*lines[1 : at + 1], lines[0], *lines[at + 1 :]]).encode()


def second_header(made: Made) -> bytes:
    """A second table of other columns below the first."""
    rows = [["Ref", "Country", "Goods", "Buyer"], *([r[0], r[3], r[5], r[1]] for r in made.rows)]
    return (made.text() + "".join(made.mark.join(row) + made.end for row in rows)).encode()


def header_again(made: Made) -> bytes:
    """The header again between rows, with a mark: files joined."""
    lines = made.lines()
    at = made.rng.randint(1, len(lines) - 1)
    return "".join([*lines[:at], "\ufeff" + lines[0], *lines[at:]]).encode()


def unknown_header(made: Made) -> bytes:
    """A header that nobody knows in place of Consignee."""
    word = made.rng.choice(
        ["Foo", "TPM Ship To Name", "CUST_NM", "Col2", "", "Consignee*", "cons."]
    )
    return made.text().replace("Consignee", word, 1).encode()


def other_column(made: Made) -> bytes:
    """The names in a second column of a role, the first holding the sender's own firm."""
    word = made.rng.choice(
        ["Buyer", "Consignee Name", "Ship To Name_EN", "Notify 2", "Owner", "End User (English)"]
    )
    head = [*HEADER, word]
    lines = [
        made.mark.join(head),
        *(made.mark.join([r[0], "Own Firm AG", *r[2:], r[1]]) for r in made.rows),
    ]
    return made.end.join(lines).encode()


def split_name(made: Made) -> bytes:
    """The name over two columns, cut anywhere between words."""
    lines = [made.mark.join([HEADER[0], "Consignee Name 1", "Consignee Name 2", *HEADER[2:]])]
    for row in made.rows:
        first, _, rest = row[1].partition(" ")
        lines.append(made.mark.join([row[0], first, rest, *row[2:]]))
    return made.end.join(lines).encode()


def packed(made: Made) -> bytes:
    """A gz or zip archive, whole or torn."""
    raw = made.text().encode()
    if made.rng.random() < 0.5:
        pack = gzip.compress(raw)
    else:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", raw)
        pack = out.getvalue()
    return pack if made.rng.random() < 0.5 else pack[: made.rng.randrange(10, len(pack))]


def workbook(made: Made) -> bytes:
    """A workbook, its rows on the first or second sheet, or on both."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["Cover"])
    where = book.create_sheet("Data")
    half = len(made.rows) // 2
    for row in [HEADER, *made.rows[:half]]:
        where.append(row)
    more = book.create_sheet("More") if made.rng.random() < 0.5 else where
    for row in ([HEADER] if more is not where else []) + made.rows[half:]:
        more.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def follow_up(made: Made) -> bytes:
    """Blank follow-up lines of an order, as web shops write them."""
    lines = [made.mark.join(["Order No", *HEADER[1:]])]
    for row in made.rows:
        lines.append(made.mark.join([f"#{row[0]}", *row[1:]]))
        lines.append(made.mark.join([f"#{row[0]}", "", "", "", "847130", "more", ""]))
    return made.end.join(lines).encode()


DAMAGES: list[Damage] = [
    encode, encode, encode, late_encoding, quote, quotes, drop_cell, more_cells, break_line, join_lines,
    separators, nuls, cut, torn_bytes, preamble, late_header, second_header, header_again,
    unknown_header, other_column, split_name, packed, workbook, follow_up,
]  # fmt: skip


def load_screener() -> screen.Screener:
    """A screener of the planted names alone."""
    names = sorted({name for several in LISTED.values() for name in several})
    entries = [
        screen.ListEntry("X", str(n), "entity", ((name, "primary"),))
        for n, name in enumerate(names)
    ]
    return screen.Screener(entries, [], screen.Options(DAY, hits="all"))


def find_lost(
    raw: bytes, made: Made, screener: screen.Screener, file: Path
) -> tuple[str, list[str]]:
    """How a file ended ("refused", "flagged"), and the planted names that nothing tells of.

    A planted row whose number still stands in a first cell must be flagged itself; one whose number
    is gone may be any row that is `unscreened`.
    """
    file.write_bytes(raw)
    told, flagged, there, unscreened = set[str](), set[str](), set[str](), 0
    try:
        with screen.open_shipments(str(file), screen.ReadOptions()) as shipments:
            for chunk in shipments.chunks:
                there |= {row[0].lstrip("#") for row in chunk.rows}
                for row in screener.screen_chunk(chunk, shipments.roles):
                    told |= {str(flag.facts.get("listed_name", "")) for flag in row.flags}
                    flagged |= {row.cells[0].lstrip("#")} if row.flags else set()
                    unscreened += any(flag.kind == "unscreened" for flag in row.flags)
    except screen.ScreenError:
        return "refused", []
    numbers = {row[1]: row[0] for row in made.rows}
    lost = [name for name in made.planted if name not in told and numbers[name] not in flagged]
    gone = [name for name in lost if numbers[name] not in there]
    lost = [name for name in lost if numbers[name] in there or unscreened < len(gone)]
    return "flagged" if {*made.planted} & told else "unscreened", lost


@click.command(help=__doc__)
@click.option("--files", default=200, help="How many.")
@click.option("--seed", default=1, help="Of chance; another one, other files.")
def main(files: int, seed: int) -> None:
    """Damage, screen, count, and end with 1 if a planted party was lost."""
    rng, screener, lost = random.Random(seed), load_screener(), 0
    counts, ends = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for n in range(files):
            made = Made(rng)
            damage = DAMAGES[n % len(DAMAGES)]
            with contextlib.suppress(UnicodeEncodeError):
                raw = damage(made)
                end, gone = find_lost(raw, made, screener, Path(folder, "shipments.csv"))
                counts[damage.__name__] += 1
                ends[end] += 1
                if gone:
                    lost += 1
                    click.echo(
                        f"{n} {damage.__name__} {made.script}: lost {gone}; begins {raw[:60]!r}"
                    )
    ended = ", ".join(f"{count} {end}" for end, count in ends.items())
    kinds = f"{counts.total()} files of {len(counts)} kinds"
    click.echo(f"seed {seed}: {kinds} ({ended}), {lost} with a party lost")
    raise SystemExit(lost > 0)


if __name__ == "__main__":
    main()
