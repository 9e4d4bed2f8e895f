#include "octet/core/thread_pool.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <thread>
#include <vector>

#include "few_threads.hpp"

using octet::ThreadPool;

TEST_CASE("thread pool: covers every index once, whatever the threads, count and grain") {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (const std::int64_t count : {0, 1, 7, 8, 9, 1000})
      for (const std::int64_t grain : {1, 8, 100000}) {
        CAPTURE(threads);
        CAPTURE(count);
        CAPTURE(grain);
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        std::atomic<bool> grain_kept{true};
        pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          if (end - begin > grain || begin >= end || begin % grain != 0) grain_kept = false;
          for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        CHECK(grain_kept);
        bool once = true;
        for (const auto& visit : visits) once = once && visit == 1;
        CHECK(once);
      }
  }
}

TEST_CASE("thread pool: a loop inside a loop runs, on its own thread") {
  ThreadPool pool(3);
  std::atomic<int> sum{0};
  std::atomic<bool> same_thread{true};
  pool.parallel_for(10, 1, [&](std::int64_t, std::int64_t) {
    const auto outer = std::this_thread::get_id();
    pool.parallel_for(10, 1, [&](std::int64_t begin, std::int64_t) {
      if (std::this_thread::get_id() != outer) same_thread = false;
      sum += static_cast<int>(begin);
    });
  });
  CHECK(sum == 450);
  CHECK(same_thread);
}

TEST_CASE("thread pool: many threads may share it") {
  ThreadPool pool(2);
  std::vector<std::int64_t> sums(4);
  std::vector<std::thread> users;
  for (auto& sum : sums)
    users.emplace_back([&pool, &sum] {
      for (int round = 0; round < 50; ++round) {
        std::vector<std::int64_t> squares(64);
        pool.parallel_for(64, 4, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = begin; i < end; ++i) squares[static_cast<std::size_t>(i)] = i * i;
        });
        for (const auto square : squares) sum += square;
      }
    });
  for (auto& user : users) user.join();
  for (const auto sum : sums) CHECK(sum == 50 * 85344);
}

TEST_CASE("thread pool: an exception of a body reaches the caller, and the pool goes on") {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round)
    CHECK_THROWS_WITH_AS(pool.parallel_for(100, 1,
                                           [](std::int64_t begin, std::int64_t) {
                                             if (begin == 50) octet::fail("index ", begin);
                                           }),
                         "index 50", octet::Error);
  std::atomic<int> count{0};
  pool.parallel_for(100, 1, [&](std::int64_t, std::int64_t) { ++count; });
  CHECK(count == 100);
}

#if OCTET_TEST_FEW_THREADS
TEST_CASE("thread pool: throws where the system gives fewer threads") {
  CHECK(throws_where_threads_are_few([] { ThreadPool pool(100000); }));
}
#endif

TEST_CASE("thread pool: refuses a negative number of threads") {
  CHECK_THROWS_WITH_AS(ThreadPool(-1), "thread pool: expected at least 0 threads, got -1",
                       octet::Error);
  CHECK(octet::default_thread_pool().threads() >= 1);
}
