#!/usr/bin/env python3
"""calls.py ROOT: every public call of the classes that callers hold is among the hostile ones."""

import pathlib
import re
import sys

CLASSES = ("ArtifactManager", "Run", "AuditTrail", "PayloadStream")


def calls_of(headers, name):
    body = re.search(r"class CUSTODY_API %s \{\n   public:\n(.*?)\n(?:   private:|\};)" % name, headers, re.S).group(1)
    body = re.sub(r"//[^\n]*", "", body)
    return {call for call in re.findall(r"(?<![\w:~.])([a-z]\w*)\(", body) if call not in ("operator", "noexcept")}


def main():
    root = pathlib.Path(sys.argv[1])
    headers = "\n".join(path.read_text(encoding="utf-8") for path in sorted((root / "include/custody").glob("*.hpp")))
    attack = "\n".join(path.read_text(encoding="utf-8") for path in sorted((root / "tests/robustness").glob("hostile*.cpp")))
    calls = {(name, call) for name in CLASSES for call in calls_of(headers, name)}
    missing = [f"not called by tests/robustness/hostile*.cpp: {name}::{call}" for name, call in sorted(calls)
               if not re.search(r"(\.|::)%s\(" % call, attack)]
    print("\n".join(missing) if missing else f"{len(calls)} calls are all there.")
    sys.exit(1 if missing or len(calls) < 40 else 0)


if __name__ == "__main__":
    main()
