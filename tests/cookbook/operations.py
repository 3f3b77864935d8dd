#!/usr/bin/env python3
"""operations.py ROOT: the operations and actions that migrations/README.md lists are those that the sources write."""

import pathlib
import re
import sys

PAIRS = (
    re.compile(r'draft\(\s*"(\w+)",\s*"(\w+)"\s*\)'),
    re.compile(r'operation = "(\w+)"[,;]\s*(?:\w+)?\.action = "(\w+)"'),
)


def pairs_of_sources(root):
    found = set()
    for path in sorted((root / "src").rglob("*.cpp")):
        text = path.read_text(encoding="utf-8")
        for pattern in PAIRS:
            found.update(pattern.findall(text))
    return found


def section_of(document):
    return document.split("\n## Operations and actions\n", 1)[1].split("\n## ", 1)[0]


def pairs_of_document(document):
    found = set()
    for operation, actions in re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", section_of(document), re.M):
        found.update((operation, action) for action in re.findall(r"`(\w+)`", actions))
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    document = (root / "migrations/README.md").read_text(encoding="utf-8")
    used, listed = pairs_of_sources(root), pairs_of_document(document)
    problems = [f"not listed: {operation} / {action}" for operation, action in sorted(used - listed)]
    problems += [f"listed, and not written by any source: {operation} / {action}" for operation, action in sorted(listed - used)]
    print("\n".join(problems) if problems else f"{len(used)} pairs are listed.")
    sys.exit(1 if problems or len(used) < 30 else 0)


if __name__ == "__main__":
    main()
