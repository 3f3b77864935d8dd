#include "media.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace example {

namespace {

constexpr int largest_side = 16384;

// What ffmpeg said last is why it stopped.
std::string last_line(const std::filesystem::path& file) {
    std::ifstream lines(file);
    std::string line;
    std::string last = "it said nothing";
    while (std::getline(lines, line)) {
        if (!line.empty()) last = line;
    }
    // "file:<path>: what is wrong": which file it was is known, and where it lies is nobody's business.
    if (last.starts_with("file:")) last.erase(0, last.rfind(": ") == std::string::npos ? 0 : last.rfind(": ") + 2);
    return last;
}

}  // namespace

Ffmpeg::Ffmpeg(const std::vector<std::string>& arguments, Direction direction, std::filesystem::path messages)
    : messages_(std::move(messages)) {
    std::vector<std::string> words{"ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw StepFailed(std::string("no pipe: ") + std::strerror(errno));
    const bool reading = direction == Direction::we_read;
    const int ours = reading ? ends[0] : ends[1];
    const int theirs = reading ? ends[1] : ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs, reading ? STDOUT_FILENO : STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, messages_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int error = posix_spawnp(&pid_, "ffmpeg", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(theirs);
    if (error != 0) {
        close(ours);
        throw StepFailed(std::string("ffmpeg can't be started: ") + std::strerror(error));
    }
    pipe_ = fdopen(ours, reading ? "rb" : "wb");
    if (pipe_ == nullptr) throw StepFailed("no memory for a pipe");
}

Ffmpeg::~Ffmpeg() { wait_for_end(); }

int Ffmpeg::wait_for_end() noexcept {
    int write_error = 0;
    if (pipe_ != nullptr) write_error = std::fclose(pipe_);
    pipe_ = nullptr;
    int status = 0;
    if (pid_ > 0) {
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
    }
    pid_ = -1;
    return status != 0 ? status : write_error;
}

std::optional<Frame> Ffmpeg::read_frame() {
    Frame frame;
    int depth = 0;
    const int fields = std::fscanf(pipe_, "P6 %d %d %d", &frame.width, &frame.height, &depth);
    if (fields == EOF) return std::nullopt;
    const bool sane = fields == 3 && depth == 255 && frame.width > 0 && frame.height > 0 && frame.width <= largest_side &&
                      frame.height <= largest_side && std::fgetc(pipe_) != EOF;
    if (!sane) throw StepFailed("what ffmpeg wrote is no picture");
    frame.pixels.resize(static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height) * 3);
    if (std::fread(frame.pixels.data(), 1, frame.pixels.size(), pipe_) != frame.pixels.size()) return std::nullopt;
    return frame;
}

bool Ffmpeg::write_mask(int width, int height, std::span<const std::uint8_t> pixels) {
    return std::fprintf(pipe_, "P5\n%d %d\n255\n", width, height) > 0 &&
           std::fwrite(pixels.data(), 1, pixels.size(), pipe_) == pixels.size();
}

void Ffmpeg::finish(const std::string& step) {
    if (wait_for_end() != 0) throw StepFailed(step + ": " + last_line(messages_));
}

}  // namespace example
