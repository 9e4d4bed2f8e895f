// OCTET_UNROLL asks for a loop of a few constant steps to be written out, so that arrays of vectors
// indexed by it live in registers: GCC does not do so by itself at -O2. OCTET_UNROLL_BY_4 writes
// out four steps of a long loop for GCC; Clang would spill sums, at half the speed, and is as fast
// without.
#pragma once

#if defined(__clang__)
#define OCTET_UNROLL _Pragma("clang loop unroll(full)")
#define OCTET_UNROLL_BY_4
#else
#define OCTET_UNROLL _Pragma("GCC unroll 32")
#define OCTET_UNROLL_BY_4 _Pragma("GCC unroll 4")
#endif
