#!/usr/bin/env python3
"""exports.py INCLUDE STATIC SHARED: every function that the public headers declare and the library defines must be exported."""

import pathlib
import re
import subprocess
import sys


def names_of(library, *options):
    """Its functions; of weak ones in the static library only templates: an inline function is everybody's own, not exported."""
    out = subprocess.run(["nm", "--demangle", "--defined-only", *options, library], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in out.splitlines():
        match = re.match(r"[0-9a-f]+ ([TW]) (custody::[^ (]*\(.*)$", line)
        if match and (match.group(1) == "T" or options or "Uuid<" in match.group(2)):
            found.add(re.sub(r"@.*", "", match.group(2)))  # (the shared library's have a version)
    return found


def is_public(name, headers, classes):
    """Whether a function is one of the public interface: `custody::Class::function(…)` or `custody::function(…)`."""
    parts = re.match(r"custody::(?:(\w+)(?:<[^()]*>)?::)?(~?\w+)(?:\[abi:\w+\])?\(", name)
    if not parts:
        return False
    owner, function = parts.groups()
    if owner and owner not in classes:
        return False
    return re.search(r"(?<![\w:])%s\s*\(" % re.escape(function), headers) is not None


def main(include, static, shared):
    text = "\n".join(path.read_text() for path in sorted(pathlib.Path(include, "custody").glob("*.hpp")))
    headers = re.sub(r"//[^\n]*", "", text)
    classes = set(re.findall(r"\b(?:class|struct)\s+(?:CUSTODY_API\s+)?(\w+)\b[^;{}()>]*\{", headers))
    public = {name for name in names_of(static) if is_public(name, headers, classes)}
    missing = sorted(public - names_of(shared, "--dynamic"))
    for name in missing:
        print("declared for everybody, and not exported:", name)
    if len(public) < 80:
        print("only", len(public), "public functions were found: this check looks in the wrong place")
    return 1 if missing or len(public) < 80 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
