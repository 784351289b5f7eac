// A message judged through the C ABI, by its schema alone and on a session with all limits, beside parsing alone: yyjson
// (with a pool) and simdjson (DOM, padded, reused).
// Prints medians of interleaved samples, in nanoseconds, and the peers' times in ours. With the library for tests, `core`
// is the same message judged by the core in a loop of Rust's: what is more is the border's.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <simdjson.h>
#include <string>
#include <vector>
#include <wswarden.hpp>

extern "C" {
#include "yyjson.h"
// Only the build for tests has it: see `core` below.
__attribute__((weak)) std::uint64_t wsw_testing_core_nanos(wsw_registry *registry, std::uint64_t handle,
                                                           const char *message, std::size_t length,
                                                           std::uint64_t now_mono, std::uint32_t times);
}

namespace {

std::string contents(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// A guest's session under a policy whose limits no benchmark reaches.
struct guarded {
    explicit guarded(const std::string &policy_file)
        : policy(wsw::policy::from_file(policy_file)), guard(policy, WSW_ABILITY_ALL), registry(guard, 1) {
        wsw::request request("GET", "/");
        request.add("Host", "localhost");
        request.add("Upgrade", "websocket");
        request.add("Connection", "Upgrade");
        request.add("Sec-WebSocket-Version", "13");
        request.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.add("Origin", "https://app.example.com");
        const wsw::time now{1'000'000'000, 1'800'000'000'000'000'000};
        auto screened = guard.screen(request, wsw::connection("198.51.100.7", true), now);
        auto admitted = registry.admit(std::move(screened.candidate), now);
        if (!admitted.is_open()) throw std::runtime_error("the session was not opened");
        handle = admitted.handle;
    }
    wsw::policy policy;
    wsw::guard guard;
    wsw::registry registry;
    std::uint64_t handle = 0, now = 1'000'000'000;
};

double nanoseconds(const std::function<void()> &work, int times) {
    const auto began = std::chrono::steady_clock::now();
    for (int index = 0; index < times; ++index) work();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
    return took.count() / times;
}

double median(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    return samples[samples.size() / 2];
}

/* A line as benches/report.py reads it: the median and the quartiles around it. */
void record(std::FILE *data, const std::string &message, const char *who, std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    const std::size_t last = samples.size() - 1;
    std::fprintf(data, "c\t%s\t%s\t%.1f\t%.1f\t%.1f\tns\n", message.c_str(), who, samples[last / 2],
                 samples[last / 4], samples[last * 3 / 4]);
}

} // namespace

int main(int count, char **arguments) {
    if (count != 2) return 2;
    const std::string folder = arguments[1];
    guarded seed(folder + "/seed.policy.json"), rich(folder + "/rich.policy.json");
    const wsw::schema seed_schema(contents(folder + "/seed.schema.json")), rich_schema(contents(folder + "/rich.schema.json"));
    std::FILE *data = std::fopen((folder + "/data.tsv").c_str(), "w");
    if (data == nullptr) return 2;
    static char pool[1 << 20];
    simdjson::dom::parser parser;
    std::printf("%-4s%8s%12s%12s%12s%12s%12s%10s%10s\n", "", "bytes", "schema", "session", "core", "yyjson", "simdjson",
                "yyjson/", "simdjson/");
    for (const std::string name : {"S", "M", "L", "LA", "R"}) {
        const std::string message = contents(folder + "/" + name + ".json");
        const simdjson::padded_string padded(message);
        guarded &server = name == "R" ? rich : seed;
        const wsw::schema &schema = name == "R" ? rich_schema : seed_schema;
        bool good = true;
        const std::function<void()> all[] = {
            [&] { good &= static_cast<bool>(schema.judge(message)); },
            [&] {
                server.now += 100'000;
                good &= server.registry.receive(server.handle, WSW_TEXT, message, server.now).delivers();
            },
            [&] {
                yyjson_alc alc;
                yyjson_alc_pool_init(&alc, pool, sizeof pool);
                yyjson_doc *doc = yyjson_read_opts(const_cast<char *>(message.data()), message.size(), 0, &alc, nullptr);
                good &= doc != nullptr;
                yyjson_doc_free(doc);
            },
            [&] { good &= parser.parse(padded).error() == simdjson::SUCCESS; },
        };
        const int times = static_cast<int>(2'000'000 / (message.size() + 100)) + 50;
        std::vector<double> samples[4], core{0};
        for (int round = 0; round < 101; ++round) {
            for (int which = 0; which < 4; ++which) samples[which].push_back(nanoseconds(all[which], times));
            if (wsw_testing_core_nanos == nullptr) continue;
            const std::uint64_t took = wsw_testing_core_nanos(server.registry.get(), server.handle, message.data(),
                                                              message.size(), server.now, static_cast<unsigned>(times));
            server.now += 100'000 * static_cast<std::uint64_t>(times);
            core.push_back(static_cast<double>(took) / times);
        }
        if (!good) {
            std::fprintf(stderr, "%s was not delivered, or not parsed\n", name.c_str());
            return 1;
        }
        const double ours = median(samples[0]), yyjson = median(samples[2]), simd = median(samples[3]);
        std::printf("%-4s%8zu%12.1f%12.1f%12.1f%12.1f%12.1f%10.2f%10.2f\n", name.c_str(), message.size(), ours,
                    median(samples[1]), median(core), yyjson, simd, yyjson / ours, simd / ours);
        record(data, name, "wswarden, schema alone", samples[0]);
        record(data, name, "wswarden, session with limits", samples[1]);
        record(data, name, "yyjson, parsing alone", samples[2]);
        record(data, name, "simdjson, parsing alone", samples[3]);
        if (wsw_testing_core_nanos != nullptr) {
            // What was added when both were measured one after the other.
            std::vector<double> added;
            for (std::size_t round = 1; round < core.size(); ++round)
                added.push_back(std::max(samples[1][round - 1] - core[round], 0.0));
            record(data, name, "wswarden, call overhead", added);
            record(data, name, "the core in Rust", std::vector<double>(core.begin() + 1, core.end()));
        }
    }
    std::fclose(data);
}
