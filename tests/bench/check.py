#!/usr/bin/env python3
"""check.py CUSTODY_BENCH CUSTODY FOLDER: runs every case at the tiniest scale, and checks that its JSON says what it should, that a
plot can be made of it, and that nothing is left; then compare_peers with little. No figure is judged."""

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))


def fail(message):
    sys.exit(f"check.py: {message}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_spread(where, spread):
    if sorted(spread) != ["count", "high", "low", "median"] or not all(is_number(value) for value in spread.values()):
        fail(f"{where}: {spread} is no spread")
    if not spread["low"] <= spread["median"] <= spread["high"]:
        fail(f"{where}: {spread} is out of order")


def check_result(result):
    where = f"{result['case']}: {result['what']}"
    if "skipped" in result:
        if not result["skipped"]:
            fail(f"{where}: skipped without a reason")
        return
    check_spread(where, result["value"])
    if not isinstance(result["unit"], str):
        fail(f"{where}: no unit")
    if ("baseline" in result) != ("ratio" in result):
        fail(f"{where}: a ratio and what it is to belong together")
    for key in ("baseline_value", "ratio"):
        if key in result:
            check_spread(where, result[key])
    goal = result.get("to_reach")
    if goal is not None:
        if goal["of"] not in ("value", "ratio") or not isinstance(goal["reached"], bool):
            fail(f"{where}: {goal}")
        if ("at_most" in goal) == ("at_least" in goal) or not is_number(goal.get("at_most", goal.get("at_least"))):
            fail(f"{where}: {goal}")
    if not all(is_number(value) for value in result.get("parameters", {}).values()):
        fail(f"{where}: {result['parameters']}")


def check_results(text, names):
    out = json.loads(text)
    for key in ("processor", "kernel", "file_system", "build", "sqlite", "openssl", "custody"):
        if not isinstance(out["machine"][key], str) or not out["machine"][key]:
            fail(f"machine: no {key}")
    for key in ("processors", "memory_gib", "sync_us"):
        if not is_number(out["machine"][key]):
            fail(f"machine: no {key}")
    if out["scale"] != 0 or out["failed_cases"] != 0 or not is_number(out["missed"]):
        fail("scale, failed_cases or missed is wrong")
    for result in out["results"]:
        check_result(result)
    seen = list(dict.fromkeys(result["case"] for result in out["results"]))
    if seen != names:
        fail(f"cases {seen}, listed {names}")
    whats = [(result["case"], result["what"], result.get("baseline")) for result in out["results"]]
    if len(whats) != len(set(whats)):
        fail(f"a result is there twice: {[what for what in whats if whats.count(what) > 1]}")


def check_plot(folder, results):
    plot = os.path.join(folder, "growth.svg")
    run(sys.executable, "-B", os.path.join(HERE, "plot_growth"), "--out", plot, results, results)
    root = xml.etree.ElementTree.parse(plot).getroot()
    if root.tag != "{http://www.w3.org/2000/svg}svg" or not root.findall(".//{http://www.w3.org/2000/svg}polyline"):
        fail("the plot shows nothing")


def check_table(folder, results):
    document = os.path.join(folder, "document.md")
    with open(document, "w", encoding="utf-8") as out:
        out.write("before\n<!-- results -->\nold\n<!-- end of results -->\nafter\n")
    run(sys.executable, "-B", os.path.join(HERE, "results_table"), "--into", document, results)
    with open(document, encoding="utf-8") as text:
        lines = text.read().splitlines()
    if lines[:2] != ["before", "<!-- results -->"] or lines[-2:] != ["<!-- end of results -->", "after"] or "old" in lines:
        fail("the table has spoilt its document")
    with open(results, encoding="utf-8") as text:
        count = len(json.load(text)["results"])
    if sum(line.startswith("| `") for line in lines) != count:
        fail(f"the table hasn't a line for each of {count} results")


def check_peers(custody, folder):
    out = json.loads(run(sys.executable, "-B", os.path.join(HERE, "compare_peers"), "--custody", custody, "--large-mib", "1",
                         "--small-files", "3", "--rounds", "1", "--json", folder))
    for which in ("large", "small"):
        for name, found in out[which]["peers"].items():
            if "failed" in found and name.startswith(("custody", "git hash", "cp")):
                fail(f"{name}: {found['failed']}")
        if out[which]["peers"]["custody"]["durable"].startswith("no:"):
            fail(f"custody is not durable: {out[which]['peers']['custody']}")
    if os.listdir(folder):
        fail(f"left behind by compare_peers: {os.listdir(folder)}")


def main():
    bench, custody, folder = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    names = [line.split("\t")[0] for line in run(bench, "--list").splitlines()]
    if "FOLDER" not in run(bench, "--help"):
        fail("--help is no help")
    for wrong in (["--case=nothing", folder], ["--scale=many", folder], []):
        if subprocess.run([bench, *wrong], capture_output=True, check=False).returncode != 2:
            fail(f"{wrong} is not refused")
    text = run(bench, "--scale=0", "--json", "--quiet", folder)
    check_results(text, names)
    if os.listdir(folder):
        fail(f"left behind: {os.listdir(folder)}")
    check_peers(custody, folder)
    results = os.path.join(folder, "results.json")
    with open(results, "w", encoding="utf-8") as out:
        out.write(text)
    check_plot(folder, results)
    check_table(folder, results)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
