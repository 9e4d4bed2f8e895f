// Which instruction sets this processor has, and which of them may be used.
#pragma once

#include <array>
#include <cstdlib>
#include <string_view>

#include "octet/core/config.hpp"
#include "octet/core/error.hpp"
#if OCTET_X86
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace octet::inline OCTET_ABI {

/// The instruction sets that kernels are written for, weakest first. Each includes those before it,
/// but for avx_vnni: the first processors with AVX-512 lack it.
enum class Isa { scalar, avx2, avx_vnni, avx512, avx512_vnni, avx512_bf16, amx };

inline constexpr std::array<std::string_view, 7> isa_names = {
    "scalar", "avx2", "avx_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx"};

inline std::string to_text(Isa isa) {
  return std::string(isa_names[static_cast<std::size_t>(isa)]);
}

#if OCTET_X86
/// Whether a bit of CPUID's leaf 7 is set: of EDX in the first part, of EAX in the second.
inline bool cpuid_leaf_7(unsigned part, unsigned bit) {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(7, part, &eax, &ebx, &ecx, &edx)) return false;
  return ((part == 0 ? edx : eax) >> bit & 1) != 0;
}

/// Whether the processor has AMX, and the operating system lets this process use its tiles: Linux
/// wants to be asked, once, for the 8 KiB that every thread then has to save.
inline bool amx_granted() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  static const bool granted = [] {
    constexpr unsigned bf16_bit = 22, tile_bit = 24, int8_bit = 25;
    constexpr long request_permission = 0x1023, tile_data = 18;
    return cpuid_leaf_7(0, bf16_bit) && cpuid_leaf_7(0, tile_bit) && cpuid_leaf_7(0, int8_bit) &&
           syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return granted;
#else
  return false;
#endif
}
#endif

/// Whether this processor, and its operating system, can run code for `isa`.
inline bool cpu_supports(Isa isa) {
#if OCTET_X86
  constexpr unsigned avx_vnni_bit = 4, avx512_bf16_bit = 5;
  switch (isa) {
    case Isa::scalar:
      return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx_vnni:
      return cpu_supports(Isa::avx2) && cpuid_leaf_7(1, avx_vnni_bit);
    case Isa::avx512:
      return cpu_supports(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case Isa::avx512_vnni:
      return cpu_supports(Isa::avx512) && __builtin_cpu_supports("avx512vnni");
    case Isa::avx512_bf16:
      return cpu_supports(Isa::avx512_vnni) && cpuid_leaf_7(1, avx512_bf16_bit);
    case Isa::amx:
      return cpu_supports(Isa::avx512_bf16) && amx_granted();
  }
  return false;
#else
  return isa == Isa::scalar;
#endif
}

/// The strongest instruction set that may be used: what the processor has, capped by the
/// environment variable OCTET_ISA, which holds one of isa_names. Read once.
inline Isa active_isa() {
  static const Isa active = [] {
    const char* const cap = std::getenv("OCTET_ISA");
    std::size_t limit = isa_names.size() - 1;
    if (cap && *cap) {
      limit = 0;
      while (limit < isa_names.size() && isa_names[limit] != cap) ++limit;
      if (limit == isa_names.size())
        fail(
            "OCTET_ISA: expected scalar, avx2, avx_vnni, avx512, avx512_vnni, avx512_bf16 or amx, "
            "got \"",
            cap, "\"");
    }
    while (!cpu_supports(static_cast<Isa>(limit))) --limit;
    return static_cast<Isa>(limit);
  }();
  return active;
}

/// Whether kernels for `isa` may run where the strongest set allowed is `cap`.
inline bool isa_allowed(Isa isa, Isa cap = active_isa()) { return isa <= cap && cpu_supports(isa); }

}  // namespace octet::inline OCTET_ABI
