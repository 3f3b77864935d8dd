// Bits of catalog.db flipped, of everything in it: rows, indexes, schema, pages, header. Each flip that changes what any SELECT
// of any table says, or makes the database unreadable, is found.
#include <algorithm>
#include <fstream>

#include "manager/support.hpp"
#include "support/catalog_content.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr std::size_t stride = 1;
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stride = 10007;
#else
constexpr std::size_t stride = 2003;  // a prime, so that it meets every bit of a byte; the long tests flip every one
#endif

void make_store(const fs::path& base, const fs::path& key) {
    ArtifactManager manager(base, {.actor = "tester"});
    (void)manager.audit().make_signing_key(key);
    auto run = manager.start_processing_run({{"pipeline", "x"}});
    const auto raw = manager.create_artifact({.type = ArtifactType::text_raw,
                                              .content = "text",
                                              .file_name = "a.txt",
                                              .processing_module = "m",
                                              .metadata = {{"pages", 3}},
                                              .request_key = "r"});
    const auto out = manager.create_artifact({.type = ArtifactType::text_deid, .content = "t***", .source_artifacts = {raw.id}});
    manager.update_artifact_status(out.id, ArtifactStatus::failed, "why");
    (void)manager.add_hold(raw.id, "trial");
    run.end();
    (void)manager.create_artifact({.type = ArtifactType::log, .content = "old"});
    (void)manager.cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log});
    (void)manager.audit().seal(key);
}

/// Puts one byte into the file, which nobody has open, and takes away what the last one to open it left beside it.
void put(const fs::path& file, std::size_t at, char byte) {
    std::fstream(file, std::ios::binary | std::ios::in | std::ios::out).seekp(static_cast<std::streamoff>(at)).put(byte);
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(file.string() + suffix);
}

/// Whether opening for diagnosis or verifying says anything: an error, or a note where it is the file's time that differs.
bool is_found(const fs::path& base) {
    try {
        ArtifactManager manager(base, {.diagnose = true});
        const auto report = manager.verify({.threads = 1});
        return !report.findings.empty();
    } catch (const Error&) {
        return true;
    }
}

void write_whole(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(file.string() + suffix);
}

/// Where two contents part.
std::string difference(const std::string& said, const std::string& says) {
    const auto at =
        static_cast<std::size_t>(std::mismatch(said.begin(), said.end(), says.begin(), says.end()).first - said.begin());
    const auto begin = at < 40 ? 0 : at - 40;
    return says.empty() ? "unreadable" : said.substr(begin, 80) + " -> " + says.substr(begin, 80);
}

/// What a catalog says with one byte of it changed: the file itself, or an image where that says the same, which is quicker.
class Flipped {
   public:
    Flipped(const fs::path& file, const std::string& whole) : file_(file), whole_(whole), image_(whole) {}
    std::string content(std::size_t at, char byte) {
        if (!image_.is_for(at)) return content_of_file(at, byte);
        auto says = image_.content_with(at, byte);
        if (asked_++ % 1009 == 0) CHECK((says == content_of_file(at, byte)));
        return says;
    }

   private:
    [[nodiscard]] std::string content_of_file(std::size_t at, char byte) const {
        put(file_, at, byte);
        auto says = catalog_content(file_);
        put(file_, at, whole_[at]);
        return says;
    }
    const fs::path& file_;
    const std::string& whole_;
    CatalogImage image_;
    std::size_t asked_ = 0;
};

struct Count {
    std::size_t tried = 0, changed = 0, unreadable = 0, found = 0, unchanged = 0;
};

// A part of the file, so that flipping every bit of it takes less than an hour.
void flip_part(std::size_t part, std::size_t parts) {
    const Scratch scratch;
    const auto base = scratch / "store";
    make_store(base, scratch / "key");
    const auto file = base / "storage/catalog.db";
    const auto whole = slurp(file);
    const auto said = catalog_content(file);
    REQUIRE_FALSE(said.empty());
    REQUIRE_FALSE(is_found(base));
    write_whole(file, whole);  // a verification that finds nothing leaves its entry
    Flipped flipped(file, whole);
    Count count;
    const auto end = whole.size() * 8 * (part + 1) / parts;
    for (std::size_t bit = whole.size() * 8 * part / parts; bit < end; bit += stride) {
        const auto byte = static_cast<char>(whole[bit / 8] ^ (1 << (bit % 8)));
        const auto says = flipped.content(bit / 8, byte);
        ++count.tried;
        if (says == said) {
            ++count.unchanged;
        } else {
            put(file, bit / 8, byte);
            const bool told = is_found(base);
            CAPTURE(bit);
            CAPTURE(difference(said, says));
            CHECK(told);
            (says.empty() ? count.unreadable : count.changed) += 1;
            count.found += told ? 1 : 0;
            write_whole(file, whole);  // the verification may have left its entry
        }
    }
    MESSAGE(count.tried << " bits flipped: " << count.changed << " changed content, " << count.unreadable
                        << " made it unreadable, " << count.found << " of these found; " << count.unchanged
                        << " changed no content");
    CHECK(count.found == count.changed + count.unreadable);
    CHECK(count.changed + count.unreadable > 0);
    CHECK(slurp(file) == whole);
    CHECK_FALSE(is_found(base));
}

}  // namespace

TEST_CASE("every bit of the first quarter of catalog.db whose flip changes what is said there is found") { flip_part(0, 4); }
TEST_CASE("every bit of the second quarter of catalog.db whose flip changes what is said there is found") { flip_part(1, 4); }
TEST_CASE("every bit of the third quarter of catalog.db whose flip changes what is said there is found") { flip_part(2, 4); }
TEST_CASE("every bit of the last quarter of catalog.db whose flip changes what is said there is found") { flip_part(3, 4); }

TEST_CASE("a number that two rows of a damaged table have is told, and nothing is looked for past the last one") {
    const Scratch scratch;
    const auto base = scratch / "store";
    make_store(base, scratch / "key");  // three artifacts, in one page
    const auto file = base / "storage/catalog.db";
    const auto root = std::stoul(
        shell("sqlite3 'file:" + file.string() + "?immutable=1' \"SELECT rootpage FROM sqlite_schema WHERE name = 'artifacts'\"")
            .out);
    auto bytes = slurp(file);
    const auto page = (root - 1) * 4096;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes.at(page + at)); };
    REQUIRE(byte(0) == 13);                                            // a leaf of a table: sqlite.org/fileformat2.html, 1.6
    auto number = static_cast<std::size_t>(byte(10) << 8 | byte(11));  // of the second row
    while (byte(number) >= 128) ++number;                              // its size comes before that
    ++number;
    REQUIRE(byte(number) == 2);
    bytes[page + number] = 3;  // 1, 3, 3
    write_whole(file, bytes);
    ArtifactManager manager(base, {.diagnose = true});
    const auto report = manager.verify();
    CHECK(kinds(report).count("row_missing") == 1);
    CHECK(kinds(report).count("row_altered") > 0);
    CHECK(kinds(report).count("row_unknown") == 1);
    CHECK(kinds(report).count("database_damaged") > 0);
}

TEST_CASE("every bit of a payload that flips is found") {
    Store store;
    const auto made = store.add(ArtifactType::log, "a payload of some forty bytes, bit by bit");
    const auto file = store.blob(made);
    const auto whole = slurp(file);
    const auto time = fs::last_write_time(file);
    std::size_t found = 0;
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        auto bytes = whole;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
        tamper(file, bytes);
        fs::last_write_time(file, time);  // the time doesn't give it away
        const auto report = store.manager.verify();
        found += kinds(report).count("payload_altered");
    }
    const auto flipped = whole.size() * 8;
    MESSAGE(flipped << " bits of a payload flipped, " << found << " found");
    CHECK(found == flipped);
}
