#!/usr/bin/env python3
"""Verifies exported audit files of custody: folders of month files, and proofs of single entries. Written from
src/audit/README.md, without the library. Signatures need Debian's python3-cryptography.
Exit code 0: nothing contradicts itself, 2: wrong usage, 20: findings."""
import argparse, base64, hashlib, json, os, re, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
findings, pinned, notes, sealed = [], set(), [], {"size": 0, "by": None}

def find(where, what):
    findings.append(f"{where}: {what}")
def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()
def need(condition, what):
    if not condition:
        raise ValueError(what)
def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    need(base64.b64encode(raw).decode() == text, "stray bits in base64")
    return raw
def parse(text):
    return json.loads(text, parse_float=lambda number: need(False, "a number that is no integer"),
                      object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else need(False, "a key twice"))

def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    return "[" + ",".join(map(canonical, value)) + "]" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)

def stored_line(line):
    entry = parse(line)
    need(canonical(entry) == line, "a line is not canonical JSON")
    need(entry.get("openings", True), "a line has openings, and none in them")
    for pointer, salt in entry.pop("openings", {}).items():
        holder, last = (entry["details"], pointer[9:]) if pointer.startswith("/details/") else (entry, pointer[1:])
        need(re.fullmatch("[0-9a-f]{32}", salt) and type(holder[last]) is str, "an opening is malformed")
        holder[last] = "sha256:" + sha(bytes.fromhex(salt), holder[last].encode()).hex()
    return entry, canonical(entry).encode()

def grow(hashes, size, leaf):
    for _ in range((size + 1 & -(size + 1)).bit_length() - 1):  # each 1 bit at the end: a subtree that is completed
        leaf = sha(b"\1", hashes.pop(), leaf)
    return hashes.append(leaf) or size + 1

def root_of(hashes):
    root = hashes[-1] if hashes else sha()
    for left in reversed(hashes[:-1]):
        root = sha(b"\1", left, root)
    return root

def parse_key(text):
    name, key_id, raw = text.split("+", 2)
    raw = unbase64(raw)
    need(len(raw) == 33 and raw[0] == 1 and sha(name.encode(), b"\n", raw)[:4].hex() == key_id, "no verifier key: " + text)
    return name, raw[1:]
def verifier_key(text):
    return parse_key(text)[1]
def signed(message, signature, public_key):
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message.encode())
        return True
    except InvalidSignature:
        return False
def check_note(note, size, root, keys, where):
    parsed = [*map(parse_key, keys)]
    if note is None:
        return
    match = re.fullmatch(r"((custody/[^ +\n]+)\n(\d+)\n([^\n]+)\n)\n((?:— [^ \n]+ [^ \n]+\n)+)", note)
    if not match or (match[3], match[4]) != (str(size), base64.b64encode(root).decode()):
        return find(where, "the checkpoint is not of these entries")
    lines = [(name, unbase64(blob)) for name, blob in re.findall(r"— ([^ \n]+) ([^ \n]+)\n", match[5])]
    notes.append((match, lines, {key for name, key in parsed if name == match[2]}, where))

def signer(match, lines, keys):
    for name, raw in lines:
        for key in keys if name == match[2] else ():
            if sha(name.encode(), b"\n\1", key)[:4] == raw[:4] and signed(match[1], raw[4:], key):
                return key

def check_signatures():  # at the end, when every key that an entry names is known
    others = []
    for match, lines, listed, where in notes:
        key, size = signer(match, lines, pinned or listed), int(match[3])
        if key and size >= sealed["size"]:
            sealed.update(size=size, by=key.hex())
        if not key:
            others.append((size, signer(match, lines, listed), where))
    for size, key, where in others:  # one by an older key proves nothing by itself, and is covered by a later one
        if not key or size > sealed["size"]:
            find(where, "the checkpoint has no good signature by a " + ("pinned key" if pinned else "listed key"))

def follow(entry, size, hashes, where):
    details, what = entry["details"], (entry["operation"], entry["action"], entry["outcome"])
    if what == ("audit_trail", "epoch", "done") and (details["left_size"], details["left_root"]) != (size, root_of(hashes).hex()):
        find(where, "the entries before it are not those of the head that it says was left, by a restore")
    if what == ("audit_trail", "key", "done") and details["signature"]:
        text = f"custody key rotation\n{details['verifier_key'].split('+')[0]}\n{details['public_key']}\n"
        if not signed(text, unbase64(details["signature"]), bytes.fromhex(details["previous_key"])):
            find(where, "the old key's signature under the new key is not good")
        elif bytes.fromhex(details["previous_key"]) in pinned:
            pinned.add(bytes.fromhex(details["public_key"]))

def check_month(folder, name, before):
    where, lines = f"audit_{name}.proof.json", f"audit_{name}.jsonl"
    proof = parse(open(os.path.join(folder, where), encoding="utf-8").read())
    start, end, month, keys = proof["start"], proof["end"], proof["month"], proof["keys"]
    size, hashes = start["size"], [bytes.fromhex(text) for text in start["frontier"]]
    need(len(hashes) == bin(size).count("1"), "the frontier does not fit its size")
    need([proof["version"], month.replace("-", ""), proof["first_seq"], proof["last_seq"]] == [1, name, size + 1, end["size"]],
         "its members contradict one another")
    follows = before and int(month[:4]) * 12 + int(month[5:]) == int(before[0][:4]) * 12 + int(before[0][5:]) + 1
    if before and not (follows and (size, root_of(hashes)) == before[1:]):
        find(where, "it does not begin where the month before it ends, or a month is missing")
    check_note(start["checkpoint"], size, root_of(hashes), keys, where)
    text = open(os.path.join(folder, lines), "rb").read().decode()
    need(not text or text.endswith("\n"), "the last line was cut")
    for number, line in enumerate(text.split("\n")[:-1], 1):
        entry, stored = stored_line(line)
        if entry["seq"] != size + 1 or entry["timestamp"][:7] > month or (number == 1 and entry["timestamp"][:7] != month):
            find(f"{lines} line {number}", "the entry does not belong here")
        follow(entry, size, hashes, f"{lines} line {number}")
        size = grow(hashes, size, sha(b"\0", stored))
    if (size, root_of(hashes).hex()) != (end["size"], end["root"]):
        find(lines, "the lines are not those that the proof is of")
    check_note(end["checkpoint"], size, root_of(hashes), keys, where)
    return month, size, root_of(hashes)

def check_entry(path):
    proof = parse(open(path, encoding="utf-8").read())
    entry, stored = stored_line(proof["line"])
    node, index, last = sha(b"\0", stored), proof["leaf_index"], proof["tree_size"] - 1
    need(proof["version"] == 1 and entry["seq"] == index + 1 and 0 <= index <= last, "its members contradict one another")
    for sibling in map(unbase64, proof["path"]):
        left = index & 1 or index == last
        node = sha(b"\1", sibling, node) if left else sha(b"\1", node, sibling)
        while left and not index & 1 and index:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    need(not last, "the path does not fit")
    check_note(proof["checkpoint"], proof["tree_size"], node, proof["keys"], path)
    return entry["seq"]

def check_folder(path):
    before, pattern = None, re.compile(r"audit_(\d{6})\.(jsonl|proof\.json)")
    for name in sorted({match[1] for match in map(pattern.fullmatch, os.listdir(path)) if match}):
        before = check_month(path, name, before)
    return before[1] if before else need(False, "there are no month files")
def main(arguments):
    last, usage = 0, argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    usage.add_argument("--key", action="append", default=[], type=verifier_key, metavar="VERIFIER_KEY", help="known to be right")
    usage.add_argument("paths", nargs="+", metavar="PATH", help="a folder of month files, or the proof of an entry")
    given = usage.parse_intermixed_args(arguments)
    pinned.update(given.key)
    for path in given.paths:
        try:
            last = max(last, (check_folder if os.path.isdir(path) else check_entry)(path))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError) as error:
            find(path, f"unreadable: {error}")
    check_signatures()
    pinned and not sealed["size"] and find("checkpoints", "nothing here is sealed by the pinned key")
    print("\n".join(findings) or "nothing that was read contradicts itself")
    print(f"sealed to entry {sealed['size']} by key {sealed['by']} ({'pinned' if pinned else 'not pinned'}); "
          f"{max(0, last - sealed['size'])} entries after it" if sealed["size"] else "not sealed")
    sys.exit(20 if findings else 0)

main(sys.argv[1:])
