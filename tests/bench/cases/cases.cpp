#include "bench/cases/cases.hpp"

namespace custody::bench {

const std::vector<Case>& all_cases() {
    static const std::vector<Case> cases = {
        {"hashing", "SHA-256, of much and of little", hashing},
        {"large_file", "one large file, durable, against hashing it", large_file},
        {"large_file_command", "the same by the command line, process start included", large_file_command},
        {"several_large_files", "several large files in one call, on all cores", several_large_files},
        {"reflink", "one large file by a clone, where the file system can", reflink},
        {"small_files", "files of 4 KiB, one durable transaction each", small_files},
        {"small_files_batch", "files of 4 KiB in batches of 1,000", small_files_batch},
        {"small_files_command", "2,000 files of 4 KiB in one command, against git hash-object", small_files_command},
        {"threads", "many threads of one process that create", threads},
        {"processes", "many processes that create, and how long the unluckiest waits", processes},
        {"queries", "questions to a store of a million artifacts, against SQLite alone", queries},
        {"growth", "what an operation costs as a store grows", growth},
        {"list_page", "the first page of custody list as a store grows", list_page},
        {"command", "custody add, one process for each file", command},
        {"append", "what the trail's tree costs", append},
        {"export", "the trail exported, against its text copied", export_trail},
        {"verify_trail", "the trail verified, against hashing it", verify_trail},
        {"proof", "one entry proven", proof},
        {"reads", "what the entry of a read costs", reads},
        {"verify_payloads", "payloads verified, against hashing as many bytes", verify_payloads},
        {"verify_rows", "every row verified against the trail", verify_rows},
        {"memory", "peak memory of what is large", memory},
    };
    return cases;
}

}  // namespace custody::bench
