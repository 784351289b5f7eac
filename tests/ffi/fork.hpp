// What a forked child may do with what its parent made.
#pragma once

#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.hpp"

// A process forked from the one that made a guard: it is told so, and makes a guard of its own.
inline void in_a_child(world &w) {
    wsw_candidate *candidate = nullptr;
    wsw_response *response = nullptr;
    uint64_t handle = 0;
    wsw_registry *registry = nullptr;
    wsw_guard *guard = nullptr;
    auto screened = [&](const wsw_guard *guard) {
        return wsw_guard_screen(guard, w.request, w.connection, w.now, &candidate, &response);
    };
    CHECK(wsw_registry_receive(w.registry, w.session, WSW_TEXT, w.bytes, w.length, w.now.mono_ns) == WSW_INVALID);
    CHECK(std::strstr(wsw_last_error_message(), "make a guard of your own after the fork") != nullptr);
    CHECK(wsw_registry_remove(w.registry, w.session) == WSW_STATUS_FORKED);
    CHECK(wsw_registry_admit(w.registry, w.candidate, w.now, &handle, &response) == WSW_STATUS_FORKED);
    CHECK(screened(w.guard) == WSW_STATUS_FORKED && candidate == nullptr && response == nullptr);
    CHECK(wsw_registry_new(w.guard, 1, &registry) == WSW_STATUS_FORKED);
    // A tape has a lock, too, which another thread may have held.
    CHECK(wsw_schema_read(w.schema, w.bytes, w.length, w.tape, &w.out_.flaw) == WSW_STATUS_FORKED);
    // What is only read works: a policy that was loaded before the fork is what each child makes its guard of.
    CHECK(wsw_schema_judge(w.schema, w.bytes, w.length, &w.out_.flaw) == WSW_STATUS_OK);
    // One that is made here is this process's, whichever comes first.
    wsw_tape *tape = nullptr;
    CHECK(wsw_tape_new(&tape) == WSW_STATUS_OK);
    CHECK(wsw_guard_new(w.policy, w.options, &guard) == WSW_STATUS_OK);
    CHECK(wsw_schema_read(w.schema, w.bytes, w.length, tape, &w.out_.flaw) == WSW_STATUS_OK);
    wsw_tape_free(tape);
    CHECK(screened(guard) == WSW_STATUS_OK);
    CHECK(wsw_registry_new(guard, w.now.mono_ns, &registry) == WSW_STATUS_OK);
    CHECK(wsw_registry_admit(registry, candidate, w.now, &handle, &response) == WSW_STATUS_WAIT);
    // And the parent's are not: the same call as above, now that this process has a number.
    CHECK(wsw_registry_receive(w.registry, w.session, WSW_TEXT, w.bytes, w.length, w.now.mono_ns) == WSW_INVALID);
    wsw_registry_free(registry);
    wsw_guard_free(guard);
    // Nothing of these is taken apart: a thread of the parent's may have held their locks.
    wsw_knock_free(w.knock);
    wsw_registry_free(w.registry);
    wsw_guard_free(w.guard);
}

template <class Fork> void forked(const char *name, Fork fork) {
    current = name;
    world w;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_a_child(w);
        // No leak is looked for, and no destructor run, where all is replaced.
        execl("/bin/true", "true", static_cast<char *>(nullptr));
        _exit(1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    // The parent has noticed nothing.
    CHECK(WSW_VERDICT(wsw_registry_receive(w.registry, w.session, WSW_TEXT, w.bytes, w.length, w.now.mono_ns)) == WSW_DELIVER);
}
