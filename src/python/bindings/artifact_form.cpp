#include "artifact_form.hpp"

namespace custody::python {

namespace {

// What is looked up once in a process; never destroyed, since Python may be gone by then.
struct Names {
    py::object kind = py::module_::import("custody.models").attr("ArtifactMetadata");
    py::object no_arguments = py::tuple();
    py::object type_of = py::module_::import("custody.enums").attr("ArtifactType").attr("of");
    py::dict types = py::module_::import("custody.enums").attr("ArtifactType").attr("_value2member_map_");
    py::dict statuses = py::module_::import("custody.enums").attr("ArtifactStatus").attr("_value2member_map_");
    // (Python's own: nlohmann has no integers beyond 64 bits.)
    py::object scan_json = py::module_::import("json").attr("JSONDecoder")().attr("scan_once");
    py::str artifact_id = key("artifact_id"), artifact_type = key("artifact_type"), status = key("status"),
            created_at = key("created_at"), updated_at = key("updated_at"), source_artifacts = key("source_artifacts"),
            processing_module = key("processing_module"), processing_version = key("processing_version"),
            file_path = key("file_path"), file_size = key("file_size"), checksum = key("checksum"), metadata = key("metadata"),
            error_message = key("error_message"), run_id = key("run_id"), file_name = key("file_name"),
            removed_at = key("removed_at"), links = key("links");

    static py::str key(const char* name) { return py::reinterpret_steal<py::str>(PyUnicode_InternFromString(name)); }
};

const Names& names() {
    static const Names& all = *new Names();
    return all;
}

py::object member(const py::dict& members, const std::string& value) {
    auto* const found = PyDict_GetItem(members.ptr(), py::str(value).ptr());
    if (found != nullptr) return py::reinterpret_borrow<py::object>(found);
    return names().type_of(value);
}

// The original's `<relationship>_artifacts` is computed from the links.
py::dict shown_metadata(const Artifact& artifact) {
    const auto& text = artifact.metadata_text;
    if (text == "{}" && artifact.links.empty()) return {};
    const auto begin = text.find('{');
    py::dict metadata = py::tuple(names().scan_json(text, begin))[0];
    for (const auto& [relationship, source] : artifact.links) metadata[py::str(relationship + "_artifacts")] = py::list();
    for (const auto& [relationship, source] : artifact.links) {
        py::list(metadata[py::str(relationship + "_artifacts")]).append(source.str());
    }
    return metadata;
}

py::list links_of(const Artifact& artifact) {
    py::list links(artifact.links.size());
    for (std::size_t i = 0; i < artifact.links.size(); ++i) {
        links[i] = py::make_tuple(artifact.links[i].first, artifact.links[i].second.str());
    }
    return links;
}

// As text, of which the class makes a Path when it is asked for.
py::object path_text(const Artifact& artifact, const std::filesystem::path& storage) {
    if (artifact.file_path.empty() || artifact.removed_at) return py::none();
    const auto path = storage.string() + "/" + artifact.file_path;
    return py::reinterpret_steal<py::object>(PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size())));
}

}  // namespace

py::object form_of(const Artifact& artifact, const std::filesystem::path& storage) {
    const auto& name = names();
    py::dict fields;
    fields[name.artifact_id] = artifact.id.str();
    fields[name.artifact_type] = member(name.types, artifact.type.str());
    fields[name.status] = member(name.statuses, std::string(to_string(artifact.status)));
    fields[name.created_at] = to_python(artifact.created_at);
    fields[name.updated_at] = to_python(artifact.updated_at);
    fields[name.source_artifacts] = texts_of(artifact.source_artifacts);
    fields[name.processing_module] = none_if_empty(artifact.processing_module);
    fields[name.processing_version] = none_if_empty(artifact.processing_version);
    fields[name.file_path] = path_text(artifact, storage);
    fields[name.file_size] = to_python(artifact.file_size);
    fields[name.checksum] = artifact.checksum ? py::cast(artifact.checksum->hex()) : py::none();
    fields[name.metadata] = shown_metadata(artifact);
    fields[name.error_message] = to_python(artifact.error_message);
    fields[name.run_id] = to_python(artifact.run);
    fields[name.file_name] = none_if_empty(artifact.file_name);
    fields[name.removed_at] = to_python(artifact.removed_at);
    fields[name.links] = links_of(artifact);
    auto* const kind = reinterpret_cast<PyTypeObject*>(name.kind.ptr());
    auto form = py::reinterpret_steal<py::object>(kind->tp_new(kind, name.no_arguments.ptr(), nullptr));
    if (!form || PyObject_GenericSetDict(form.ptr(), fields.ptr(), nullptr) != 0) throw py::error_already_set();
    return form;
}

py::list forms_of(const std::vector<Artifact>& artifacts, const std::filesystem::path& storage) {
    py::list forms(artifacts.size());
    for (std::size_t i = 0; i < artifacts.size(); ++i) forms[i] = form_of(artifacts[i], storage);
    return forms;
}

}  // namespace custody::python
