"""The words of a node's log: one table has each of them, and no other."""

import re

TABLE = "docs/log_words.md"
OPERATIONS = "docs/operations.md"
# What tells a log. Commands tell people, without a word; `node` is one of the log.
PLACES = ("actors/", "nodes/assembly/", "nodes/servers/", "nodes/node/",
          "nodes/cli/node.cpp")
CALLED = re.compile(
    r"\b(?:warn|note|detail|on_warning|on_note|on_detail|tell|"
    r"log_?\.(?:warning|info|error))\(\s*(?:[\w:]*severity::\w+,\s*)?"
    r'"([^"\\]*)"\s*,')
MADE = re.compile(r"\{\s*(?:\w+ \?\s*)?notice::severity::")
WORD = re.compile(r"[a-z][a-z0-9_]*")


def check(lint):
    rows = {found.group(1): i + 1
            for i, line in enumerate(lint.lines.get(TABLE, []))
            if (found := re.match(r"\| `(\S+)` \| \S", line))}
    if not rows:
        return
    literals = set()
    for name, lines in lint.lines.items():
        if name in lint.code and name.startswith(("actors/", "nodes/")):
            text = "\n".join(lines)
            literals.update(re.findall(r'"([a-z][a-z0-9_]*)"', text))
            if name.startswith(PLACES):
                check_told(lint, name, text, rows)
    for word, line in rows.items():
        if word not in literals:
            lint.report(TABLE, line, "notice", f"nobody tells '{word}'")
    for i, line in enumerate(lint.lines.get(OPERATIONS, [])):
        if re.match(r"\| `(ERR|WARN|INF|DBG)` \|", line):
            for word in re.findall(r"`([^`]+)`", line)[1:]:
                if word not in rows:
                    lint.report(OPERATIONS, i + 1, "notice",
                                f"{TABLE} does not have '{word}'")


def check_told(lint, name, text, rows):
    for at, word in told(text):
        if not WORD.fullmatch(word) or word not in rows:
            lint.report(name, text.count("\n", 0, at) + 1, "notice",
                        f"'{word}' is not in {TABLE}, or is not written as its "
                        "words are")


def told(text):
    """@returns (place, word) of each notice that says its word itself."""
    out = [(found.start(1), found.group(1)) for found in CALLED.finditer(text)]
    for found in MADE.finditer(text):
        # Level, type, process, word, text.
        parts = parts_of(text, found.start() + 1)
        if len(parts) == 5:
            out += [(found.start(), word)
                    for word in re.findall(r'"([^"]*)"', parts[3])]
    return out


def parts_of(text, at):
    """What stands between commas, up to the brace that closes."""
    parts, depth, quoted = [""], 0, False
    for letter in text[at:]:
        if letter == '"':
            quoted = not quoted
        elif not quoted and letter in "({[":
            depth += 1
        elif not quoted and letter in ")}]":
            if depth == 0:
                break
            depth -= 1
        elif not quoted and letter == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += letter
    return parts
