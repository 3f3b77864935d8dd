// Stores of the original system, in and out.

#include "core.hpp"

namespace custody::python {

namespace {

OriginalImport import_options(const py::dict& values) {
    const Options given(values);
    OriginalImport options;
    given.read("timezone", options.timezone);
    given.read("allow_phi_metadata", options.allow_phi_metadata);
    given.read("allow_identified_release", options.allow_identified_release);
    given.read("dry_run", options.dry_run);
    return options;
}

py::object import_original(const Store& store, const py::bytes& folder, const py::dict& values, const py::object& callback) {
    auto options = import_options(values);
    const auto path = path_from(folder);
    return report_of(store, callback, options, &ArtifactManager::import_original, path);
}

py::object export_original(const Store& store, const py::bytes& folder, const py::dict& values, const py::object& callback) {
    OriginalExport options;
    Options(values).read("timezone", options.timezone);
    const auto path = path_from(folder);
    return report_of(store, callback, options, &ArtifactManager::export_original, path);
}

py::object examine_original(const py::bytes& folder, const py::dict& values, const py::object& callback) {
    auto options = import_options(values);
    Watch watch(callback);
    options.progress = watch.progress();
    const auto path = path_from(folder);
    try {
        const auto report = [&] {
            const py::gil_scoped_release released;
            return ArtifactManager::examine_original(path, options);
        }();
        return to_python(to_json(report));
    } catch (const std::exception&) {
        watch.rethrow_pythons();
        throw;
    }
}

}  // namespace

void add_original(py::module_& module, py::class_<Store>& store) {
    module.def("examine_original", &examine_original);
    store.def("import_original", &import_original).def("export_original", &export_original);
}

}  // namespace custody::python
