"""An installed copy, as Debian's Python finds it, is whole and needs no path of the build."""

import os
import subprocess
import sys
from pathlib import Path

BUILD = os.environ["CUSTODY_BUILD"]
SOURCE = Path(os.environ["CUSTODY_SOURCE"])


def test_an_installed_copy(tmp_path):
    subprocess.run(["cmake", "--install", BUILD, "--component", "python", "--prefix", str(tmp_path / "prefix")], check=True,
                   stdout=subprocess.DEVNULL)
    package, = (tmp_path / "prefix").rglob("custody")
    assert package.parent.name == "dist-packages"
    there = {path.name for path in package.iterdir()}
    assert {path.name for path in (SOURCE / "src/python/custody").iterdir() if path.name != "__pycache__"} <= there
    assert len([name for name in there if name.startswith("_custody.") and name.endswith(".so")]) == 1
    program = "import custody; custody.ArtifactManager('study').create_artifact('log', content=b'x'); print(custody.__file__)"
    said = subprocess.run([sys.executable, "-B", "-c", program], cwd=tmp_path, check=True, text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(package.parent)}).stdout
    assert said.strip() == str(package / "__init__.py")
    # The extension shows nothing but its entry, and has the library inside.
    library, = package.glob("_custody.*.so")
    names = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True, capture_output=True).stdout.split("\n")
    assert [line.split()[-1] for line in names if " T " in line] == ["PyInit__custody"]
    needed = subprocess.run(["readelf", "-d", library], check=True, text=True, capture_output=True).stdout
    assert "libsqlite3.so.0" in needed and "libcustody" not in needed and "RUNPATH" not in needed
