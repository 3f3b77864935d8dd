#include <custody/error.hpp>
#include <custody/ids.hpp>

#include "base/hex.hpp"
#include "base/random.hpp"

namespace custody {

namespace {

constexpr std::size_t uuid_length = 36;

constexpr bool is_dash_position(std::size_t i) noexcept { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

template <class Tag>
Uuid<Tag> Uuid<Tag>::random() {
    Bytes bytes;
    base::random_bytes(bytes);
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);  // version 4
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);  // variant of RFC 9562
    return Uuid(bytes);
}

template <class Tag>
Uuid<Tag> Uuid<Tag>::parse(std::string_view text) {
    if (auto id = try_parse(text)) return *id;
    throw InvalidArgument("an id must be a UUID of 36 characters, such as 0d4a6f3e-8c1b-4f57-9a2e-61c7d05b8f34");
}

template <class Tag>
std::optional<Uuid<Tag>> Uuid<Tag>::try_parse(std::string_view text) noexcept {
    if (text.size() != uuid_length) return std::nullopt;
    std::array<char, 32> digits{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < uuid_length; ++i) {
        const char c = text[i];
        if (is_dash_position(i)) {
            if (c != '-') return std::nullopt;
        } else {
            digits[count++] = (c >= 'A' && c <= 'F') ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    Bytes bytes{};
    if (!base::from_hex({digits.data(), digits.size()}, bytes)) return std::nullopt;
    return Uuid(bytes);
}

template <class Tag>
std::string Uuid<Tag>::str() const {
    const auto digits = base::to_hex(bytes_);
    std::string text(uuid_length, '-');
    auto digit = digits.begin();
    for (std::size_t i = 0; i < uuid_length; ++i) {
        if (!is_dash_position(i)) text[i] = *digit++;
    }
    return text;
}

template class Uuid<ArtifactTag>;
template class Uuid<RunTag>;

Digest Digest::parse(std::string_view hex) {
    Bytes bytes{};
    if (!base::from_hex(hex, bytes)) throw InvalidArgument("a SHA-256 must be 64 lower-case hexadecimal digits");
    return Digest(bytes);
}

std::string Digest::hex() const { return base::to_hex(bytes_); }

}  // namespace custody
