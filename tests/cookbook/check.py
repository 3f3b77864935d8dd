"""Asks the cookbook's questions of the store that cookbook_store made, and compares the reference with it."""
import argparse
import hashlib
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

import document

ANSWERS = pathlib.Path(__file__).with_name("answers.json")


class Store:
    """One database in the stock shell."""

    def __init__(self, options, name):
        self.shell = options.shell
        self.file = options.folder / name

    def rows(self, sql, parameters=None):
        commands = ['.parameter set :%s "\'%s\'"' % item for item in (parameters or {}).items()]
        run = subprocess.run([self.shell, "-batch", "-bail", "-readonly", "-json", "-cmd", ".timeout 10000", self.file],
                             input="\n".join(commands + [sql]), capture_output=True, text=True, check=False)
        if run.returncode != 0 or run.stderr:
            raise SystemExit(f"the shell refused this on {self.file.name}: {run.stderr}\n{sql}")
        return json.loads(run.stdout) if run.stdout else []


def catalog(options):
    return Store(options, "store/storage/catalog.db")


def names(options):
    known = json.loads((options.folder / "names.json").read_text())
    known["host"] = os.uname().nodename
    known["os_user"] = pwd.getpwuid(os.geteuid()).pw_name
    return known


def filled_in(value, known):
    if isinstance(value, str):
        return re.sub(r"\{([\w.]+)\}", lambda match: known[match[1]], value)
    return value


def ask_library(options, sql, parameters):
    """By ArtifactManager::sql, which takes no parameters; on a copy, since it adds an entry."""
    for name, value in parameters.items():
        sql = re.sub(rf":{name}\b", f"'{value}'", sql)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(options.folder / "store", pathlib.Path(folder) / "store", symlinks=True)
        run = subprocess.run([options.program, "sql", pathlib.Path(folder) / "store"], input=sql, capture_output=True,
                             text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(f"ArtifactManager::sql refused this: {run.stderr}\n{sql}")
    return json.loads(run.stdout)


def differences(asked_of, columns, rows, answer, known):
    expected = [[filled_in(cell, known) for cell in row] for row in answer["rows"]]
    if answer.get("order") == "any":
        expected, rows = sorted(expected, key=repr), sorted(rows, key=repr)
    found = []
    if rows and columns != answer["columns"]:
        found.append(f"{asked_of}: columns {columns}, expected {answer['columns']}")
    if rows != expected:
        back = {value: "{%s}" % name for name, value in known.items()}
        shown = [[back.get(cell, cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        found.append(f"{asked_of} answered\n" + "\n".join(json.dumps(row) for row in shown)
                     + "\nexpected\n" + "\n".join(json.dumps(row) for row in answer["rows"]))
    return found


def check_question(options, text):
    question = " ".join(options.words)
    sql = document.questions(text)[question]
    answer = json.loads(ANSWERS.read_text())[question]
    known = names(options)
    parameters = {name: filled_in(value, known) for name, value in answer.get("parameters", {}).items()}
    if not answer["rows"]:
        return [f"the store has nothing to answer this with: {question}"]
    found = []
    # A snapshot lacks nothing but the last entries: those of its own making and after.
    for database in ("store/storage/catalog.db", "review.db")[: 1 if answer.get("newest") else 2]:
        rows = Store(options, database).rows(sql, parameters)
        columns = list(rows[0]) if rows else []
        found += differences(database, columns, [list(row.values()) for row in rows], answer, known)
    library = ask_library(options, sql, parameters)
    found += differences("ArtifactManager::sql", library["columns"], library["rows"], answer, known)
    # Without free texts a question must still work; what it answers may differ.
    Store(options, "review-no-text.db").rows(sql, parameters)
    return found


def check_completeness(_options, text):
    asked, answered = document.questions(text), json.loads(ANSWERS.read_text())
    found = [f"no answer is expected to: {question}" for question in asked if question not in answered]
    found += [f"nobody asks: {question}" for question in answered if question not in asked]
    for question, sql in asked.items():
        used = set(re.findall(r"(?<!:):([a-z_]+)", re.sub(r"'[^']*'", "", sql)))
        given = set(answered.get(question, {}).get("parameters", {}))
        if used != given:
            found.append(f"{question}: parameters {sorted(used)}, the test gives {sorted(given)}")
    return found if len(asked) >= 18 else found + ["questions are missing"]


def check_view(store, view, documented):
    columns = [row["name"] for row in store.rows(f"SELECT name FROM pragma_table_info('{view}')")]
    found = []
    if columns != [name for name, _, _ in documented]:
        found.append(f"{view} has {columns}; documented are {[name for name, _, _ in documented]}")
    for name, kind, null in documented:
        if name not in columns:
            continue
        types = {row["t"] for row in store.rows(f'SELECT DISTINCT typeof("{name}") AS t FROM {view}')}
        if not types:
            found.append(f"{view} is empty: the store shows nothing of it")
        if types - {kind, "null"}:
            found.append(f"{view}.{name} is {sorted(types)}, documented as {kind}")
        if "null" in types and null == "never":
            found.append(f"{view}.{name} is NULL somewhere, documented as never")
    return found


def check_documentation(options, text):
    store = catalog(options)
    views, tables = document.views(text), document.tables(text)
    found = []
    for kind, documented in (("view", views), ("table", tables)):
        there = {row["name"] for row in store.rows(
            f"SELECT name FROM sqlite_schema WHERE type = '{kind}' AND name NOT LIKE 'sqlite%'")}
        if there != set(documented):
            found.append(f"{kind}s: documented or there, but not both: {sorted(there ^ set(documented))}")
    for database in (store, Store(options, "review.db"), Store(options, "review-no-text.db")):
        for view, columns in views.items():
            found += [f"{database.file.name}: {line}" for line in check_view(database, view, columns)]
    for table, columns in tables.items():
        there = [row["name"] for row in store.rows(f"SELECT name FROM pragma_table_xinfo('{table}')")]
        if there != columns:
            found.append(f"{table} has {there}; documented are {columns}")
    return found


def check_untouched(options, text):
    folder = options.folder / "store" / "storage"

    def state():
        # Of the index (-shm) only that it is there: readers note in it how far they read.
        files = sorted(folder.glob("catalog.db*"))
        return {file.name: "" if file.name.endswith("-shm") else hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = state()
    for view in document.views(text):
        catalog(options).rows(f"SELECT count(*) AS n FROM {view}")
    return [] if len(before) == 3 and state() == before else [f"before {before}, after {state()}"]


def check_withdrawn(options, _text):
    store = Store(options, "review-no-text.db")
    shown = {
        "SELECT file_name AS t FROM review_artifacts WHERE checksum IS NOT NULL": 14,
        "SELECT metadata AS t FROM review_artifacts": 17,
        "SELECT error_message AS t FROM review_artifacts WHERE status = 'failed'": 1,
        "SELECT configuration AS t FROM review_runs": 7,
        "SELECT error_message AS t FROM review_runs WHERE status = 'failed'": 4,
        "SELECT error_message AS t FROM review_audit WHERE outcome <> 'done'": 6,
        "SELECT reason AS t FROM review_holds": 2,
    }
    found = []
    for sql, count in shown.items():
        texts = [row["t"] for row in store.rows(sql)]
        if texts != ["withdrawn"] * count:
            found.append(f"{sql}: {texts}, expected {count} times withdrawn")
    nothing = {
        "SELECT seq FROM review_audit WHERE texts IS NOT NULL": "a text that should be gone",
        "SELECT status FROM review_artifacts WHERE status <> 'failed' AND error_message IS NOT NULL": "a message that never was",
    }
    return found + [f"{what}: {store.rows(sql)}" for sql, what in nothing.items() if store.rows(sql)]


def main():
    parser = argparse.ArgumentParser()
    for name in ("folder", "document"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    for name in ("program", "shell"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("what", choices=["question", "completeness", "documentation", "untouched", "withdrawn"])
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    found = globals()["check_" + options.what](options, options.document.read_text(encoding="utf-8"))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
