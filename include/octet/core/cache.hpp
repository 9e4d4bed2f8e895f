// How much of what a kernel works on stays close to its core: blocks are chosen from it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "octet/core/config.hpp"
#if OCTET_X86
#include <cpuid.h>
#elif defined(__linux__)
#include <cstdio>
#endif

namespace octet::inline OCTET_ABI {

/// The bytes of a core's second cache (L2), by CPUID of the core that runs this or by Linux's sysfs
/// of the first core; 0 if unknown.
inline std::int64_t reported_second_cache_bytes() {
#if OCTET_X86
  // Intel's leaf and AMD's have the same layout: one cache after the other, each size less one.
  for (const unsigned leaf : {0x4u, 0x8000001du})
    for (unsigned cache = 0; cache < 8; ++cache) {
      unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
      const bool told = __get_cpuid_count(leaf, cache, &eax, &ebx, &ecx, &edx) != 0;
      const unsigned type = eax & 31, level = eax >> 5 & 7;
      if (!told || type == 0) break;
      if (level != 2) continue;
      const std::int64_t line = (ebx & 0xfff) + 1, partitions = (ebx >> 12 & 0x3ff) + 1;
      return line * partitions * ((ebx >> 22) + std::int64_t{1}) * (ecx + std::int64_t{1});
    }
#elif defined(__linux__)
  const auto read = [](int cache, const char* what) -> std::int64_t {
    char path[64];
    std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", cache, what);
    std::FILE* const file = std::fopen(path, "r");
    if (!file) return 0;
    long long number = 0;
    if (std::fscanf(file, "%lld", &number) != 1) number = 0;
    std::fclose(file);
    return number;
  };
  for (int cache = 0; cache < 8; ++cache)
    if (read(cache, "level") == 2) return read(cache, "size") * 1024;  // As in "512K".
#endif
  return 0;
}

/// Bytes of the second cache that a kernel counts on: 512 KiB where nobody tells, as phones have,
/// and 2 MiB at most, as larger ones serve several cores. Asked for once. It chooses how much is
/// computed at a time, never a result.
inline std::int64_t second_cache_bytes() {
  static const std::int64_t bytes = [] {
    const std::int64_t reported = reported_second_cache_bytes();
    constexpr std::int64_t KiB = 1024;
    return reported == 0 ? 512 * KiB : (std::clamp)(reported, 128 * KiB, 2048 * KiB);
  }();
  return bytes;
}

/// How fast a core reads its third cache, where the weights of large layers are: AMD's at 100 GB/s
/// (Zen 5), Intel's servers at 20, by `./run bench peak`. So algorithms that save multiplications
/// but read more weights pay for smaller images there. What is not known counts as slow.
enum class ThirdCache { slow, fast };

/// That of this machine.
inline ThirdCache third_cache() {
#if OCTET_X86
  static const ThirdCache cache = [] {
    constexpr unsigned authentic_amd[] = {0x68747541, 0x69746e65, 0x444d4163};
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    const bool amd = __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == authentic_amd[0] &&
                     edx == authentic_amd[1] && ecx == authentic_amd[2];
    return amd ? ThirdCache::fast : ThirdCache::slow;
  }();
  return cache;
#else
  return ThirdCache::slow;
#endif
}

}  // namespace octet::inline OCTET_ABI
