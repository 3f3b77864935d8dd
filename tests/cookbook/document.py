"""What migrations/README.md says: questions with their SQL, the columns of views, the columns of tables."""
import re


def sections(text, mark):
    """Title → text below each heading of one depth."""
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.M)
    found = {}
    for title, body in zip(parts[1::2], parts[2::2]):
        if title in found:
            raise SystemExit(f"two headings say: {title}")
        found[title] = re.split(r"^##? ", body, flags=re.M)[0]
    return found


def questions(text):
    """Question → its one SQL block."""
    found = {}
    for title, body in sections(sections(text, "##")["Cookbook"] if "## Cookbook" in text else "", "###").items():
        blocks = re.findall(r"^```sql\n(.*?)^```$", body, flags=re.M | re.S)
        if len(blocks) != 1 or not title.endswith("?"):
            raise SystemExit(f"not one question with one block of SQL: {title}")
        found[title] = blocks[0]
    return found


def views(text):
    """View → [(column, type, when NULL)] in the order of its table."""
    found = {}
    for title, body in sections(sections(text, "##")["Views"], "###").items():
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \| (.+?) \|$", body, flags=re.M)
        found[title] = rows
    return found


def tables(text):
    """Table → its columns, in order."""
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (`.+) \|$", sections(text, "##")["Base tables"], flags=re.M)
    return {name: re.findall(r"`(\w+)`(?! *[):,]? *\w*\))", re.sub(r"\([^()]*\)", "", columns)) for name, columns in rows}
