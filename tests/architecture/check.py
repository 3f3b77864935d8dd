#!/usr/bin/env python3
"""check.py ROOT: fails, and says where, if a file below ROOT breaks a rule of rules.py."""

import os
import sys

import rules


def read_reasons(path):
    """long_files.txt: one "path  reason" a line."""
    reasons = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, _, reason = line.strip().partition(" ")
            if name and not name.startswith("#"):
                reasons[name] = reason.strip()
    return reasons


def watched_files(root):
    for top in ("include", "src", "migrations", "tests", "tools"):
        for folder, subfolders, names in os.walk(os.path.join(root, top)):
            subfolders[:] = sorted(name for name in subfolders if name != "corpus")  # inputs of any bytes
            for name in sorted(names):
                # Commands have no extension: tools/test, tools/quickstart.
                if name.endswith(rules.WATCHED) or "." not in name:
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1]
    reasons = read_reasons(os.path.join(root, "tests/architecture/long_files.txt"))
    found, files = [], 0
    for path in watched_files(root):
        files += 1
        with open(os.path.join(root, path), encoding="utf-8") as source:
            found += rules.findings(path, source.read(), reasons)
    found += [f"tests/architecture/long_files.txt: {path} is not there" for path in reasons
              if not os.path.exists(os.path.join(root, path))]
    print("\n".join(found) if found else f"{files} files keep the rules.")
    sys.exit(1 if found or not files else 0)


if __name__ == "__main__":
    main()
