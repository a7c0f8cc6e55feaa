"""Pages of docs/ with tables that scripts write, each between two marks."""
import pathlib
import sys

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
RELIABILITY = DOCS / "reliability.md"
TESTING = DOCS / "testing.md"


def write(name, text, page):
  """Puts a text in the place of what is between the marks of this name."""
  begin_mark, end_mark = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
  there = page.read_text()
  begin, end = there.find(begin_mark), there.find(end_mark)
  if begin < 0 or end < begin:
    sys.exit(f"{page}: has no place for it, between '{begin_mark.strip()}' and "
             f"'{end_mark.strip()}'")
  page.write_text(there[:begin] + begin_mark + "\n" + text + "\n" + there[end:])
