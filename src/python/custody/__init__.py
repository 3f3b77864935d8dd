"""Keeps the artifacts of regulated media pipelines, with proof.

    from custody import ArtifactManager, ArtifactType

    with ArtifactManager("study", actor="researcher_1") as manager:
        with manager.start_processing_run({"pipeline": "video_deid"}):
            video = manager.create_artifact(ArtifactType.VIDEO_RAW, source_path=Path("interview.mp4"))

The names, arguments and answers are those of the original system's package `pipeline.artifacts`; what custody has beyond it stands
beside them, in the same style. Every failure is an exception under `custody.Error`.
"""

try:
    import sqlite3 as _sqlite3  # noqa: F401  (so that Python's own copy is in the process when copies are counted)
except ImportError:  # a Python without it has no copy
    pass

from . import _custody, errors


def _require_one_sqlite() -> None:
    found = _custody.engines_in_process()
    if len(found) > 1:
        raise ImportError(
            "custody can't be used in a process with more than one copy of SQLite: " + ", ".join(found) + ". Two copies don't know of "
            "each other's locks, and when one of them opens and closes the store's catalog, commits that were acknowledged are lost. Use "
            "a Python whose sqlite3 module is linked with the system's libsqlite3, and no library that brings its own.")


_require_one_sqlite()

from . import enums, models, offline, original, reports  # noqa: E402
from .audit import AuditTrail  # noqa: E402
from .enums import *  # noqa: E402,F401,F403
from .errors import *  # noqa: E402,F401,F403
from .manager import ArtifactManager, PayloadReader  # noqa: E402
from .models import *  # noqa: E402,F401,F403
from .offline import *  # noqa: E402,F401,F403
from .original import *  # noqa: E402,F401,F403
from .reports import *  # noqa: E402,F401,F403
from .runs import ProcessingRun  # noqa: E402
from .storage import ArtifactStorage  # noqa: E402

__version__ = _custody.version
__all__ = ["ArtifactManager", "ArtifactStorage", "AuditTrail", "PayloadReader", "ProcessingRun", *enums.__all__, *errors.__all__,
           *models.__all__, *offline.__all__, *original.__all__, *reports.__all__]
