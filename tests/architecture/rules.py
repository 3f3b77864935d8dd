"""The rules that keep the rooms of the source tree apart. Each takes a file's path and text and yields (line, message)."""

import re

# A file may include its own room and what lies on lower floors; the public headers are there for everybody.
FLOORS = {"base": 0, "sqlite": 1, "blobs": 1, "original": 1, "catalog": 2, "audit": 2, "manager": 3}
SQL_ROOMS = ("catalog", "audit")
# The sqlite room asks SQLite about itself and what it brings along, and the store which versions may use it: nothing else.
SQLITE_ROOM_NAMES = re.compile(r"\b(sqlite_schema|schema_migrations|pragma_\w+|json_each|min_reader|min_writer)\b")
MAX_LINES = 400

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
SQL_START = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\s")
SQL_INSIDE = re.compile(r"\bSELECT\b.+\bFROM\b|\bINSERT\s+(OR\s+\w+\s+)?INTO\s+\w|\bUPDATE\s+\w+\s+SET\b|\bDELETE\s+FROM\s+\w", re.S)
PRINTS = re.compile(
    r"<iostream>|<print>|\bstd::(cout|cerr|clog|print|println|puts|printf|putchar)\b|\b(printf|vprintf|puts|putchar|perror)\s*\(|"
    r"\bf?(printf|puts|putc|write)\s*\([^;]*\b(stdout|stderr)\b|\bwrite\s*\(\s*(1|2|STDOUT_FILENO|STDERR_FILENO)\b")
TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]*)\((?P<raw>.*?)\)(?P=tag)"|"(?P<text>(?:\\.|[^"\\\n])*)"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def place(path):
    """What kind of file it is: ("room", name), ("public", ""), ("tools", "") or ("other", "")."""
    parts = path.split("/")
    if parts[0] == "tools" or parts[:2] == ["src", "python"]:
        return ("tools", "")
    if parts[0] == "src" and len(parts) > 2:
        return ("room", parts[1])
    if parts[:2] == ["include", "custody"]:
        return ("public", "")
    return ("other", "")


def literals(text):
    """String literals with their positions; those that stand side by side are one."""
    joined, end = [], None
    for token in TOKENS.finditer(text):
        value = token.group("raw") if token.group("raw") is not None else token.group("text")
        if value is None:
            continue
        if end is not None and not text[end:token.start()].strip():
            joined[-1][1] += value
        else:
            joined.append([token.start(), value])
        end = token.end()
    return joined


def without_comments_and_literals(text):
    def blank(token):
        return re.sub(r"[^\n]", " ", token.group(0))
    # What is included stands in quotes too: those lines are kept.
    return "\n".join(line if INCLUDE.match(line) else TOKENS.sub(blank, line) for line in TOKENS.sub(
        lambda token: token.group(0) if token.group("text") is not None else blank(token), text).split("\n"))


def check_includes(path, text):
    kind, room = place(path)
    if kind == "other":
        return
    if kind == "room" and room not in FLOORS:
        yield 1, f"src/{room} is no room: give it a floor, or move the file"
        return
    for match in INCLUDE.finditer(text):
        style, name = match.groups()
        line = line_of(text, match.start())
        if ".." in name.split("/"):
            yield line, f"{name}: includes go from a room's root, never upward by .."
            continue
        target = name.split("/")[0]
        inside = style == '"' and target in FLOORS and "/" in name
        if kind == "public" and not (style == "<" and (target == "custody" or "/" not in name or target == "nlohmann")):
            yield line, f"{name}: a public header includes public headers, the standard library and nlohmann/json alone"
        elif kind == "public" and re.match(r"(sqlite3|sodium)\.h", name):
            yield line, f"{name}: public headers don't show what the library is made with"
        elif kind == "tools" and (inside or (style == "<" and target in FLOORS and "/" in name)):
            yield line, f"{name}: tools and bindings include public headers alone"
        elif kind == "room" and style == '"' and name.startswith("custody/"):
            yield line, f"{name}: public headers are included as <{name}>"
        elif kind == "room" and style == '"' and not inside:
            yield line, f"{name}: a room's header is included by its whole path, \"{room}/{name}\""
        elif kind == "room" and inside and target != room and FLOORS[target] >= FLOORS[room]:
            yield line, f"{name}: {room} is on floor {FLOORS[room]}, {target} on floor {FLOORS[target]}; includes point down"


def check_sql(path, text):
    kind, room = place(path)
    if kind == "other" or room in SQL_ROOMS:
        return
    for position, value in literals(text):
        # What a tool prints may quote a statement; a statement of its own begins with the keyword.
        found = SQL_START.match(value) or (kind != "tools" and SQL_INSIDE.search(value))
        if found and not (room == "sqlite" and SQLITE_ROOM_NAMES.search(value)):
            yield line_of(text, position), f"SQL lives in migrations/, src/catalog/ and src/audit/ alone: {value[:60]!r}"


def check_prints(path, text):
    if place(path)[0] not in ("room", "public"):
        return
    code = without_comments_and_literals(text)
    for match in PRINTS.finditer(code):
        yield line_of(code, match.start()), f"a library doesn't print: {match.group(0).strip()[:40]}"


def check_length(path, text, reasons):
    lines = text.count("\n")
    if lines > MAX_LINES and not reasons.get(path):
        yield lines, f"{lines} lines, over {MAX_LINES}: split it, or give a reason in tests/architecture/long_files.txt"


CPP = (".cpp", ".hpp", ".h", ".c", ".cc")
WATCHED = CPP + (".py", ".sh", ".sql", ".cmake", ".in", ".txt", ".bash")


def findings(path, text, reasons):
    """Everything that is wrong with one file, as "path:line: message"."""
    checks = [check_length(path, text, reasons)]
    if path.endswith(CPP):
        checks += [check_includes(path, text), check_sql(path, text), check_prints(path, text)]
    return [f"{path}:{line}: {message}" for check in checks for line, message in check]
