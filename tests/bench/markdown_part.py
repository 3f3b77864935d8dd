"""A part of a document that a script makes anew: what stands between the lines <!-- NAME --> and <!-- end of NAME -->."""

import sys


def replace(document, name, content):
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    with open(document, encoding="utf-8") as text:
        before, found, rest = text.read().partition(start)
    if not found or end not in rest:
        sys.exit(f"{document} lacks the lines {start.strip()} and {end.strip()}")
    with open(document, "w", encoding="utf-8") as out:
        out.write(before + start + "\n" + content.strip("\n") + "\n\n" + end + rest.partition(end)[2])
