// AMX on a processor that has none: its instructions end in SIGILL, whose handler does what they
// say to tiles in memory (Intel, Software Developer's Manual, volume 2). Included ahead of
// everything in a program, which is told that processor and system grant AMX.
#pragma once

#include <array>
#include <bit>
#include <cpuid.h>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace emulated {

struct Tile {
  int rows = 0, row_bytes = 0;
  std::array<std::array<std::uint8_t, 64>, 16> row = {};

  template <class Value>
  Value get(int r, int column) const {
    Value value;
    std::memcpy(&value, row[r].data() + column * sizeof value, sizeof value);
    return value;
  }
  template <class Value>
  void set(int r, int column, Value value) {
    std::memcpy(row[r].data() + column * sizeof value, &value, sizeof value);
  }
};

inline thread_local std::array<Tile, 8> tiles;

[[noreturn]] inline void give_up(const char* sentence) {
  [[maybe_unused]] const auto written = write(2, sentence, std::strlen(sentence));
  std::_Exit(3);
}

/// An instruction of AMX: VEX prefix of three bytes, opcode, ModRM, and for memory SIB and a
/// displacement.
struct Instruction {
  const std::uint8_t* bytes;
  const greg_t* registers;

  int prefix() const { return bytes[2] & 3; }  // none, 66, F3, F2
  int opcode() const { return bytes[3]; }
  bool has_memory() const { return bytes[4] >> 6 != 3; }
  int tile_reg() const { return bytes[4] >> 3 & 7; }
  int tile_rm() const { return bytes[4] & 7; }
  int tile_vvvv() const { return ~(bytes[2] >> 3) & 7; }
  bool has_sib() const { return has_memory() && tile_rm() == 4; }
  int base() const { return (has_sib() ? bytes[5] & 7 : tile_rm()) | (~bytes[1] >> 5 & 1) << 3; }
  int index() const { return (bytes[5] >> 3 & 7) | (~bytes[1] >> 6 & 1) << 3; }
  bool without_base() const { return bytes[4] >> 6 == 0 && (base() & 7) == 5; }
  int displacement_bytes() const {
    const int mode = bytes[4] >> 6;
    return mode == 1 ? 1 : mode == 2 || (mode == 0 && without_base()) ? 4 : 0;
  }
  int length() const { return 5 + (has_sib() ? 1 : 0) + (has_memory() ? displacement_bytes() : 0); }

  std::int64_t value(int general_register) const {
    constexpr int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                               REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                               REG_R12, REG_R13, REG_R14, REG_R15};
    return registers[order[general_register]];
  }
  /// Where a tile's row 0 is; rows follow at stride().
  std::uint8_t* memory() const {
    const std::uint8_t* const at = bytes + 5 + (has_sib() ? 1 : 0);
    std::int64_t offset = 0;
    if (displacement_bytes() == 1) offset = static_cast<std::int8_t>(*at);
    if (displacement_bytes() == 4) {
      std::int32_t wide;
      std::memcpy(&wide, at, 4);
      offset = wide;
    }
    if (!without_base())
      offset += value(base());
    else if (!has_sib())
      offset += reinterpret_cast<std::int64_t>(bytes) + length();
    return reinterpret_cast<std::uint8_t*>(offset);
  }
  std::int64_t stride() const {
    return !has_sib() || index() == 4 ? 0 : value(index()) << (bytes[5] >> 6);
  }
};

inline void configure(const std::uint8_t* from) {
  if (from[0] > 1) give_up("AMX: a palette that does not exist\n");
  for (int i = 0; i < 8; ++i) {
    tiles[i] = {};
    if (from[0] == 0) continue;
    std::uint16_t row_bytes;
    std::memcpy(&row_bytes, from + 16 + 2 * i, 2);
    if (row_bytes > 64 || from[48 + i] > 16) give_up("AMX: a tile of more than 16 rows of 64\n");
    tiles[i].row_bytes = row_bytes;
    tiles[i].rows = from[48 + i];
  }
}

inline void load(Tile& tile, const Instruction& at) {
  if (tile.rows == 0) give_up("AMX: a tile is loaded that has no extents\n");
  for (auto& row : tile.row) row.fill(0);
  for (int r = 0; r < tile.rows; ++r)
    std::memcpy(tile.row[r].data(), at.memory() + r * at.stride(), tile.row_bytes);
}

inline void store(const Tile& tile, const Instruction& at) {
  if (tile.rows == 0) give_up("AMX: a tile is stored that has no extents\n");
  for (int r = 0; r < tile.rows; ++r)
    std::memcpy(at.memory() + r * at.stride(), tile.row[r].data(), tile.row_bytes);
}

inline void check_extents(const Tile& sum, const Tile& a, const Tile& b) {
  if (sum.rows == 0 || sum.rows != a.rows || sum.row_bytes != b.row_bytes ||
      a.row_bytes != 4 * b.rows)
    give_up("AMX: tiles are multiplied that do not fit each other\n");
}

inline void multiply_s8(Tile& sum, const Tile& a, const Tile& b) {
  check_extents(sum, a, b);
  for (int m = 0; m < sum.rows; ++m)
    for (int n = 0; n < sum.row_bytes / 4; ++n) {
      auto total = sum.get<std::uint32_t>(m, n);
      for (int k = 0; k < a.row_bytes; ++k)
        total += static_cast<std::uint32_t>(a.get<std::int8_t>(m, k) *
                                            b.get<std::int8_t>(k / 4, 4 * n + k % 4));
      sum.set(m, n, total);
    }
}

inline void multiply_bf16(Tile& sum, const Tile& a, const Tile& b) {
  check_extents(sum, a, b);
  const auto widened = [](const Tile& tile, int r, int column) {
    return std::bit_cast<float>(std::uint32_t{tile.get<std::uint16_t>(r, column)} << 16);
  };
  for (int m = 0; m < sum.rows; ++m)
    for (int n = 0; n < sum.row_bytes / 4; ++n) {
      float even = 0, odd = 0;
      for (int k = 0; k < a.row_bytes / 4; ++k) {
        even = __builtin_fmaf(widened(a, m, 2 * k), widened(b, k, 2 * n), even);
        odd = __builtin_fmaf(widened(a, m, 2 * k + 1), widened(b, k, 2 * n + 1), odd);
      }
      sum.set(m, n, sum.get<float>(m, n) + (even + odd));
    }
}

/// Whether it was one of AMX's instructions that kernels use.
inline bool execute(const Instruction& at) {
  enum { none, x66, xf3, xf2 };
  if (at.bytes[0] != 0xc4 || (at.bytes[1] & 31) != 2) return false;
  const int what = at.opcode() << 4 | at.prefix();
  Tile& reg = tiles[at.tile_reg()];
  switch (what) {
    case 0x490 | none:
      at.has_memory() ? configure(at.memory()) : configure(std::array<std::uint8_t, 64>{}.data());
      return true;
    case 0x490 | xf2:
      for (auto& row : reg.row) row.fill(0);
      return true;
    case 0x4b0 | xf2:
    case 0x4b0 | x66:
      load(reg, at);
      return true;
    case 0x4b0 | xf3:
      store(reg, at);
      return true;
    case 0x5e0 | xf2:
      multiply_s8(reg, tiles[at.tile_rm()], tiles[at.tile_vvvv()]);
      return true;
    case 0x5c0 | xf3:
      multiply_bf16(reg, tiles[at.tile_rm()], tiles[at.tile_vvvv()]);
      return true;
    default:
      return false;
  }
}

inline void handle(int, siginfo_t*, void* context) {
  greg_t* const registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const Instruction at{reinterpret_cast<const std::uint8_t*>(registers[REG_RIP]), registers};
  if (!execute(at)) give_up("AMX: an instruction that is not emulated\n");
  registers[REG_RIP] += at.length();
}

inline const int installed = [] {
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  return sigaction(SIGILL, &action, nullptr);
}();

inline int cpuid_with_amx(unsigned leaf, unsigned part, unsigned* eax, unsigned* ebx, unsigned* ecx,
                          unsigned* edx) {
  constexpr unsigned amx_bits = 1u << 22 | 1u << 24 | 1u << 25;
  const int known = __get_cpuid_count(leaf, part, eax, ebx, ecx, edx);
  if (leaf == 7 && part == 0) *edx |= amx_bits;
  return known;
}

template <class... Arguments>
long syscall_that_grants(long number, Arguments... arguments) {
  return number == SYS_arch_prctl ? 0 : syscall(number, arguments...);
}

}  // namespace emulated

#define __get_cpuid_count emulated::cpuid_with_amx
#define syscall emulated::syscall_that_grants
