// Which buffers may lie at the same place, because they are never needed at the same time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "octet/core/aligned.hpp"

namespace octet::inline OCTET_ABI {

/// A buffer of `size` units (bytes or elements) that is needed in steps first, ..., last.
struct BufferLifetime {
  std::int64_t size = 0;
  int first = 0;
  int last = 0;
};

/// Where each buffer begins, and how large the arena for all of them is, in the same units.
struct MemoryPlan {
  std::vector<std::int64_t> offsets;
  std::int64_t size = 0;
};

/// Places the largest buffer first, each at the lowest free offset that is a multiple of `step` and
/// collides with no buffer whose lifetime overlaps. (Pisarchyk and Lee, "Efficient memory
/// management for deep neural net inference", 2020, "greedy by size", which takes the smallest gap
/// that fits.)
template <class = WhenUsed>
MemoryPlan plan_memory(std::span<const BufferLifetime> buffers, std::int64_t step) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return buffers[a].size > buffers[b].size; });
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t buffer : order) {
    const BufferLifetime& lifetime = buffers[buffer];
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      const BufferLifetime& busy = buffers[other];
      if (busy.last < lifetime.first || lifetime.last < busy.first) continue;
      if (plan.offsets[other] - offset >= lifetime.size) break;
      offset = (std::max)(offset, round_up(plan.offsets[other] + busy.size, step));
    }
    plan.offsets[buffer] = offset;
    plan.size = (std::max)(plan.size, offset + lifetime.size);
    const auto after = std::upper_bound(
        placed.begin(), placed.end(), offset,
        [&](std::int64_t at, std::size_t other) { return at < plan.offsets[other]; });
    placed.insert(after, buffer);
  }
  return plan;
}

}  // namespace octet::inline OCTET_ABI
