// custody._custody: the library as the package's Python calls it. What callers see is in custody/*.py.

#include "core.hpp"

namespace custody::python {

namespace {

ManagerOptions manager_options(const py::dict& values) {
    const Options given(values);
    ManagerOptions options;
    options.stop_waiting = interrupt_is_pending;
    given.read("actor", options.actor);
    given.read("on_behalf_of", options.on_behalf_of);
    given.read("purpose", options.purpose);
    given.read("program", options.program);
    given.read("enable_audit", options.enable_audit);
    given.read("auto_cleanup", options.auto_cleanup);
    given.read("create", options.create);
    given.read("upgrade", options.upgrade);
    given.read("accept_clock", options.accept_clock);
    given.read("collecting", options.collecting);
    given.read("diagnose", options.diagnose);
    given.read("lock_timeout_ms", options.lock_timeout);
    given.read("metadata_limit_bytes", options.metadata_limit_bytes);
    given.read("metadata_limit_depth", options.metadata_limit_depth);
    given.read("signing_key", options.signing_key);
    given.read("seal_every_entries", options.seal_every_entries);
    given.read("seal_every_s", options.seal_every);
    given.read("group_reads", options.group_reads);
    given.read("group", options.init.group);
    given.read("payloads", options.init.payloads);
    given.read("phi_guard", options.init.phi_guard);
    return options;
}

Store open_store(const py::bytes& base, const py::dict& values) {
    const auto path = path_from(base);
    auto options = manager_options(values);
    const py::gil_scoped_release released;
    return Store(std::make_shared<Core>(path, std::move(options)));
}

bool init_store(const py::bytes& base, const py::dict& values) {
    const auto path = path_from(base);
    const auto options = manager_options(values);
    const py::gil_scoped_release released;
    return ArtifactManager::init(path, options.init, options) == InitResult::created;
}

int migrate_store(const py::bytes& base, const py::dict& values) {
    const auto path = path_from(base);
    const auto options = manager_options(values);
    const py::gil_scoped_release released;
    return ArtifactManager::migrate(path, options);
}

py::object restore_store(const py::bytes& source, const py::bytes& destination, const std::string& reason,
                         const py::dict& restore_values, const py::dict& values, const py::object& callback) {
    RestoreOptions restore;
    restore.reason = reason;
    const Options given(restore_values);
    given.read("payloads", restore.payloads);
    given.read("accept_missing", restore.accept_missing);
    Watch watch(callback);
    restore.progress = watch.progress();
    const auto from = path_from(source);
    const auto to = path_from(destination);
    const auto options = manager_options(values);
    try {
        const auto report = [&] {
            const py::gil_scoped_release released;
            return ArtifactManager::restore(from, to, restore, options);
        }();
        return to_python(to_json(report));
    } catch (const std::exception&) {
        watch.rethrow_pythons();
        throw;
    }
}

}  // namespace

void add_store(py::class_<Store>& store) {
    store.def(py::init(&open_store))
        .def(
            "close", [](const Store& self) { self.core()->close(); }, py::call_guard<py::gil_scoped_release>())
        .def("before_fork",
             [](const Store& self, std::int64_t ms) { return self.core()->before_fork(std::chrono::milliseconds(ms)); })
        .def("after_fork_in_parent", [](const Store& self) { self.core()->after_fork_in_parent(); })
        .def("abandon", &Store::abandon)
        .def("base_path",
             [](const Store& self) { return to_bytes(self.call([](ArtifactManager& manager) { return manager.base_path(); })); })
        .def("storage_path",
             [](const Store& self) {
                 return to_bytes(self.call([](ArtifactManager& manager) { return manager.storage_path(); }));
             })
        .def("acting", [](const Store& self, const py::dict& values) {
            Attribution attribution;
            const Options given(values);
            given.read("actor", attribution.actor);
            given.read("on_behalf_of", attribution.on_behalf_of);
            given.read("purpose", attribution.purpose);
            return Store(self.core(), self.call([&](ArtifactManager& manager) { return manager.acting(attribution); }));
        });
}

PYBIND11_MODULE(_custody, module) {
    module.doc() = "The library behind the package custody; use that.";
    module.attr("version") = version();
    add_errors(module);
    module.def("engines_in_process", &engines_in_process);
    module.def("transition_allowed", [](const std::string& from, const std::string& to) {
        return transition_allowed(parse_status(from), parse_status(to));
    });
    module.def("init", &init_store);
    module.def("migrate", &migrate_store);
    module.def("restore", &restore_store);
    py::class_<Store> store(module, "Store");
    add_store(store);
    add_artifacts(store);
    add_audit(module, store);
    add_maintenance(module, store);
    add_review(module, store);
    add_original(module, store);
}

}  // namespace custody::python
