// Where the system gives few threads: a process of its own, with memory for some of their stacks.
#pragma once

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OCTET_TEST_FEW_THREADS 1
#include <cstdlib>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

/// Whether make(), which wants very many threads, throws what std::thread does.
template <class Make>
bool throws_where_threads_are_few(const Make& make) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit memory{1ul << 30, 1ul << 30};
    setrlimit(RLIMIT_AS, &memory);
    try {
      make();
    } catch (const std::system_error&) {
      std::_Exit(0);
    }
    std::_Exit(1);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && status == 0;
}
#endif
