// A metadata file of the original's: storage/metadata/<id>.json.

#include <algorithm>
#include <custody/error.hpp>

#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "original/lenient_json.hpp"
#include "original/tree.hpp"

namespace custody::original {

namespace {

// Why a record can't be used: says it, and ends its reading.
struct Unusable {
    std::string why;
};

class RecordReader {
   public:
    RecordReader(const std::string& path, const LenientObject& object, const Zone& zone, Remarks& remarks)
        : path_(path), object_(object), zone_(zone), remarks_(remarks) {}

    Record read(const std::string& text, const Timestamp& written_at) {
        const auto original_id = id();
        const auto updated = time("updated_at");
        const auto created = time("created_at");
        if (!created)
            mended("created_at", updated ? "missing: updated_at stands for it" : "missing: the file's time stands for it");
        if (!updated) mended("updated_at", "missing: created_at stands for it");
        const auto created_at = created.value_or(updated.value_or(written_at));
        Record record{.path = path_,
                      .text = base::to_clean_utf8(text),
                      .id = artifact_id_of(original_id),
                      .original_id = original_id,
                      .type = type(),
                      .status = status(),
                      .created_at = created_at,
                      .updated_at = updated.value_or(created_at)};
        record.processing_module = free_text("processing_module");
        record.processing_version = free_text("processing_version");
        record.file_path = free_text("file_path");
        read_payload(record);
        read_metadata(record);
        read_sources(record);
        settle_status(record);
        if (record.id.str() != original_id) {
            mended("artifact_id", "it is no UUID: here the artifact is " + record.id.str());
        }
        return record;
    }

   private:
    void mended(const std::string& subject, const std::string& message) {
        remarks_.push_back({ImportRemark::Kind::mended, path_, 0, subject, message});
    }

    std::string id() {
        const auto id = object_.text("artifact_id");
        if (id && !id->empty()) return *id;
        mended("artifact_id", "missing: the file's name stands for it");
        return std::filesystem::path(path_).stem().string();
    }

    std::optional<Timestamp> time(const char* key) {
        const auto text = object_.text(key);
        if (!text) return std::nullopt;
        try {
            const auto moment = read_time(*text, zone_);
            if (moment.kind == Zone::Moment::Kind::ambiguous) {
                remarks_.push_back({ImportRemark::Kind::note, path_, 0, key,
                                    *text + " came twice, since clocks went back; it was taken for the first passage"});
            } else if (moment.kind == Zone::Moment::Kind::skipped) {
                mended(key,
                       *text + " never was in " + zone_.name() + ", since clocks went ahead; it became " + moment.time.str());
            }
            return moment.time;
        } catch (const InvalidArgument&) {
            mended(key, "it is no time");
            return std::nullopt;
        }
    }

    ArtifactType type() {
        auto name = object_.text("artifact_type").value_or("");
        if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
            std::transform(name.begin(), name.end(), name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
            mended("artifact_type", "written in lower case");
        }
        try {
            return ArtifactType(name);
        } catch (const InvalidArgument&) {
            throw Unusable{"it has no artifact type"};
        }
    }

    ArtifactStatus status() {
        try {
            return parse_status(object_.text("status").value_or(""));
        } catch (const InvalidArgument&) {
            throw Unusable{"it has no status that the original knows"};
        }
    }

    // Text or null; what is neither is kept as its JSON text.
    std::string free_text(const char* key) {
        const auto value = object_.value(key);
        if (value.is_null()) return {};
        if (value.is_string()) return value.get<std::string>();
        mended(key, "it was no text; its JSON text stands for it");
        return *object_.find(key);
    }

    void read_payload(Record& record) {
        const auto size = object_.value("file_size");
        if (size.is_number_unsigned()) record.file_size = size.get<std::uint64_t>();
        if (!size.is_null() && !record.file_size) mended("file_size", "it is no size");
        auto checksum = object_.value("checksum");
        if (checksum.is_null()) return;
        try {
            auto hex = checksum.is_string() ? checksum.get<std::string>() : std::string();
            std::transform(hex.begin(), hex.end(), hex.begin(),
                           [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
            record.checksum = Digest::parse(hex);
        } catch (const InvalidArgument&) {
            mended("checksum", "it is no SHA-256, and nothing could be verified against it");
        }
    }

    void read_metadata(Record& record) {
        const auto* text = object_.find("metadata");
        record.metadata_text = "{}";
        if (text == nullptr || *text == "null") return;
        if (text->starts_with("{")) {
            record.metadata_text = *text;
            return;
        }
        mended("metadata", "it was no object: it is its member \"value\" now");
        record.metadata_text = "{\"value\":" + *text + "}";
    }

    // The kind of a link stands in the metadata, as <relationship>_artifacts: that of the last call for that kind.
    void read_sources(Record& record) {
        std::vector<std::pair<std::string, std::string>> told;
        const auto metadata = base::parse_ordered(record.metadata_text);
        static constexpr std::string_view suffix = "_artifacts";
        for (const auto& [key, value] : metadata.items()) {
            if (!key.ends_with(suffix) || !value.is_array()) continue;
            const auto relationship = key.substr(0, key.size() - suffix.size());
            if (!base::is_identifier(relationship)) continue;
            for (const auto& source : value) {
                if (source.is_string()) told.emplace_back(source.get<std::string>(), relationship);
            }
        }
        const auto sources = object_.value("source_artifacts");
        if (!sources.is_null() && !sources.is_array()) mended("source_artifacts", "it is no list");
        if (sources.is_array()) add_listed(record, sources, told);
        for (const auto& link : told) {
            if (std::find(record.sources.begin(), record.sources.end(), link) != record.sources.end()) continue;
            record.sources.push_back(link);
            mended("source_artifacts",
                   "a source of relationship " + link.second + " stands in the metadata alone: " + link.first);
        }
    }

    void add_listed(Record& record, const json& sources, const std::vector<std::pair<std::string, std::string>>& told) {
        for (const auto& source : sources) {
            if (!source.is_string()) {
                remarks_.push_back({ImportRemark::Kind::left_out, path_, 0, "source_artifacts", "a source that is no id"});
                continue;
            }
            const auto id = source.get<std::string>();
            const bool again =
                std::any_of(record.sources.begin(), record.sources.end(), [&](const auto& link) { return link.first == id; });
            if (again) {
                mended("source_artifacts", "a source is named twice; it is one: " + id);
                continue;
            }
            bool has_kind = false;
            for (const auto& link : told) {
                if (link.first != id || std::find(record.sources.begin(), record.sources.end(), link) != record.sources.end())
                    continue;
                record.sources.push_back(link);
                has_kind = true;
            }
            if (!has_kind) record.sources.emplace_back(id, "derived_from");
        }
    }

    // The original saves an artifact before it marks it as completed, and keeps the message of what was mended later.
    void settle_status(Record& record) {
        if (record.status == ArtifactStatus::pending && record.checksum) {
            mended("status", "pending, with a checksum: it is completed");
            record.status = ArtifactStatus::completed;
        }
        const auto message = free_text("error_message");
        if (message.empty()) return;
        if (record.status == ArtifactStatus::failed) {
            record.error_message = message;
        } else {
            mended("error_message", "it is left from a failure that was recovered from");
        }
    }

    const std::string& path_;
    const LenientObject& object_;
    const Zone& zone_;
    Remarks& remarks_;
};

}  // namespace

std::optional<Record> read_record(const std::string& path, const std::string& text, const Timestamp& written_at, const Zone& zone,
                                  Remarks& remarks) {
    const auto leave_out = [&](const std::string& why) {
        remarks.push_back({ImportRemark::Kind::left_out, path, 0, {}, why});
        return std::nullopt;
    };
    const auto object = read_lenient(text);
    if (!object) return leave_out("it is no JSON object, or cut off: the artifact stays behind");
    for (const auto& what : object->mends) remarks.push_back({ImportRemark::Kind::mended, path, 0, {}, what});
    if (text.find_first_not_of(" \t\r\n", object->end) != std::string::npos) {
        remarks.push_back({ImportRemark::Kind::mended, path, 0, {}, "there is more after the record; it was left out"});
    }
    try {
        return RecordReader(path, *object, zone, remarks).read(text, written_at);
    } catch (const Unusable& unusable) {
        return leave_out(unusable.why + ": the artifact stays behind");
    }
}

}  // namespace custody::original
