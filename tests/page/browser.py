"""A window of Debian's chromium, driven by the WebDriver protocol (W3C), with what the checks of the page have in common."""

import base64
import json
import time
import urllib.error
import urllib.request

PATIENCE = 60  # Seconds until a condition that is awaited has failed.


def call(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(json.load(error)["value"]["message"]) from None


class Browser:
    """A window of its own, of a size, in a colour scheme, that has opened the printed address."""

    def __init__(self, driver, address, pictures, width=1280, height=800, dark=False, phone=False):
        self.pictures = pictures
        # Root has no sandbox, and the machine may have little shared memory.
        arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", f"--window-size={width},{height}"]
        options = {"args": arguments}
        if phone:
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2}}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = call("POST", f"{driver}/session", {"capabilities": {"alwaysMatch": wanted}})
        self.url = f"{driver}/session/{session['sessionId']}"
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.cdp("Emulation.setEmulatedMedia", {"features": scheme})
        if not phone:
            self.cdp("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        call("POST", f"{self.url}/url", {"url": address})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        call("DELETE", self.url)

    def press(self, key):
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        call("POST", f"{self.url}/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def reload(self):
        call("POST", f"{self.url}/refresh", {})

    def cdp(self, command, parameters):
        return call("POST", f"{self.url}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script, *arguments):
        return call("POST", f"{self.url}/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script):
        """The value of an async function's body."""
        wrapped = f"const done = arguments[0]; (async () => {{ {script} }})().then(done, (error) => done(`failed: ${{error.stack}}`));"
        return call("POST", f"{self.url}/execute/async", {"script": wrapped, "args": []})

    def go(self, view):
        self.run("location.hash = arguments[0]", f"#/{view}")

    def text(self):
        return self.run("return document.body.innerText")

    def until(self, script, what, *arguments):
        """Waits until a script returns something that is true, and returns that."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.1)  # Between two looks.
        self.picture("failed")
        raise AssertionError(f"{what}; the page says:\n{self.text()}")

    def sees(self, *texts):
        for text in texts:
            self.until("return document.body.innerText.includes(arguments[0])", f"does not show {text!r}", text)

    def click(self, text, inside="body"):
        """Presses the button of that name, as the keyboard would."""
        find = "return [...document.querySelectorAll(`${arguments[1]} button`)].some((it) => it.textContent.trim() === arguments[0] && !it.disabled)"
        self.until(find, f"has no button {text!r}", text, inside)
        self.run(f"{find.replace('return', '').replace('some', 'find')}.click()", text, inside)

    def picture(self, name):
        """What is in the window, without what is empty below it."""
        width, height = self.run(
            "const ends = [...document.querySelectorAll('header, .banner, main, dialog')].map((it) => it.getBoundingClientRect().bottom);"
            "return [innerWidth, Math.min(innerHeight, Math.max(...ends))]"
        )
        top = self.run("return scrollY")
        shot = self.cdp("Page.captureScreenshot", {"clip": {"x": 0, "y": top, "width": width, "height": height, "scale": 1}})
        with open(f"{self.pictures}/{name}.png", "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def fits(self):
        """Whether nothing is wider than the window."""
        wide = self.run(
            "const width = document.documentElement.clientWidth; return [...document.querySelectorAll('body *')]"
            ".filter((it) => it.getBoundingClientRect().right > width + 1 && !it.closest('.logs, thead, .skip, .unseen'))"
            ".map((it) => it.outerHTML.slice(0, 200))"
        )
        total = self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert total <= 0 and not wide, (total, wide)
        over = self.run(
            "return [...document.querySelectorAll('.card, td, dd')].filter((it) => it.scrollWidth > it.clientWidth + 1)"
            ".map((it) => it.outerHTML.slice(0, 200))"
        )
        assert not over, over

    def complaints(self):
        """What the browser says went wrong: errors of scripts, and what the policy refused."""
        return [entry["message"] for entry in call("POST", f"{self.url}/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]
