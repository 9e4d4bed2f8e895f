// The target attributes of functions that need more than NEON.
#pragma once

#include "octet/core/config.hpp"

#if OCTET_NEON
// GCC's assembler wants ARMv8.2 for either extension. A compiler that is told to go beyond that
// takes the extension alone: to name an older architecture would take from the function what the
// intrinsics, compiled for the newer one, need of those who call them. Crypto is named because a
// compiler may have been given it.
#if defined(__clang__)
#define OCTET_NEON_TARGET(extension) __attribute__((target(extension)))
#elif defined(__ARM_FEATURE_DOTPROD) || defined(__ARM_FEATURE_SVE) || \
    defined(__ARM_FEATURE_COMPLEX) || defined(__ARM_FEATURE_FP16_SCALAR_ARITHMETIC)
#define OCTET_NEON_TARGET(extension) __attribute__((target("+" extension)))
#else
#define OCTET_NEON_TARGET(extension) __attribute__((target("arch=armv8.2-a+crypto+" extension)))
#endif

#if defined(__ARM_FEATURE_DOTPROD)
#define OCTET_NEON_DOTPROD
#else
#define OCTET_NEON_DOTPROD OCTET_NEON_TARGET("dotprod")
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
#define OCTET_NEON_I8MM
#else
#define OCTET_NEON_I8MM OCTET_NEON_TARGET("i8mm")
#endif
#endif
