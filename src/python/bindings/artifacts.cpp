// Artifacts, links, runs and payloads.

#include "artifact_form.hpp"
#include "core.hpp"

namespace custody::python {

namespace {

Transfer transfer_from(const std::string& name) {
    if (name == "copy") return Transfer::copy;
    if (name == "reflink") return Transfer::reflink;
    if (name == "move") return Transfer::move;
    throw InvalidArgument("a transfer is copy, reflink or move");
}

NewArtifact new_artifact(const py::dict& values) {
    const Options given(values);
    NewArtifact made{.type = ArtifactType(values["type"].cast<std::string>())};
    given.read("source_path", made.source_path);
    given.read("source_fd", made.source_fd);
    given.read("file_name", made.file_name);
    given.read("relationship", made.relationship);
    given.read("processing_module", made.processing_module);
    given.read("processing_version", made.processing_version);
    given.read("metadata", made.metadata_text);
    given.read("run", made.run);
    given.read("request_key", made.request_key);
    given.read("status", made.status);
    given.read("allow_identified_release", made.allow_identified_release);
    given.read("allow_phi_metadata", made.allow_phi_metadata);
    if (const auto content = given.find("content")) made.content = std::string(content->cast<py::bytes>());
    if (const auto transfer = given.find("transfer")) made.transfer = transfer_from(transfer->cast<std::string>());
    if (const auto sources = given.find("source_artifacts")) {
        made.source_artifacts = artifact_ids_from(sources->cast<std::vector<std::string>>());
    }
    return made;
}

py::list create(const Store& store, const std::vector<py::dict>& wanted, const py::object& callback) {
    std::vector<NewArtifact> artifacts;
    artifacts.reserve(wanted.size());
    for (const auto& values : wanted) artifacts.push_back(new_artifact(values));
    const auto made = store.watched(callback, [&](ArtifactManager& manager, const Progress& progress) {
        return manager.create_artifacts(artifacts, progress);
    });
    return forms_of(made, store.storage());
}

py::object get(const Store& store, const std::string& id) {
    const auto wanted = ArtifactId::parse(id);
    const auto artifact = store.call([&](ArtifactManager& manager) { return manager.get_artifact(wanted); });
    return artifact ? form_of(*artifact, store.storage()) : py::none();
}

py::list list(const Store& store, const py::dict& values) {
    const Options given(values);
    ArtifactQuery query;
    given.read("type", query.type);
    given.read("status", query.status);
    given.read("run", query.run);
    given.read("processing_module", query.processing_module);
    given.read("since", query.since);
    given.read("until", query.until);
    given.read("limit", query.limit);
    given.read("after", query.after);
    return forms_of(store.call([&](ArtifactManager& manager) { return manager.list_artifacts(query); }), store.storage());
}

LineageDirection direction_from(const std::string& name) {
    if (name == "up") return LineageDirection::up;
    if (name == "down") return LineageDirection::down;
    if (name == "both") return LineageDirection::both;
    throw InvalidArgument("a direction is up, down or both");
}

// (root, nodes, edges, truncated, dot, tree): the drawings only where they are asked for.
py::object lineage(const Store& store, const std::string& id, const std::string& direction, std::size_t max_depth,
                   std::size_t max_nodes, const std::string& form) {
    const LineageOptions options{direction_from(direction), max_depth, max_nodes};
    const auto root = ArtifactId::parse(id);
    const auto found = store.call([&](ArtifactManager& manager) { return manager.get_artifact_lineage(root, options); });
    if (!found) return py::none();
    if (form == "dot") return py::cast(to_dot(*found));
    if (form == "tree") return py::cast(to_tree(*found));
    py::list nodes(found->nodes.size());
    for (std::size_t i = 0; i < found->nodes.size(); ++i) {
        const auto& node = found->nodes[i];
        nodes[i] = py::make_tuple(node.id.str(), node.type.str(), std::string(to_string(node.status)), to_python(node.created_at),
                                  none_if_empty(node.processing_module), node.depth, node.removed);
    }
    py::list edges(found->edges.size());
    for (std::size_t i = 0; i < found->edges.size(); ++i) {
        const auto& edge = found->edges[i];
        edges[i] = py::make_tuple(edge.output.str(), edge.source.str(), edge.relationship);
    }
    return py::make_tuple(found->root.str(), nodes, edges, found->truncated);
}

py::object path_or_none(const std::optional<std::filesystem::path>& path) {
    return path ? py::object(to_bytes(*path)) : py::none();
}

py::object run_form(const std::optional<RunRecord>& run) { return run ? to_python(to_json(*run)) : py::none(); }

py::list list_runs(const Store& store, const py::dict& values) {
    const Options given(values);
    RunQuery query;
    given.read("status", query.status);
    given.read("since", query.since);
    given.read("until", query.until);
    given.read("limit", query.limit);
    py::list forms;
    for (const auto& run : store.call([&](ArtifactManager& manager) { return manager.list_runs(query); })) {
        forms.append(to_python(to_json(run)));
    }
    return forms;
}

std::string start_run(const Store& store, const std::string& configuration, const py::dict& values) {
    const Options given(values);
    RunOptions options;
    given.read("on_behalf_of", options.on_behalf_of);
    given.read("purpose", options.purpose);
    given.read("time_to_live_s", options.time_to_live);
    given.read("allow_phi_metadata", options.allow_phi_metadata);
    return store.core()->start_run(store.view(), configuration, options);
}

py::list artifact_types(const Store& store) {
    py::list types;
    for (const auto& info : store.call([](ArtifactManager& manager) { return manager.artifact_types(); })) {
        types.append(py::make_tuple(info.type.str(), std::string(to_string(info.sensitivity)), info.built_in));
    }
    return types;
}

/// A payload that is read: calls of several threads go one after another.
class Stream {
   public:
    explicit Stream(PayloadStream stream) : stream_(std::move(stream)) {}
    [[nodiscard]] std::uint64_t size() const { return stream_.size_bytes(); }
    [[nodiscard]] std::string checksum() const { return stream_.checksum().hex(); }
    std::size_t read_into(const py::buffer& target) {
        const auto info = target.request(true);
        if (info.itemsize != 1 || info.ndim != 1) throw InvalidArgument("a buffer of bytes is due");
        const std::span bytes(static_cast<std::byte*>(info.ptr), static_cast<std::size_t>(info.size));
        const py::gil_scoped_release released;
        const std::lock_guard lock(mutex_);
        return stream_.read(bytes);
    }

   private:
    std::mutex mutex_{};
    PayloadStream stream_;
};

std::unique_ptr<Stream> open_payload(const Store& store, const std::string& id) {
    const auto artifact = ArtifactId::parse(id);
    return std::make_unique<Stream>(store.call([&](ArtifactManager& manager) { return manager.open_payload(artifact); }));
}

void add_runs(py::class_<Store>& store) {
    store.def("start_run", &start_run)
        .def("end_run", [](const Store& self, const std::string& id, const std::string& status,
                           const std::string& error) { self.core()->end_run(self.view(), id, parse_status(status), error); })
        .def("detach_run", [](const Store& self, const std::string& id) { self.core()->detach_run(id); })
        .def("current_run",
             [](const Store& self) {
                 return to_python(self.call([](ArtifactManager& manager) { return manager.current_run(); }));
             })
        .def("get_run",
             [](const Store& self, const std::string& id) {
                 const auto run = RunId::parse(id);
                 return run_form(self.call([&](ArtifactManager& manager) { return manager.get_run(run); }));
             })
        .def("list_runs", &list_runs);
}

void add_payloads(py::class_<Store>& store) {
    store
        .def("get_file",
             [](const Store& self, const std::string& id, bool verify) {
                 const auto artifact = ArtifactId::parse(id);
                 return path_or_none(
                     self.call([&](ArtifactManager& manager) { return manager.get_artifact_file(artifact, verify); }));
             })
        .def("checkout",
             [](const Store& self, const std::string& id, const py::bytes& destination, const py::object& callback) {
                 const auto artifact = ArtifactId::parse(id);
                 const auto path = path_from(destination);
                 return to_bytes(self.watched(callback, [&](ArtifactManager& manager, const Progress& progress) {
                     return manager.checkout(artifact, path, progress);
                 }));
             })
        .def("open_payload", &open_payload)
        .def(
            "temp_folder",
            [](const Store& self) { return to_bytes(self.call([](ArtifactManager& manager) { return manager.temp_folder(); })); })
        .def("cleanup_temp",
             [](const Store& self) { return self.call([](ArtifactManager& manager) { return manager.cleanup_temp(); }); });
}

}  // namespace

void add_artifacts(py::class_<Store>& store) {
    py::class_<Stream>(store, "Stream")
        .def_property_readonly("size", &Stream::size)
        .def_property_readonly("checksum", &Stream::checksum)
        .def("readinto", &Stream::read_into);
    store.def("create", &create)
        .def("get", &get)
        .def("list", &list)
        .def("update_status",
             [](const Store& self, const std::string& id, const std::string& status, const std::string& error) {
                 const auto artifact = ArtifactId::parse(id);
                 const auto wanted = parse_status(status);
                 const auto changed =
                     self.call([&](ArtifactManager& manager) { return manager.update_artifact_status(artifact, wanted, error); });
                 return form_of(changed, self.storage());
             })
        .def(
            "link",
            [](const Store& self, const std::vector<std::string>& sources, const std::string& output,
               const std::string& relationship, bool allow_identified_release) {
                const NewLink link{artifact_ids_from(sources), ArtifactId::parse(output), relationship, allow_identified_release};
                return self.call([&](ArtifactManager& manager) { return manager.link_artifacts(link); });
            })
        .def("lineage", &lineage)
        .def("register_type",
             [](const Store& self, const std::string& type, const std::string& sensitivity) {
                 const ArtifactType wanted(type);
                 const auto kind = parse_sensitivity(sensitivity);
                 self.call([&](ArtifactManager& manager) { manager.register_artifact_type(wanted, kind); });
             })
        .def("types", &artifact_types);
    add_runs(store);
    add_payloads(store);
}

}  // namespace custody::python
