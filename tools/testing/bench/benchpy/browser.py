# SPDX-License-Identifier: GPL-2.0
"""A browser without a window, to look at the page as a reader's would."""

import html
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

from rigpy.say import RigError, say

PACKAGE = "chromium"
SECONDS = 120

WATCH = """<script>
window.troubles = [];
window.addEventListener("error", e => window.troubles.push(e.message || "cannot load " +
	(e.target.src || e.target.href)), true);
</script>"""

# Counts in each plot the marks that can be seen: of some size, inside the picture
LOOK = """<script>
addEventListener("load", () => {
	const plots = [...document.querySelectorAll("figure.plot")].map(figure => {
		const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
		const inside = one => {
			const r = one.getBoundingClientRect();
			return r.width > 0 && r.height > 0 && r.left >= box.left - 1 &&
				r.right <= box.right + 1 && r.top >= box.top - 1 && r.bottom <= box.bottom + 1;
		};
		const texts = [...svg.querySelectorAll("text")];
		return {
			caption: figure.querySelector("figcaption").textContent,
			width: box.width, height: box.height,
			said: Number(figure.dataset.marks),
			drawn: [...svg.querySelectorAll(".mark")].filter(inside).length,
			outside: texts.filter(one => !inside(one)).map(one => one.textContent),
		};
	});
	const report = document.createElement("script");
	report.type = "application/json";
	report.id = "report";
	report.textContent = JSON.stringify({troubles: window.troubles, plots});
	document.body.append(report);
});
</script>"""


def _debian():
    try:
        facts = platform.freedesktop_os_release()
    except OSError:
        return False
    return facts.get("ID") == "debian"


def get():
    """The browser's path; installed if this host lacks it."""
    if not shutil.which(PACKAGE):
        line = f"apt-get install --no-install-recommends {PACKAGE}"
        if os.geteuid() or not _debian():
            raise RigError(f"this host has no {PACKAGE}; install it with\n    {line}")
        say(f"installing what this host lacks: {PACKAGE}")
        subprocess.run(["apt-get", "update"], check=False, stdout=2)
        subprocess.run([*line.split(), "-y"], check=False, stdout=2,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    path = shutil.which(PACKAGE)
    if not path:
        raise RigError(f"{PACKAGE} could not be installed: see above")
    return path


def _run(page, folder, *words):
    argv = [get(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={folder}/profile", *words, page.as_uri()]
    try:
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise RigError(f"{PACKAGE} did not end within {SECONDS} s") from None


def look(text):
    """Open a page; a dict of troubles and of plots, what was drawn of each."""
    watched = text.replace("<head>", "<head>" + WATCH, 1).replace("</body>", LOOK + "</body>", 1)
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "page.html"
        page.write_text(watched)
        done = _run(page, folder, "--dump-dom")
    found = re.search(r'<script type="application/json" id="report">(.*?)</script>', done.stdout,
                      re.S)
    if not found:
        raise RigError(f"{PACKAGE} did not show the page: {done.stderr[-500:]}")
    return json.loads(html.unescape(found[1]))


def picture(path, target, height):
    """Make a PNG of a page."""
    with tempfile.TemporaryDirectory() as folder:
        _run(pathlib.Path(path).resolve(), folder, f"--screenshot={target}",
             f"--window-size=1040,{height}")
