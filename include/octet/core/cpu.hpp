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
#elif OCTET_NEON && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace octet::inline OCTET_ABI {

/// The instruction sets that kernels are written for, one family of processors after the other and
/// weakest first: x86, 64-bit ARM, WebAssembly. Each includes those before it in its family, but
/// for avx_vnni: the first processors with AVX-512 lack it.
enum class Isa {
  scalar,
  avx2,
  avx_vnni,
  avx512,
  avx512_vnni,
  avx512_bf16,
  amx,
  neon,
  neon_dotprod,
  neon_i8mm,
  wasm_simd128
};

inline constexpr std::array<std::string_view, 11> isa_names = {
    "scalar", "avx2", "avx_vnni",     "avx512",    "avx512_vnni", "avx512_bf16",
    "amx",    "neon", "neon_dotprod", "neon_i8mm", "wasm_simd128"};

/// Whether one processor can have both: scalar code runs on every one.
constexpr bool same_family(Isa a, Isa b) {
  constexpr auto family = [](Isa isa) {
    return isa >= Isa::wasm_simd128 ? 2 : isa >= Isa::neon ? 1 : 0;
  };
  return a == Isa::scalar || b == Isa::scalar || family(a) == family(b);
}

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

#if OCTET_NEON
/// Whether the processor multiplies bytes in fours (sdot), and in eights as matrices (smmla). Where
/// the system does not tell, the compiler does, which knows what it may take for granted.
inline bool neon_supports(Isa isa) {
#if defined(__linux__)
  constexpr unsigned long dotprod_bit = 1ul << 20, i8mm_bit = 1ul << 13;
  const bool dotprod = (getauxval(AT_HWCAP) & dotprod_bit) != 0;
  const bool i8mm = (getauxval(AT_HWCAP2) & i8mm_bit) != 0;
#else
#if defined(__ARM_FEATURE_DOTPROD)
  constexpr bool dotprod = true;
#else
  constexpr bool dotprod = false;
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
  constexpr bool i8mm = true;
#else
  constexpr bool i8mm = false;
#endif
#endif
  return isa == Isa::neon || (dotprod && (isa == Isa::neon_dotprod || i8mm));
}
#endif

/// Whether this processor, and its operating system, can run code for `isa`.
inline bool cpu_supports(Isa isa) {
  if (isa == Isa::scalar) return true;
#if OCTET_X86
  constexpr unsigned avx_vnni_bit = 4, avx512_bf16_bit = 5;
  switch (isa) {
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
    default:
      return false;
  }
#elif OCTET_NEON
  return isa != Isa::wasm_simd128 && same_family(isa, Isa::neon) && neon_supports(isa);
#else
  return OCTET_WASM_SIMD128 && isa == Isa::wasm_simd128;
#endif
}

inline Isa active_isa();

/// Whether kernels for `isa` may run where the strongest set allowed is `cap`. A cap of another
/// family of processors leaves the scalar ones.
inline bool isa_allowed(Isa isa, Isa cap = active_isa()) {
  return isa <= cap && same_family(isa, cap) && cpu_supports(isa);
}

/// The strongest instruction set that may be used: what the processor has, capped by the
/// environment variable OCTET_ISA, which holds one of isa_names. Read once.
inline Isa active_isa() {
  static const Isa active = [] {
    const char* const cap = std::getenv("OCTET_ISA");
    std::size_t limit = isa_names.size();
    if (cap && *cap) {
      limit = 0;
      while (limit < isa_names.size() && isa_names[limit] != cap) ++limit;
      if (limit == isa_names.size())
        fail("OCTET_ISA: expected one of ", list_of(isa_names), ", got \"", cap, '"');
    }
    Isa best = Isa::scalar;
    for (std::size_t i = 0; i < isa_names.size(); ++i) {
      const auto isa = static_cast<Isa>(i);
      if (isa_allowed(isa, limit < isa_names.size() ? static_cast<Isa>(limit) : isa)) best = isa;
    }
    return best;
  }();
  return active;
}

}  // namespace octet::inline OCTET_ABI
