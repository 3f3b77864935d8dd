#include "session.hpp"

#include <cerrno>

#include "interruption.hpp"
#include "output.hpp"

namespace custody::cli {

namespace {

int ends_with(std::string_view message, int code) {
    complain(message);
    return code;
}

}  // namespace

std::filesystem::path Session::store_path() const {
    if (store.empty()) throw UsageError("no store is named: give --store DIR, or set CUSTODY_STORE");
    return store;
}

ManagerOptions Session::manager_options() const {
    return {.actor = actor,
            .on_behalf_of = on_behalf_of,
            .purpose = purpose,
            .program = "custody",
            .create = false,
            .accept_clock = accept_clock,
            .lock_timeout = lock_timeout,
            .stop_waiting = [] { return Interruption::signal() != 0; },
            .group_reads = false};
}

ArtifactManager Session::open() const { return ArtifactManager(store_path(), manager_options()); }

ArtifactManager Session::open_unrecorded() const {
    auto options = manager_options();
    options.enable_audit = false;
    return ArtifactManager(store_path(), options);
}

ArtifactManager Session::open_to_collect() const {
    auto options = manager_options();
    options.collecting = true;
    return ArtifactManager(store_path(), options);
}

ArtifactManager Session::open_for_diagnosis() const {
    auto options = manager_options();
    options.diagnose = true;
    return ArtifactManager(store_path(), options);
}

void Session::say(const std::string& message) const {
    if (!quiet) complain(message);
}

int Session::tell_done(const std::string& done, const std::function<ordered_json()>& form) const {
    if (!json_output) {
        say(done);
        return exit_done;
    }
    return put_result(done, [&] { put_json(form()); }) ? exit_done : exit_partial;
}

int guarded(const std::function<int()>& work) {
    try {
        const int code = work();
        flush_output();
        return code;
    } catch (const OutputClosed&) {
        return exit_failed;
    } catch (const UsageError& error) {
        return ends_with(error.what(), exit_usage);
    } catch (const NotFound& error) {
        return ends_with(error.what(), exit_not_found);
    } catch (const IoError& error) {
        // The library may have thrown the interruption anew, with more said, as what it was derived from.
        const bool interrupted = Interruption::signal() != 0 && error.code() == EINTR;
        return ends_with(error.what(), interrupted ? 128 + Interruption::signal() : exit_failed);
    } catch (const StoreNotFound& error) {
        return ends_with(error.what(), exit_no_store);
    } catch (const Busy& error) {
        if (Interruption::signal() == 0) return ends_with(error.what(), exit_locked);
        return ends_with(std::string("interrupted: ") + error.what(), 128 + Interruption::signal());
    } catch (const Corruption& error) {
        return ends_with(error.what(), exit_altered);
    } catch (const std::bad_alloc&) {
        return ends_with("out of memory", exit_failed);
    } catch (const std::exception& error) {
        return ends_with(error.what(), exit_failed);
    }
}

}  // namespace custody::cli
