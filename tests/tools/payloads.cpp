// file, checkout, cat.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

namespace {

struct Filled : Bench {
    Filled() {
        files.file("interview.mp4", "the bytes");
        id = done("add --type video_raw interview.mp4");
    }
    std::string id;
};

}  // namespace

TEST_CASE("file prints a path that keeps name and extension, and leaves an entry") {
    const Filled bench;
    const auto path = bench.done("file " + bench.id);
    CHECK(std::filesystem::path(path).filename() == bench.id + "_interview.mp4");
    CHECK(std::filesystem::path(path).is_absolute());
    CHECK(slurp(path) == "the bytes");
    CHECK(bench.done("file --verify " + bench.id) == path);
    CHECK(bench.json_of("file " + bench.id)["file_path"] == path);
    CHECK(bench.json_of("audit query --action get_file").size() == 3);
}

TEST_CASE("cat writes the bytes") {
    const Filled bench;
    CHECK(bench.custody("cat " + bench.id).out == "the bytes");
    const auto gone = bench.run(
        "head -c 4000000 /dev/zero >zeros; id=$(custody add --type log zeros); mkfifo pipe\n"
        "(custody cat $id; echo $? >code) >pipe & head -c 10 <pipe >/dev/null; wait; exit $(cat code)");
    CHECK(gone.exit_code == 1);
    CHECK(gone.err.empty());
    CHECK(bench.run("custody cat " + bench.id + " >/dev/full").exit_code == 1);
}

TEST_CASE("checkout makes a copy under a chosen name or in a folder, and overwrites nothing") {
    const Filled bench;
    CHECK(contains(bench.done("checkout " + bench.id + " copy.mp4"), "copy.mp4"));
    CHECK(slurp(bench.files / "copy.mp4") == "the bytes");
    CHECK(bench.custody("checkout " + bench.id + " copy.mp4").exit_code == 1);
    std::filesystem::create_directory(bench.files / "folder");
    const auto inside = bench.json_of("checkout " + bench.id + " folder")["file_path"].get<std::string>();
    CHECK(std::filesystem::path(inside).parent_path().filename() == "folder");
    CHECK(slurp(bench.files / "folder" / std::filesystem::path(inside).filename().string()) == "the bytes");
    CHECK(bench.custody("checkout " + bench.id + " missing/folder/copy").exit_code == 1);
    const auto nowhere = bench.custody("checkout " + bench.id + " missing_dir/");
    CHECK(nowhere.exit_code == 1);
    CHECK(contains(nowhere.err, "there is no folder missing_dir"));
    CHECK_FALSE(std::filesystem::exists(bench.files / "missing_dir"));
    CHECK(std::filesystem::path(inside).filename() == std::filesystem::path(bench.done("file " + bench.id)).filename());
    CHECK(bench.custody("checkout " + bench.id + " store/storage/blobs").exit_code == 1);
}

TEST_CASE("an artifact without a payload, or with a removed one, has no file: nothing on stdout, exit 1") {
    const Filled bench;
    const auto bare = bench.done("add --type log");
    bench.done("cleanup --older-than 0 --yes");
    for (const auto& id : {bare, bench.id}) {
        for (const std::string& arguments : {"file " + id, "cat " + id, "checkout " + id + " copy"}) {
            const auto ran = bench.custody(arguments);
            INFO(arguments << "\n" << ran.err);
            CHECK(ran.exit_code == 1);
            CHECK(ran.out.empty());
            CHECK(contains(ran.err, id));
        }
    }
    CHECK(contains(bench.custody("file " + bench.id).err, "removed"));
    CHECK_FALSE(std::filesystem::exists(bench.files / "copy"));
}

TEST_CASE("a tampered payload is not handed out: exit 20") {
    const Filled bench;
    const auto checksum = bench.json_of("show " + bench.id)["checksum"].get<std::string>();
    const auto blob = "store/storage/blobs/" + checksum.substr(0, 2) + "/" + checksum;
    REQUIRE(bench.run("chmod u+w " + blob + "; printf 'the BYTES' >" + blob).exit_code == 0);
    for (const std::string& arguments : {"file " + bench.id, "cat " + bench.id, "checkout " + bench.id + " copy"}) {
        const auto ran = bench.custody(arguments);
        INFO(arguments << "\n" << ran.out << ran.err);
        CHECK(ran.exit_code == 20);
        CHECK(ran.out.empty());
    }
    CHECK_FALSE(std::filesystem::exists(bench.files / "copy"));
}

TEST_CASE("one command that finds nothing leaves one entry") {
    const Filled bench;
    const auto bare = bench.done("add --type log");
    const auto entries = [&] {
        return bench.run("sqlite3 \"$CUSTODY_STORE/storage/catalog.db\" 'SELECT max(seq) FROM audit_entries'").out;
    };
    auto before = std::stoi(entries());
    CHECK(bench.custody("file " + bare).exit_code == 1);
    CHECK(std::stoi(entries()) == before + 1);
    CHECK(bench.custody("file " + unknown_id).exit_code == 4);
    CHECK(std::stoi(entries()) == before + 2);
    CHECK(bench.custody("history " + unknown_id).exit_code == 4);
    CHECK(std::stoi(entries()) == before + 3);
    CHECK(bench.custody("history " + unknown_id).exit_code == 4);  // though there are entries of it by now
    CHECK(std::stoi(entries()) == before + 4);
}

TEST_CASE("adding what is stored already waits for the catalog alone") {
    const Bench bench;
    if (bench.run("strace -qq -o /dev/null true").exit_code != 0) return;  // it may not trace here
    const auto syncs_of_payloads = [&](const std::string& files) {
        const auto ran = bench.run(
            "env ASAN_OPTIONS=detect_leaks=0 strace -qq -f -y -e trace=fsync,fdatasync,syncfs -o syncs "
            "custody add --type log " +
            files + " && grep -c 'sync.*/storage/blobs' syncs");
        return ran.out.substr(ran.out.rfind('\n', ran.out.size() - 2) + 1);
    };
    REQUIRE(bench.run("for i in $(seq 20); do echo $i > file$i; done").exit_code == 0);
    CHECK(syncs_of_payloads("file1") == "3\n");  // the file, its folder, and the folder's own name
    CHECK(syncs_of_payloads("file1") == "0\n");
    CHECK(syncs_of_payloads("file*") != "0\n");
    CHECK(syncs_of_payloads("file*") == "0\n");
}
