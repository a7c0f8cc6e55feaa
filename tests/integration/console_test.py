#!/usr/bin/env python3
"""The console as people use it, in Debian's chromium: chromium,
chromium-driver, python3-selenium. Beside the packages of npm, which
scripts/console installs, also that what is committed is what the sources make,
and that axe-core finds nothing. MILLRACE_SCREENSHOTS: a folder for pictures."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import millrace_cluster as mill

PACKAGES = mill.REPOSITORY / "build" / "console" / "node_modules"
ROWS = [{"time": f"2024-01-02T14:{row // 60:02}:{row % 60:02}Z",
         "sym": ["AAPL", "IBM"][row % 2], "price": 100 + row % 50 / 4,
         "size": 10 + row} for row in range(2000)]
BARS = ("select open:first price, high:max price, low:min price, "
        "close:last price by time:0D00:05 xbar time from trade")


class browser:
  def __init__(self):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for each in ("--headless=new", "--window-size=1280,860", "--disable-gpu",
                 "--no-sandbox", "--lang=en"):
      options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    self.driver = webdriver.Chrome(
      options=options, service=Service(shutil.which("chromedriver")))
    self.keys = Keys
    self.wait = WebDriverWait(self.driver, 60)
    self.actions = lambda: webdriver.ActionChains(self.driver)

  def all(self, selector):
    return self.driver.find_elements("css selector", selector)

  def one(self, selector):
    return self.wait.until(lambda _: self.all(selector),
                           f"{selector} is not there")[0]

  def until(self, what, said):
    return self.wait.until(lambda _: what(), said)

  def press(self, modifier, key):
    self.actions().key_down(modifier).send_keys(key).key_up(modifier).perform()

  def ask(self, text):
    """Types it in place of what is there, and runs it."""
    self.one(".editor").click()
    self.press(self.keys.CONTROL, "a")
    # Over a selection Chromium writes elements with styles, and tells that the
    # policy refuses these.
    self.actions().send_keys(self.keys.DELETE).send_keys(text).send_keys(self.keys.ESCAPE).perform()
    self.press(self.keys.CONTROL, self.keys.ENTER)

  def picture(self, name):
    folder = os.environ.get("MILLRACE_SCREENSHOTS")
    if folder:
      self.driver.save_screenshot(str(pathlib.Path(folder) / name))

  def accessible(self, where):
    if not (PACKAGES / "axe-core").is_dir():
      print(f"  skipped: no axe-core for {where}; scripts/console installs it")
      return
    self.driver.execute_cdp_cmd("Runtime.evaluate", {
      "expression": (PACKAGES / "axe-core" / "axe.min.js").read_text()})
    self.driver.set_script_timeout(60)
    found = self.driver.execute_async_script("axe.run().then(arguments[0])")
    mill.check(len(found["passes"]) > 10, where)
    mill.check(not found["violations"], where, [
      (each["id"], [node["target"] for node in each["nodes"]])
      for each in found["violations"]])


def publish(made, rows):
  made.run("pub", "--stream", "market", "--table", "trade",
           text="".join(json.dumps(row) + "\n" for row in rows))


def cells(page, row):
  return [each.text for each in
          page.all(f'.row[aria-rowindex="{row + 2}"] .cell')]


def query_screen(page):
  names = [each.text for each in page.until(
    lambda: page.all(".table .name"), "tables are not shown")]
  mill.check(names == ["quote", "trade"], names)
  columns = page.one(".tree > li:last-child .columns").text.split()
  mill.check(columns[:4] == ["time", "timestamp", "sym", "symbol"], columns)
  page.ask("select sym,price,size from trade")
  page.until(lambda: "2,000 rows" in page.one(".verdict").text, "no rows")
  mill.check(cells(page, 0) == ["AAPL", "100", "10"], cells(page, 0))
  mill.check(len(page.all(".row")) < 100, "only rows in sight are drawn")
  page.press(page.keys.ALT, "r")
  page.press(page.keys.CONTROL, page.keys.END)
  page.until(lambda: cells(page, 1999) == ["IBM", "112.25", "2009"],
             "the last row is not reached by keys")
  page.all(".column")[2].click()
  page.all(".column")[2].click()
  page.press(page.keys.ALT, "r")
  page.press(page.keys.CONTROL, page.keys.HOME)
  page.until(lambda: cells(page, 0) == ["IBM", "112.25", "2009"],
             "the largest size is not first")
  mill.check("not asked" in page.one(".grid-and-note .note").text, "the note")
  page.accessible("rows")
  page.picture("console-query.png")


def refusals(page):
  page.ask("select max prise from trade")
  said = page.until(lambda: page.all("pre.fault"), "no refusal")[0].text
  mill.check(said.startswith("prise: there is no such column"), said)
  marked = page.one(".editor").shadow_root.find_elements(
    "css selector", ".cm-lintRange-error")
  mill.check([each.text for each in marked] == ["prise"], "the place")
  page.accessible("a refusal")


def charts(page):
  page.ask(BARS)
  page.until(lambda: page.all(".cell") and not page.all("pre.fault")
             and "7 rows" in page.one(".verdict").text, "no bars")
  page.one("#tab-chart").click()
  page.one(".plot canvas")
  chosen = page.one(".pick:nth-of-type(2) select").get_attribute("value")
  mill.check(chosen == "bars", chosen)
  page.accessible("a chart")
  page.picture("console-chart.png")


def languages(page):
  page.one('input[value="sql"]').find_element("xpath", "..").click()
  page.ask("select max(size) as most from trade")
  page.one("#tab-rows").click()
  page.until(lambda: cells(page, 0) == ["2009"], "SQL is not answered")
  past = [each.text for each in page.all(".past .text")]
  mill.check(len(past) == 4 and past[0].startswith("select max(size)"), past)


def board(page):
  before = page.driver.execute_script(
    "return document.documentElement.dataset.theme")
  while page.driver.execute_script(
      "return document.documentElement.dataset.theme") == before:
    page.press(page.keys.ALT, "t")
  page.press(page.keys.ALT, "2")
  page.until(lambda: len(page.all(".card")) == 6, "six processes")
  mill.check(page.driver.current_url.endswith("/console/board"), "its address")
  facts = page.one(".board").text
  mill.check("2,000" in facts and "rdb1" in facts, facts)
  page.accessible("the board")
  page.picture("console-board.png")
  page.driver.refresh()
  page.until(lambda: len(page.all(".card")) == 6, "its address is the board's")


def live(page, made):
  page.press(page.keys.ALT, "3")
  page.until(lambda: len(page.all(".live option")) == 3, "the tables")
  page.all(".live option")[2].click()
  page.until(lambda: "follows" in page.one(".live .verdict").text, "the flow")
  publish(made, ROWS[:10])
  page.until(lambda: "10 rows" in page.one(".live .verdict").text, "ten rows")
  shown = [cells(page, row)[1:4] for row in range(10)]
  wanted = [[row["sym"], f"{row['price']:g}", str(row["size"])]
            for row in reversed(ROWS[:10])]
  mill.check(shown == wanted, "newest first", shown)
  page.accessible("live rows")


def what_is_committed(_binary):
  if not shutil.which("node") or not PACKAGES.is_dir():
    print("  skipped: no packages of npm; scripts/console installs them")
    return
  done = subprocess.run([mill.REPOSITORY / "scripts" / "console", "--check"],
                        text=True, capture_output=True, check=False)
  mill.check(done.returncode == 0, done.stdout, done.stderr)


def needed():
  """Ends the test as skipped without a browser."""
  if importlib.util.find_spec("selenium") is None:
    print("skipped: there is no python3-selenium")
    sys.exit(mill.SKIP)
  for each in ("chromium", "chromedriver"):
    if not shutil.which(each):
      print(f"skipped: there is no {each}")
      sys.exit(mill.SKIP)


def in_a_browser(binary):
  needed()
  port = mill.free_ports(1)[0]
  roles = [*mill.ROLES, ("web", "http")]
  nodes = {"node": [name for name, _ in roles]}
  with mill.cluster(binary, nodes, f"port = {port}\n", roles=roles) as made:
    made.up()
    publish(made, ROWS)
    page = browser()
    try:
      page.driver.get(f"http://localhost:{port}/")
      for part in (query_screen, refusals, charts, languages, board):
        with mill.part(part.__name__):
          part(page)
      with mill.part(live.__name__):
        live(page, made)
      # A refused question is the one fault that the browser may tell of.
      told = [each["message"] for each in page.driver.get_log("browser")
              if "status of 400" not in each["message"]]
      mill.check(not told, told)
    finally:
      page.driver.quit()


if __name__ == "__main__":
  mill.main([what_is_committed, in_a_browser])
