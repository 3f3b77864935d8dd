// The audit trail: what it says, and what proves it.

#include "core.hpp"

namespace custody::python {

namespace {

AuditQuery query_from(const py::dict& values) {
    const Options given(values);
    AuditQuery query;
    given.read("start_time", query.start_time);
    given.read("end_time", query.end_time);
    given.read("operation", query.operation);
    given.read("action", query.action);
    given.read("artifact_id", query.artifact_id);
    given.read("run_id", query.run_id);
    given.read("user", query.user);
    given.read("module", query.module);
    given.read("outcome", query.outcome);
    if (const auto success = given.find("success")) query.success = success->cast<bool>();
    given.read("errors_only", query.errors_only);
    given.read("limit", query.limit);
    return query;
}

py::list entries_of(const std::vector<AuditEntry>& entries) {
    py::list list(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) list[i] = py::make_tuple(to_python(entries[i].entry), entries[i].line);
    return list;
}

ExportFormat format_from(const std::string& name) {
    if (name == "json") return ExportFormat::json;
    if (name == "csv") return ExportFormat::csv;
    if (name == "jsonl") return ExportFormat::jsonl;
    throw InvalidArgument("an export is in json, csv or jsonl, not in " + name);
}

py::object export_trail(const Store& store, const py::bytes& output, const std::string& format, const py::dict& values,
                        const py::object& callback) {
    const auto path = path_from(output);
    const auto kind = format_from(format);
    const auto query = query_from(values);
    return to_bytes(store.watched(callback, [&](ArtifactManager& manager, const Progress& progress) {
        return manager.audit().export_audit_trail(path, kind, query, progress);
    }));
}

py::list paths_of(const std::vector<std::filesystem::path>& paths) {
    py::list list;
    for (const auto& path : paths) list.append(to_bytes(path));
    return list;
}

py::list export_months(const Store& store, const py::dict& values, const py::object& callback) {
    const Options given(values);
    MonthExport months;
    given.read("first_month", months.first_month);
    given.read("last_month", months.last_month);
    given.read("folder", months.folder);
    if (const auto to = given.find("to_seq")) months.to_seq = to->cast<std::int64_t>();
    given.read("signing_key", months.signing_key);
    return paths_of(store.watched(callback, [&](ArtifactManager& manager, const Progress& progress) {
        months.progress = progress;
        return manager.audit().export_months(months);
    }));
}

// With the statement that the report makes, which its JSON has too.
py::object report_form(const TrailReport& report) { return to_python(to_json(report)); }

TrailVerifyOptions verify_options(const std::vector<std::string>& keys, const py::bytes& anchor) {
    return {.keys = keys, .anchor = path_from(anchor), .progress = {}};
}

py::object verify_trail(const Store& store, const std::vector<std::string>& keys, const py::bytes& anchor,
                        const py::object& callback) {
    auto options = verify_options(keys, anchor);
    return report_form(store.watched(callback, [&](ArtifactManager& manager, const Progress& progress) {
        options.progress = progress;
        return manager.audit().verify(options);
    }));
}

py::object verify_files(const py::bytes& folder, const std::vector<std::string>& keys, const py::bytes& anchor,
                        const py::object& callback) {
    const auto path = path_from(folder);
    auto options = verify_options(keys, anchor);
    Watch watch(callback);
    options.progress = watch.progress();
    try {
        const auto report = [&] {
            const py::gil_scoped_release released;
            return verify_audit_files(path, options);
        }();
        return report_form(report);
    } catch (const std::exception&) {
        watch.rethrow_pythons();
        throw;
    }
}

py::tuple redact(const Store& store, const std::vector<std::int64_t>& seqs, const std::string& pointer, const std::string& reason,
                 bool dry_run) {
    const auto done =
        store.call([&](ArtifactManager& manager) { return manager.audit().redact(seqs, pointer, reason, dry_run); });
    py::list withdrawn;
    for (const auto& entry : done.withdrawn) withdrawn.append(py::make_tuple(entry.seq, entry.pointers));
    return py::make_tuple(withdrawn, done.also_in, done.held_by, done.dry_run);
}

void add_keys_and_proofs(py::class_<Store>& store) {
    store
        .def("make_signing_key",
             [](const Store& self, const py::bytes& file, const py::bytes& current, bool is_lost, bool there_already) {
                 const auto key = path_from(file);
                 const auto before = path_from(current);
                 return self.call([&](ArtifactManager& manager) {
                     return there_already ? manager.audit().add_signing_key(key, before, is_lost)
                                          : manager.audit().make_signing_key(key, before, is_lost);
                 });
             })
        .def("seal",
             [](const Store& self, const py::bytes& key, const py::bytes& anchor) {
                 const auto key_file = path_from(key);
                 const auto anchor_file = path_from(anchor);
                 const auto seal =
                     self.call([&](ArtifactManager& manager) { return manager.audit().seal(key_file, anchor_file); });
                 return py::make_tuple(seal.size, seal.note, seal.verifier_key);
             })
        .def("prove",
             [](const Store& self, std::int64_t seq, const py::bytes& key) {
                 const auto key_file = path_from(key);
                 return self.call([&](ArtifactManager& manager) { return manager.audit().prove(seq, key_file); });
             })
        .def("prove_history", [](const Store& self, const std::string& id, const py::bytes& folder, const py::bytes& key) {
            const auto artifact = ArtifactId::parse(id);
            const auto target = path_from(folder);
            const auto key_file = path_from(key);
            return paths_of(
                self.call([&](ArtifactManager& manager) { return manager.audit().prove_history(artifact, target, key_file); }));
        });
}

}  // namespace

void add_audit(py::module_& module, py::class_<Store>& store) {
    module.def("verify_audit_files", &verify_files);
    store
        .def("query",
             [](const Store& self, const py::dict& values) {
                 const auto query = query_from(values);
                 return entries_of(self.call([&](ArtifactManager& manager) { return manager.audit().query_audit_trail(query); }));
             })
        .def("history",
             [](const Store& self, const std::string& id) {
                 const auto artifact = ArtifactId::parse(id);
                 return entries_of(
                     self.call([&](ArtifactManager& manager) { return manager.audit().get_artifact_history(artifact); }));
             })
        .def("error_summary",
             [](const Store& self, const py::dict& values) {
                 const auto query = query_from(values);
                 return to_python(
                     to_json(self.call([&](ArtifactManager& manager) { return manager.audit().get_error_summary(query); })));
             })
        .def("export_trail", &export_trail)
        .def("export_months", &export_months)
        .def("verify_trail", &verify_trail)
        .def("redact", &redact)
        .def("flush", [](const Store& self) { self.call([](ArtifactManager& manager) { manager.audit().flush(); }); });
    add_keys_and_proofs(store);
}

}  // namespace custody::python
