// What reviewers take away: answers to their SQL, and a database of their own. And what was no call at all.

#include "core.hpp"

namespace custody::python {

namespace {

py::tuple sql(const Store& store, const std::string& query, std::int64_t time_limit_ms, std::size_t max_rows) {
    SqlOptions options{std::chrono::milliseconds(time_limit_ms), max_rows};
    const auto result = store.watched(py::none(), [&](ArtifactManager& manager, const Progress& progress) {
        options.progress = progress;
        return manager.sql(query, options);
    });
    py::list rows(result.rows.size());
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
        py::tuple row(result.columns.size());
        for (std::size_t j = 0; j < result.columns.size(); ++j) row[j] = to_python(result.rows[i][j]);
        rows[i] = row;
    }
    return py::make_tuple(result.columns, rows, result.truncated);
}

py::bytes snapshot(const Store& store, const py::bytes& output, bool include_text, const py::bytes& signing_key) {
    const auto path = path_from(output);
    const SnapshotOptions options{include_text, path_from(signing_key)};
    return to_bytes(store.call([&](ArtifactManager& manager) { return manager.snapshot(path, options); }));
}

}  // namespace

void add_review(py::module_& /*module*/, py::class_<Store>& store) {
    store.def("sql", &sql)
        .def("snapshot", &snapshot)
        .def("record_misuse", [](const Store& self, const std::string& call, const std::string& message, bool unknown_id) {
            self.call([&](ArtifactManager& manager) { manager.record_misuse(call, message, unknown_id); });
        });
}

}  // namespace custody::python
