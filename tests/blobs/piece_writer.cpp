// Large payloads, by each way of writing them.
#include "blobs/piece_writer.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <custody/error.hpp>
#include <thread>

#include "blobs/descriptor.hpp"
#include "blobs/ring_writer.hpp"
#include "blobs/support.hpp"
#include "blobs/thread_writer.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;

std::string noise(std::size_t size_bytes) {
    std::string bytes(size_bytes, '\0');
    std::uint64_t state = 88172645463325252ULL;
    for (auto& byte : bytes) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        byte = static_cast<char>(state);
    }
    return bytes;
}

/// The open files of this process, to see that none is left.
std::size_t open_files() {
    const auto all = fs::directory_iterator("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// An empty file open as a payload is.
blobs::Descriptor empty_file(const fs::path& path) {
    return blobs::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

using Maker = std::unique_ptr<blobs::PieceWriter> (*)(int, const fs::path&, std::uint64_t);

std::unique_ptr<blobs::PieceWriter> by_ring(int file, const fs::path& path, std::uint64_t offset) {
    return blobs::RingWriter::make(file, path, offset);
}
std::unique_ptr<blobs::PieceWriter> by_thread(int file, const fs::path& path, std::uint64_t offset) {
    return std::make_unique<blobs::ThreadWriter>(file, path, offset);
}

/// The ways that this system has.
std::vector<std::pair<const char*, Maker>> makers(const Scratch& scratch) {
    std::vector<std::pair<const char*, Maker>> all{{"thread", by_thread}};
    const auto file = empty_file(scratch / "probe");
    if (by_ring(file.get(), "probe", 0)) {
        all.emplace_back("ring", by_ring);
    } else {
        MESSAGE("io_uring or O_DIRECT is refused here: the thread alone is tried");
    }
    return all;
}

/// Puts `content` through a writer as a copy does.
void write_by(blobs::PieceWriter& writer, std::string_view content) {
    while (!content.empty()) {
        const auto buffer = writer.buffer();
        const auto size = std::min(buffer.size(), content.size());
        std::copy_n(reinterpret_cast<const std::byte*>(content.data()), size, buffer.begin());
        writer.write(size);
        content.remove_prefix(size);
    }
    writer.finish();
}

}  // namespace

TEST_CASE("each way of writing leaves the very bytes, of any size and from any page on") {
    const Scratch scratch;
    for (const auto& [name, make] : makers(scratch)) {
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{4097},
                                       2 * mib, 2 * mib + 1, 11 * mib - 1, 16 * mib}) {
            CAPTURE(name);
            CAPTURE(size);
            const auto path = scratch / "file";
            const auto file = empty_file(path);
            const auto content = noise(8192 + size);
            REQUIRE(::pwrite(file.get(), content.data(), 8192, 0) == 8192);
            write_by(*make(file.get(), path, 8192), std::string_view(content).substr(8192));
            CHECK(slurp(path) == content);
            CHECK((::fcntl(file.get(), F_GETFL) & O_DIRECT) == 0);
        }
    }
}

TEST_CASE("a disk that is full is told by each way, whenever it comes") {
    const Scratch scratch;
    Mount mount(scratch / "disk");
    if (!mount.tmpfs("size=6m")) return;
    for (const auto& [name, make] : makers(scratch)) {
        CAPTURE(name);
        const auto path = mount.where / "file";
        const auto before = open_files();
        {
            const auto file = empty_file(path);
            const auto content = noise(20 * mib);
            const auto message = message_of<IoError>([&] { write_by(*make(file.get(), path, 0), content); });
            CHECK(message.find("free some space") != std::string::npos);
            CHECK(message.find(path.string()) != std::string::npos);
        }
        CHECK(open_files() == before);
        fs::remove(path);
    }
}

TEST_CASE("a disk with too little room for a file of known size is told before any of it is written") {
    const Scratch scratch;
    Mount mount(scratch / "disk");
    if (!mount.tmpfs("size=6m,mode=0777")) return;
    blobs::BlobStore store(mount.where, {});
    store.create();
    const auto source = scratch.file("source", noise(9 * mib));
    std::uint64_t told = 0;
    CHECK_THROWS_AS((void)store.stage_file(source, Transfer::copy, [&](std::uint64_t done) { told = done; }), IoError);
    CHECK(told == 0);
}

TEST_CASE("a writer that is given up in the middle leaves no thread, no ring and no write behind") {
    const Scratch scratch;
    for (const auto& [name, make] : makers(scratch)) {
        CAPTURE(name);
        const auto before = open_files();
        for (int round = 0; round < 20; ++round) {
            const auto path = scratch / "file";
            const auto file = empty_file(path);
            const auto writer = make(file.get(), path, 0);
            for (int i = 0; i < round % 5; ++i) {
                const auto buffer = writer->buffer();
                std::fill(buffer.begin(), buffer.end(), std::byte{7});
                writer->write(buffer.size());
            }
        }
        CHECK(open_files() == before);
    }
}

TEST_CASE("a large payload is staged the same by every way, and one that is stopped leaves nothing") {
    for (const bool ring : {true, false}) {
        CAPTURE(ring);
        blobs::Abilities abilities;
        abilities.ring = ring;
        TestStore t({}, abilities);
        const auto content = noise(9 * mib + 333);
        const auto source = t.scratch.file("source", content);
        const auto before = open_files();
        const auto stop = [](std::uint64_t done) {
            if (done > 5 * mib) throw Error("stopped by hand");
        };
        CHECK_THROWS_AS((void)t.store.stage_file(source, Transfer::copy, stop), Error);
        CHECK(t.files().empty());
        CHECK(open_files() == before);
        auto staged = t.store.stage_file(source, Transfer::copy);
        CHECK(staged.digest() == base::sha256(content));
        CHECK(t.store.publish(staged, false) == blobs::Published::added);
        CHECK(slurp(t.store.path_of(staged.digest())) == content);
    }
}

TEST_CASE("of a descriptor that stands past the beginning comes what follows, and no byte more, by every way") {
    for (const bool ring : {true, false}) {
        for (const std::size_t start : {std::size_t{1}, mib, 5 * mib + 7, 9 * mib, 12 * mib}) {
            CAPTURE(ring);
            CAPTURE(start);
            blobs::Abilities abilities;
            abilities.ring = ring;
            TestStore t({}, abilities);
            const auto content = noise(9 * mib);
            const blobs::Descriptor file(::open(t.scratch.file("source", content).c_str(), O_RDONLY | O_CLOEXEC));
            REQUIRE(::lseek(file.get(), static_cast<off_t>(start), SEEK_SET) == static_cast<off_t>(start));
            auto staged = t.store.stage_descriptor(file.get());
            const auto rest = start < content.size() ? content.substr(start) : std::string();
            CHECK(staged.digest() == base::sha256(rest));
            t.store.publish(staged, false);
            CHECK(slurp(t.store.path_of(staged.digest())) == rest);
        }
    }
}

TEST_CASE("less than was expected leaves a file of what has come, by every way") {
    for (const bool ring : {true, false}) {
        CAPTURE(ring);
        blobs::Abilities abilities;
        abilities.ring = ring;
        const Scratch scratch;
        const auto content = noise(5 * mib + 3);
        const blobs::Descriptor from(::open(scratch.file("source", content).c_str(), O_RDONLY | O_CLOEXEC));
        const auto to = empty_file(scratch / "target");
        (void)blobs::copy_and_hash({from.get(), "source"}, {to.get(), "target"}, 20 * mib, abilities);
        CHECK(slurp(scratch / "target") == content);
    }
}

TEST_CASE("a pipe that turns out to bring much is written in the background from there on") {
    for (const std::size_t size : {4 * mib - 1, 4 * mib, 4 * mib + 1, 10 * mib + 77}) {
        CAPTURE(size);
        TestStore t;
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        const auto content = noise(size);
        std::thread writer([&] {
            for (std::string_view rest = content; !rest.empty();) {
                const ssize_t count = ::write(ends[1], rest.data(), std::min<std::size_t>(rest.size(), 60001));
                if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
            }
            ::close(ends[1]);
        });
        auto staged = t.store.stage_descriptor(ends[0]);
        writer.join();
        ::close(ends[0]);
        CHECK(staged.size_bytes() == size);
        CHECK(staged.digest() == base::sha256(content));
        t.store.publish(staged, false);
        CHECK(slurp(t.store.path_of(staged.digest())) == content);
    }
}

TEST_CASE("where the system refuses io_uring, as containers do, large payloads come in all the same") {
    const auto said = as_nobody([] {
        std::array<sock_filter, 4> program{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
                                            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                                            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
        const sock_fprog filter{program.size(), program.data()};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
            return std::string("can't be refused here");
        const Scratch scratch;
        const auto file = empty_file(scratch / "probe");
        if (blobs::RingWriter::make(file.get(), "probe", 0)) return std::string("not refused");
        if ((::fcntl(file.get(), F_GETFL) & O_DIRECT) != 0) return std::string("left open past the page cache");
        blobs::BlobStore store(scratch / "", {});
        store.create();
        const auto content = noise(7 * mib);
        auto staged = store.stage_file(scratch.file("source", content), Transfer::copy);
        store.publish(staged, false);
        return slurp(store.path_of(staged.digest())) == content ? std::string("good") : std::string("other bytes");
    });
    CHECK((said == "good" || said == "can't be refused here"));
}
