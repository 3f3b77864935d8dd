"""The README's tour in Python runs, twice, and prints what it says."""

import os
import pathlib
import re

README = pathlib.Path(os.environ["CUSTODY_SOURCE"], "README.md")


def test_the_tour(tmp_path, run_python):
    (tmp_path / "interview.mp4").write_bytes(b"raw picture")
    (tmp_path / "blurred.mp4").write_bytes(b"blurred picture")
    one_line, tour = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    run_python(one_line)
    first = run_python(tour).stdout
    again = run_python(tour).stdout
    assert first.splitlines()[0] == again.splitlines()[0]  # the same artifacts
    for expected in ("<- derived_from video_raw", "15 bytes", " create done", "['artifact_id', 'identified_artifact_id', 'chain_complete']"):
        assert expected in first, first
    assert first.splitlines()[-1] == again.splitlines()[-1] == "True"
