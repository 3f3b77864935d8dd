"""A lineage in the original's form: dicts in dicts."""

from __future__ import annotations

from typing import Any, Dict

from .values import time_text


def nested(answer: tuple) -> Dict[str, Any]:
    """From the library's flat form. Each artifact is one dict, however many were made from it; no recursion, so any depth."""
    root, nodes, edges, truncated = answer
    forms: Dict[str, Dict[str, Any]] = {}
    for artifact_id, kind, status, created, module, _depth, _removed in nodes:
        forms[artifact_id] = {
            "artifact_id": artifact_id,
            "type": kind,
            "status": status,
            "created_at": time_text(created),
            "processing_module": module,
            "sources": [],
        }
    linked = set()
    for output, source, _relationship in edges:
        if (output, source) not in linked:  # links of two kinds are one way
            linked.add((output, source))
            forms[output]["sources"].append(forms[source])
    if truncated:
        forms[root]["truncated"] = True
    return forms[root]
