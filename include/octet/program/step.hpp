// What a step of a running program sees.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace octet::inline OCTET_ABI
