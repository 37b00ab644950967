"""A headless Chromium for tests, spoken to through a pipe (the DevTools protocol): no driver."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowUp": 38, "ArrowDown": 40, "Tab": 9, "Home": 36}
SECONDS = 30
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def find_chromium() -> str | None:
    """The program, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """A browser with one page; ``messages`` are what the page logged, ``asked`` what it loaded."""

    def __enter__(self) -> Chromium:
        self._profile = tempfile.mkdtemp(prefix="chromium.")
        ours, theirs = os.pipe(), os.pipe()  # we read, they read
        # Chromium reads from 3 and writes to 4; far from both, the copies do not meet
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 50) for end in (theirs[0], ours[1])]

        def connect() -> None:
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        program = find_chromium()
        assert program is not None
        low = []  # 3 and 4 are taken while Popen opens a pipe of its own, which must not be there
        while not low or low[-1] <= 4:
            low.append(os.open(os.devnull, os.O_RDWR))
        self._process = subprocess.Popen(
            [program, *ARGUMENTS, f"--user-data-dir={self._profile}", "about:blank"],
            pass_fds=(3, 4),
            preexec_fn=connect,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (theirs[0], ours[1], *high, *low):
            os.close(end)
        self._read, self._write = ours[0], theirs[1]
        self._buffer, self._number, self._session = b"", 0, None
        self.messages: list[str] = []
        self.asked: list[str] = []
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self._call("Emulation.setFocusEmulationEnabled", enabled=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(
        self, page: Path | str, width: int, height: int, *, dark: bool = False, mobile: bool = False
    ) -> None:
        """Load a file in a window of this size, and wait until it is there."""
        self.messages.clear()
        self.asked.clear()
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}  # nothing scrolls meanwhile
        self._call("Emulation.setEmulatedMedia", features=[scheme, still])
        self._call("Page.navigate", url=Path(page).resolve().as_uri())
        deadline = time.monotonic() + SECONDS
        while self.evaluate("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < deadline, "the page was not loaded"
            time.sleep(0.05)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, as JSON."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """A key, down and up."""
        code = KEYS[key]
        for kind in ("rawKeyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                nativeVirtualKeyCode=code,
            )

    def click(self, x: float, y: float) -> None:
        """A click at a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def move(self, x: float, y: float) -> None:
        """The mouse, to a place of the window."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(
        self, path: Path | str, part: tuple[float, float, float, float] | None = None
    ) -> None:
        """Save the window, or a part (x, y, width, height) of the page, as PNG."""
        options: dict[str, Any] = {"format": "png", "captureBeyondViewport": True}
        if part is not None:
            names = ("x", "y", "width", "height")
            options["clip"] = {**dict(zip(names, part)), "scale": 1}
        data = self._call("Page.captureScreenshot", **options)["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 20)
            assert data, "Chromium went away"
            self._buffer += data
        first, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(first)

    def _note(self, event: dict[str, Any]) -> None:
        values = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            address = values["request"]["url"]
            if not address.startswith(("data:", "about:")):
                self.asked.append(address)
        elif event.get("method") == "Log.entryAdded":
            self.messages.append(values["entry"]["text"])
        elif event.get("method") == "Runtime.exceptionThrown":
            self.messages.append(str(values["exceptionDetails"]))
        elif event.get("method") == "Runtime.consoleAPICalled":
            self.messages.append(str(values["args"]))
