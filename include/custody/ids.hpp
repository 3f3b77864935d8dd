#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <custody/export.hpp>

namespace custody {

/// A random UUID (RFC 9562, version 4). There is no invalid one: it is drawn or parsed. `Tag` keeps
/// ids of artifacts and of runs apart. Ids carry no time on purpose: the time of ingest is close to a
/// date of service, which de-identification removes.
template <class Tag>
class CUSTODY_API Uuid {
   public:
    using Bytes = std::array<std::uint8_t, 16>;

    /// A new id from the operating system's random source.
    [[nodiscard]] static Uuid random();
    /// Reads the 36-character form, in either case, of any version. @throws InvalidArgument
    [[nodiscard]] static Uuid parse(std::string_view text);
    /// As parse(), but nullopt for what is no UUID.
    [[nodiscard]] static std::optional<Uuid> try_parse(std::string_view text) noexcept;

    /// The 36-character form in lower case.
    [[nodiscard]] std::string str() const;
    [[nodiscard]] const Bytes& bytes() const noexcept { return bytes_; }

    friend auto operator<=>(const Uuid&, const Uuid&) = default;  // NOLINT(modernize-use-nullptr)

   private:
    explicit Uuid(const Bytes& bytes) noexcept : bytes_(bytes) {}
    Bytes bytes_;
};

struct CUSTODY_API ArtifactTag;  // visible, or the functions of the ids would not be
struct CUSTODY_API RunTag;
using ArtifactId = Uuid<ArtifactTag>;
using RunId = Uuid<RunTag>;

extern template class Uuid<ArtifactTag>;
extern template class Uuid<RunTag>;

/// A SHA-256 (FIPS 180-4). There is no invalid one: it is computed or parsed.
class CUSTODY_API Digest {
   public:
    using Bytes = std::array<std::uint8_t, 32>;

    explicit Digest(const Bytes& bytes) noexcept : bytes_(bytes) {}
    /// Reads 64 lower-case hexadecimal digits. @throws InvalidArgument
    [[nodiscard]] static Digest parse(std::string_view hex);

    /// 64 lower-case hexadecimal digits, as `sha256sum` prints them.
    [[nodiscard]] std::string hex() const;
    [[nodiscard]] const Bytes& bytes() const noexcept { return bytes_; }

    friend auto operator<=>(const Digest&, const Digest&) = default;  // NOLINT(modernize-use-nullptr)

   private:
    Bytes bytes_;
};

}  // namespace custody

template <class Tag>
struct std::hash<custody::Uuid<Tag>> {
    std::size_t operator()(const custody::Uuid<Tag>& id) const noexcept {
        std::size_t value = 0;
        for (std::size_t i = 0; i < sizeof value; ++i) value = (value << 8U) | id.bytes()[i];
        return value;  // the bytes are random already
    }
};
