// The version, the inline namespace, and the few compiler differences that the rest need not know.
#pragma once

#if __cplusplus < 202002L
#error "Octet needs C++20: compile with -std=c++20"
#endif
#if defined(__FAST_MATH__) || defined(__RECIPROCAL_MATH__)
#error "Octet needs IEEE float32: compile without -ffast-math"
#endif

#define OCTET_VERSION_MAJOR 0
#define OCTET_VERSION_MINOR 1
#define OCTET_VERSION_PATCH 0

// Translation units compiled with different settings get different symbols, so that the linker
// never merges a function built for a new processor with the one built for every processor.
#if defined(__cpp_exceptions)
#define OCTET_ABI_EXCEPTIONS e
#else
#define OCTET_ABI_EXCEPTIONS n
#endif
#if defined(__AVX512F__)
#define OCTET_ABI_BASELINE avx512
#elif defined(__AVX2__)
#define OCTET_ABI_BASELINE avx2
#elif defined(__AVX__)
#define OCTET_ABI_BASELINE avx
#elif defined(__ARM_FEATURE_SVE)
#define OCTET_ABI_BASELINE sve
#elif defined(__ARM_FEATURE_MATMUL_INT8)
#define OCTET_ABI_BASELINE i8mm
#elif defined(__ARM_FEATURE_DOTPROD)
#define OCTET_ABI_BASELINE dotprod
#elif defined(__wasm_simd128__)
#define OCTET_ABI_BASELINE simd128
#else
#define OCTET_ABI_BASELINE base
#endif
#if defined(NDEBUG)
#define OCTET_ABI_ASSERTIONS release
#else
#define OCTET_ABI_ASSERTIONS debug
#endif
#define OCTET_ABI_JOIN_EXPANDED(a, b, c) v0_##a##_##b##_##c
#define OCTET_ABI_JOIN(a, b, c) OCTET_ABI_JOIN_EXPANDED(a, b, c)
#define OCTET_ABI OCTET_ABI_JOIN(OCTET_ABI_EXCEPTIONS, OCTET_ABI_BASELINE, OCTET_ABI_ASSERTIONS)

// An internal invariant. It is never a user's mistake: those throw octet::Error.
#if !defined(OCTET_ASSERT)
#include <cassert>
#define OCTET_ASSERT(condition) assert(condition)
#endif

// Which family of vector kernels there is. Those for x86 and for 64-bit ARM carry their own target
// attribute: no compiler flag is needed to use them. WebAssembly has no way to ask for what the
// machine can do, so there the compiler is asked: it takes -msimd128.
#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define OCTET_X86 1
#else
#define OCTET_X86 0
#endif
#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__) && \
    (defined(__GNUC__) || defined(__clang__))
#define OCTET_NEON 1
#else
#define OCTET_NEON 0
#endif
#if defined(__wasm_simd128__)
#define OCTET_WASM_SIMD128 1
#else
#define OCTET_WASM_SIMD128 0
#endif

// WebAssembly has threads only where the compiler is told so, with -pthread.
#if defined(__wasm__) && !defined(_REENTRANT)
#define OCTET_THREADS 0
#else
#define OCTET_THREADS 1
#endif

// Everybody who includes Octet would pay, at every compilation, for each function of it that is not
// a template, called or not. So what is more than a few lines long, and not needed by all, says
// `template <class = WhenUsed>`: a function or a class like any other, compiled where it is used.
// Tables of kernels and their entries say it too, for the sake of the vector code behind them.
struct WhenUsed;
