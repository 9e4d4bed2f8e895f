// What a step of a running program sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "octet/core/thread_pool.hpp"

namespace octet::inline OCTET_ABI {

struct CustomRun;

/// The memory of a program that is running N examples.
struct Frame {
  /// Where each value begins.
  std::byte* const* memory = nullptr;
  std::int64_t N = 1;
  /// 64-byte aligned, as large as the largest scratch_bytes() of the steps.
  std::byte* scratch = nullptr;
  ThreadPool* pool = nullptr;
  /// The workspace's own instances of users' layers.
  const CustomRun* customs = nullptr;

  template <class T>
  T* at(int value) const {
    return reinterpret_cast<T*>(memory[value]);
  }
};

/// A step without scratch memory.
struct StepBase {
  std::int64_t scratch_bytes(std::int64_t) const { return 0; }
};

/// A step of any kind: an object that never changes, and the functions of its class. In place of a
/// std::variant, because std::visit over so many kinds takes compilers seconds.
class Step {
 public:
  template <class Kind>
  explicit Step(Kind kind)
      : kernel_(kind.kernel()),
        scratch_bytes_([](const void* step, std::int64_t N) {
          return static_cast<const Kind*>(step)->scratch_bytes(N);
        }),
        run_([](const void* step, const Frame& frame) noexcept {
          static_cast<const Kind*>(step)->run(frame);
        }),
        step_(new Kind(std::move(kind))) {}

  /// The name of the kernel that it runs.
  const std::string& kernel() const { return kernel_; }
  /// The scratch memory that it needs for N examples.
  std::int64_t scratch_bytes(std::int64_t N) const { return scratch_bytes_(step_.get(), N); }
  void run(const Frame& frame) const noexcept { run_(step_.get(), frame); }

 private:
  std::string kernel_;
  std::int64_t (*scratch_bytes_)(const void* step, std::int64_t N);
  void (*run_)(const void* step, const Frame& frame) noexcept;
  std::shared_ptr<const void> step_;
};

}  // namespace octet::inline OCTET_ABI
