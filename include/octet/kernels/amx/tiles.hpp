// The tile registers of AMX, as all kernels here use them.
#pragma once

#include <cstdint>
#include <immintrin.h>

#include "octet/core/config.hpp"

#define OCTET_AMX __attribute__((target("amx-tile,amx-int8,amx-bf16,avx512f")))

namespace octet::inline OCTET_ABI::kernels::amx {

/// What the tiles are told: the rows of each, and the bytes of a row.
struct TileConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);

/// Gives this thread's tiles their extents. Not the intrinsic: GCC 12's does not say that it reads
/// all 64 bytes. No tile is loaded before everything is in memory that was written so far.
OCTET_AMX inline void configure(const TileConfiguration& tiles) noexcept {
  asm volatile("ldtilecfg %0" : : "m"(tiles) : "memory");
}

OCTET_AMX inline void release() noexcept { _tile_release(); }

/// While it lives, this thread's eight tiles have 16 rows of 64 bytes each. Tiles that are in use
/// slow down a change of threads, so kernels make one of these for each job, not for good.
class Tiles {
 public:
  OCTET_AMX Tiles() { configure(TileConfiguration{}); }
  OCTET_AMX ~Tiles() { release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

}  // namespace octet::inline OCTET_ABI::kernels::amx
