// Whether a kernel's results are worth a place in the caches.
#pragma once

#include <cstdint>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// Whether results go to the caches, or past them to memory, which saves reading what is there.
enum class StoreThrough { caches, memory };

/// Results of more than 32 MiB would be gone from the caches before anybody reads them.
constexpr StoreThrough stores_through(std::int64_t floats) {
  return floats > std::int64_t(8) << 20 ? StoreThrough::memory : StoreThrough::caches;
}

}  // namespace octet::inline OCTET_ABI::kernels
