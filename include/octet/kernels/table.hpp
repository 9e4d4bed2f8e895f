// How an implementation is chosen: every operation has a table of implementations, best first;
// dispatch takes the first that active_isa() allows, tests compare every row with the scalar one,
// bench times them.
//
// Names follow one grammar: operation, types, tile, ISA. conv2d_s8s8s8_6x64c4_avx512_vnni takes
// bytes and weights of a byte to bytes; it computes 6 pixels of 64 channels at a time, and one
// instruction adds 4 products, of 4 input channels, to a sum (c4). x16 alone is a vector of 16
// elements, and winograd_f32_4x4 goes by tiles of 4x4 outputs.
#pragma once

#include <cstddef>
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

/// The rows of an operation, best first. In place of std::span, whose checks of what it is made
/// from take compilers a hundredth of a second for every table.
template <class Row>
struct Table {
  const Row* rows = nullptr;
  std::size_t count = 0;

  constexpr Table() = default;
  constexpr Table(const Row& row) : rows(&row), count(1) {}
  template <std::size_t N>
  constexpr Table(const Row (&all)[N]) : rows(all), count(N) {}

  constexpr const Row* begin() const { return rows; }
  constexpr const Row* end() const { return rows + count; }
  constexpr std::size_t size() const { return count; }
  constexpr const Row& operator[](std::size_t index) const { return rows[index]; }
  constexpr const Row& front() const { return rows[0]; }
  constexpr const Row& back() const { return rows[count - 1]; }
};

/// The first row that `isa` allows. Every table ends with a scalar row, so there always is one.
template <class Row>
const Row& best_row(Table<Row> table, Isa isa = active_isa()) {
  for (const Row& row : table)
    if (isa_allowed(row.isa, isa)) return row;
  return table.back();
}

}  // namespace octet::inline OCTET_ABI::kernels
