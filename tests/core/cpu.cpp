#include "octet/core/cpu.hpp"

#include <doctest/doctest.h>

using octet::Isa;

TEST_CASE("cpu: the scalar form always runs, and each set includes the ones below it") {
  CHECK(octet::cpu_supports(Isa::scalar));
  if (octet::cpu_supports(Isa::amx)) CHECK(octet::cpu_supports(Isa::avx512_bf16));
  if (octet::cpu_supports(Isa::avx512_bf16)) CHECK(octet::cpu_supports(Isa::avx512_vnni));
  if (octet::cpu_supports(Isa::avx512_vnni)) CHECK(octet::cpu_supports(Isa::avx512));
  if (octet::cpu_supports(Isa::avx512)) CHECK(octet::cpu_supports(Isa::avx2));
  if (octet::cpu_supports(Isa::avx_vnni)) CHECK(octet::cpu_supports(Isa::avx2));
  if (octet::cpu_supports(Isa::neon_i8mm)) CHECK(octet::cpu_supports(Isa::neon_dotprod));
  if (octet::cpu_supports(Isa::neon_dotprod)) CHECK(octet::cpu_supports(Isa::neon));
}

TEST_CASE("cpu: no processor has the sets of two families") {
  CHECK_FALSE((octet::cpu_supports(Isa::avx2) && octet::cpu_supports(Isa::neon)));
  CHECK_FALSE((octet::cpu_supports(Isa::neon) && octet::cpu_supports(Isa::wasm_simd128)));
  CHECK(octet::same_family(Isa::avx2, Isa::amx));
  CHECK(octet::same_family(Isa::neon, Isa::neon_i8mm));
  CHECK(octet::same_family(Isa::scalar, Isa::wasm_simd128));
  CHECK_FALSE(octet::same_family(Isa::amx, Isa::neon));
  CHECK_FALSE(octet::same_family(Isa::neon_i8mm, Isa::wasm_simd128));
}

TEST_CASE("cpu: a kernel is allowed if the processor has its set and the cap includes it") {
  CHECK(octet::isa_allowed(Isa::scalar, Isa::scalar));
  CHECK_FALSE(octet::isa_allowed(Isa::avx2, Isa::scalar));
  CHECK_FALSE(octet::isa_allowed(Isa::neon_dotprod, Isa::neon));
  for (std::size_t i = 0; i < octet::isa_names.size(); ++i) {
    const auto isa = static_cast<Isa>(i);
    CAPTURE(octet::to_text(isa));
    CHECK(octet::isa_allowed(isa, isa) == octet::cpu_supports(isa));
    for (const Isa strongest : {Isa::amx, Isa::neon_i8mm, Isa::wasm_simd128})
      CHECK(octet::isa_allowed(isa, strongest) ==
            (octet::same_family(isa, strongest) && octet::cpu_supports(isa)));
  }
}

TEST_CASE("cpu: the active instruction set is supported and within the cap of OCTET_ISA") {
  const Isa active = octet::active_isa();
  CHECK(octet::cpu_supports(active));
  const char* const cap = std::getenv("OCTET_ISA");
  if (cap && *cap) {
    std::size_t limit = 0;
    while (octet::isa_names.at(limit) != cap) ++limit;
    CHECK(static_cast<std::size_t>(active) <= limit);
  } else {
    for (std::size_t i = 0; i < octet::isa_names.size(); ++i)
      if (static_cast<Isa>(i) > active) CHECK_FALSE(octet::cpu_supports(static_cast<Isa>(i)));
  }
}

TEST_CASE("cpu: names") {
  CHECK(octet::to_text(Isa::scalar) == "scalar");
  CHECK(octet::to_text(Isa::avx2) == "avx2");
  CHECK(octet::to_text(Isa::avx512) == "avx512");
  CHECK(octet::to_text(Isa::avx512_vnni) == "avx512_vnni");
}
