// One pool of threads, and one way to use it: parallel_for over disjoint outputs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "octet/core/config.hpp"
#include "octet/core/error.hpp"
#if OCTET_THREADS
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <sched.h>
#endif
#endif

namespace octet::inline OCTET_ABI {

/// How many threads the machine runs at once for this process, at least 1.
inline int hardware_threads() {
#if OCTET_THREADS && defined(__linux__)
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    return (std::max)(1, CPU_COUNT(&allowed));
#endif
#if OCTET_THREADS
  return (std::max)(1, static_cast<int>(std::thread::hardware_concurrency()));
#else
  return 1;
#endif
}

#if OCTET_THREADS
/// Runs loops on a fixed number of threads, the caller's among them. A loop body writes only what
/// belongs to its own indices, so the number of threads never changes a result.
template <class = WhenUsed>
class BasicThreadPool {
 public:
  /// As many threads as the machine runs at once when `threads` is 0. Throws std::system_error if
  /// the system gives fewer.
  explicit BasicThreadPool(int threads = 0) : BasicThreadPool(Alone{}) {
    if (threads < 0) fail("thread pool: expected at least 0 threads, got ", threads);
    if (threads == 0) threads = hardware_threads();
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
  }
  BasicThreadPool(const BasicThreadPool&) = delete;
  BasicThreadPool& operator=(const BasicThreadPool&) = delete;
  ~BasicThreadPool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(begin, end) for disjoint ranges that cover [0, count), each of at most `grain`
  /// indices. Runs on the caller alone when called from inside a loop or while another thread's
  /// loop has the pool. The first exception of a body is thrown again here.
  template <class Body>
  void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    loop(
        count, grain,
        [](void* context, std::int64_t begin, std::int64_t end) {
          (*static_cast<Plain*>(context))(begin, end);
        },
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
  }

 private:
  // Where this constructor has ended, an exception of the other one calls the destructor, which
  // ends the threads that have begun.
  struct Alone {};
  explicit BasicThreadPool(Alone) {}

  using Call = void (*)(void* context, std::int64_t begin, std::int64_t end);

  struct Job {
    std::int64_t count;
    std::int64_t grain;
    Call call;
    void* context;
    std::atomic<std::int64_t> next{0};
    std::exception_ptr error;
    std::mutex error_mutex;
    Job(std::int64_t count_, std::int64_t grain_, Call call_, void* context_)
        : count(count_), grain(grain_), call(call_), context(context_) {}
  };

  // Once for all bodies, which are many.
  void loop(std::int64_t count, std::int64_t grain, Call call, void* context) {
    grain = (std::max<std::int64_t>)(grain, 1);
    if (count <= 0) return;
    std::unique_lock busy(busy_, std::defer_lock);
    if (count <= grain || workers_.empty() || inside() || !busy.try_lock()) {
      for (std::int64_t begin = 0; begin < count; begin += grain)
        call(context, begin, (std::min)(begin + grain, count));
      return;
    }
    Job job{count, grain, call, context};
    {
      const std::lock_guard lock(mutex_);
      job_ = &job;
      ++generation_;
    }
    wake_.notify_all();
    run(job);
    {
      const std::lock_guard lock(mutex_);
      job_ = nullptr;
    }
    const auto done = [&] { return active_.load(std::memory_order_acquire) == 0; };
    if (!wait_awake(done)) {
      std::unique_lock lock(mutex_);
      done_.wait(lock, done);
    }
#if defined(__cpp_exceptions)
    if (job.error) std::rethrow_exception(job.error);
#endif
  }

  /// Waits for a moment without sleeping: what is waited for usually comes within microseconds, and
  /// to be woken takes longer. An int8 network of 0.17 ms gains 1.8 times from this with two
  /// threads. Tells whether it has come.
  template <class Condition>
  static bool wait_awake(const Condition& condition) {
    for (int spin = 0; spin < 2000; ++spin) {
      if (condition()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  static bool& inside() {
    static thread_local bool value = false;
    return value;
  }

  static void run(Job& job) {
    inside() = true;
    for (std::int64_t begin; (begin = job.next.fetch_add(job.grain)) < job.count;) {
      const std::int64_t end = (std::min)(begin + job.grain, job.count);
#if defined(__cpp_exceptions)
      try {
        job.call(job.context, begin, end);
      } catch (...) {
        const std::lock_guard lock(job.error_mutex);
        if (!job.error) job.error = std::current_exception();
      }
#else
      job.call(job.context, begin, end);
#endif
    }
    inside() = false;
  }

  void work() {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      lock.unlock();
      wait_awake([&] { return generation_.load(std::memory_order_relaxed) != seen; });
      lock.lock();
      wake_.wait(lock, [&] { return stopping_ || generation_ != seen; });
      if (stopping_) return;
      seen = generation_;
      Job* const job = job_;
      if (!job) continue;
      ++active_;
      lock.unlock();
      run(*job);
      lock.lock();
      if (active_.fetch_sub(1, std::memory_order_release) == 1) done_.notify_all();
    }
  }

  std::vector<std::thread> workers_;
  std::mutex busy_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  Job* job_ = nullptr;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> active_{0};
  bool stopping_ = false;
};
#else
/// The same for a machine without threads: the caller runs the loops.
template <class = WhenUsed>
class BasicThreadPool {
 public:
  explicit BasicThreadPool(int threads = 0) {
    if (threads < 0) fail("thread pool: expected at least 0 threads, got ", threads);
  }
  BasicThreadPool(const BasicThreadPool&) = delete;
  BasicThreadPool& operator=(const BasicThreadPool&) = delete;

  int threads() const { return 1; }

  template <class Body>
  void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
    grain = (std::max<std::int64_t>)(grain, 1);
    for (std::int64_t begin = 0; begin < count; begin += grain)
      body(begin, (std::min)(begin + grain, count));
  }
};
#endif
using ThreadPool = BasicThreadPool<>;

/// The pool that is used where none is given: as many threads as the machine runs at once,
/// made at its first use.
inline ThreadPool& default_thread_pool() {
  static ThreadPool pool;
  return pool;
}

}  // namespace octet::inline OCTET_ABI
