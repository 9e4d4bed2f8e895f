// Why a layer takes the time that it takes, in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "octet/core/svg.hpp"
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

/// Too few channels or pixels to fill tiles and vectors; empty if there are enough.
inline std::string why_shape(const octet::kernels::Conv2dShape& s, std::int64_t batch) {
  using octet::text_of;
  const std::int64_t depth = s.KH * s.KW * s.C / s.groups, channels = s.OC / s.groups;
  const std::int64_t pixels = s.OH * s.OW * batch;
  if (depth < 32 && channels < 16)
    return text_of("too few channels: sums of ", depth, " products, ", channels, " outputs");
  if (depth < 32) return text_of("too few input channels: sums of ", depth, " products");
  if (channels < 16) return text_of("too few output channels: ", channels);
  if (pixels > 1 && pixels < 16)
    return text_of("too few pixels: each weight is used for ", pixels, " only");
  return "";
}

/// One clause: why the operation takes the time that it takes.
inline std::string why(const octet::Operation& operation, const octet::OperationCost& cost,
                       const Roof& roof, bool int8_program, std::int64_t batch) {
  using octet::text_of;
  using octet::page::fixed;
  namespace o = octet::operations;
  if (operation.as<o::Quantize>()) return "conversion from float32 to int8";
  if (operation.as<o::Dequantize>()) return "conversion from int8 to float32";
  if (is_needlessly_scalar(cost.info))
    return "scalar kernel, although this processor has " + to_text(machine_isa());
  if (int8_program && cost.info.element_type == octet::ElementType::f32)
    return "computed in float32";
  if (cost.info.kernel.starts_with("in ")) return "computed " + cost.info.kernel;

  const double share = cost.milliseconds > 0 ? 1e3 * roof.seconds / cost.milliseconds : 0;
  const bool memory = roof.binds != "compute";
  const std::string rate = fixed(roof.rate, 0) + (memory ? " GB/s of " + roof.binds : " GOP/s");
  const std::string moved = fixed(static_cast<double>(cost.bytes_moved) / 1e3, 0) + " KB";
  // What needs no more than twice the least time to move its bytes, or 1.4 times that to multiply,
  // is explained by that; else by the layer's shape.
  if (memory && share >= 0.5) return text_of("memory bound: ", moved, " at ", rate);
  if (!memory && cost.info.kernel.starts_with("winograd"))
    return text_of("Winograd's algorithm: ", fixed(100 * share, 0), " % of the ", rate,
                   " that direct products reach at most");
  if (!memory && share >= 0.7) return "near the peak of " + rate;
  if (const auto* const conv = operation.as<o::Conv2d>()) {
    if (std::string words = why_shape(conv->shape, batch); !words.empty()) return words;
    if (memory && share >= 0.2 && conv->shape.OH * conv->shape.OW * batch == 1)
      return text_of("memory bound: ", moved, ", each weight for one product, at ", rate);
  } else if (const auto* const depthwise = operation.as<o::DepthwiseConv2d>()) {
    return text_of("depthwise: ", depthwise->shape.KH * depthwise->shape.KW,
                   " products an output do not pay for its loads and stores");
  }
  if (cost.milliseconds < 0.003) return "too little work: less than 3 us";
  return text_of("its ", memory ? moved : "products", " at ", rate, " would take ",
                 fixed(100 * share, 0), " % of the time");
}

}  // namespace bench
