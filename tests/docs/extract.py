"""Takes the fenced blocks of one language out of a Markdown file: extract.py FILE.md LANGUAGE OUTPUT [SKIP]

The blocks come one after the other, the first SKIP ones left out, so that a reader's path through the document is run
as the reader would walk it.
"""

import pathlib
import re
import sys


def main() -> int:
    source, language, output = sys.argv[1:4]
    skip = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    text = pathlib.Path(source).read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    if len(blocks) <= skip:
        print(f"{source} has {len(blocks)} blocks of {language}, wanted more than {skip}", file=sys.stderr)
        return 1
    pathlib.Path(output).write_text("\n".join(blocks[skip:]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
