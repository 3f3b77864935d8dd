// Wrong usage, exit codes and hostile arguments.
#include <doctest/doctest.h>

#include <custody/ids.hpp>

#include "tools/command.hpp"

using namespace custody::testing;

// A shell's words for a command whose stdout is buffered in another way: by a library that is loaded before all others, which
// ASan takes for a mistake unless told.
const std::string stdbuf = "ASAN_OPTIONS=verify_asan_link_order=0:$ASAN_OPTIONS stdbuf ";

TEST_CASE("a verb is found behind options whose values are names of other verbs") {
    const Bench bench;
    const auto help = bench.done("list --help");
    for (const std::string before : {"--actor add ", "--quiet --purpose gc ", "--actor=type ", "--json --on-behalf-of show "}) {
        CHECK_MESSAGE(bench.done(before + "list --help") == help, before);
    }
    CHECK(bench.done("--actor list type list --help") == bench.done("type list --help"));
}

TEST_CASE("wrong usage exits with 2, says why on stderr, and prints nothing on stdout") {
    const Bench bench;
    const std::string wrong[] = {
        "",
        "frobnicate",
        "add",
        "add --type",
        "add --type Video_Raw x",
        "add --type log --bogus",
        "add --type log --metadata ''",
        "add --type log --request-key ''",
        "add --type log --status nearly",
        "add --type log --move --reflink x",
        "add --type log --source ''",
        "add --type log --name n one two",
        "add --type log --request-key k one two",
        "add --type log - -",
        "add --type log ''",
        "show",
        "show 12345678",
        "show " + unknown_id + " " + unknown_id,
        "list --limit -1",
        "list --limit 1 --limit 2",
        "list --limit 1e3",
        "list --limit 99999999999999999999",
        "list --since yesterday",
        "list --json=yes",
        "list --after x",
        "status " + unknown_id,
        "status " + unknown_id + " nearly",
        "run",
        "run start --ttl 0",
        "run start --ttl -1",
        "run start --config ''",
        "run show x",
        "run end " + unknown_id + "0",
        "type add Bad --sensitivity neutral",
        "type add fine --sensitivity secret",
        "link " + unknown_id,
        "link " + unknown_id + " --source",
        "lineage " + unknown_id + " --format pdf",
        "lineage " + unknown_id + " --depth x",
        "checkout " + unknown_id,
        "checkout " + unknown_id + " ''",
        "audit query --success maybe",
        "audit query --outcome odd",
        "audit export --format xml --out x",
        "audit export --format csv",
        "audit export --format csv --out x --month 2026-10",
        "audit export --user somebody",
        "audit export --month 2026-10 --all",
        "cleanup",
        "cleanup --older-than -1 --yes",
        "cleanup --older-than 1.5 --yes",
        "cleanup --older-than 99999999999 --yes",
        "gc",
        "gc --grace -1 --yes",
        "retention set log",
        "retention set log --days -1",
        "retention set --days 1",
        "hold add " + unknown_id,
        "verify --sample 0",
        "verify --sample 101",
        "verify --sample nan",
        "verify --quick --sample 5",
        "sql",
        "sql 'SELECT 1' --format xml",
        "sql 'SELECT 1' --time-limit -1",
        "snapshot",
        "backup",
        "backup ''",
        "import",
        "import original",
        "import original ''",
        "import original tree --timezone ''",
        "export original",
        "restore",
        "restore kept",
        "restore kept new",
        "restore kept new --reason ''",
        "--lock-timeout soon list",
        "--store '' list",
        "--actor '' list",
        "--on-behalf-of '' list",
        "list --purpose ''",
        "list --purpose=",
        "add --type log --name ''",
        "add --type log --name= x",
        "add --type log --module ''",
        "add --type log --relationship ''",
        "link " + unknown_id + " --source " + unknown_id + " --relationship ''",
        "list --module ''",
        "audit query --module ''",
    };
    for (const auto& arguments : wrong) {
        const auto ran = bench.custody(arguments);
        INFO("custody " << arguments << "\n" << ran.out << ran.err);
        CHECK(ran.exit_code == 2);
        CHECK(ran.out.empty());
        CHECK(ran.err.rfind("custody: ", 0) == 0);
        CHECK(lines_of(ran.err).size() == 1);
    }
}

TEST_CASE("an empty value is named with its option, and an empty variable counts as none") {
    const Bench bench;
    for (const std::string option : {"--actor", "--on-behalf-of", "--purpose", "--name", "--module", "--relationship"}) {
        const auto ran = bench.custody("add --type log " + option + " ''");
        INFO(option << "\n" << ran.err);
        CHECK(contains(ran.err, option + ": the text is empty"));
    }
    CHECK(bench.run("CUSTODY_ACTOR= custody add --type log").exit_code == 0);
    const auto entry = bench.json_of("audit query --operation artifact_creation").at(0);
    CHECK(entry["user"] == entry["agent"]["os_user"]);
    CHECK(bench.run("CUSTODY_STORE= custody list").exit_code == 2);
}

TEST_CASE("no store named, no store there, and a store that can't be read have codes of their own") {
    const Bench bench(false);
    const auto unnamed = bench.run("unset CUSTODY_STORE; custody list");
    CHECK(unnamed.exit_code == 2);
    CHECK(contains(unnamed.err, "CUSTODY_STORE"));
    const auto nowhere = bench.custody("list --store nowhere");
    CHECK(nowhere.exit_code == 10);
    CHECK(contains(nowhere.err, "nowhere"));
    CHECK(contains(nowhere.err, "init"));
    for (const char* arguments :
         {"add --type log x", "show 6b6f1c1e-9d55-4d3c-8b6e-0f4a8c0d1e2f", "run start", "stats", "verify", "doctor", "migrate",
          "snapshot --out s.db", "backup kept", "restore nowhere new --reason r", "export original tree", "sql 'SELECT 1'",
          "audit query", "hold list", "cleanup --older-than 1 --yes", "gc --yes", "retention list"}) {
        INFO(arguments);
        CHECK(bench.custody(arguments).exit_code == 10);
    }
    CHECK_FALSE(std::filesystem::exists(bench.files / "store"));
    CHECK_FALSE(std::filesystem::exists(bench.files / "nowhere"));
}

TEST_CASE("an unknown id of whatever UUID version exits with 4") {
    const Bench bench;
    for (const std::string id : {"6b6f1c1e-9d55-4d3c-8b6e-0f4a8c0d1e2f", "6B6F1C1E-9D55-1D3C-8B6E-0F4A8C0D1E2F",
                                 "00000000-0000-0000-0000-000000000000", "018f1c1e-9d55-7d3c-8b6e-0f4a8c0d1e2f"}) {
        for (const std::string verb : {"show", "file", "cat", "lineage", "history", "run show", "run end", "hold remove"}) {
            const auto ran = bench.custody(verb + " " + id);
            INFO(verb << " " << id << "\n" << ran.err);
            CHECK(ran.exit_code == 4);
            CHECK(ran.out.empty());
            CHECK(contains(ran.err, custody::ArtifactId::parse(id).str()));
        }
        CHECK(bench.custody("status " + id + " completed").exit_code == 4);
        CHECK(bench.custody("checkout " + id + " copy").exit_code == 4);
        CHECK(bench.custody("link " + id + " --source " + unknown_id).exit_code == 4);
        CHECK(bench.custody("hold add " + id + " --reason r").exit_code == 4);
        CHECK(bench.custody("add --type log --source " + id).exit_code == 4);
        CHECK(bench.custody("add --type log --run " + id).exit_code == 4);
    }
}

TEST_CASE("a store that another process keeps locked exits with 11 after the time that was given") {
    const Bench bench;
    const auto ran = bench.run(
        "mkfifo go; (printf 'BEGIN IMMEDIATE; SELECT 1;\\n'; echo held >&2; sleep 3) 2>go | sqlite3 store/storage/catalog.db "
        ">/dev/null &\n"
        "read held <go; sleep 0.3; custody --lock-timeout 0.2 add --type log");
    CHECK(ran.exit_code == 11);
    CHECK(ran.out.empty());
    CHECK(contains(ran.err, "custody: "));
}

TEST_CASE("options of every verb may stand before or after it, and after -- everything is a file") {
    const Bench bench;
    bench.files.file("-v", "dash");
    bench.files.file("list", "named like a verb");
    bench.files.file("++", "plus");
    bench.files.file("[a,b]", "brackets");
    const auto before = bench.json_of("--actor one add --type log");
    const auto after = bench.json_of("add --type log --actor two");
    const auto entries = bench.json_of("audit query --operation artifact_creation");
    REQUIRE(entries.size() == 2);
    CHECK(entries[0]["user"] == "one");
    CHECK(entries[1]["user"] == "two");
    CHECK(bench.json_of("run --json list").is_array());
    const auto many = bench.json_of("add --type log list ++ '[a,b]' -- -v");
    REQUIRE(many.size() == 4);
    CHECK(many[0]["file_name"] == "list");
    CHECK(many[1]["file_name"] == "++");
    CHECK(many[2]["file_name"] == "[a,b]");
    CHECK(many[3]["file_name"] == "-v");
}

TEST_CASE("values that look like options, lists or nothing arrive as they are") {
    const Bench bench;
    const auto id = bench.done("add --type log");
    for (const std::string text :
         {"--quiet", "[codec] gone]", "[a,b]", "{}", "++", "--x=", "%%", "a=b", " ", "\"quoted\"", "-"}) {
        bench.done("status " + id + " failed --error '" + text + "'");
        CHECK(bench.json_of("show " + id)["error_message"] == text);
        bench.done("status " + id + " pending");
    }
    bench.files.file("payload", "bytes");
    const auto made = bench.json_of("add --type log --name=--json --metadata='{}' payload");
    CHECK(made["file_name"] == "--json");
    CHECK(bench.json_of("add --type log --metadata {}")["metadata"] == custody::ordered_json::object());
}

TEST_CASE("environment variables stand for options, and options win") {
    const Bench bench;
    CHECK(bench.run("CUSTODY_ACTOR=env custody add --type log").exit_code == 0);
    CHECK(bench.run("CUSTODY_ACTOR=env custody --actor option add --type log").exit_code == 0);
    CHECK(bench.run("CUSTODY_STORE=nowhere custody --store store add --type log").exit_code == 0);
    const auto entries = bench.json_of("audit query --operation artifact_creation");
    REQUIRE(entries.size() == 3);
    CHECK(entries[0]["user"] == "env");
    CHECK(entries[1]["user"] == "option");
}

TEST_CASE("for whom and why are in the trail") {
    const Bench bench;
    bench.done("add --type log --on-behalf-of 'Dr. A' --purpose 'quality review'");
    const auto entry = bench.json_of("audit query --operation artifact_creation").at(0);
    CHECK(entry["on_behalf_of"] == "Dr. A");
    CHECK(entry["purpose"] == "quality review");
    CHECK(entry["agent"]["program"] == "custody");
}

TEST_CASE("every verb has help with an example, and the version is printed") {
    const Bench bench(false);
    const std::string verbs[] = {"",
                                 "init",
                                 "migrate",
                                 "snapshot",
                                 "run",
                                 "run start",
                                 "run end",
                                 "run list",
                                 "run show",
                                 "add",
                                 "show",
                                 "list",
                                 "status",
                                 "history",
                                 "type",
                                 "type add",
                                 "type list",
                                 "link",
                                 "lineage",
                                 "file",
                                 "checkout",
                                 "cat",
                                 "audit",
                                 "audit query",
                                 "audit errors",
                                 "audit export",
                                 "stats",
                                 "cleanup",
                                 "gc",
                                 "retention",
                                 "retention set",
                                 "retention remove",
                                 "retention list",
                                 "hold",
                                 "hold add",
                                 "hold remove",
                                 "hold list",
                                 "verify",
                                 "doctor",
                                 "sql",
                                 "backup",
                                 "restore",
                                 "import",
                                 "import original",
                                 "export",
                                 "export original"};
    for (const auto& verb : verbs) {
        const auto ran = bench.custody(verb + " --help");
        INFO(verb << "\n" << ran.err);
        CHECK(ran.exit_code == 0);
        CHECK(contains(ran.out, "Usage: custody " + verb));
        CHECK(contains(ran.out, "Examples:\n  "));
        CHECK(ran.err.empty());
    }
    CHECK(contains(bench.custody("run start --help").out, "86400 (a day)"));
    CHECK(bench.custody("--version").out.rfind("custody 0.", 0) == 0);
    CHECK_FALSE(std::filesystem::exists(bench.files / "store"));
}

TEST_CASE("closed standard descriptors never become files of the store") {
    const Bench bench;
    bench.files.file("payload", "bytes");
    CHECK(bench.run("custody add --type log payload <&- >&- 2>&-").exit_code == 3);
    CHECK(bench.run("custody add --type log payload >&-").exit_code == 3);
    CHECK(bench.run("custody add --type log - <&-").exit_code == 1);
    CHECK(bench.run("custody add --type nothing_such payload 2>&-").exit_code == 1);
    CHECK(bench.done("verify --quiet").find("error") == std::string::npos);
    const auto held = bench.run(
        "mkfifo pipe; custody add --type log - <pipe >&- 2>&- & pid=$!; exec 3>pipe; i=0\n"
        "while [ $i -lt 100 ] && ! ls -l /proc/$pid/fd | grep -q catalog.db; do sleep 0.05; i=$((i + 1)); done\n"
        "readlink /proc/$pid/fd/1 /proc/$pid/fd/2; exec 3>&-; wait");
    CHECK(held.out == "/dev/null\n/dev/null\n");
}

TEST_CASE("output that can't be written is an error, and a reader that goes away is a quiet one") {
    const Bench bench;
    const auto id = bench.done("add --type log");
    for (const std::string& buffered : {std::string(), stdbuf + "-oL ", stdbuf + "-o0 "}) {
        CAPTURE(buffered);
        const auto full = bench.run(buffered + "custody show " + id + " >/dev/full");
        CHECK(full.exit_code == 1);
        CHECK(contains(full.err, "can't write the output: No space left on device"));
    }
    const auto gone = bench.run("mkfifo pipe; (custody list; echo $? >code) >pipe & : <pipe; wait; exit $(cat code)");
    CHECK(gone.exit_code == 1);
    CHECK(gone.err.empty());
}

TEST_CASE("what is not understood is shown as it was given") {
    const Bench bench;
    for (const std::string arguments : {"list -- --json", "list -- --json -x", "list ++ -- -q"}) {
        CAPTURE(arguments);
        const auto ran = bench.custody(arguments);
        CHECK(ran.exit_code == 2);
        CHECK_FALSE(contains(ran.err, "\x01"));
        CHECK_FALSE(contains(ran.err, "\x02"));
        CHECK_FALSE(contains(ran.err, "\\x0"));
    }
}

TEST_CASE("ids that were made and can't be printed on stdout are named on stderr: done in part") {
    const Bench bench;
    bench.files.file("a", "a");
    bench.files.file("b", "b");
    const std::string lines[] = {
        "custody add --type log a b >/dev/full", "custody add --type log --json a b >/dev/full", "custody add --type log a b >&-",
        stdbuf + "-oL custody add --type log a b >/dev/full",
        "mkfifo pipe; (custody add --type log a b; echo $? >code) >pipe & : <pipe; wait; exit $(cat code)"};
    for (const auto& line : lines) {
        const auto ran = bench.run(line);
        INFO(line << "\n" << ran.err);
        CHECK(ran.exit_code == 3);
        const auto newest = bench.json_of("list --limit 2");
        for (const auto& artifact : newest) CHECK(contains(ran.err, artifact["artifact_id"].get<std::string>()));
    }
}

TEST_CASE("work that can't be undone ends as done in part where its result can't be printed; a dry run ends as failed") {
    const Bench bench;
    bench.files.file("old", "old");
    bench.done("add --type log old --metadata '{\"note\": \"SECRET\"}'");
    const auto is_partial = [&](const std::string& verb, const std::string& said) {
        const auto ran = bench.run("custody " + verb + " >/dev/full");
        INFO(verb << "\n" << ran.err);
        CHECK(ran.exit_code == 3);
        CHECK(contains(ran.err, said));
    };
    CHECK(bench.run("custody cleanup --older-than 0 --dry-run >/dev/full").exit_code == 1);
    is_partial("cleanup --older-than 0 --yes", "removed the payloads of 1 artifact");
    is_partial("gc --grace 0 --yes", "but removed ");
    is_partial("run start", " has started");
    CHECK(bench.json_of("run list").at(0)["status"] == "in_progress");
    is_partial("audit keygen --out made.key", "the key is recorded: ");
    is_partial("audit redact 2 --reason why --yes", "but the text was withdrawn");
}
