#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>
#include <fstream>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

TEST_CASE("every option of a new artifact is kept") {
    Store store;
    const auto source = store.add_bare(ArtifactType::video_raw);
    auto run = store.manager.start_processing_run();
    auto other = store.manager.start_processing_run();
    const std::string text = "{ \"fps\": 30, \"a\" : [1, 2.50] }";
    const auto made = store.manager.create_artifact({.type = ArtifactType::video_keypoints,
                                                     .content = "x,y\n",
                                                     .file_name = "points.csv",
                                                     .source_artifacts = {source.id, source.id},
                                                     .relationship = "extracted_from",
                                                     .processing_module = "video_deid.keypoints",
                                                     .processing_version = "2.0.0",
                                                     .metadata_text = text,
                                                     .run = run.id(),
                                                     .request_key = "job-1",
                                                     .status = ArtifactStatus::pending});
    const auto read = store.manager.get_artifact(made.id).value();
    CHECK(read.type == ArtifactType::video_keypoints);
    CHECK(read.status == ArtifactStatus::pending);
    CHECK(read.created_at == read.updated_at);
    CHECK(read.source_artifacts == std::vector{source.id});
    CHECK(read.links == std::vector{std::pair{std::string("extracted_from"), source.id}});
    CHECK(read.processing_module == "video_deid.keypoints");
    CHECK(read.processing_version == "2.0.0");
    CHECK(read.file_name == "points.csv");
    CHECK(read.file_path == "artifacts/video_keypoints/" + made.id.str() + "_points.csv");
    CHECK(read.file_size == 4);
    CHECK(read.metadata_text == text);  // as it was given
    CHECK(read.run == run.id());        // not the innermost one
    const auto entry = store.entries("artifact_creation", "create").back();
    CHECK(entry.at("artifact_id") == made.id.str());
    CHECK(entry.at("module") == "video_deid.keypoints");
    CHECK(entry.at("run_id") == run.id().str());
    const auto& details = entry.at("details");
    CHECK(details.at("status") == "pending");
    CHECK(details.at("checksum") == read.checksum.value().hex());
    CHECK(details.at("metadata").get<std::string>().rfind("sha256:", 0) == 0);
    CHECK(details.at("file_name").get<std::string>().rfind("sha256:", 0) == 0);
    CHECK(entry.dump().find("points.csv") == std::string::npos);  // free text can be withdrawn
    other.end();
    run.end();
}

TEST_CASE("a payload comes from a file, from memory, or from a descriptor, and from one of them alone") {
    Store store;
    const auto file = store.scratch.file("in.txt", "bytes");
    const auto from_file = store.manager.create_artifact({.type = ArtifactType::text_raw, .source_path = file});
    CHECK(std::filesystem::exists(file));
    CHECK(from_file.file_name == "in.txt");
    const auto reflink =
        store.manager.create_artifact({.type = ArtifactType::text_raw, .source_path = file, .transfer = Transfer::reflink});
    const int fd = ::open(file.c_str(), O_RDONLY);
    const auto from_fd = store.manager.create_artifact({.type = ArtifactType::text_raw, .source_fd = fd});
    CHECK(::fcntl(fd, F_GETFD) >= 0);  // stays open
    ::close(fd);
    CHECK(from_fd.file_name == "text_raw");
    const auto from_memory = store.manager.create_artifact({.type = ArtifactType::text_raw, .content = "bytes"});
    for (const auto& each : {reflink, from_fd, from_memory}) CHECK(each.checksum == from_file.checksum);
    CHECK(store.rows().at("payloads") == 1);
    const auto empty = store.manager.create_artifact({.type = ArtifactType::log, .content = ""});
    CHECK(empty.file_size == 0);
    const Trace before(store);
    CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = file, .content = "x"}),
                    InvalidArgument);
    CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::log, .content = "x", .transfer = Transfer::move}),
                    InvalidArgument);
    before.check_unchanged(2);
}

TEST_CASE("a moved source is gone once the artifact is there, and back where it fails") {
    Store store;
    const auto file = store.scratch.file("in.txt", "bytes");
    const auto failing = NewArtifact{.type = ArtifactType::text_raw,
                                     .source_path = file,
                                     .source_artifacts = {ArtifactId::random()},
                                     .transfer = Transfer::move};
    const Trace before(store);
    CHECK_THROWS_AS((void)store.manager.create_artifact(failing), NotFound);
    CHECK(slurp(file) == "bytes");
    // The second of a batch fails when the first has been brought in already.
    const std::vector<NewArtifact> batch = {{.type = ArtifactType::text_raw, .source_path = file, .transfer = Transfer::move},
                                            {.type = ArtifactType::text_raw, .source_path = store.scratch / "missing"}};
    CHECK_THROWS_AS((void)store.manager.create_artifacts(batch), SourceNotFound);
    CHECK(slurp(file) == "bytes");
    before.check_unchanged(2);
    const auto moved =
        store.manager.create_artifact({.type = ArtifactType::text_raw, .source_path = file, .transfer = Transfer::move});
    CHECK_FALSE(std::filesystem::exists(file));
    CHECK(slurp(store.blob(moved)) == "bytes");
}

TEST_CASE("a batch is made whole or not at all, with an entry for each") {
    Store store;
    std::vector<NewArtifact> batch;
    for (int i = 0; i < 20; ++i) batch.push_back({.type = ArtifactType::log, .content = "log " + std::to_string(i)});
    const auto entries = store.entry_count();
    const auto made = store.manager.create_artifacts(batch);
    REQUIRE(made.size() == 20);
    for (std::size_t i = 0; i < 20; ++i) CHECK(slurp(store.blob(made[i])) == "log " + std::to_string(i));
    CHECK(store.entry_count() == entries + 20);

    const Trace before(store);
    for (auto& each : batch) each.content = *each.content + " again";
    batch[13].source_artifacts = {ArtifactId::random()};
    CHECK_THROWS_AS((void)store.manager.create_artifacts(batch), NotFound);
    batch[13].source_artifacts.clear();
    batch[19].request_key = batch[3].request_key = "same";
    CHECK_THROWS_AS((void)store.manager.create_artifacts(batch), Conflict);  // found under the lock, when rows were there
    before.check_unchanged(2);
    CHECK(store.manager.create_artifacts({}).empty());
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a repeated request answers the first artifact, and other content under its key is a conflict") {
    Store store;
    const NewArtifact wanted{.type = ArtifactType::text_raw, .content = "text", .metadata = {{"a", 1}}, .request_key = "job-7"};
    const auto first = store.manager.create_artifact(wanted);
    const auto rows = store.rows();
    const auto again = store.manager.create_artifact(wanted);
    CHECK(again.id == first.id);
    CHECK(store.rows() == rows);
    CHECK(store.last_entry().at("details").at("repeated") == true);
    CHECK(store.last_entry().at("artifact_id") == first.id.str());
    auto other_content = wanted;
    other_content.content = "other";
    auto other_type = wanted;
    other_type.type = ArtifactType::log;
    auto other_metadata = wanted;
    other_metadata.metadata = {{"a", 2}};
    auto no_content = wanted;
    no_content.content.reset();
    for (const auto& other : {other_content, other_type, other_metadata, no_content}) {
        const Trace before(store);
        const auto said = message_of<Conflict>([&] { (void)store.manager.create_artifact(other); });
        CHECK(said.find(first.id.str()) != std::string::npos);
        before.check_unchanged();
    }
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a repeated request for an artifact whose payload was removed takes no source, and leaves nothing") {
    Store store;
    const auto source = store.scratch.file("source", "content");
    NewArtifact wanted{.type = ArtifactType::log, .source_path = source};
    wanted.transfer = Transfer::move;
    wanted.request_key = "job-7";
    SUBCASE("moved by a rename") {}
    SUBCASE("moved by a copy") { fs::create_hard_link(source, store.scratch / "second"); }
    SUBCASE("copied") { wanted.transfer = Transfer::copy; }
    const auto first = store.manager.create_artifact(wanted);
    REQUIRE(store.manager.cleanup_old_artifacts({.older_than_days = 0}).removed.size() == 1);
    store.scratch.file("source", "content");
    const auto again = store.manager.create_artifact(wanted);
    CHECK(again.id == first.id);
    CHECK(again.removed_at.has_value());
    CHECK(slurp(source) == "content");
    CHECK_FALSE(fs::exists(store.blob(first)));
    CHECK(store.manager.verify().findings.empty());
    CHECK(store.manager.collect_garbage().collected.empty());
    (void)store.add(ArtifactType::log, "content");
    CHECK(store.manager.create_artifact(wanted).id == first.id);
    CHECK(slurp(source) == "content");
    CHECK(store.manager.verify().findings.empty());
}

TEST_CASE("a moved source whose place was taken before the create failed is kept, and told of") {
    Store store;
    const auto source = store.scratch.file("source", "content");
    std::vector<NewArtifact> wanted{{.type = ArtifactType::log, .source_path = source, .transfer = Transfer::move},
                                    {.type = ArtifactType::log, .content = "another"}};
    const auto take_its_place = [&](std::uint64_t, std::uint64_t) {
        if (fs::exists(source)) return;
        store.scratch.file("source", "newcomer");
        throw std::runtime_error("enough");
    };
    CHECK_THROWS_AS((void)store.manager.create_artifacts(wanted, take_its_place), Error);
    CHECK(slurp(source) == "newcomer");
    (void)store.manager.collect_garbage({.grace = std::chrono::seconds(0)});
    CHECK(kinds(store.manager.verify()) == std::multiset<std::string>{"orphan_payload"});
    fs::remove(source);
    CHECK(store.manager.repair().after.findings.empty());
    CHECK(slurp(source) == "content");
}

TEST_CASE("a source that is moved goes only for what was hashed then: an altered payload is healed by it") {
    Store store;
    const std::string content(4000, 'x');
    const auto first = store.add(ArtifactType::log, content);
    const auto time = fs::last_write_time(store.blob(first));
    tamper(store.blob(first), std::string(4000, 'y'));
    fs::last_write_time(store.blob(first), time);
    const auto source = store.scratch.file("source", content);
    (void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = source, .transfer = Transfer::move});
    CHECK_FALSE(fs::exists(source));
    CHECK(slurp(store.blob(first)) == content);
    CHECK(store.manager.verify().findings.empty());
    CHECK(store.entries("artifact_storage", "heal").size() == 1);
}

TEST_CASE("what is identified can't be released as it is, unless somebody takes it on himself") {
    Store store;
    const auto raw = store.add(ArtifactType::video_raw, "face");
    const auto middle = store.add_bare(ArtifactType::metadata, {raw.id});
    NewArtifact release{.type = ArtifactType::video_deid, .content = "face", .source_artifacts = {middle.id}};
    const Trace before(store);
    try {
        (void)store.manager.create_artifact(release);
        FAIL("it was released");
    } catch (const Refused& refused) {
        CHECK(refused.rule() == "identified_release");
        CHECK(std::string(refused.what()).find(raw.id.str()) != std::string::npos);
    }
    before.check_unchanged();
    CHECK(store.last_entry().at("outcome") == "refused");
    CHECK(store.last_entry().at("details").at("rule") == "identified_release");
    release.allow_identified_release = true;
    CHECK_NOTHROW((void)store.manager.create_artifact(release));
    CHECK(store.last_entry().at("details").at("release_override") == true);
    CHECK_NOTHROW((void)store.add(ArtifactType::video_deid, "blurred", {raw.id}));  // other bytes are a release
}

TEST_CASE("what is identified can't be released by leaving out where it came from") {
    Store store;
    const auto first = store.add(ArtifactType::video_raw, "face");
    const auto second = store.add(ArtifactType::video_keypoints, "face");
    const auto other = store.add(ArtifactType::video_raw, "another face");
    const auto refusal = [&](const std::vector<ArtifactId>& sources) {
        const Trace before(store);
        const auto said = message_of<Refused>([&] { (void)store.add(ArtifactType::video_deid, "face", sources); });
        before.check_unchanged();
        CHECK(store.last_entry().at("details").at("rule") == "identified_release");
        return said;
    };
    CHECK(refusal({}).find(first.id.str()) != std::string::npos);
    CHECK(refusal({other.id}).find(first.id.str()) != std::string::npos);
    CHECK(refusal({second.id}).find(second.id.str()) != std::string::npos);  // the ancestor is named rather than another
    CHECK_NOTHROW((void)store.add(ArtifactType::log, "face"));               // only releases are guarded
    // It stays so when the payload of the identified one has been removed.
    (void)store.manager.cleanup_old_artifacts({.older_than_days = 0});
    CHECK(refusal({}).find(first.id.str()) != std::string::npos);
}

TEST_CASE("an empty payload identifies nobody, but an empty source's own is still refused") {
    Store store;
    const auto raw = store.add(ArtifactType::text_raw, "");
    CHECK_NOTHROW((void)store.add(ArtifactType::text_deid, ""));
    CHECK_THROWS_AS((void)store.add(ArtifactType::text_deid, "", {raw.id}), Refused);
}

TEST_CASE("metadata with health information is refused, overridden with a trace, or let through where the guard is off") {
    Store store;
    const json phi = {{"note", "call 555-123-4567"}};
    const Trace before(store);
    try {
        (void)store.manager.create_artifact({.type = ArtifactType::log, .content = "x", .metadata = phi});
        FAIL("it was kept");
    } catch (const Refused& refused) {
        CHECK(refused.rule() == "phone");
        CHECK(std::string(refused.what()).find("4567") == std::string::npos);
    }
    before.check_unchanged();
    CHECK(store.last_entry().at("details").at("phi_rule") == "phone");
    CHECK_THROWS_AS((void)store.manager.start_processing_run({{"patient_name", "x"}}), Refused);
    CHECK_NOTHROW((void)store.manager.create_artifact({.type = ArtifactType::log, .metadata = phi, .allow_phi_metadata = true}));
    CHECK(store.last_entry().at("details").at("phi_override") == true);
    CHECK(store.last_entry().dump().find("4567") == std::string::npos);
    CHECK_NOTHROW(store.manager.start_processing_run(phi, {.allow_phi_metadata = true}).end());

    Store open_field({.init = {.phi_guard = false}});
    CHECK_NOTHROW((void)open_field.manager.create_artifact({.type = ArtifactType::log, .metadata = phi}));
}

TEST_CASE("a message is never refused: what the guard knows is replaced there") {
    Store store;
    const auto id = store.add_bare().id;
    const auto updated = store.manager.update_artifact_status(id, ArtifactStatus::failed, "no sound for SSN 123-45-6789 in clip");
    CHECK(updated.error_message == "no sound for SSN [ssn] in clip");
    const auto path = store.scratch / "mrn 1234567.mp4";
    CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::video_raw, .source_path = path}), SourceNotFound);
    CHECK(store.raw().number("SELECT count(*) FROM audit_openings WHERE text LIKE '%1234567%' OR text LIKE '%6789%'") == 0);
}

TEST_CASE("a failed create leaves nothing but one entry") {
    Store store({.metadata_limit_bytes = 100, .metadata_limit_depth = 4});
    const auto file = store.scratch.file("in.txt", "bytes");
    auto ended = store.manager.start_processing_run();
    ended.end();
    const std::vector<std::pair<const char*, NewArtifact>> bad = {
        {"directory", {.type = ArtifactType::log, .source_path = store.scratch.path()}},
        {"fifo", {.type = ArtifactType::log, .source_path = "/dev/null"}},
        {"descriptor", {.type = ArtifactType::log, .source_fd = 987}},
        {"unknown source", {.type = ArtifactType::log, .source_path = file, .source_artifacts = {ArtifactId::random()}}},
        {"unknown run", {.type = ArtifactType::log, .source_path = file, .run = RunId::random()}},
        {"ended run", {.type = ArtifactType::log, .source_path = file, .run = ended.id()}},
        {"status", {.type = ArtifactType::log, .source_path = file, .status = ArtifactStatus::failed}},
        {"status", {.type = ArtifactType::log, .source_path = file, .status = ArtifactStatus::archived}},
        {"relationship", {.type = ArtifactType::log, .source_path = file, .relationship = "Derived From"}},
        {"module", {.type = ArtifactType::log, .source_path = file, .processing_module = std::string(256, 'm')}},
        {"module", {.type = ArtifactType::log, .source_path = file, .processing_module = "\xff"}},
        {"version", {.type = ArtifactType::log, .source_path = file, .processing_version = std::string("1\0", 2)}},
        {"request key", {.type = ArtifactType::log, .source_path = file, .request_key = std::string(256, 'k')}},
        {"name", {.type = ArtifactType::log, .source_path = file, .file_name = "\xc3\x28"}},
        {"size", {.type = ArtifactType::log, .source_path = file, .metadata = {{"a", std::string(100, 'a')}}}},
        {"depth", {.type = ArtifactType::log, .source_path = file, .metadata_text = "{\"a\":[[[[1]]]]}"}},
        {"type", {.type = ArtifactType("unheard_of"), .source_path = file}},
    };
    for (const auto& [name, artifact] : bad) {
        CAPTURE(name);
        const Trace before(store);
        CHECK_THROWS_AS((void)store.manager.create_artifact(artifact), Error);
        before.check_unchanged();
        const auto entry = store.last_entry();
        CHECK(entry.at("operation") == "artifact_storage");
        CHECK(entry.at("action") == "store");
        CHECK(entry.at("artifact_id").is_null());
        CHECK(entry.at("success") == false);
    }
    CHECK(store.manager.get_statistics().errors_by_operation.at("artifact_storage") == bad.size());
}

TEST_CASE("what is thrown by others is recorded, and comes out as an error of custody") {
    Store store;
    const auto source = store.scratch.file("clip", "video");
    const std::vector<NewArtifact> wanted = {{.type = ArtifactType::log, .source_path = source}};
    const Trace trace(store);
    const auto said = message_of<Error>(
        [&] { (void)store.manager.create_artifacts(wanted, [](auto, auto) { throw std::runtime_error("no progress"); }); });
    CHECK(said.find("no progress") != std::string::npos);
    CHECK(store.last_entry().at("outcome") == "failed");
    CHECK_THROWS_AS((void)store.manager.create_artifacts(wanted, [](auto, auto) { throw std::bad_alloc(); }), std::bad_alloc);
    CHECK(store.last_entry().at("outcome") == "failed");
    trace.check_unchanged(2);
}

TEST_CASE("progress is told while bytes are copied, and what it throws leaves nothing behind") {
    Store store;
    const auto first = store.scratch.file("first", "first");
    const auto large = store.scratch.file("large", std::string(5U << 20U, 'l'));
    const std::vector<NewArtifact> wanted{{.type = ArtifactType::log, .source_path = first},
                                          {.type = ArtifactType::log, .source_path = large},
                                          {.type = ArtifactType::log, .content = "third"}};
    std::vector<std::uint64_t> told;
    const auto stop_at = [&](std::uint64_t limit_bytes, const std::exception_ptr& with) {
        return [&told, limit_bytes, with](std::uint64_t done, std::uint64_t total) {
            CHECK(total == (5U << 20U) + 10);
            told.push_back(done);
            if (done >= limit_bytes) std::rethrow_exception(with);
        };
    };
    for (const std::uint64_t limit_bytes : {5ULL, 1ULL << 20U, 5ULL << 20U, (5ULL << 20U) + 10}) {
        CAPTURE(limit_bytes);
        const Trace before(store);
        const auto stop = stop_at(limit_bytes, std::make_exception_ptr(IoError("stopped", EINTR)));
        CHECK_THROWS_AS((void)store.manager.create_artifacts(wanted, stop), IoError);
        before.check_unchanged();
        CHECK(store.last_entry().at("outcome") == "failed");
    }
    told.clear();
    CHECK(store.manager.create_artifacts(wanted, stop_at(1ULL << 40U, nullptr)).size() == 3);
    CHECK(told.size() >= 6);
    CHECK(std::is_sorted(told.begin(), told.end()));
}

TEST_CASE("the store's own catalog is no source, and nothing of the store's own can be moved into it") {
    Store store;
    (void)store.add_bare();
    (void)store.manager.audit().export_months();
    const auto month = *fs::directory_iterator(store.base / "audit");
    for (const char* suffix : {"", "-wal", "-shm"}) {
        const auto file = (store.base / "storage/catalog.db").string() + suffix;
        CHECK_THROWS_AS((void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = file}), InvalidArgument);
    }
    for (const auto& own : {store.base / "storage/catalog.db", store.base / "storage/temp/write-queue", month.path()}) {
        CAPTURE(own);
        CHECK_THROWS_AS(
            (void)store.manager.create_artifact({.type = ArtifactType::log, .source_path = own, .transfer = Transfer::move}),
            InvalidArgument);
        CHECK(fs::exists(own));
    }
    const auto mine = store.manager.temp_folder() / "made";
    std::ofstream(mine) << "a file of the program's";
    CHECK(store.manager.create_artifact({.type = ArtifactType::log, .source_path = mine, .transfer = Transfer::move}).file_size ==
          23);
    CHECK(store.manager.verify().findings.empty());
}
