// Asks for a loop of a few constant steps to be written out, so that arrays of vectors indexed by
// it live in registers: GCC does not do so by itself at -O2.
#pragma once

#if defined(__clang__)
#define OCTET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define OCTET_UNROLL _Pragma("GCC unroll 16")
#endif
