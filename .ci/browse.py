"""Look at the built site in a browser: every page at the width of a desk and of a phone, light and dark.

One headless Chromium opens a page of ours, which opens every page of the site in a frame, and reports broken
pictures, pages that are wider than their window, equations that are not typeset, and what is fetched from
elsewhere; then it searches for words.  Nothing but Chromium is needed; without it the script says so and ends
with code 0.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "site"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 1800
LOOK = """<!doctype html><meta charset="utf-8"><body><script>
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
async function until(what, seconds) {
  for (let i = 0; i < seconds * 20 && !what(); i++) await wait(50);
  return what();
}
async function opened(page, width, scheme) {
  localStorage.setItem("/.__palette", JSON.stringify({ index: scheme === "slate" ? 1 : 0,
    color: { media: "", scheme: scheme, primary: "indigo", accent: "indigo" } }));
  const frame = document.createElement("iframe");
  frame.style = `border: 0; width: ${width}px; height: 900px`;
  frame.src = page;
  document.body.replaceChildren(frame);
  await new Promise((done) => (frame.onload = done));
  return frame.contentWindow;
}
async function look(page, width, scheme) {
  const view = await opened(page, width, scheme), body = view.document, wrong = [];
  const say = (what) => wrong.push(`${page} at ${width} px, ${scheme}: ${what}`);
  for (const picture of body.images) {
    picture.loading = "eager";
    const loaded = await until(() => picture.complete, 20);
    if (!loaded || !picture.naturalWidth) say(`broken picture ${picture.src}`);
  }
  const equations = body.querySelectorAll(".arithmatex");
  if (equations.length) {
    const typeset = () => body.querySelectorAll(".arithmatex mjx-container").length;
    if (!(await until(() => typeset() >= equations.length, 60)))
      say(`${equations.length - typeset()} of ${equations.length} equations are not typeset`);
    for (const drawn of body.querySelectorAll("mjx-container > svg")) {
      const pixels = drawn.getBoundingClientRect().width / parseFloat(drawn.getAttribute("width"));
      if (pixels < 4) say(`an equation is shrunk to ${pixels.toFixed(1)} px for an x`);
    }
    for (const error of body.querySelectorAll("[data-mjx-error]")) say(error.getAttribute("data-mjx-error"));
  }
  const excess = body.documentElement.scrollWidth - width;
  if (excess > 0) say(`${excess} px wider than the window`);
  if (body.body.getAttribute("data-md-color-scheme") !== scheme) say("another color scheme");
  for (const entry of view.performance.getEntriesByType("resource"))
    if (!entry.name.startsWith(location.origin)) say(`fetches ${entry.name}`);
  return wrong;
}
async function search(page, word) {
  const body = (await opened(page, 1400, "default")).document;
  const field = body.querySelector(".md-search__input");
  body.querySelector("#__search").click();
  field.focus();
  field.value = word;
  field.dispatchEvent(new Event("keyup", { bubbles: true }));
  field.dispatchEvent(new Event("input", { bubbles: true }));
  const found = () => [...body.querySelectorAll(".md-search-result__item")].map((item) => item.textContent);
  await until(() => found().length, 60);
  return found().some((text) => text.includes(word)) ? [] : [`the search for ${word} finds nothing`];
}
(async () => {
  const { pages, views, words } = await (await fetch("/__pages__")).json();
  let wrong = [];
  try {
    for (const page of pages)
      for (const [width, scheme] of views) wrong.push(...(await look(page, width, scheme)));
    for (const word of words) wrong.push(...(await search("/index.html", word)));
  } catch (error) { wrong.push(`the check itself failed: ${error}`); }
  fetch("/__report__", { method: "POST", body: JSON.stringify(wrong) });
})();
</script>"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the site, the page that looks at it, and takes what that page reports."""

    def __init__(self, *args: object, plan: dict[str, object], reports: queue.Queue[list[str]]) -> None:
        self.plan, self.reports = plan, reports
        super().__init__(*args, directory=str(SITE))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        own = {"/__look__": LOOK, "/__pages__": json.dumps(self.plan)}
        if self.path not in own:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(own[self.path].encode())

    def do_POST(self) -> None:
        self.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(arguments: list[str]) -> int:
    """Look at all pages, or at those that are named."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        print(f"note: no browser was found ({', '.join(BROWSERS)}), so the site was built but not looked at")
        return 0
    if not (SITE / "index.html").is_file():
        print("error: there is no site in build/site; make docs builds it")
        return 2
    pages = arguments or [f"/{path.relative_to(SITE).as_posix()}" for path in sorted(SITE.rglob("*.html"))]
    plan = {
        "pages": pages,
        "views": [(1400, "default"), (390, "slate")],
        "words": ["canonicalize_sine_phase", "ReScaleEquivariant"],
    }
    wrong = look(browser, plan)
    print("\n".join(wrong) or f"{len(pages)} pages look right at 1400 and 390 px, and the search finds")
    return int(bool(wrong))


def look(browser: str, plan: dict[str, object]) -> list[str]:
    """What is wrong with the pages, as sentences."""
    reports: queue.Queue[list[str]] = queue.Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, plan=plan, reports=reports))
    Thread(target=server.serve_forever, daemon=True).start()
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    address = f"http://127.0.0.1:{server.server_address[1]}/__look__"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *options, f"--user-data-dir={profile}", "--window-size=1500,1000", address]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return reports.get(timeout=SECONDS)
        except queue.Empty:
            return [f"the browser did not finish within {SECONDS} seconds"]
        finally:
            process.terminate()
            process.wait()
            server.shutdown()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
