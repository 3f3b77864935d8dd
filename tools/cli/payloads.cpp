#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "audit_table.hpp"
#include "output.hpp"
#include "verbs.hpp"

namespace custody::cli {

namespace {

constexpr std::size_t buffer_bytes = 1U << 20U;

struct FileFlags {
    std::optional<ArtifactId> id{};
    bool verify = false;
};

void put_path(const Session& session, const ArtifactId& id, const std::filesystem::path& path) {
    if (session.json_output) {
        put_json({{"artifact_id", id.str()}, {"file_path", path.string()}});
    } else {
        put_line(path.string());  // as it is: scripts use it
    }
}

/// Why there is no payload to hand out.
[[noreturn]] void explain_absence(const Session& session, const ArtifactId& id) {
    const auto artifact = session.open_unrecorded().get_artifact(id);
    if (!artifact) throw NotFound(unknown_artifact(id));
    if (artifact->removed_at) {
        throw Conflict(fmt::format("the payload of artifact {} was removed at {}; its record and history remain", id.str(),
                                   artifact->removed_at->str()));
    }
    throw Conflict(fmt::format("artifact {} has no payload: it is made of metadata alone; see custody show", id.str()));
}

int file(const Session& session, const FileFlags& flags) {
    auto manager = session.open();
    const auto path = manager.get_artifact_file(*flags.id, flags.verify);
    if (!path) explain_absence(session, *flags.id);
    put_path(session, *flags.id, *path);
    return exit_done;
}

struct CheckoutFlags {
    std::optional<ArtifactId> id{};
    std::string destination{};
};

int checkout(const Session& session, const CheckoutFlags& flags) {
    if (flags.destination.empty()) throw UsageError("DEST: the name is empty");
    auto manager = session.open();
    const auto copy = manager.checkout(*flags.id, flags.destination);
    const auto written = put_result("the copy was written: " + copy.string(), [&] { put_path(session, *flags.id, copy); });
    return written ? exit_done : exit_partial;
}

struct CatFlags {
    std::optional<ArtifactId> id{};
};

void write_out(const std::byte* bytes, std::size_t size_bytes) {
    while (size_bytes > 0) {
        const auto written = write(STDOUT_FILENO, bytes, size_bytes);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EPIPE) throw OutputClosed();
        if (written < 0) throw IoError(fmt::format("can't write the output: {}", std::strerror(errno)), errno);
        bytes += written;
        size_bytes -= static_cast<std::size_t>(written);
    }
}

int cat(const Session& session, const CatFlags& flags) {
    auto manager = session.open();
    auto stream = manager.open_payload(*flags.id);
    std::vector<std::byte> buffer(buffer_bytes);
    for (auto size_bytes = stream.read(buffer); size_bytes > 0; size_bytes = stream.read(buffer)) {
        write_out(buffer.data(), size_bytes);
    }
    return exit_done;
}

}  // namespace

void add_payload_verbs(CLI::App& app, Session& session) {
    auto located = add_verb<FileFlags>(app, session,
                                       {"file", "the path of an artifact's payload, for programs that want a file",
                                        "ffprobe \"$(custody file $ID)\"\ncustody file $ID --verify"},
                                       file);
    add_artifact_id(located.app, "ID", located.options.id, "the artifact")->required();
    add_flag(located.app, "--verify", located.options.verify, "hash the payload again in any case");

    auto copied = add_verb<CheckoutFlags>(app, session,
                                          {"checkout", "copy an artifact's payload out of the store, hashed on the way",
                                           "custody checkout $ID /tmp/review/\ncustody checkout $ID blurred.mp4"},
                                          checkout);
    add_artifact_id(copied.app, "ID", copied.options.id, "the artifact")->required();
    add_text(copied.app, "DEST", "", copied.options.destination, "a new file, or a folder to put it in; nothing is overwritten")
        ->required();

    auto streamed = add_verb<CatFlags>(
        app, session, {"cat", "write an artifact's payload to stdout, hashed on the way", "custody cat $ID | ffprobe -"}, cat);
    add_artifact_id(streamed.app, "ID", streamed.options.id, "the artifact")->required();
}

}  // namespace custody::cli
