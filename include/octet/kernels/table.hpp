// How an implementation is chosen: every operation has a table of implementations, best first;
// dispatch takes the first that active_isa() allows, tests compare every row with the scalar one,
// bench times them. Names follow one grammar: operation, types, tile, ISA:
// conv2d_s8s8s8_6x64c4_avx512_vnni.
#pragma once

#include <span>
#include <string_view>

#include "octet/core/cpu.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// One row of an operation's table.
template <class Function>
struct Implementation {
  std::string_view name;
  Isa isa;
  Function* run;
};

/// The first row that `isa` allows. Every table ends with a scalar row, so there always is one.
template <class Function>
const Implementation<Function>& select(std::span<const Implementation<Function>> table,
                                       Isa isa = active_isa()) {
  for (const auto& row : table)
    if (isa_allowed(row.isa, isa)) return row;
  return table.back();
}

/// The first row that `isa` allows, of a table whose rows hold several functions.
template <class Row>
const Row& best_row(std::span<const Row> table, Isa isa = active_isa()) {
  for (const Row& row : table)
    if (isa_allowed(row.isa, isa)) return row;
  return table.back();
}

}  // namespace octet::inline OCTET_ABI::kernels
