// What the original got wrong, shown right: rows 25 to 32.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("row 25: a relative store outlives chdir, and a store can be moved") {
    const Scratch scratch;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(scratch.path());
    std::optional<Artifact> artifact;
    {
        ArtifactManager manager("study");
        CHECK(manager.base_path().is_absolute());
        artifact = manager.create_artifact({.type = ArtifactType::text_raw, .content = "text", .file_name = "a.txt"});
        std::filesystem::current_path("/");
        CHECK(slurp(manager.get_artifact_file(artifact->id).value()) == "text");
        CHECK_NOTHROW((void)manager.create_artifact({.type = ArtifactType::text_raw, .content = "more"}));
    }
    std::filesystem::current_path(before);
    std::filesystem::rename(scratch / "study", scratch / "moved");
    ArtifactManager moved(scratch / "moved", {.create = false});
    const auto file = moved.get_artifact_file(artifact->id).value();
    CHECK(file.string().rfind((scratch / "moved").string(), 0) == 0);
    CHECK(slurp(file) == "text");
    CHECK(artifact->file_path.front() != '/');
    CHECK(moved.verify().ok());
}

TEST_CASE("row 26: times are UTC with their zone, and filters with any zone are understood") {
    Store store;
    const auto early = Timestamp::now();
    const auto artifact = store.add_bare();
    CHECK(artifact.created_at >= early);
    CHECK(artifact.created_at.str().substr(26) == "+00:00");
    CHECK(store.raw().text("SELECT created_at FROM artifacts") == artifact.created_at.str());
    // The same moment in another zone.
    const Timestamp ahead(artifact.created_at.time() + std::chrono::hours(2));
    const auto zoned = Timestamp::parse(ahead.str().substr(0, 26) + "+02:00");
    CHECK(zoned == artifact.created_at);
    CHECK(store.manager.list_artifacts({.since = zoned}).size() == 1);
    CHECK(store.manager.list_artifacts({.until = zoned}).empty());
    CHECK(store.manager.audit().query_audit_trail({.start_time = zoned, .operation = "artifact_creation"}).size() == 1);
    CHECK(store.manager.audit().query_audit_trail({.end_time = zoned, .operation = "artifact_creation"}).empty());
}

TEST_CASE("row 27: recovery clears the error message, and transitions follow the table") {
    Store store;
    const auto id = store.add_bare().id;
    CHECK(store.manager.update_artifact_status(id, ArtifactStatus::failed, "codec").error_message == "codec");
    CHECK_THROWS_AS(store.manager.update_artifact_status(id, ArtifactStatus::completed), Conflict);
    CHECK(store.manager.get_artifact(id).value().error_message == "codec");
    const auto recovered = store.manager.update_artifact_status(id, ArtifactStatus::in_progress);
    CHECK_FALSE(recovered.error_message.has_value());
    CHECK(store.raw().text("SELECT error_message FROM artifacts") == "NULL");
}

TEST_CASE("row 28: falsy values of a wrong type are refused, and a type given by name matches") {
    Store store;
    for (const json& metadata : {json::array(), json(nullptr), json(0), json(""), json(false)}) {
        CAPTURE(metadata.dump());
        CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::metadata, .metadata = metadata}),
                        InvalidArgument);
        CHECK_THROWS_AS((void)store.manager.start_processing_run(metadata), InvalidArgument);
    }
    (void)store.add_bare(ArtifactType("video_deid"));
    CHECK(store.manager.list_artifacts({.type = ArtifactType("video_deid")}).size() == 1);
    CHECK(store.manager.list_artifacts({.type = ArtifactType::video_deid}).size() == 1);
    CHECK_THROWS_AS(ArtifactType("VIDEO DEID"), InvalidArgument);
    // A well-formed name that the store does not know is no silent empty list.
    CHECK_THROWS_AS((void)store.manager.list_artifacts({.type = ArtifactType("video_did")}), InvalidArgument);
    CHECK_THROWS_AS((void)store.add_bare(ArtifactType("video_did")), InvalidArgument);
}

TEST_CASE("row 29: an empty CSV export is a file with its header, and no cell is a formula") {
    Store store;
    const auto empty =
        store.manager.audit().export_audit_trail(store.scratch / "empty.csv", ExportFormat::csv, {.operation = "none"});
    const auto header = slurp(empty);
    CHECK(header.rfind("entry_id,timestamp,operation,artifact_id,user,module,action,details,success,error_message", 0) == 0);
    CHECK(std::count(header.begin(), header.end(), '\n') == 1);
    for (const char* module : {"=1+1", "+1", "-1", "@SUM(A1)", "\tx"}) {
        (void)store.manager.create_artifact({.type = ArtifactType::metadata, .processing_module = module});
    }
    const auto csv = slurp(store.manager.audit().export_audit_trail(store.scratch / "all.csv", ExportFormat::csv));
    for (const char* cell : {",=1+1", ",+1", ",-1", ",@SUM", ",\tx"}) CHECK(csv.find(cell) == std::string::npos);
    for (const char* cell : {",'=1+1,", ",'+1,", ",'-1,", ",'@SUM(A1),", "'\tx"}) CHECK(csv.find(cell) != std::string::npos);
    // Details are JSON, not a language's own notation.
    CHECK(csv.find("\"{\"\"artifact_type\"\":\"\"metadata\"\"") != std::string::npos);
}

TEST_CASE("row 30: cleaning up after a run leaves other processes' temp files alone") {
    Store store({.auto_cleanup = true});
    int ready[2];
    int finish[2];
    REQUIRE((::pipe(ready) == 0 && ::pipe(finish) == 0));
    const auto child = ::fork();
    if (child == 0) {
        char byte = 'x';
        bool kept = false;
        try {
            ArtifactManager own(store.base);
            const auto file = own.temp_folder() / "frame.png";
            std::ofstream(file) << "frame";
            if (::write(ready[1], &byte, 1) != 1 || ::read(finish[0], &byte, 1) != 1) ::_exit(3);
            kept = std::filesystem::exists(file);
        } catch (const std::exception&) {
            ::_exit(2);
        }
        ::_exit(kept ? 0 : 1);
    }
    char byte = 'x';
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    std::ofstream(store.manager.temp_folder() / "mine.png") << "mine";
    store.manager.start_processing_run().end();
    CHECK(std::filesystem::is_empty(store.manager.temp_folder()));
    store.manager.cleanup_temp();
    REQUIRE(::write(finish[1], &byte, 1) == 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    for (const int fd : {ready[0], ready[1], finish[0], finish[1]}) ::close(fd);
}

TEST_CASE("row 31: a long name keeps its extension, and files are their owner's alone") {
    Store store;
    const auto source = store.scratch.file(std::string(200, 'n') + ".mp4", "video");
    const auto artifact = store.manager.create_artifact({.type = ArtifactType::video_raw, .source_path = source});
    CHECK(artifact.file_name == std::string(200, 'n') + ".mp4");
    const auto file = store.manager.get_artifact_file(artifact.id).value();
    CHECK(file.extension() == ".mp4");
    CHECK(file.filename().string().rfind(artifact.id.str() + "_nnn", 0) == 0);
    CHECK(mode_of(store.blob(artifact)) == 0400U);
    CHECK(mode_of(file) == 0400U);
    CHECK(mode_of(store.base / "storage" / "catalog.db") == 0600U);
    for (const char* folder :
         {"", "storage", "audit", "storage/blobs", "storage/artifacts", "storage/artifacts/video_raw", "storage/temp"}) {
        CAPTURE(folder);
        CHECK(mode_of(store.base / folder) == 0700U);
    }
    CHECK(mode_of(store.manager.audit().export_months().front()) == 0600U);
}

TEST_CASE("row 32: storage and records are counted from the same rows") {
    Store store;
    (void)store.add(ArtifactType::video_raw, "0123456789");
    (void)store.add(ArtifactType::video_raw, "0123456789");  // the same content again: one file
    (void)store.add_bare(ArtifactType::log);
    CHECK_THROWS_AS((void)store.add(ArtifactType("unknown_type"), "x"), InvalidArgument);
    const auto statistics = store.manager.get_statistics();
    CHECK(statistics.total_artifacts == 3);
    CHECK(statistics.artifact_counts.at("video_raw") == 2);
    CHECK(statistics.artifact_counts.at("audio_raw") == 0);
    CHECK(statistics.artifact_counts.size() == 11);
    CHECK(statistics.by_type == std::map<std::string, std::uint64_t>{{"log", 1}, {"video_raw", 2}});
    CHECK(statistics.total_payloads == 1);
    CHECK(statistics.total_size_bytes == 10);
    const auto form = to_json(statistics);
    CHECK(form.at("storage").at("total_artifacts") == form.at("artifacts").at("total"));
}
