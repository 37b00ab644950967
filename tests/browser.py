"""A headless Chromium, driven over chromedriver's HTTP by the standard library alone."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Home": "\ue011",
}
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
]


def is_there():
    """Whether Chromium and its driver are installed."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


class Browser:
    """One window of Chromium; a context manager."""

    def __init__(self, width=1280, height=900, *, dark=False, phone=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._base = f"http://127.0.0.1:{port}"
        arguments = [*ARGUMENTS, f"--window-size={width},{height}"]
        if dark:
            arguments.append("--force-dark-mode")  # the system's wish, not a change of the page
        options = {"args": arguments, "binary": shutil.which("chromium")}
        if phone:
            options["mobileEmulation"] = {
                "deviceMetrics": {"width": width, "height": height, "pixelRatio": 2, "touch": True}
            }
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": logs}
        try:
            self._wait_for_driver()
            made = self._start({"capabilities": {"alwaysMatch": wanted}})
        except BaseException:
            self._end()
            raise
        self._base += f"/session/{made['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            self._send("DELETE", "")
        finally:
            self._end()

    def open(self, address):
        """Go to an address."""
        self._send("POST", "/url", {"url": address})

    def emulate(self, width, height, *, dark=False, mobile=False):
        """Show pages as in a window of this size, nothing scrolling by itself."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", features=[scheme, still])

    def command(self, name, **parameters):
        """A command of the DevTools protocol."""
        return self._send("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def requests(self):
        """What was loaded since this was asked last, but for data and blank pages."""
        lines = self._send("POST", "/se/log", {"type": "performance"})
        events = [json.loads(line["message"])["message"] for line in lines]
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in asked if not address.startswith(("data:", "about:"))]

    def run(self, script, *arguments):
        """What a script returns; `arguments[0]` is its first argument."""
        return self._send("POST", "/execute/sync", {"script": script, "args": arguments})

    def texts(self, selector):
        """The text of every element."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())",
            selector,
        )

    def text(self, selector):
        """The text of the first element; None where there is none."""
        return next(iter(self.texts(selector)), None)

    def click(self, selector):
        """Click on the first element."""
        self._send("POST", f"/element/{self._find(selector)}/click", {})

    def point(self, x, y, *, click=False):
        """Move the mouse to a place of the window, and click there."""
        actions = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}]
        if click:
            actions += [{"type": f"pointer{way}", "button": 0} for way in ("Down", "Up")]
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        self._send("POST", "/actions", {"actions": [mouse]})

    def type(self, selector, text):
        """Type into an element; of a file input, the path of a file."""
        self._send("POST", f"/element/{self._find(selector)}/value", {"text": text})

    def press(self, *keys):
        """Press keys, wherever the focus is."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        board = {"type": "key", "id": "board", "actions": actions}
        self._send("POST", "/actions", {"actions": [board]})

    def wait(self, script, *arguments, seconds=15):
        """Wait until a script returns something true, and return that."""
        until = time.monotonic() + seconds
        while not (value := self.run(script, *arguments)):
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {script}\n{self.log()}")
            time.sleep(0.03)
        return value

    def wait_for_text(self, selector, text):
        """Wait until an element's text has this in it."""
        self.wait(
            "return document.querySelector(arguments[0])?.innerText.includes(arguments[1])",
            selector,
            text,
        )

    def picture(self):
        """A screenshot, PNG."""
        return base64.b64decode(self._send("GET", "/screenshot"))

    def log(self):
        """What the console said: errors of the page, of its policy, of the network."""
        return [line["message"] for line in self._send("POST", "/se/log", {"type": "browser"})]

    def _find(self, selector):
        found = self._send("POST", "/element", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def _wait_for_driver(self):
        until = time.monotonic() + 20
        while True:
            try:
                self._send("GET", "/status")
                return
            except urllib.error.URLError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _start(self, wanted, tries=3):
        for _ in range(tries - 1):  # a browser may die at its start where memory or time is short
            with contextlib.suppress(AssertionError):
                return self._send("POST", "/session", wanted)
        return self._send("POST", "/session", wanted)

    def _send(self, method, path, value=None):
        data = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self._base + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from error

    def _end(self):
        self._driver.terminate()
        self._driver.wait(10)
