"""`update`: whatever a server does, lists/official/ holds the last good copy and the fault is told.

The server is this machine's; nothing here may reach another host.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import screen

Answer = Callable[["Handler"], None]
LIMITS = screen.UpdateLimits(quiet_seconds=0.3, total_seconds=0.6, pauses=(0.01,))
CANARY = "Orbital Canary Trading"


def build_list(edition: str, rows: int = 300, canary: str = CANARY) -> bytes:
    """A list in the own-list layout; every edition has other names, the first row is the canary."""
    names = [canary, *(f"{edition} Imaginary Works {number}" for number in range(1, rows))]
    lines = [f"X-{number},{name},entity" for number, name in enumerate(names)]
    return "\n".join(["entry_id,name,type", *lines, ""]).encode()


GOOD, NEWER = build_list("Old"), build_list("New")


def build_answer(
    body: bytes, status: int = 200, announced: int | None = None, **headers: str
) -> Answer:
    """An answer with this body; `announced` is a Content-Length that lies, -1 sends none."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        if announced != -1:
            handler.send_header("Content-Length", str(announced or len(body)))
        for name, text in headers.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def send_drop_by_drop(body: bytes, pause: float, head: bytes) -> Answer:
    """An answer of `head` and `body` with a pause after every byte."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(head)
        for start in range(len(body)):
            handler.wfile.write(body[start : start + 1])
            time.sleep(pause)

    return answer


def send_nothing(handler: Handler) -> None:
    """The connection is closed without a word."""


def send_stall(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(GOOD)))
    handler.end_headers()
    handler.wfile.write(GOOD[:1000])
    handler.server.released.wait(5)  # type: ignore[attr-defined]


def send_endless(handler: Handler) -> None:
    """Chunks of the list without an end, as a server gone mad would."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(GOOD), GOOD))
        handler.server.sent += len(GOOD)  # type: ignore[attr-defined]


def send_endless_redirect(handler: Handler) -> None:
    """A redirect to the same address, with a body that has no end."""
    handler.send_response(302)
    handler.send_header("Location", "/l.csv")
    handler.end_headers()
    while True:
        handler.wfile.write(GOOD)


class Handler(BaseHTTPRequestHandler):
    """Gives the answers of `server.answers` in turn, the last one for ever after."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        answers = server.answers  # type: ignore[attr-defined]
        self.close_connection = True
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def do_CONNECT(self) -> None:
        self.server.seen.append({"CONNECT": self.path})  # type: ignore[attr-defined]
        self.send_error(403)

    def log_message(self, *_: object) -> None: ...


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = [build_answer(GOOD)]
        self.seen: list[dict[str, str]] = []
        self.sent = 0
        self.released = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}/l.csv"

    def handle_error(self, *_: object) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    connect = socket.create_connection

    def connect_here(address: tuple[str, int], *rest: object) -> socket.socket:
        assert address[0] == "127.0.0.1", f"a connection to {address} was tried"
        return connect(address, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", connect_here)
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


def build_source(url: str, name: str = "X-LIST", files: str = "l.csv") -> dict[str, str]:
    return {
        "list": name, "title": "Imaginary", "format": "own csv", "url": url, "files": files,
        "least_entries": "100", "canaries": CANARY, "max_age_days": "30", "licence": "none",
        "manual": "", "source": "invented", "as_of": "2026-11-23",
    }  # fmt: skip


def update(url: str, folder: Path, **changes: str) -> tuple[list[str], list[str]]:
    """The faults and the talk of one update of one list."""
    talk: list[str] = []
    source = build_source(url) | changes
    return screen.update_lists([source], [], folder, talk.append, LIMITS), talk


def read_used(folder: Path) -> dict[str, list[bytes]]:
    """What a screening would read, after proving that every copy is whole."""
    used = {}
    for home in sorted(folder.glob("*/")):
        for copy in screen.find_copies(home)[:1]:
            assert screen.read_copy_note(copy)["measures"]["entries"] == 300
            used[home.name] = [path.read_bytes() for path in screen._find_files(home)]
            bodies = [gzip.decompress(b) if b[:1] == b"\x1f" else b for b in used[home.name]]
            assert [body.count(b"\n") for body in bodies] == [301] * len(bodies)
    return used


def list_leftovers(folder: Path) -> list[str]:
    """Temporary folders and copies beyond two a list."""
    kept = {copy for home in folder.glob("*/") for copy in screen.find_copies(home)[:2]}
    return [str(path.relative_to(folder)) for path in {*folder.glob("*/*/")} - kept]


def build_sentence(fault: str, url: str, folder: Path, today: str) -> str:
    return (
        f"X-LIST: {fault}; the last good copy of {today} stays in use; run `screen.py update "
        f"X-LIST` again, or fetch by hand {url} as {folder / 'X-LIST' / 'l.csv'}."
    )


HEAD = b"HTTP/1.1 200 OK\r\n"
HALF = len(NEWER) // 2
LARGEST = 10 * len(GOOD)
TRANSPORT_FAULTS = {
    "half of what is announced": (
        build_answer(NEWER[:HALF], announced=len(NEWER)),
        f"{{url}} was cut: {len(NEWER) - HALF:,} bytes did not come",
    ),
    "cut between chunks": (
        build_answer(b"5\r\nentry\r\n", announced=-1, Transfer_Encoding="chunked"),
        "{url} could not be downloaded: IncompleteRead(0 bytes read)",
    ),
    "connection closed at once": (
        send_nothing,
        "{url} could not be downloaded: Remote end closed connection without response",
    ),
    "stall": (send_stall, "{url} could not be downloaded: timed out"),
    "drip feed": (
        send_drop_by_drop(NEWER, 0.1, HEAD + b"Content-Length: 9999\r\n\r\n"),
        "{url} was not here within 0.6 s",
    ),
    "redirect to http": (
        build_answer(b"", 302, Location="http://lists.example.invalid/l.csv"),
        "{url} was redirected, and http://lists.example.invalid/l.csv is not https",
    ),
    "redirect to ftp": (
        build_answer(b"", 301, Location="ftp://lists.example.invalid/l.csv"),
        "{url} was redirected, and ftp://lists.example.invalid/l.csv is not https",
    ),
    "redirect in a circle": (
        build_answer(b"", 302, Location="/l.csv"),
        "{url} answered HTTP 302 (The HTTP server returned a redirect error that would lead "
        "to an infinite loop. The last 30x error message was: Found)",
    ),
    "100 times larger": (
        build_answer(NEWER * 100),
        f"{{url}} is larger than {LARGEST:,} bytes",
    ),
    "100 times larger, not announced": (
        build_answer(NEWER * 100, announced=-1),
        f"{{url}} is larger than {LARGEST:,} bytes",
    ),
    "endless": (send_endless, f"{{url}} is larger than {LARGEST:,} bytes"),
    "not found": (build_answer(b"", 404), "{url} answered HTTP 404 (Not Found)"),
    "forbidden": (build_answer(b"", 403), "{url} answered HTTP 403 (Forbidden)"),
    "no content": (build_answer(b"", 204), "{url} answered HTTP 204"),
    "always 503": (build_answer(b"", 503), "{url} answered HTTP 503 (Service Unavailable)"),
    "unasked 304": (build_answer(b"", 304), "{url} answered HTTP 304 (Not Modified)"),
}  # fmt: skip
WRONG_BODIES = {
    "HTML page": b"<!DOCTYPE html><html><body>Service page</body></html>\n",
    "JSON error": b'{"error": "API key missing"}\n',
    "cut within a record": NEWER[:HALF],
    "half its records": build_list("New", rows=150),
    "wrong list": build_list("New", canary="Somebody Else"),
    "empty": b"",
    "its header alone": NEWER[:20].splitlines()[0] + b"\n",
    "header lost": NEWER.split(b"\n", 1)[1],
    "name column renamed": NEWER.replace(b"name", b"title", 1),
    "names emptied": b"\n".join(
        b",".join([row.split(b",")[0], b"", b"entity"]) for row in NEWER.split(b"\n")[:-1]
    ).replace(b"entry_id,,entity", b"entry_id,name,type")
    + b"\n",
    "names cut": b"\n".join(row[:9] for row in NEWER.split(b"\n")),
    "types emptied": NEWER.replace(b",entity", b","),
    "swollen to three times": NEWER
    + b"".join(build_list(f"S{n}").split(b"\n", 1)[1] for n in range(2)),
    "a page of XML": b"<rss><item/></rss>",
    "a PDF document": b"%PDF-1.7\n" + NEWER,
    "JSON lines": b'{"name": "Orbital Canary Trading"}\n' * 300,
    "a quote left open": NEWER.replace(b"New Imaginary Works 9,", b'"New Imaginary Works 9,', 1),
    "a column of names that nobody reads": NEWER.replace(b"type", b"name 2", 1),
    "NULs": bytes(len(NEWER)),
    "gzip cut": gzip.compress(NEWER)[:-9],
    "gzip bomb": gzip.compress(bytes(screen.LARGEST_LIST + 1), 1)[: 10 * len(GOOD)],
}


@pytest.mark.parametrize("case", TRANSPORT_FAULTS)
def test_a_failing_server_leaves_the_good_copy(case: str, server: Server, tmp_path: Path) -> None:
    answer, fault = TRANSPORT_FAULTS[case]
    assert update(server.address, tmp_path)[0] == []
    server.answers, today = [answer], f"{datetime.now(UTC):%Y-%m-%d}"
    faults, talk = update(server.address, tmp_path)
    named = fault.format(url=server.address)
    assert faults == [build_sentence(named, server.address, tmp_path, today)]
    assert (read_used(tmp_path), talk) == ({"X-LIST": [GOOD]}, [])
    assert list_leftovers(tmp_path) == []
    assert server.sent < 100 * LARGEST


@pytest.mark.parametrize("case", WRONG_BODIES)
def test_a_wrong_body_leaves_the_good_copy(case: str, server: Server, tmp_path: Path) -> None:
    assert update(server.address, tmp_path)[0] == []
    server.answers, today = [build_answer(WRONG_BODIES[case])], f"{datetime.now(UTC):%Y-%m-%d}"
    (tmp_path / "l.csv").write_bytes(WRONG_BODIES[case])
    last = screen.read_copy_note(screen.find_copies(tmp_path / "X-LIST")[0])["measures"]
    fault, _ = screen.check_download([tmp_path / "l.csv"], build_source(server.address), last)
    assert fault
    faults, _ = update(server.address, tmp_path)
    assert faults == [build_sentence(fault.rstrip("."), server.address, tmp_path, today)]
    assert read_used(tmp_path) == {"X-LIST": [GOOD]}
    assert list_leftovers(tmp_path) == []
    server.answers = [build_answer(NEWER)]
    assert update(server.address, tmp_path)[0] == []
    assert read_used(tmp_path) == {"X-LIST": [NEWER]}


def test_without_a_network_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fail(address: tuple[str, int], *_: object) -> socket.socket:
        asked.append(address[0])
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(socket, "create_connection", fail)
    sources = [build_source(f"https://{n}.example.invalid/l.csv", n) for n in "abcdefg"]
    (fault,) = screen.update_lists(sources, [], tmp_path, str, LIMITS)
    assert fault == (
        "no list could be reached (https://b.example.invalid/l.csv could not be downloaded: "
        "[Errno -3] Temporary failure in name resolution): is this machine on the network? "
        "The copies in use stay; run `screen.py update` then."
    )
    assert asked == ["a.example.invalid", "b.example.invalid"]


@pytest.mark.skipif(os.name == "nt", reason="modes of Unix")
def test_a_copy_may_be_read_by_others_as_the_umask_says(server: Server, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        update(server.address, tmp_path)
    finally:
        os.umask(before)
    (copy,) = screen.find_copies(tmp_path / "X-LIST")
    modes = {path.stat().st_mode & 0o777 for path in copy.iterdir()}
    assert (copy.stat().st_mode & 0o777, modes) == (0o755, {0o644})


def test_first_download(server: Server, tmp_path: Path) -> None:
    faults, talk = update(server.address, tmp_path / "official")
    assert (faults, talk) == ([], ["X-LIST: 300 entries, new copy"])
    assert read_used(tmp_path / "official") == {"X-LIST": [GOOD]}
    assert server.seen[0]["User-Agent"] == f"screen.py/{screen.VERSION}"


def test_failing_first_download(server: Server, tmp_path: Path) -> None:
    server.answers = [build_answer(b"", 404)]
    (fault,), _ = update(server.address, tmp_path)
    assert fault == (
        f"X-LIST: {server.address} answered HTTP 404 (Not Found); there is no good copy in use; "
        "run `screen.py update X-LIST` again, or fetch by hand "
        f"{server.address} as {tmp_path / 'X-LIST' / 'l.csv'}."
    )
    assert read_used(tmp_path) == {}


@pytest.mark.parametrize(
    "first",
    [build_answer(b"", 500), build_answer(b"", 429), send_nothing,
     build_answer(GOOD[:99], announced=len(GOOD))],
)  # fmt: skip
def test_a_passing_fault_is_tried_again(first: Answer, server: Server, tmp_path: Path) -> None:
    server.answers = [first, build_answer(GOOD)]
    assert update(server.address, tmp_path)[0] == []
    assert (len(server.seen), read_used(tmp_path)) == (2, {"X-LIST": [GOOD]})


def test_a_refusal_is_not_tried_again(server: Server, tmp_path: Path) -> None:
    server.answers = [build_answer(b"", 403)]
    update(server.address, tmp_path)
    assert len(server.seen) == 1


def test_body_of_a_redirect_is_not_read(server: Server, tmp_path: Path) -> None:
    server.answers = [send_endless_redirect, build_answer(GOOD)]
    assert update(server.address, tmp_path)[0] == []
    assert read_used(tmp_path) == {"X-LIST": [GOOD]}


def test_https_is_not_redirected_to_http_even_on_this_machine() -> None:
    fault = screen.find_address_fault("http://127.0.0.1/l.csv", "https://example.org/l.csv")
    assert fault == "http://127.0.0.1/l.csv is not https"


def test_conditional_request_keeps_the_copy(server: Server, tmp_path: Path) -> None:
    changed = format_datetime(datetime(2026, 11, 20, tzinfo=UTC), usegmt=True)
    server.answers = [build_answer(GOOD, ETag='"a1"', Last_Modified=changed)]
    update(server.address, tmp_path)
    (copy,) = screen.find_copies(tmp_path / "X-LIST")
    first = screen.read_copy_note(copy)
    (copy / "copy.json").write_text(json.dumps({**first, "checked_at": "2025-01-01"}))
    server.answers = [build_answer(b"", 304)]
    faults, (line,) = update(server.address, tmp_path)
    assert (server.seen[1]["If-None-Match"], server.seen[1]["If-Modified-Since"]) == (
        '"a1"', changed)  # fmt: skip
    assert line == "X-LIST: 300 entries, unchanged"
    assert (faults, read_used(tmp_path)) == ([], {"X-LIST": [GOOD]})
    assert screen.find_copies(tmp_path / "X-LIST") == [copy]
    second = screen.read_copy_note(copy)
    assert second == {**first, "checked_at": second["checked_at"]}
    assert second["checked_at"] >= first["checked_at"]


def test_what_a_cut_answer_left_is_not_kept_when_nothing_changed(
    server: Server, tmp_path: Path
) -> None:
    server.answers = [build_answer(GOOD, ETag='"a1"')]
    update(server.address, tmp_path)
    server.answers = [build_answer(GOOD[:99], announced=len(GOOD)), build_answer(b"", 304)]
    assert update(server.address, tmp_path) == ([], ["X-LIST: 300 entries, unchanged"])
    assert read_used(tmp_path) == {"X-LIST": [GOOD]}


def test_what_a_copy_lacks_is_fetched_whole(server: Server, tmp_path: Path) -> None:
    server.answers = [build_answer(GOOD, ETag='"a1"')]
    update(server.address, tmp_path)
    (tmp_path / "X-LIST" / "000001" / "l.csv").unlink()
    assert update(server.address, tmp_path)[0] == []
    assert "If-None-Match" not in server.seen[1]
    assert read_used(tmp_path) == {"X-LIST": [GOOD]}


def test_progress_is_one_line_that_goes_away(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = screen.UpdateLimits(progress=True)
    assert screen.update_lists([build_source(server.address)], [], tmp_path, str, limits) == []
    *shown, last = capsys.readouterr().err.split("\r")
    assert (shown[-1], last) == (f"{server.address}: {len(GOOD):,} of {len(GOOD):,} bytes", "")
    assert update(server.address, tmp_path)[0] == []
    assert capsys.readouterr() == ("", "")


def test_a_body_sent_as_gzip_unasked_is_kept_so_and_read(server: Server, tmp_path: Path) -> None:
    packed = gzip.compress(GOOD)
    server.answers = [build_answer(packed, Content_Encoding="gzip")]
    assert update(server.address, tmp_path) == ([], ["X-LIST: 300 entries, new copy"])
    assert read_used(tmp_path) == {"X-LIST": [packed]}


def test_two_copies_are_kept(server: Server, tmp_path: Path) -> None:
    bodies = [build_list(edition) for edition in "ABCA"]
    for body in bodies:
        server.answers = [build_answer(body)]
        assert update(server.address, tmp_path)[0] == []
    copies = screen.find_copies(tmp_path / "X-LIST")
    kept = [(copy / "l.csv").read_bytes() for copy in copies]
    assert (kept, list_leftovers(tmp_path)) == ([bodies[3], bodies[2]], [])


def test_parts_of_a_list_change_together(server: Server, tmp_path: Path) -> None:
    url, parts = f"{server.address}|{server.address}?b", "a.csv|b.csv"
    server.answers = [build_answer(GOOD, ETag="a"), build_answer(GOOD, ETag="b")]
    assert update(url, tmp_path, files=parts)[0] == []
    server.answers = [build_answer(NEWER), build_answer(b"", 404)]
    assert len(update(url, tmp_path, files=parts)[0]) == 1
    assert read_used(tmp_path) == {"X-LIST": [GOOD, GOOD]}
    server.answers = [build_answer(NEWER), build_answer(b"", 304)]
    assert update(url, tmp_path, files=parts)[0] == []
    assert read_used(tmp_path) == {"X-LIST": [NEWER, GOOD]}


def test_one_failed_list_does_not_spoil_the_others(server: Server, tmp_path: Path) -> None:
    sources = [build_source(server.address, name) for name in ("A", "B", "C")]
    server.answers = [build_answer(GOOD), build_answer(b"", 404), build_answer(GOOD)]
    faults = screen.update_lists(sources, [], tmp_path, str, LIMITS)
    assert [fault[:2] for fault in faults] == ["B:"]
    assert read_used(tmp_path) == {"A": [GOOD], "C": [GOOD]}


def test_only_named_lists_are_fetched(server: Server, tmp_path: Path) -> None:
    sources = [build_source(server.address, name) for name in ("A", "B")]
    assert screen.update_lists(sources, ["B"], tmp_path, str, LIMITS) == []
    assert list(read_used(tmp_path)) == ["B"]


def test_unknown_list_is_refused_with_the_known(tmp_path: Path) -> None:
    sources = [build_source("", name) for name in ("A", "B")]
    with pytest.raises(screen.ScreenError) as err:
        screen.update_lists(sources, ["US-CLS"], tmp_path, str)
    assert err.value.message == "update: no list 'US-CLS' in lists/sources.csv, which has: A, B."


def test_a_list_without_an_address_is_told_about(tmp_path: Path) -> None:
    source = build_source("") | {"manual": "https://www.example.org/denied"}
    talk: list[str] = []
    assert screen.update_lists([source], [], tmp_path, talk.append) == []
    sentence = (
        "X-LIST: l.csv has no address to download from; there is no good copy in use; run "
        "`screen.py update X-LIST` again, or fetch by hand "
        f"https://www.example.org/denied as {tmp_path / 'X-LIST' / 'l.csv'}."
    )
    assert talk == [sentence]
    assert screen.update_lists([source], ["X-LIST"], tmp_path, talk.append) == [sentence]


@pytest.mark.parametrize("url", ["http://lists.example.invalid/l.csv", "file:///etc/hostname"])
def test_an_address_that_is_not_https_is_not_opened(
    url: str, server: Server, tmp_path: Path
) -> None:
    (fault,), _ = update(url, tmp_path)
    assert fault.startswith(f"X-LIST: {url} is not https; there is no good copy")


def test_an_unreadable_address_is_a_fault_of_its_list_alone(server: Server, tmp_path: Path) -> None:
    sources = [build_source("https://[example", "A"), build_source(server.address, "B")]
    (fault,) = screen.update_lists(sources, [], tmp_path, str, LIMITS)
    assert fault.startswith("A: Invalid IPv6 URL; there is no good copy")
    assert read_used(tmp_path) == {"B": [GOOD]}


def test_proxy_of_the_environment_is_used(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_port}")
    (fault,), _ = update("https://lists.example.invalid/l.csv", tmp_path)
    assert server.seen[0] == {"CONNECT": "lists.example.invalid:443"}
    assert "Tunnel connection failed: 403" in fault


def test_two_updates_at_once(server: Server, tmp_path: Path) -> None:
    inner: list[list[str]] = []

    def answer(handler: Handler) -> None:
        inner.append(update(server.address, tmp_path)[0])
        build_answer(NEWER)(handler)

    server.answers = [answer, build_answer(GOOD)]
    (fault,), _ = update(server.address, tmp_path)
    assert inner == [[]] and "Directory not empty" in fault
    assert read_used(tmp_path) == {"X-LIST": [GOOD]}


def test_what_a_killed_run_left_goes_after_an_hour(server: Server, tmp_path: Path) -> None:
    left = [tmp_path / "X-LIST" / name for name in (".partial-old", ".partial-new", "000001")]
    for path in left:
        path.mkdir(parents=True)
    os.utime(left[0], (time.time() - 3601,) * 2)
    assert update(server.address, tmp_path)[0] == []
    assert list_leftovers(tmp_path) == ["X-LIST/.partial-new"]


# A process that has imported screen once and forks an updater per line read; the number is the
# file call before which the updater kills itself, 0 = it goes on until somebody kills it.
KEEPER = """
import json, os, signal, sys, pathlib
import screen
FILE_CALLS = "open write close __exit__ fsync mkdir replace rename unlink rmdir scandir".split()
source, folder = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2])
limits = screen.UpdateLimits(quiet_seconds=5, pauses=())
def run(fatal):
    left = [fatal]
    def count(frame, event, function):
        if event == "c_call" and function.__name__ in FILE_CALLS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    if fatal:
        sys.setprofile(count)
    while True:
        screen.update_lists([source], [], folder, str, limits)
        if fatal:
            os._exit(0)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        run(int(line))
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@pytest.fixture
def keeper(server: Server, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Updaters that are meant to die; the server changes the list on every request, slowly."""
    editions = (build_list(f"E{number}") for number in range(10**6))

    def answer(handler: Handler) -> None:
        body = next(editions)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for start in range(0, len(body), 2000):
            handler.wfile.write(body[start : start + 2000])
            time.sleep(0.001)

    server.answers = [answer]
    source = json.dumps(build_source(server.address))
    command = [sys.executable, "-c", KEEPER, source, str(tmp_path / "official")]
    where = Path(screen.__file__).parent
    with subprocess.Popen(
        command,
        cwd=where,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin
            process.stdin.close()
            os.killpg(process.pid, signal.SIGKILL)


def start_updater(keeper: subprocess.Popen[str], fatal: int) -> int:
    assert keeper.stdin and keeper.stdout
    keeper.stdin.write(f"{fatal}\n")
    keeper.stdin.flush()
    return int(keeper.stdout.readline())


@pytest.mark.skipif(os.name == "nt", reason="forks and SIGKILL")
def test_fifty_kills_at_random_moments(keeper: subprocess.Popen[str], tmp_path: Path) -> None:
    assert keeper.stdout
    folder, used, leftovers, longest = tmp_path / "official", set(), 0, 0.0
    for _ in range(50):
        pid, start = start_updater(keeper, 0), time.monotonic()
        while not longest and not screen.find_copies(folder / "X-LIST"):
            assert time.monotonic() - start < 5, "no first copy within 5 s"
            time.sleep(0.001)  # the first one lives to its first copy, and so sets the pace
        longest = longest or 3 * min(time.monotonic() - start, 0.4)
        time.sleep(random.uniform(0, longest))
        os.kill(pid, signal.SIGKILL)
        assert int(keeper.stdout.readline()) == -signal.SIGKILL
        used.add(str(read_used(folder)))
        leftovers += bool(list_leftovers(folder))
    assert len(used) > 5 and leftovers > 5  # the kills met commits and downloads


@pytest.mark.skipif(os.name == "nt", reason="forks and SIGKILL")
def test_a_kill_before_every_file_call(keeper: subprocess.Popen[str], tmp_path: Path) -> None:
    assert keeper.stdout
    folder, kills, before = tmp_path / "official", 0, ""
    ended, changed = -signal.SIGKILL, 0
    while ended == -signal.SIGKILL and kills < 500:
        kills += 1
        start_updater(keeper, kills)
        ended = int(keeper.stdout.readline())
        now = str(read_used(folder))
        changed, before = changed + (now != before), now
    assert ended == 0
    assert all("/.partial-" in path for path in list_leftovers(folder))
    assert kills > 20 and changed > 3


def test_update_writes_where_run_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCREEN_LISTS", raising=False)
    assert screen.find_update_folder() == screen.TABLES / "official"
    monkeypatch.setenv("SCREEN_LISTS", f"{tmp_path / 'own.csv'}{os.pathsep}{tmp_path}")
    assert screen.find_update_folder() == tmp_path / "official"
    monkeypatch.setenv("SCREEN_LISTS", str(tmp_path / "own.csv"))
    with pytest.raises(screen.ScreenError, match="names no folder"):
        screen.find_update_folder()
