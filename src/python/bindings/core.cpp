// How calls of Python's threads, its signals and its forks meet an open store.

#include "core.hpp"

#include <unistd.h>

#include <cerrno>

namespace custody::python {

namespace {

constexpr std::chrono::milliseconds between_looks{50};
constexpr std::chrono::milliseconds forever = std::chrono::hours(24 * 366);

class Stopped : public IoError {
   public:
    explicit Stopped(const std::string& why) : IoError(why, EINTR) {}
};

}  // namespace

Progress Watch::progress() {
    return [this](std::uint64_t done, std::uint64_t total) { tell(done, total); };
}

// Taking the GIL may mean waiting for it, so not at every step, and in a short call not at all; but at the last step of a long
// one, which is the last chance to stop, and at the first and last for a function of the caller's.
void Watch::tell(std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (!callback_given_ && now - begun_ < between_looks) return;
    const bool is_last = done == total && total != 0;
    if (!is_last && now - told_ < between_looks) return;
    told_ = now;
    const py::gil_scoped_acquire acquired;
    try {
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (!callback_.is_none()) callback_(done, total);
    } catch (py::error_already_set& error) {
        const std::string why =
            error.matches(PyExc_KeyboardInterrupt) ? "interrupted" : "stopped by the caller's progress function";
        thrown_ = std::move(error);
        throw Stopped(why);
    }
}

void Watch::rethrow_pythons() {
    if (thrown_) throw py::error_already_set(std::move(*std::exchange(thrown_, std::nullopt)));
}

// Looked at, not taken: what it raises comes where the call returns. Python handles signals in its main thread alone.
bool interrupt_is_pending() {
    if (::gettid() != ::getpid() || Py_IsInitialized() == 0) return false;
    const py::gil_scoped_acquire acquired;
    if (PyOS_InterruptOccurred() == 0) return false;
    PyErr_SetInterrupt();
    return true;
}

Core::~Core() {
    try {
        close();
    } catch (const std::exception&) {
        // A destructor can't tell; runs that go on end as lost.
    }
}

// After a fork, the first call opens the catalog again. Call inside the gate.
void Core::ensure_open() {
    if (!manager_) throw InvalidState("this store was closed");
    if (!suspended_) return;
    const std::lock_guard lock(waking_mutex_);
    if (!suspended_) return;
    manager_->resume();
    suspended_ = false;
}

std::string Core::start_run(ArtifactManager* view, const std::string& configuration, const RunOptions& options) {
    return call(view, [&](ArtifactManager& manager) {
        auto run = manager.start_processing_run_text(configuration, options);
        auto id = run.id().str();
        const std::lock_guard lock(runs_mutex_);
        runs_.emplace(id, std::move(run));
        return id;
    });
}

void Core::end_run(ArtifactManager* view, const std::string& id, ArtifactStatus status, const std::string& error_message) {
    call(view, [&](ArtifactManager& manager) {
        manager.end_processing_run(RunId::parse(id), status, error_message);
        const std::lock_guard lock(runs_mutex_);
        if (const auto run = runs_.find(id); run != runs_.end()) {
            run->second.detach();  // it has ended
            runs_.erase(run);
        }
    });
}

void Core::detach_run(const std::string& id) {
    const py::gil_scoped_release released;
    const std::lock_guard lock(runs_mutex_);
    if (const auto run = runs_.find(id); run != runs_.end()) {
        run->second.detach();
        runs_.erase(run);
    }
}

void Core::close() {
    if (!gate_.shut(forever)) throw InvalidState("a store can't be closed by what one of its own calls has called");
    try {
        if (manager_ && !runs_.empty()) ensure_open();  // what has not ended is abandoned, which is written
        runs_.clear();
        close_catalog();
        manager_.reset();
    } catch (...) {
        gate_.open();
        throw;
    }
    gate_.open();
}

// Views keep what they stand on, but not the catalog open.
void Core::close_catalog() noexcept {
    try {
        if (manager_) manager_->suspend();
    } catch (const std::exception&) {
        // Entries of reads that can't be written go with the manager.
    }
}

bool Core::before_fork(std::chrono::milliseconds patience) {
    const py::gil_scoped_release released;
    if (!gate_.shut(patience)) return false;
    forking_ = true;
    if (!manager_ || suspended_) return true;
    try {
        manager_->suspend();
        suspended_ = true;
        return true;
    } catch (const std::exception&) {
        after_fork_in_parent();  // the child is told that it can't use the store
        return false;
    }
}

void Core::after_fork_in_parent() {
    if (!std::exchange(forking_, false)) return;
    gate_.open();
}

// The last one to go closes the store, which may have to wait for somebody who needs the GIL.
Store::~Store() {
    if (!core_ || Py_IsInitialized() == 0) return;
    const py::gil_scoped_release released;
    view_.reset();
    core_.reset();
}

// On purpose never destroyed: what it has open is the parent's.
void Store::abandon() {
    (void)new std::shared_ptr<Core>(std::move(core_));
    (void)new std::shared_ptr<ArtifactManager>(std::move(view_));
}

}  // namespace custody::python
