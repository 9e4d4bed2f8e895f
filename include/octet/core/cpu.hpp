// Which instruction sets this processor has, and which of them may be used.
#pragma once

#include <array>
#include <cstdlib>
#include <string_view>

#include "octet/core/config.hpp"
#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// The instruction sets that kernels are written for, weakest first.
enum class Isa { scalar, avx2, avx512, avx512_vnni };

inline constexpr std::array<std::string_view, 4> isa_names = {"scalar", "avx2", "avx512",
                                                              "avx512_vnni"};

inline std::string to_text(Isa isa) {
  return std::string(isa_names[static_cast<std::size_t>(isa)]);
}

/// Whether this processor, and its operating system, can run code for `isa`.
inline bool cpu_supports(Isa isa) {
#if OCTET_X86
  switch (isa) {
    case Isa::scalar:
      return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::avx512:
      return cpu_supports(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case Isa::avx512_vnni:
      return cpu_supports(Isa::avx512) && __builtin_cpu_supports("avx512vnni");
  }
  return false;
#else
  return isa == Isa::scalar;
#endif
}

/// The strongest instruction set that may be used: what the processor has, capped by the
/// environment variable OCTET_ISA (scalar, avx2, avx512 or avx512_vnni). Read once.
inline Isa active_isa() {
  static const Isa active = [] {
    Isa best = Isa::scalar;
    for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::avx512_vnni})
      if (cpu_supports(isa)) best = isa;
    const char* const cap = std::getenv("OCTET_ISA");
    if (!cap || !*cap) return best;
    for (std::size_t i = 0; i < isa_names.size(); ++i)
      if (isa_names[i] == cap) return static_cast<Isa>(i) < best ? static_cast<Isa>(i) : best;
    fail("OCTET_ISA: expected scalar, avx2, avx512 or avx512_vnni, got \"", cap, "\"");
  }();
  return active;
}

}  // namespace octet::inline OCTET_ABI
