// Memory that a thread keeps from one training step to the next, so that no step allocates its
// large buffers anew.
#pragma once

#include <cstddef>
#include <cstdint>

#include "octet/core/aligned.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// `count` elements for one purpose, a value of any enumeration; what they hold is of no account.
/// They are this thread's, until it asks for more of the same purpose and type.
template <auto purpose, class T>
T* thread_memory(std::int64_t count) {
  static thread_local AlignedVector<T> memory;
  if (memory.size() < static_cast<std::size_t>(count)) {
    memory.clear();
    memory.resize(static_cast<std::size_t>(count));
  }
  return memory.data();
}

}  // namespace octet::inline OCTET_ABI::kernels
