"""Words that people stumble over, and what is said instead."""

import re

# What a rule names itself, or must keep.
BESIDE = ("tests/lint/", "tests/data/", "LICENSE")
PLACES = ("last", "first", "next", "rows?", "lines?", "headers?", "quotes?",
          "requests?", "records?", "values?", "ends?", "digits?", "point",
          "seconds", "messages?", "cut", "commit", "fields?", "damage", "blocks?",
          "comma", "bytes?")
RULES = [
    (re.compile(r"whoever|whomever|whatsoever", re.IGNORECASE),
     "say who it is: those who, the one that, no matter who"),
    # How far something lags is behind; so is what stands behind a seam.
    (re.compile(r"\bbehind (?!first\b|its end\b)"
                r"(the |a |an |its |their |each |that |this )?"
                rf"({'|'.join(PLACES)})\b(?! of (a|its|their|the) stream)",
                re.IGNORECASE),
     "a later place in a text is after it"),
]


def check(lint):
    for name, lines in lint.lines.items():
        if name.startswith(BESIDE):
            continue
        for i, line in enumerate(lines):
            for pattern, instead in RULES:
                if found := pattern.search(line):
                    lint.report(name, i + 1, "word",
                                f"'{found.group()}': {instead}")
