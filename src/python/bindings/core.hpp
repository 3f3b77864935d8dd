#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "convert.hpp"
#include "gate.hpp"

namespace custody::python {

/// Long work as Python follows it: signals are heeded, so that Ctrl-C ends it, and the caller's own function is told.
/// Made, and destroyed, with the GIL.
class Watch {
   public:
    explicit Watch(py::object callback) : callback_(std::move(callback)), callback_given_(!callback_.is_none()) {}
    /// To be called without the GIL.
    [[nodiscard]] Progress progress();
    /// What Python has thrown goes before the failure that it was for the library. Call in a handler, with the GIL.
    void rethrow_pythons();

   private:
    void tell(std::uint64_t done, std::uint64_t total);
    py::object callback_;
    std::optional<py::error_already_set> thrown_{};
    bool callback_given_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point told_{};
};

/// Whether Ctrl-C was pressed, for a call that waits for another writer: `ManagerOptions::stop_waiting`. Without the GIL.
bool interrupt_is_pending();

/// A store that is open. Every call is made without the GIL, and many at once; whoever closes or forks waits for them.
class Core {
   public:
    Core(const std::filesystem::path& base, ManagerOptions options)
        : manager_(std::in_place, base, std::move(options)), storage_(manager_->storage_path()) {}
    ~Core();  ///< without the GIL
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    /// `work(ArtifactManager&)`, or that of somebody else's view on the store.
    template <class Work>
    auto call(ArtifactManager* view, Work&& work) {
        const py::gil_scoped_release released;
        const Gate::Pass pass(gate_);
        ensure_open();
        return work(view != nullptr ? *view : *manager_);
    }

    [[nodiscard]] const std::filesystem::path& storage() const { return storage_; }

    std::string start_run(ArtifactManager* view, const std::string& configuration, const RunOptions& options);
    void end_run(ArtifactManager* view, const std::string& id, ArtifactStatus status, const std::string& error_message);
    void detach_run(const std::string& id);

    /// Ends the runs that this store's Python has not ended, and closes it. Later calls throw InvalidState. Without the GIL.
    void close();

    /// Before fork(): waits for calls to end, and closes the catalog, so that the child inherits no open database of which SQLite
    /// in the child would believe that it holds its locks. Answers whether that was possible in time.
    bool before_fork(std::chrono::milliseconds patience);
    void after_fork_in_parent();

   private:
    void ensure_open();
    void close_catalog() noexcept;

    Gate gate_{};
    std::optional<ArtifactManager> manager_;
    std::filesystem::path storage_;
    std::mutex waking_mutex_{};
    std::atomic<bool> suspended_ = false;
    bool forking_ = false;
    std::mutex runs_mutex_{};
    std::map<std::string, Run> runs_{};
};

/// A core, or a view on one in somebody else's name.
class Store {
   public:
    explicit Store(std::shared_ptr<Core> core) : core_(std::move(core)) {}
    Store(std::shared_ptr<Core> core, ArtifactManager view)
        : core_(std::move(core)), view_(std::make_shared<ArtifactManager>(std::move(view))) {}
    Store(Store&&) noexcept = default;
    Store& operator=(Store&&) = delete;
    ~Store();

    template <class Work>
    auto call(Work&& work) const {
        return core_->call(view_.get(), std::forward<Work>(work));
    }
    /// Long work, that takes a Progress: `work(ArtifactManager&, const Progress&)`.
    template <class Work>
    auto watched(const py::object& callback, Work&& work) const {
        Watch watch(callback);
        const auto progress = watch.progress();
        try {
            return call([&](ArtifactManager& manager) { return work(manager, progress); });
        } catch (const std::exception&) {
            watch.rethrow_pythons();
            throw;
        }
    }
    [[nodiscard]] const std::shared_ptr<Core>& core() const { return core_; }
    [[nodiscard]] const std::filesystem::path& storage() const { return core_->storage(); }
    [[nodiscard]] ArtifactManager* view() const { return view_.get(); }
    /// In a forked child: the parent's store is neither used nor closed.
    void abandon();

   private:
    std::shared_ptr<Core> core_;
    std::shared_ptr<ArtifactManager> view_{};
};

/// Long work with options, which come last, and what it reports.
template <class Options, class Call, class... Arguments>
py::object report_of(const Store& store, const py::object& callback, Options& options, Call call, const Arguments&... arguments) {
    return to_python(to_json(store.watched(callback, [&](ArtifactManager& manager, const Progress& progress) {
        options.progress = progress;
        return (manager.*call)(arguments..., options);
    })));
}

void add_errors(py::module_& module);
void add_store(py::class_<Store>& store);
void add_artifacts(py::class_<Store>& store);
void add_audit(py::module_& module, py::class_<Store>& store);
void add_maintenance(py::module_& module, py::class_<Store>& store);
void add_review(py::module_& module, py::class_<Store>& store);
void add_original(py::module_& module, py::class_<Store>& store);

}  // namespace custody::python
