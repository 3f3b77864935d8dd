// Holds, retention, what is removed, and whether all is well.

#include "core.hpp"

namespace custody::python {

namespace {

py::object cleanup(const Store& store, const py::dict& values, const py::object& callback) {
    const Options given(values);
    CleanupOptions options;
    given.read("older_than_days", options.older_than_days);
    given.read("type", options.type);
    given.read("status", options.status);
    given.read("reason", options.reason);
    given.read("dry_run", options.dry_run);
    return report_of(store, callback, options, &ArtifactManager::cleanup_old_artifacts);
}

py::object collect(const Store& store, const py::dict& values, const py::object& callback) {
    const Options given(values);
    GcOptions options;
    given.read("grace_s", options.grace);
    given.read("reason", options.reason);
    given.read("dry_run", options.dry_run);
    return report_of(store, callback, options, &ArtifactManager::collect_garbage);
}

py::object verify(const Store& store, const py::dict& values, const py::object& callback) {
    const Options given(values);
    VerifyOptions options;
    given.read("quick", options.quick);
    given.read("sample_percent", options.sample_percent);
    given.read("resume", options.resume);
    given.read("threads", options.threads);
    return report_of(store, callback, options, &ArtifactManager::verify);
}

py::object repair(const Store& store, const py::dict& values, const py::object& callback) {
    const Options given(values);
    RepairOptions options;
    given.read("from", options.from);
    given.read("dry_run", options.dry_run);
    given.read("threads", options.threads);
    return report_of(store, callback, options, &ArtifactManager::repair);
}

py::object backup(const Store& store, const py::bytes& folder, const py::dict& values, const py::object& callback) {
    const Options given(values);
    BackupOptions options;
    given.read("catalog_only", options.catalog_only);
    given.read("rehash", options.rehash);
    const auto path = path_from(folder);
    return report_of(store, callback, options, &ArtifactManager::backup, path);
}

template <class T>
py::list forms_of(const std::vector<T>& all) {
    py::list forms;
    for (const auto& each : all) forms.append(to_python(to_json(each)));
    return forms;
}

void add_holds(py::class_<Store>& store) {
    store
        .def("add_hold",
             [](const Store& self, const std::string& id, const std::string& reason) {
                 const auto artifact = ArtifactId::parse(id);
                 return to_python(
                     to_json(self.call([&](ArtifactManager& manager) { return manager.add_hold(artifact, reason); })));
             })
        .def("remove_hold",
             [](const Store& self, const std::string& id, const std::string& reason, const std::optional<std::int64_t>& hold_id) {
                 const auto artifact = ArtifactId::parse(id);
                 return self.call([&](ArtifactManager& manager) { return manager.remove_hold(artifact, reason, hold_id); });
             })
        .def("list_holds", [](const Store& self) {
            return forms_of(self.call([](ArtifactManager& manager) { return manager.list_holds(); }));
        });
}

void add_retention(py::class_<Store>& store) {
    store
        .def(
            "set_retention",
            [](const Store& self, const std::string& type, int days, bool when_descendants_completed, const std::string& reason) {
                const ArtifactType wanted(type);
                const RetentionRule rule{days, when_descendants_completed, reason};
                return to_python(
                    to_json(self.call([&](ArtifactManager& manager) { return manager.set_retention(wanted, rule); })));
            })
        .def("remove_retention",
             [](const Store& self, const std::string& type, const std::string& reason) {
                 const ArtifactType wanted(type);
                 self.call([&](ArtifactManager& manager) { manager.remove_retention(wanted, reason); });
             })
        .def("list_retention", [](const Store& self) {
            return forms_of(self.call([](ArtifactManager& manager) { return manager.list_retention(); }));
        });
}

}  // namespace

void add_maintenance(py::module_& /*module*/, py::class_<Store>& store) {
    add_holds(store);
    add_retention(store);
    store.def("cleanup", &cleanup)
        .def("collect_garbage", &collect)
        .def("verify", &verify)
        .def("repair", &repair)
        .def("backup", &backup)
        .def("doctor",
             [](const Store& self) { return forms_of(self.call([](ArtifactManager& manager) { return manager.doctor(); })); })
        .def("statistics", [](const Store& self) {
            return to_python(to_json(self.call([](ArtifactManager& manager) { return manager.get_statistics(); })));
        });
}

}  // namespace custody::python
