// Why a layer takes the time that it takes, in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "octet/program/profile.hpp"
#include "peak.hpp"

namespace bench {

/// The instruction set in which a kernel's name ends; none if the name does not tell.
inline std::optional<octet::Isa> isa_of_kernel(std::string_view kernel) {
  for (std::size_t i = octet::isa_names.size(); i-- > 0;) {
    const std::string_view name = octet::isa_names[i];
    if (kernel.ends_with(name) && kernel.substr(0, kernel.size() - name.size()).ends_with('_'))
      return static_cast<octet::Isa>(i);
  }
  return std::nullopt;
}

/// The best instruction set of this processor, whatever OCTET_ISA allows.
inline octet::Isa machine_isa() {
  std::size_t isa = octet::isa_names.size() - 1;
  while (!octet::cpu_supports(static_cast<octet::Isa>(isa))) --isa;
  return static_cast<octet::Isa>(isa);
}

/// Whether a scalar kernel runs where the machine could do better.
inline bool is_needlessly_scalar(const octet::OperationInfo& info) {
  return isa_of_kernel(info.kernel) == octet::Isa::scalar && machine_isa() != octet::Isa::scalar;
}

/// The least time for an operation, by its arithmetic and its kernel's instruction set.
inline Roof roof_of(const octet::OperationCost& cost, octet::Isa program_isa, int threads,
                    const MachinePeak& peak) {
  const bool bf16 = cost.info.kernel.find("bf16") != std::string::npos;
  const Arithmetic arithmetic = cost.info.element_type == octet::ElementType::s8 ? Arithmetic::s8
                                : bf16                                           ? Arithmetic::bf16
                                                                                 : Arithmetic::f32;
  return peak.roof(arithmetic, isa_of_kernel(cost.info.kernel).value_or(program_isa), threads,
                   2.0 * static_cast<double>(cost.multiply_adds),
                   static_cast<double>(cost.bytes_moved));
}

/// What the shape of a convolution costs: empty if it fills tiles and vectors well.
inline std::string why_shape(const octet::kernels::Conv2dShape& s, std::int64_t batch) {
  using octet::text_of;
  const std::int64_t depth = s.KH * s.KW * s.C / s.groups, channels = s.OC / s.groups;
  const std::int64_t pixels = s.OH * s.OW * batch;
  std::string words;
  if (depth < 32) words += text_of("few input channels: sums of ", depth, " products; ");
  if (channels < 16) words += text_of("few output channels: ", channels, "; ");
  if (pixels == 1)
    words += "one pixel: every weight is read for one product; ";
  else if (pixels < 16)
    words += text_of("few pixels: ", pixels, "; ");
  return words;
}

/// One line: what limits the operation, and how near it is to that limit.
inline std::string why(const octet::Operation& operation, const octet::OperationCost& cost,
                       const Roof& roof, std::int64_t batch, bool int8_program) {
  using octet::text_of;
  namespace o = octet::operations;
  std::string words;
  const bool converts = operation.as<o::Quantize>() || operation.as<o::Dequantize>();
  if (converts)
    words += "conversion between float32 and int8; ";
  else if (int8_program && cost.info.element_type == octet::ElementType::f32)
    words += "stays float32; ";
  if (is_needlessly_scalar(cost.info)) words += "scalar kernel; ";
  const double share = cost.milliseconds > 0 ? 1e3 * roof.seconds / cost.milliseconds : 0;
  const std::string limit = roof.binds == "compute" ? "arithmetic" : roof.binds;
  if (share >= 0.7) return words + "near the limit of " + limit;
  if (roof.binds != "compute" && cost.multiply_adds > 0)
    words += text_of("memory bound (", roof.binds,
                     "): ", (cost.multiply_adds + cost.bytes_moved / 2) / cost.bytes_moved,
                     " products for a byte; ");
  if (const auto* const conv = operation.as<o::Conv2d>()) {
    words += why_shape(conv->shape, batch);
  } else if (const auto* const depthwise = operation.as<o::DepthwiseConv2d>()) {
    words +=
        text_of("depthwise: sums of ", depthwise->shape.KH * depthwise->shape.KW, " products; ");
  }
  if (cost.milliseconds < 0.003) words += "too little work to fill the machine; ";
  if (words.empty()) return "below the limit of " + limit;
  words.resize(words.size() - 2);
  return words;
}

}  // namespace bench
