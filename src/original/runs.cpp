// The original never writes its runs; its audit files have their starts and ends. Files in runs/ are those of an export.

#include <algorithm>
#include <custody/error.hpp>

#include "original/lenient_json.hpp"
#include "original/tree.hpp"

namespace custody::original {

namespace {

std::string text_at(const json& object, std::initializer_list<const char*> keys) {
    for (const auto* key : keys) {
        const auto found = object.find(key);
        if (found != object.end() && found->is_string()) return found->get<std::string>();
    }
    return {};
}

std::vector<std::string> ids_at(const json& object, const char* key) {
    std::vector<std::string> ids;
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array()) return ids;
    for (const auto& id : *found) {
        if (id.is_string()) ids.push_back(id.get<std::string>());
    }
    return ids;
}

class Finding {
   public:
    Finding(const Zone& zone, Remarks& remarks) : zone_(zone), remarks_(remarks) {}

    void take(const Line& line) {
        if (!line.whole || line.operation != "processing_run") return;
        if (line.action == "start") start(line);
        if (line.action == "end") end(line);
    }

    // A file says all of a run, and goes before what the entries tell.
    void take(const std::string& path, const std::string& text) {
        const auto object = read_lenient(text);
        const auto id = object ? object->text("run_id").value_or("") : std::string();
        const auto started = object ? time(object->text("started_at").value_or("")) : std::nullopt;
        if (id.empty() || !started) {
            remarks_.push_back({ImportRemark::Kind::left_out, path, 0, {}, "it is no record of a run that can be read"});
            return;
        }
        auto& run = run_of(run_id_of(id), *started, path, 0);
        run.path = path;
        run.line = 0;
        run.started_at = *started;
        run.user = object->text("user").value_or(run.user);
        run.ended_at = time(object->text("ended_at").value_or(""));
        run.end_reason = object->text("end_reason").value_or("");
        if (run.end_reason != "abandoned" && run.end_reason != "lost" && run.end_reason != "expired") run.end_reason = "ended";
        if (const auto* configuration = object->find("configuration");
            configuration != nullptr && configuration->starts_with("{")) {
            run.configuration_text = *configuration;
        }
        run.error_message = object->text("error_message");
        set_status(run, object->text("status").value_or(""));
        auto lists = json::object();
        for (const char* key : {"input_artifacts", "output_artifacts"}) lists[key] = object->value(key);
        run.inputs = ids_at(lists, "input_artifacts");
        run.outputs = ids_at(lists, "output_artifacts");
    }

    std::vector<RunFacts> finish() {
        for (auto& run : runs_) {
            if (run.ended_at) continue;
            run.status = ArtifactStatus::failed;
            run.end_reason = "lost";
            remarks_.push_back({ImportRemark::Kind::mended, run.path, run.line, "run " + run.id.str(),
                                "nothing tells of its end: it ends as failed, lost"});
        }
        std::stable_sort(runs_.begin(), runs_.end(),
                         [](const RunFacts& a, const RunFacts& b) { return a.started_at < b.started_at; });
        return std::move(runs_);
    }

   private:
    std::optional<Timestamp> time(const std::string& text) const {
        try {
            return read_time(text, zone_).time;
        } catch (const InvalidArgument&) {
            return std::nullopt;
        }
    }

    RunFacts& run_of(const RunId& id, const Timestamp& started_at, const std::string& path, std::uint64_t line) {
        const auto found = places_.find(id);
        if (found != places_.end()) return runs_[found->second];
        places_.emplace(id, runs_.size());
        return runs_.emplace_back(RunFacts{.id = id, .path = path, .line = line, .started_at = started_at});
    }

    // Some entries of runs have the run's id where others have an artifact's.
    static std::optional<RunId> id_of(const Line& line) {
        if (line.run_id) return line.run_id;
        if (!line.artifact_id) return std::nullopt;
        return RunId::parse(line.artifact_id->str());
    }

    void start(const Line& line) {
        const auto id = id_of(line);
        if (!id || !line.time) return cant_tell(line);
        auto& run = run_of(*id, *line.time, line.path, line.line);
        run.user = line.user;
        const auto found = line.details.find("configuration");
        run.configuration_text = (found != line.details.end() && found->is_object() ? *found : line.details).dump();
    }

    void end(const Line& line) {
        const auto id = id_of(line);
        if (!id || !line.time) return cant_tell(line);
        if (!places_.contains(*id)) {
            remarks_.push_back({ImportRemark::Kind::mended, line.path, line.line, "run " + id->str(),
                                "nothing tells of its start: its end stands for it"});
        }
        auto& run = run_of(*id, *line.time, line.path, line.line);
        if (run.user.empty()) run.user = line.user;
        run.ended_at = line.time;
        run.end_reason = "ended";
        set_status(run, text_at(line.details, {"status", "final_status"}), line.success);
        auto message = line.error_message.empty() ? text_at(line.details, {"error_message"}) : line.error_message;
        if (run.status == ArtifactStatus::failed && !message.empty()) run.error_message = std::move(message);
        run.outputs = ids_at(line.details, "output_artifacts");
        run.inputs = ids_at(line.details, "input_artifacts");
    }

    static void set_status(RunFacts& run, const std::string& status, bool success = true) {
        const bool failed = status.empty() ? !success : status != "completed";
        run.status = failed ? ArtifactStatus::failed : ArtifactStatus::completed;
        if (!failed) run.error_message.reset();
    }

    void cant_tell(const Line& line) {
        remarks_.push_back({ImportRemark::Kind::note,
                            line.path,
                            line.line,
                            {},
                            "it doesn't say of which run it is; the entry came over, and makes no run"});
    }

    const Zone& zone_;
    Remarks& remarks_;
    std::vector<RunFacts> runs_{};
    std::map<RunId, std::size_t> places_{};
};

}  // namespace

std::vector<RunFacts> find_runs(const std::vector<Line>& lines, const std::map<std::string, std::string>& files, const Zone& zone,
                                Remarks& remarks) {
    Finding finding(zone, remarks);
    for (const auto& line : lines) finding.take(line);
    for (const auto& [path, text] : files) finding.take(path, text);
    return finding.finish();
}

}  // namespace custody::original
