"""Files that fit a mind, functions that fit a screen: in C++ and in Python."""

import ast
import re

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


# Labels, and macros that stand alone on their line.
BEFORE = re.compile(
    r"(\s*(public|private|protected):"
    r"|\s*^\s*(?!TEST|BENCH)[A-Z_]+\([^()]*(\([^()]*\))?[^()]*\)$)*\s*",
    re.MULTILINE)


def check(lint):
    for name, code in lint.code.items():
        check_file(lint, name, 1, len(code), functions("\n".join(code)))
    for name, lines in lint.lines.items():
        if not is_python(name, lines):
            continue
        try:
            found = python_functions("\n".join(lines))
        except SyntaxError as why:
            lint.report(name, why.lineno or 1, "syntax", why.msg)
            continue
        # A reason stands before the text that tells what the file is.
        check_file(lint, name, 2 if lines and lines[0].startswith("#!") else 1,
                   len(lines), found)


def check_file(lint, name, first, count, found):
    if count > FILE_LINES_MAX:
        lint.report(name, first, "length", f"{count} lines; a file has at "
                    f"most {FILE_LINES_MAX}")
    for begin, end, what in found:
        if end - begin + 1 > FUNCTION_LINES_MAX:
            lint.report(name, begin, "length",
                        f"{what} has {end - begin + 1} lines; a function "
                        f"has at most {FUNCTION_LINES_MAX}")


def is_python(name, lines):
    return name.endswith(".py") or bool(
        lines and re.match(r"#!.*\bpython3?$", lines[0]))


def python_functions(text):
    """@returns (first line, last line, name) of each function.
    @throws SyntaxError"""
    return [(each.lineno, each.end_lineno, each.name)
            for each in ast.walk(ast.parse(text))
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]


def functions(text):
    """@returns (first line, last line, name) of each function body that is in
    no other one; `text` has no comments and no literals."""
    out = []
    scopes = []  # per open brace: None, or (first line, name) of a function
    head_begin = 0  # of what stands since the last statement or scope
    inside = 0  # how many open braces belong to a function
    for match in re.finditer(r"[;{}]|^[ \t]*#[^\n]*", text, re.MULTILINE):
        at, mark = match.start(), match.group()[-1]
        head = text[head_begin:at]
        if match.group().lstrip().startswith("#"):
            if not head.strip():
                head_begin = match.end()
            continue
        if mark == "{":
            scope = None
            if inside:
                inside += 1
            elif scopes and scopes[-1] == "member":
                scope = "member"
            elif is_member_initializer(head):
                scopes.append("member")
                continue
            elif name := function_name(head):
                first = head_begin + BEFORE.match(head).end()
                scope = (text.count("\n", 0, first) + 1, name)
                inside = 1
            scopes.append(scope)
        elif mark == "}" and scopes:
            scope = scopes.pop()
            if scope == "member":
                continue
            if inside:
                inside -= 1
            if isinstance(scope, tuple):
                out.append((scope[0], text.count("\n", 0, at) + 1, scope[1]))
        if inside == 0:
            head_begin = match.end()
    return out


def is_member_initializer(head):
    """`x::x() : a{`: the brace after a member, not that of a body."""
    return bool(re.search(r"\)\s*(noexcept)?\s*(?<!:):(?!:)", head)
                and re.search(r"[\w>]\s*$", head))


def function_name(head):
    head = head[BEFORE.match(head).end():]
    if re.search(r"=\s*$|^\s*(inline\s+)?(namespace|extern)\b", head):
        return None
    if re.match(r"\s*(template\s*<.*>\s*)?(enum\s+)?(class|struct|union|enum)\b"
                r"[^()]*$", head, re.DOTALL):
        return None
    test = re.search(r"\b(TEST\w*|BENCHMARK\w*)\s*\(([^)]*)\)\s*$", head)
    if test:
        return re.sub(r"\s*,\s*", ".", test.group(2).strip())
    called = re.search(r"(operator\s*\S+|[\w:~]+)\s*\(", head)
    return called.group(1) if called else None
