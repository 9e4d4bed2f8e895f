// How many bytes a second reach the registers from each level of memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "octet/core/aligned.hpp"
#include "octet/core/cpu.hpp"
#if OCTET_X86
#include <immintrin.h>
#endif
#include <unistd.h>

namespace bench {

enum class Level { L1, L2, L3, memory };
inline constexpr std::string_view level_names[] = {"L1", "L2", "L3", "memory"};

/// Bytes of a cache of one core; a common size where the system does not tell.
inline std::int64_t cache_bytes(Level level) {
  std::int64_t told = 0, common = 0;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  constexpr int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  told = sysconf(names[static_cast<std::size_t>(level)]);
#endif
  constexpr std::int64_t sizes[] = {32 << 10, 512 << 10, 8 << 20};
  common = sizes[static_cast<std::size_t>(level)];
  return told > 0 ? told : common;
}

/// A working set that lies in a level: half of a cache. Virtual machines tell of the whole L3,
/// which they share with others, so no more than 16 MiB of it; memory is 16 times that.
inline std::int64_t working_set(Level level) {
  constexpr std::int64_t most = 16 << 20;
  if (level == Level::memory) return 16 * most;
  return (std::min)(cache_bytes(level) / 2, most);
}

#if OCTET_X86
__attribute__((target("avx512f"))) inline void read_avx512(const std::byte* from,
                                                           std::int64_t bytes) {
  __m512i seen[8] = {};
  for (std::int64_t i = 0; i < bytes; i += 512) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k)
      seen[k] = _mm512_or_si512(seen[k], _mm512_load_si512(from + i + 64 * k));
  }
#pragma GCC unroll 8
  for (__m512i& each : seen) asm volatile("" : "+v"(each));
}
__attribute__((target("avx512f"))) inline void copy_avx512(const std::byte* from, std::byte* to,
                                                           std::int64_t bytes) {
  for (std::int64_t i = 0; i < bytes; i += 512) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k)
      _mm512_store_si512(to + i + 64 * k, _mm512_load_si512(from + i + 64 * k));
  }
  asm volatile("" ::"r"(to) : "memory");
}
__attribute__((target("avx2"))) inline void read_avx2(const std::byte* from, std::int64_t bytes) {
  __m256i seen[8] = {};
  for (std::int64_t i = 0; i < bytes; i += 256) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k)
      seen[k] = _mm256_or_si256(
          seen[k], _mm256_load_si256(reinterpret_cast<const __m256i*>(from + i + 32 * k)));
  }
#pragma GCC unroll 8
  for (__m256i& each : seen) asm volatile("" : "+x"(each));
}
#endif

/// Reads `bytes`, a multiple of 512, at an address that is a multiple of 64.
inline void read_all(const std::byte* from, std::int64_t bytes) {
#if OCTET_X86
  if (octet::cpu_supports(octet::Isa::avx512)) return read_avx512(from, bytes);
  if (octet::cpu_supports(octet::Isa::avx2)) return read_avx2(from, bytes);
#endif
  std::uint64_t seen[8] = {};
  for (std::int64_t i = 0; i < bytes; i += 64) {
    std::uint64_t part[8];
    std::memcpy(part, from + i, 64);
    for (int k = 0; k < 8; ++k) seen[k] |= part[k];
  }
  asm volatile("" ::"m"(seen));
}

/// Copies `bytes`, with the same conditions.
inline void copy_all(const std::byte* from, std::byte* to, std::int64_t bytes) {
#if OCTET_X86
  if (octet::cpu_supports(octet::Isa::avx512)) return copy_avx512(from, to, bytes);
#endif
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
  asm volatile("" ::"r"(to) : "memory");
}

}  // namespace bench
