#pragma once

#include "convert.hpp"

namespace custody::python {

/// A custody.ArtifactMetadata. Made by hand, field by field: this is on the way of nearly every call, and Python's own way
/// through
/// __init__ takes several times as long, above all after a write, when nothing of it is in the processor's caches.
py::object form_of(const Artifact& artifact, const std::filesystem::path& storage);
py::list forms_of(const std::vector<Artifact>& artifacts, const std::filesystem::path& storage);

}  // namespace custody::python
