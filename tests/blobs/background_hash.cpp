#include "blobs/background_hash.hpp"

#include <sys/resource.h>

#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "blobs/support.hpp"

using namespace custody;

namespace {

std::string text_of(std::size_t size_bytes, char first) {
    std::string text(size_bytes, first);
    for (std::size_t i = 0; i < size_bytes; ++i) text[i] = static_cast<char>(text[i] + i % 7 + i / 4096);
    return text;
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// Pieces come into `most_pending` + 1 buffers in turn, as a copy's do.
Digest hash_in_pieces(const std::vector<std::string>& pieces, std::size_t most_pending) {
    base::Sha256 sha256;
    blobs::BackgroundHash hash(sha256, most_pending);
    std::vector<std::string> buffers(most_pending + 1);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        auto& buffer = buffers[i % buffers.size()];
        buffer.assign(pieces[i]);
        hash.add(bytes_of(buffer));
    }
    hash.finish();
    return sha256.finish();
}

}  // namespace

TEST_CASE("pieces of any size are hashed in their order, and their memory may be used again once others came after them") {
    for (const std::size_t size : {1, 63, 4096, 4097, 8192, 12288, 12289, 65536, 300001}) {
        for (const std::size_t most_pending : {1, 3, 7}) {
            std::vector<std::string> pieces;
            std::string whole;
            for (char first = 'a'; first < 'a' + 20; ++first) whole += pieces.emplace_back(text_of(size, first));
            CAPTURE(size);
            CAPTURE(most_pending);
            CHECK(hash_in_pieces(pieces, most_pending) == base::sha256(whole));
        }
    }
}

TEST_CASE("nothing at all has the hash of nothing") { CHECK(hash_in_pieces({}, 3) == base::sha256("")); }

TEST_CASE("work that is given up ends without the pieces that wait") {
    base::Sha256 sha256;
    const auto piece = text_of(1 << 20U, 'x');
    {
        blobs::BackgroundHash hash(sha256, 7);
        for (int i = 0; i < 7; ++i) hash.add(bytes_of(piece));
    }
    const auto got = sha256.finish();
    std::string whole;
    while (whole.size() < 7 * piece.size() && base::sha256(whole) != got) whole += piece;
    CHECK(base::sha256(whole) == got);  // no piece was cut
}

TEST_CASE("where no thread is to be had the caller hashes") {
    const auto said = testing::as_nobody([] {
        const rlimit none{0, 0};
        if (::setrlimit(RLIMIT_NPROC, &none) != 0) return std::string("can't be refused here");
        try {
            std::thread([] {}).join();
            return std::string("not refused");
        } catch (const std::system_error&) {
            const std::vector<std::string> pieces{text_of(9000, 'a'), text_of(9000, 'b'), text_of(5, 'c')};
            const bool same = hash_in_pieces(pieces, 3) == base::sha256(pieces[0] + pieces[1] + pieces[2]);
            return std::string(same ? "good" : "another hash");
        }
    });
    CHECK((said == "good" || said == "can't be refused here"));
}
