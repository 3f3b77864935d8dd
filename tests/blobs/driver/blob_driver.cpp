// One operation on a blob store in a process of its own, so that tests can kill it, fail its system calls and race it.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <span>
#include <string>

#include <custody/error.hpp>

#include "blobs/blob_store.hpp"
#include "blobs/durable.hpp"

namespace {

using namespace custody;
using namespace custody::blobs;

struct Arguments {
    std::string action, root, operand;
    Transfer transfer = Transfer::copy;
    Abilities abilities;
    bool wait = false;
};

Arguments parse(std::span<char*> words) {
    if (words.size() < 3) throw InvalidArgument("blob_driver ACTION ROOT [OPERAND] [OPTION…]");
    Arguments arguments{words[1], words[2], words.size() > 3 ? words[3] : ""};
    for (std::size_t i = 4; i < words.size(); ++i) {
        const std::string option = words[i];
        if (option == "move")
            arguments.transfer = Transfer::move;
        else if (option == "reflink")
            arguments.transfer = Transfer::reflink;
        else if (option == "wait")
            arguments.wait = true;
        else if (option == "no-tmpfile")
            arguments.abilities.tmpfile = false;
        else if (option == "no-proc")
            arguments.abilities.proc = false;
        else if (option == "no-empty-path")
            arguments.abilities.empty_path = false;
        else if (option == "no-noreplace")
            arguments.abilities.rename_noreplace = false;
        else if (option == "no-link")
            arguments.abilities.hard_link = false;
        else
            throw InvalidArgument("unknown option " + option);
    }
    return arguments;
}

void wait_for_end_of_input() {
    std::cout << "ready" << std::endl;
    char byte = 0;
    while (::read(0, &byte, 1) > 0) {
    }
}

void add(BlobStore& store, const Arguments& arguments) {
    auto staged = store.stage_file(arguments.operand, arguments.transfer);
    if (arguments.wait) wait_for_end_of_input();
    const auto published = store.publish(staged, false);
    store.ensure_published(staged);
    store.finish_move(staged);
    const char* const names[] = {"added", "present", "healed"};
    std::cout << names[static_cast<int>(published)] << ' ' << staged.digest().hex() << '\n';
}

/// Adds and discards one content over and over under a lock that stands for the catalog's; says so if a rule is broken.
void race(BlobStore& store, const Arguments& arguments) {
    for (int round = 0; round < 150; ++round) {
        auto staged = store.stage_bytes(arguments.operand);
        store.publish(staged, round % 2 == 0);
        const Descriptor lock(::open((arguments.root + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (::lockf(lock.get(), F_LOCK, 0) != 0) std::abort();
        store.ensure_published(staged);
        if (!store.matches(staged.digest())) throw Corruption("a payload is missing or bad under the lock");
        if (round % 3 == 0) store.discard(staged.digest());
        if (round % 5 == 0) store.sweep_trash(0);
    }
}

void run(const Arguments& arguments) {
    BlobStore store(arguments.root, Modes{}, {}, arguments.abilities);
    if (arguments.action == "add")
        add(store, arguments);
    else if (arguments.action == "race")
        race(store, arguments);
    else if (arguments.action == "create")
        store.create();
    else if (arguments.action == "discard")
        store.discard(Digest::parse(arguments.operand));
    else if (arguments.action == "sweep")
        std::cout << store.sweep_trash(std::stoll(arguments.operand)) << '\n';
    else if (arguments.action == "folder") {
        const ProcessFolder folder(arguments.root, 0700);
        std::cout << (std::filesystem::exists(folder.path()) ? "there" : "gone") << '\n';
    } else if (arguments.action == "rewrite")
        write_atomically(arguments.root, 0600, [&](const auto& append) {
            for (int i = 0; i < 3; ++i) append(arguments.operand);
        });
    else
        throw InvalidArgument("unknown action " + arguments.action);
}

}  // namespace

int main(int count, char** words) {
    try {
        run(parse({words, static_cast<std::size_t>(count)}));
        return 0;
    } catch (const std::exception& error) {
        // Not by write(2), which tests let fail.
        std::string message = std::string(error.what()) + "\n";
        const iovec whole{message.data(), message.size()};
        return ::writev(2, &whole, 1) < 0 ? 2 : 1;
    }
}
