"""docs/reliability.md, whose tables of results scripts write between two marks."""
import pathlib
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "reliability.md"


def write(name, text):
  """Puts a text in the place of what is between the marks of this name."""
  begin_mark, end_mark = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
  page = PAGE.read_text()
  begin, end = page.find(begin_mark), page.find(end_mark)
  if begin < 0 or end < begin:
    sys.exit(f"{PAGE}: has no place for it, between '{begin_mark.strip()}' and "
             f"'{end_mark.strip()}'")
  PAGE.write_text(page[:begin] + begin_mark + "\n" + text + "\n" + page[end:])
