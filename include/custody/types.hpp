#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include <custody/export.hpp>

namespace custody {

/// What kind of file an artifact is. The built-in eleven are constants; others are registered in a
/// store with `register_artifact_type`. A value of this class is a well-formed name ([a-z][a-z0-9_]*,
/// at most 63 characters); whether the store knows it is checked when it is used.
class CUSTODY_API ArtifactType {
   public:
    /// @throws InvalidArgument for a name that is not well formed.
    explicit ArtifactType(std::string_view name);

    [[nodiscard]] std::string_view name() const noexcept { return {name_.data(), size_}; }
    [[nodiscard]] std::string str() const { return std::string(name()); }

    friend bool operator==(const ArtifactType& a, const ArtifactType& b) noexcept { return a.name() == b.name(); }
    friend auto operator<=>(const ArtifactType& a, const ArtifactType& b) noexcept { return a.name() <=> b.name(); }

    static const ArtifactType video_raw;            ///< Original video (identified)
    static const ArtifactType video_keypoints;      ///< Pose and face keypoints (identified)
    static const ArtifactType video_deid;           ///< De-identified video
    static const ArtifactType audio_raw;            ///< Original or extracted audio (identified)
    static const ArtifactType audio_phi_intervals;  ///< Where protected health information is heard (identified)
    static const ArtifactType audio_deid;           ///< De-identified audio
    static const ArtifactType audio_transcript;     ///< Transcript of audio (identified)
    static const ArtifactType text_raw;             ///< Original text (identified)
    static const ArtifactType text_deid;            ///< De-identified text
    static const ArtifactType metadata;             ///< Processing metadata (neutral)
    static const ArtifactType log;                  ///< Processing log (neutral)

   private:
    struct Trusted {};
    constexpr ArtifactType(Trusted, std::string_view name) noexcept : size_(name.size()) {
        for (std::size_t i = 0; i < name.size(); ++i) name_[i] = name[i];
    }
    std::array<char, 63> name_{};
    std::size_t size_ = 0;
};

inline constexpr ArtifactType ArtifactType::video_raw{Trusted{}, "video_raw"};
inline constexpr ArtifactType ArtifactType::video_keypoints{Trusted{}, "video_keypoints"};
inline constexpr ArtifactType ArtifactType::video_deid{Trusted{}, "video_deid"};
inline constexpr ArtifactType ArtifactType::audio_raw{Trusted{}, "audio_raw"};
inline constexpr ArtifactType ArtifactType::audio_phi_intervals{Trusted{}, "audio_phi_intervals"};
inline constexpr ArtifactType ArtifactType::audio_deid{Trusted{}, "audio_deid"};
inline constexpr ArtifactType ArtifactType::audio_transcript{Trusted{}, "audio_transcript"};
inline constexpr ArtifactType ArtifactType::text_raw{Trusted{}, "text_raw"};
inline constexpr ArtifactType ArtifactType::text_deid{Trusted{}, "text_deid"};
inline constexpr ArtifactType ArtifactType::metadata{Trusted{}, "metadata"};
inline constexpr ArtifactType ArtifactType::log{Trusted{}, "log"};

/// Where an artifact or a run stands. Allowed changes of an artifact:
/// pending → in_progress, completed, failed · in_progress → completed, failed ·
/// completed → in_progress, failed, archived · failed → pending, in_progress, archived · archived → completed.
enum class ArtifactStatus { pending, in_progress, completed, failed, archived };

/// What a type of artifact says about patients.
enum class Sensitivity { identified, deidentified, neutral };

/// What became of an audited operation.
enum class Outcome { done, not_found, refused, failed };

[[nodiscard]] CUSTODY_API std::string_view to_string(ArtifactStatus status) noexcept;
[[nodiscard]] CUSTODY_API std::string_view to_string(Sensitivity sensitivity) noexcept;
[[nodiscard]] CUSTODY_API std::string_view to_string(Outcome outcome) noexcept;

/// Names as to_string gives them, in exactly that spelling. @throws InvalidArgument, naming the allowed ones.
[[nodiscard]] CUSTODY_API ArtifactStatus parse_status(std::string_view name);
[[nodiscard]] CUSTODY_API Sensitivity parse_sensitivity(std::string_view name);
[[nodiscard]] CUSTODY_API Outcome parse_outcome(std::string_view name);

/// A type as a store knows it.
struct ArtifactTypeInfo {
    ArtifactType type;
    Sensitivity sensitivity;
    bool built_in;
};

}  // namespace custody
