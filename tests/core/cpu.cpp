#include "octet/core/cpu.hpp"

#include <doctest/doctest.h>

using octet::Isa;

TEST_CASE("cpu: the scalar form always runs, and each set includes the ones below it") {
  CHECK(octet::cpu_supports(Isa::scalar));
  if (octet::cpu_supports(Isa::avx512_vnni)) CHECK(octet::cpu_supports(Isa::avx512));
  if (octet::cpu_supports(Isa::avx512)) CHECK(octet::cpu_supports(Isa::avx2));
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
    for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::avx512_vnni})
      if (isa > active) CHECK_FALSE(octet::cpu_supports(isa));
  }
}

TEST_CASE("cpu: names") {
  CHECK(octet::to_text(Isa::scalar) == "scalar");
  CHECK(octet::to_text(Isa::avx2) == "avx2");
  CHECK(octet::to_text(Isa::avx512) == "avx512");
  CHECK(octet::to_text(Isa::avx512_vnni) == "avx512_vnni");
}
