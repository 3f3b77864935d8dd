// The original accepts every source: unknown ones, the artifact itself, and what closes a cycle. Those stay behind.

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "original/tree.hpp"

namespace custody::original {

namespace {

class Settling {
   public:
    Settling(std::vector<Record>& records, Remarks& remarks) : records_(records), remarks_(remarks) {
        for (std::size_t i = 0; i < records_.size(); ++i) places_.emplace(records_[i].id, i);
    }

    void run() {
        for (auto& record : records_) resolve(record);
        break_cycles();
        order();
    }

   private:
    void leave_out(const Record& record, const std::string& why, const std::string& source) {
        remarks_.push_back({ImportRemark::Kind::left_out, record.path, 0, record.id.str(), "the link to " + source + ": " + why});
    }

    void resolve(Record& record) {
        for (const auto& [source, relationship] : record.sources) {
            const auto id = artifact_id_of(source);
            if (id == record.id) {
                leave_out(record, "an artifact is no source of itself", source);
            } else if (!places_.contains(id)) {
                leave_out(record, "no record of that artifact came over", source);
            } else {
                record.links.emplace_back(id, relationship);
            }
        }
    }

    // A link from something to what is made from it closes a cycle. The walk begins with what is newest, so that a source that is
    // newer than what was made from it is the one that is left out.
    void break_cycles() {
        std::vector<std::size_t> newest_first(records_.size());
        for (std::size_t i = 0; i < newest_first.size(); ++i) newest_first[i] = i;
        std::sort(newest_first.begin(), newest_first.end(), [&](std::size_t a, std::size_t b) { return is_older(b, a); });
        std::vector<char> state(records_.size(), 0);  // 1: on the way, 2: done
        for (const auto start : newest_first) {
            if (state[start] == 0) walk(start, state);
        }
    }

    void walk(std::size_t start, std::vector<char>& state) {
        std::vector<std::pair<std::size_t, std::size_t>> way{{start, 0}};
        state[start] = 1;
        while (!way.empty()) {
            auto& [at, next] = way.back();
            auto& links = records_[at].links;
            if (next == links.size()) {
                state[at] = 2;
                way.pop_back();
                continue;
            }
            const auto source = places_.at(links[next].first);
            if (state[source] == 1) {
                leave_out(records_[at], "it closes a cycle", links[next].first.str());
                links.erase(links.begin() + static_cast<std::ptrdiff_t>(next));
                continue;
            }
            ++next;
            if (state[source] == 0) {
                state[source] = 1;
                way.emplace_back(source, 0);
            }
        }
    }

    [[nodiscard]] bool is_older(std::size_t a, std::size_t b) const {
        return std::tie(records_[a].created_at, records_[a].id) < std::tie(records_[b].created_at, records_[b].id);
    }

    // Oldest first, as far as sources come before what was made from them.
    void order() {
        std::vector<std::size_t> waits_for(records_.size(), 0);
        std::vector<std::vector<std::size_t>> outputs(records_.size());
        for (std::size_t i = 0; i < records_.size(); ++i) {
            for (const auto& link : records_[i].links) {
                outputs[places_.at(link.first)].push_back(i);
                ++waits_for[i];
            }
        }
        const auto later = [&](std::size_t a, std::size_t b) { return is_older(b, a); };
        std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> ready(later);
        for (std::size_t i = 0; i < records_.size(); ++i) {
            if (waits_for[i] == 0) ready.push(i);
        }
        std::vector<Record> ordered;
        ordered.reserve(records_.size());
        while (!ready.empty()) {
            const auto i = ready.top();
            ready.pop();
            chosen_.push_back(i);
            for (const auto output : outputs[i]) {
                if (--waits_for[output] == 0) ready.push(output);
            }
        }
        for (const auto i : chosen_) ordered.push_back(std::move(records_[i]));
        records_ = std::move(ordered);
    }

    std::vector<Record>& records_;
    Remarks& remarks_;
    std::unordered_map<ArtifactId, std::size_t> places_{};
    std::vector<std::size_t> chosen_{};
};

}  // namespace

void settle_links(std::vector<Record>& records, Remarks& remarks) { Settling(records, remarks).run(); }

}  // namespace custody::original
