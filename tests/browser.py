"""A headless chromium, spoken to over a pipe: opens a page, runs script in it, prints it."""

import base64
import fcntl
import json
import os
import shutil
import subprocess

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")


class Browser:
    """One page in a browser of its own; `requests` are the addresses that it asked for."""

    def __init__(self, folder):
        ours, theirs = os.pipe(), os.pipe()  # we write into the first, read from the second
        command = [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank"]  # fmt: skip

        def lay_pipes():  # the browser reads from 3 and writes to 4
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (ours[0], theirs[1])]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            command, preexec_fn=lay_pipes, pass_fds=(3, 4), stderr=subprocess.DEVNULL
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.write, self.read = os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb")
        self.rest, self.count, self.session = b"", 0, None
        self.requests, self.events = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.write.close()
        self.read.close()

    def receive(self):
        """The next message."""
        while b"\0" not in self.rest:
            block = self.read.read1(1 << 20)
            assert block, "the browser has ended"
            self.rest += block
        message, _, self.rest = self.rest.partition(b"\0")
        found = json.loads(message)
        if found.get("method") == "Network.requestWillBeSent":
            self.requests.append(found["params"]["request"]["url"])
        if "method" in found:
            self.events.append(found["method"])
        return found

    def send(self, method, **params):
        """What the browser answers to `method`."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.write.write(json.dumps(message).encode() + b"\0")
        self.write.flush()
        while (found := self.receive()).get("id") != self.count:
            pass
        assert "error" not in found, found
        return found["result"]

    def open(self, path):
        """Open the file at `path` and wait until it is there."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Network", "Runtime"):
            self.send(f"{domain}.enable")
        self.events.clear()
        self.send("Page.navigate", url=path.resolve().as_uri())
        while "Page.loadEventFired" not in self.events:
            self.receive()

    def run(self, script):
        """The value of `script` in the page."""
        return self.send("Runtime.evaluate", expression=script, returnByValue=True)["result"].get(
            "value"
        )

    def print(self):
        """The page as PDF on A4."""
        found = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(found["data"])

    def draw(self):
        """The page as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot")["data"])
