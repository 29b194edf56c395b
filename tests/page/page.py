"""Opens the page of `swarmlite dashboard` in a browser, looks at what is in each view, does what can be done there, and takes pictures.

Run by tests/page.sh. Nothing here sleeps where a condition can be awaited.
"""

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

from browser import Browser

ADDRESS, PICTURES = sys.argv[1:]
ORIGIN = ADDRESS.split("/?")[0]


def swarmlite(*arguments):
    subprocess.run([os.environ["SWARMLITE_LAB_SWARMLITE"], *arguments], check=True, stdout=subprocess.DEVNULL)


def lab(verb, *arguments):
    subprocess.run([os.environ["LAB_PROGRAM"], verb, os.environ["SWARMLITE_E2E_LAB"], *arguments], check=True)


def status(path, **headers):
    """What somebody else is answered, who has not opened the printed address."""
    try:
        return urllib.request.urlopen(urllib.request.Request(ORIGIN + path, headers=headers)).status
    except urllib.error.HTTPError as error:
        return error.code


def the_door_is_closed(_):
    for path in ["/", "/swarmlite/v1/ui/", "/nodes", "/?token=x"]:
        assert status(path) == 403, path


def the_model_is_right(browser):
    """What the page makes of what the API says, in the browser that it runs in."""
    with open(os.path.join(os.path.dirname(__file__), "model.js"), encoding="utf-8") as file:
        wrong = browser.run_async(file.read())
    assert wrong == [], wrong


def nodes_have_their_tasks(browser):
    browser.sees("node1", "node2", "node3", "3 of 3 nodes ready", "3 of 3 managers reachable", "leader", "2 tasks without a node", "Without a node")
    find = "const all = [...document.querySelectorAll('.card .chip.run')].map((it) => it.ariaLabel); return all.length === 12 && all"
    chips = browser.until(find, "has no 12 running tasks")
    assert sum(chip.startswith("web.") for chip in chips) == 6, chips
    assert sum(chip.startswith("watch") for chip in chips) == 3, chips
    browser.sees("no suitable node")
    browser.fits()
    browser.picture("nodes")


def services_are_listed(browser):
    browser.go("services")
    browser.sees("web", "api", "watch", "search", "6/6", "3/3", "0/2", "whoami:latest", "8080→8000/tcp", "global")
    browser.picture("services")


def a_task_that_cannot_be_placed_is_explained(browser):
    browser.go("services/search")
    browser.sees("Placement", "node.labels.disk==ssd", "does not fit", "Ask again")
    browser.picture("explained")


def logs_follow_and_text_stays_text(browser):
    browser.go("services/api")
    browser.sees("Following.", "team=<b>blue</b>")
    address = browser.run("return [...document.querySelectorAll('.facts dd')].map((it) => it.innerText).find((it) => it.startsWith('back'))")
    assert address, browser.text()
    task = subprocess.run(["docker", "ps", "-q", "--filter", "name=api."], check=True, capture_output=True, text=True).stdout.split()
    line = "<img/src=x/onerror=document.title='broken'>"
    subprocess.run(["docker", "exec", task[0], "/whoami", "get", f"http://127.0.0.1:8000/log?line={line}"], check=True, stdout=subprocess.DEVNULL)
    browser.sees(line)
    assert browser.run("return document.querySelectorAll('main img, main .facts b').length") == 0
    assert browser.run("return document.title") == "api – Services – swarmlite"
    browser.click("Pause")
    browser.sees("Paused.")


def networks_have_addresses(browser):
    browser.go("networks")
    browser.sees("ingress", "back", "3 tasks")
    browser.go("networks/back")
    browser.sees("Virtual addresses", "api.1", "api.3", "VXLAN id")
    browser.picture("network")


def rules_of_http_have_rates(browser):
    browser.go("http")
    browser.sees("No node answers HTTP", "No service has a rule.")
    swarmlite("swarm", "update", "--http")
    swarmlite("service", "update", "--detach", "--quiet", "--http-add", "shop.example.com,port=8000,rate=5/s", "api")
    browser.sees("Every node answers on port 80, and on 443 with TLS", "shop.example.com/", "api")
    with somebody_asks():
        busy = "const row = [...document.querySelectorAll('tbody tr')].map((it) => it.innerText).find((it) => it.includes('shop'));"
        browser.until(busy + "return /2xx [1-9].*, 4xx [1-9]/.test(row) && !/5xx/.test(row)", "shows no rates")
        browser.fits()
        browser.picture("http")


# Twenty requests a second for a minute, of which the rule admits a quarter.
CLIENT = """
import time, urllib.error, urllib.request
request = urllib.request.Request("http://127.0.0.1/", headers={"Host": "shop.example.com"})
for _ in range(1200):
    try:
        urllib.request.urlopen(request).read()
    except OSError:
        pass
    time.sleep(0.05)
"""


@contextlib.contextmanager
def somebody_asks():
    program, name = os.environ["LAB_PROGRAM"], os.environ["SWARMLITE_E2E_LAB"]
    client = subprocess.Popen([program, "exec", name, "node1", "--", "/usr/bin/python3", "-c", CLIENT])
    try:
        yield
    finally:
        client.kill()
        client.wait()


def a_service_is_scaled(browser):
    browser.go("services/api")
    browser.click("Scale …")
    browser.sees("Scale api?", "It has 3 replicas.")
    assert browser.run("return document.activeElement.closest('dialog') !== null"), "the focus is behind the question"
    browser.run("const field = document.getElementById('field'); field.value = 4; field.dispatchEvent(new Event('input', { bubbles: true }))")
    browser.picture("question")
    browser.click("Scale", "dialog")
    browser.until("return !document.querySelector('dialog')", "still asks")
    browser.sees("4/4", "api.4")


def a_refusal_is_shown_in_its_own_sentence(browser):
    browser.click("Scale …")
    browser.sees("Scale api?")
    # Somebody removes what the question is about.
    gone = "realFetch(String(url).replace(/services\\/\\w+$/, 'services/gone'), options)"
    browser.run(f"window.realFetch = fetch; window.fetch = (url, options) => {gone}")
    browser.click("Scale", "dialog")
    browser.sees("service gone not found")
    browser.run("window.fetch = realFetch")
    browser.click("Cancel", "dialog")
    browser.until("return !document.querySelector('dialog')", "still asks")


def an_update_is_seen_as_it_goes(browser):
    browser.go("services/web")
    browser.sees("web.1", "web.6")
    swarmlite("service", "update", "--detach", "--quiet", "--env-add", "VERSION=2", "web")
    browser.sees("updating", "earlier")
    browser.until("return /\\b[2-4] of 6/.test(document.querySelector('.update.on')?.innerText)", "no progress")
    browser.picture("update")
    assert "What each node has to say" not in browser.text(), "explains what nobody has asked"
    browser.click("Roll back …")
    browser.sees("Roll back web?", "The image stays whoami:latest.")
    browser.click("Roll back", "dialog")
    browser.sees("rollback started")
    browser.sees("rollback completed")


def events_come(browser):
    browser.go("events")
    browser.sees("service update", "web", "replicas: 3 → 4")
    browser.picture("events")


def a_node_is_drained_and_comes_back(browser):
    browser.go("nodes/node2")
    browser.click("Drain …")
    browser.sees("Drain node2?")
    browser.click("Drain", "dialog")
    browser.until("return document.querySelector('.about')?.innerText.includes('drain')", "is not drained")
    browser.sees("No tasks run here.")
    browser.click("Activate …")
    browser.click("Activate", "dialog")
    browser.until("return document.querySelector('.about')?.innerText.includes('active')", "is not active")


def a_lost_node_is_seen(browser):
    browser.go("nodes")
    lab("cut", "node3")
    browser.sees("2 of 3 nodes ready", "2 of 3 managers reachable")
    browser.until("return document.querySelector('.card.down .chip.lost')", "shows no lost tasks")
    browser.picture("lost")
    lab("heal", "node3")
    browser.sees("3 of 3 nodes ready")


def a_lost_connection_is_said_and_comes_back(browser):
    lab("kill", "node1", "--signal", "TERM")
    browser.sees("not connected", "Cannot connect to swarmlite at unix://", "What is below was so", "Try now")
    browser.picture("disconnected")
    lab("start", "node1")
    browser.until("return document.querySelector('.link.live')", "does not connect again")
    browser.sees("3 of 3 nodes ready", "3 of 3 managers reachable")


def without_the_engine_of_the_node_there_are_no_events_but_all_else(browser):
    lab("kill", "node1", "dockerd")
    browser.reload()
    browser.sees("Events do not come: Cannot connect to the Docker daemon", "3 of 3 managers reachable")
    browser.picture("deaf")
    lab("start", "node1", "dockerd")
    browser.until("return document.querySelector('.link.live') && !document.querySelector('.banner')", "has no events again")


def the_keyboard_is_enough(browser):
    browser.go("services")
    # Which keeps the view, and begins at the top.
    browser.reload()
    browser.sees("whoami:latest")

    seen = []
    for _ in range(8):
        browser.press("\ue004")  # Tab
        seen.append(browser.run("const it = document.activeElement; return `${it.innerText} ${getComputedStyle(it).outlineStyle}`"))
    for name in ["Skip to content", "swarmlite", "Nodes", "Services", "Networks", "HTTP", "Events", "api"]:
        assert f"{name} solid" in seen, seen
    browser.press("\ue007")  # Enter
    browser.until("return location.hash === '#/services/api' && document.activeElement.matches('h1')", "does not lead to the service")


def every_view_fits_a_phone(browser):
    browser.sees("3 of 3 nodes ready")
    for view in ["nodes", "services", "services/web", "services/search", "nodes/node1", "networks", "networks/back", "http", "events", "nope"]:
        browser.go(view)
        browser.until("return document.querySelector('h1')", "has no heading")
        if view == "services/search":
            browser.sees("does not fit")
        browser.fits()
        browser.picture(f"phone-{view.replace('/', '-')}")


def it_is_dark_where_that_is_wanted(browser):
    browser.sees("3 of 3 nodes ready")
    ground = browser.run("return getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb(20, 23, 27)", ground
    browser.picture("dark-nodes")
    browser.go("services/web")
    browser.sees("web.1", "Following.")
    browser.picture("dark-service")


def nobody_looks_and_nothing_is_read(browser):
    browser.go("services/api")
    browser.sees("4/4")
    hide = (
        "Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    browser.run(hide, True)
    swarmlite("service", "scale", "api=5")
    assert "4/4" in browser.text(), browser.text()
    browser.run(hide, False)
    browser.sees("5/5", "Following.")
    browser.go("events")
    browser.sees("replicas: 4 → 5")
    swarmlite("service", "scale", "api=4")
    browser.sees("replicas: 5 → 4")


def nothing_moves(browser):
    """What is read again does not shift what is there (Layout Instability)."""
    browser.go("nodes")
    browser.sees("3 of 3 nodes ready")
    browser.until("return !document.querySelector('.card:not(.homeless) .chip:not(.run)')", "does not come to rest")
    script = """
    let shift = 0;
    const note = (list) => list.getEntries().forEach((entry) => { shift += entry.value; });
    new PerformanceObserver(note).observe({ type: 'layout-shift', buffered: false });
    let reads = 0;
    await new Promise((done) => new PerformanceObserver((list) => {
      reads += list.getEntries().filter((entry) => entry.name.endsWith('/tasks')).length;
      if (reads >= 3) done();
    }).observe({ type: 'resource', buffered: false }));
    return shift;
    """
    assert browser.run_async(script) == 0


def test(driver):
    with Browser(driver, ADDRESS, PICTURES) as browser:
        browser.until("return document.querySelector('.link.live')", "does not connect")
        for check in [
            the_door_is_closed,
            the_model_is_right,
            nodes_have_their_tasks,
            services_are_listed,
            a_task_that_cannot_be_placed_is_explained,
            logs_follow_and_text_stays_text,
            networks_have_addresses,
            rules_of_http_have_rates,
            a_service_is_scaled,
            a_refusal_is_shown_in_its_own_sentence,
            an_update_is_seen_as_it_goes,
            events_come,
            the_keyboard_is_enough,
            a_node_is_drained_and_comes_back,
            nobody_looks_and_nothing_is_read,
            nothing_moves,
        ]:
            run(check, browser)
        complaints = [it for it in browser.complaints() if "404 (Not Found)" not in it]
        assert not complaints, complaints
        run(a_lost_node_is_seen, browser)
        run(a_lost_connection_is_said_and_comes_back, browser)
        run(without_the_engine_of_the_node_there_are_no_events_but_all_else, browser)
    with Browser(driver, ADDRESS, PICTURES, 360, 740, phone=True) as browser:
        run(every_view_fits_a_phone, browser)
    with Browser(driver, ADDRESS, PICTURES, dark=True) as browser:
        run(it_is_dark_where_that_is_wanted, browser)


def run(check, browser):
    began = time.monotonic()
    check(browser)
    print(f"{time.monotonic() - began:5.1f} s  {check.__name__.replace('_', ' ')}", flush=True)


def main():
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        for line in driver.stdout:
            if "started successfully on port" in line:
                test(f"http://127.0.0.1:{line.split('port ')[1].strip().rstrip('.')}")
                return
        raise AssertionError("chromedriver has not started")
    finally:
        driver.terminate()
        driver.wait()


main()
