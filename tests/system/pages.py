"""HTML reports, read strictly, and opened by a real browser."""
import collections
import html.parser
import json
import os
import re
import subprocess
import tempfile


class Strict(html.parser.HTMLParser):
    """Each element is closed where it must be; no script, nothing that is fetched, and every link within leads somewhere."""
    VOID = {"meta", "br", "hr", "col"}
    FORBIDDEN = {"script", "iframe", "object", "embed", "img", "link", "form", "base", "video", "audio", "foreignobject", "image", "use", "animate", "set"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.targets, self.problems, self.text, self.counts = [], set(), set(), [], [], collections.Counter()

    def handle_starttag(self, tag, attrs):
        self.counts[tag] += 1
        if tag in self.FORBIDDEN:
            self.problems.append(f"<{tag}>")
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.problems.append(f"<{tag}> repeats an attribute")
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "style", "action", "formaction"):
                self.problems.append(f"<{tag} {name}>")
            if name == "href":
                if value.startswith("#"):
                    self.targets.add(value[1:])
                elif not value.startswith("https://"):
                    self.problems.append(f"a link to {value}")
            if name == "id":
                if value in self.ids:
                    self.problems.append(f"the id {value} is there twice")
                self.ids.add(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def parsed(path):
    page = Strict()
    with open(path, encoding="utf-8") as file:
        text = file.read()
    page.feed(text)
    page.close()
    return page, text


# What reaches over a side, or would have to be scrolled to. Sheets of paper are not scrolled.
MEASURE = """<script>
const cut = [];
for (const each of document.querySelectorAll('body *')) {
  const box = each.getBoundingClientRect();
  const scrolls = getComputedStyle(each).overflowX != 'visible' && each.scrollWidth > each.clientWidth + 1;
  if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1 || scrolls))
    cut.push(each.tagName + ' ' + Math.round(box.right) + ': ' + each.textContent.slice(0, 80));
}
document.documentElement.setAttribute('data-cut', JSON.stringify([innerWidth, cut]));
</script>"""


def cut_off_in_print(path, width):
    """What of a page that is `width` pixels wide is cut off when it is printed, all of it unfolded: (the width that it had, a list)."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = text.replace("@media print{", "@media all{").replace("<details", "<details open")
    # It runs what the page itself may not.
    text = re.sub(r"<meta http-equiv=[^>]*>", "", text) + MEASURE
    with tempfile.TemporaryDirectory(prefix="writ-browser-", ignore_cleanup_errors=True) as folder:
        printed = os.path.join(folder, "printed.html")
        with open(printed, "w", encoding="utf-8") as file:
            file.write(text)
        run = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                              f"--user-data-dir={folder}/profile", f"--window-size={width},1000", "--dump-dom", f"file://{printed}"],
                             capture_output=True, text=True, timeout=120, check=False)
    return json.loads(html.unescape(re.search(r'data-cut="([^"]*)"', run.stdout)[1]))


def browse(path):
    """Opens a file in Chromium: what it complains of, what it asks the network for, and the page as it understood it."""
    with tempfile.TemporaryDirectory(prefix="writ-browser-", ignore_cleanup_errors=True) as folder:
        net = os.path.join(folder, "net.json")
        run = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                              "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}/profile", f"--log-net-log={net}",
                              "--enable-logging=stderr", "--dump-dom", f"file://{path}"], capture_output=True, text=True, timeout=120, check=False)
        with open(net, encoding="utf-8") as file:
            requests = sorted(set(re.findall(r'"url":"((?:https?|wss?|ftp):[^"]*)"', file.read())))
    # What it asks of its own accord.
    requests = [each for each in requests if not re.match(r"https?://(clients2\.google\.com|update\.googleapis\.com|accounts\.google\.com)/", each)]
    return re.findall(r":CONSOLE[^\n]*", run.stderr), requests, run.stdout
