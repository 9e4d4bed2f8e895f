#include "octet/core/memory_plan.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "octet/core/random.hpp"

using namespace octet;

namespace {

bool alive_together(const BufferLifetime& a, const BufferLifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

/// The most units alive at one time: no plan can be smaller.
std::int64_t lower_bound_of(const std::vector<BufferLifetime>& buffers) {
  std::int64_t most = 0;
  for (const BufferLifetime& at : buffers) {
    std::int64_t alive = 0;
    for (const BufferLifetime& other : buffers)
      if (other.first <= at.first && at.first <= other.last) alive += other.size;
    most = std::max(most, alive);
  }
  return most;
}

}  // namespace

TEST_CASE("a chain of buffers needs the room of its largest neighbours") {
  const std::vector<BufferLifetime> chain = {{64, 0, 1}, {128, 1, 2}, {64, 2, 3}, {32, 3, 4}};
  const MemoryPlan plan = plan_memory(chain, 16);
  CHECK(plan.size == 192);
}

TEST_CASE("buffers that are alive together never overlap, and offsets are multiples of the step") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Random random(seed);
    std::vector<BufferLifetime> buffers;
    for (std::uint64_t i = 0; i < 40; ++i) {
      const int first = static_cast<int>(random.below(3 * i, 30));
      buffers.push_back({static_cast<std::int64_t>(random.below(3 * i + 1, 500)) + 1, first,
                         first + static_cast<int>(random.below(3 * i + 2, 8))});
    }
    const MemoryPlan plan = plan_memory(buffers, 16);
    CHECK(plan.size >= lower_bound_of(buffers));
    for (std::size_t a = 0; a < buffers.size(); ++a) {
      CHECK(plan.offsets[a] % 16 == 0);
      CHECK(plan.offsets[a] + buffers[a].size <= plan.size);
      for (std::size_t b = 0; b < a; ++b) {
        const bool apart = plan.offsets[a] + buffers[a].size <= plan.offsets[b] ||
                           plan.offsets[b] + buffers[b].size <= plan.offsets[a];
        CHECK((apart || !alive_together(buffers[a], buffers[b])));
      }
    }
  }
}

TEST_CASE("no buffers need no memory") { CHECK(plan_memory({}, 16).size == 0); }
