// A program as one C++17 header that needs nothing: no heap, exceptions, RTTI, library, or Octet.
// Its weights are constants, its memory is a static arena, and it tests itself. The functions are
// templates only so that they are compiled where they are used.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "octet/core/file.hpp"
#include "octet/program/emit/emitter.hpp"
#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI {

/// The header that computes a program, bit for bit what the program's int8 gives; float32 layers
/// agree within rounding. See EmitOptions for what it offers. Fails, naming the layer, if one of
/// them is a layer of your own, or if the program dropped its weights.
template <std::same_as<Program> AnyProgram>
EmittedHeader emitted_header(const AnyProgram& program, const EmitOptions& options = {}) {
  if (!program.has_weights())
    fail("emit: expected a program that keeps its weights; see KeepWeights::yes");
  return emission::Emitter(program, options).run();
}

/// Writes the header to `path`; an old file stays until the new one is complete. Returns its text
/// and what it needs.
template <std::same_as<Program> AnyProgram>
EmittedHeader emit(const AnyProgram& program, const std::string& path,
                   const EmitOptions& options = {}) {
  EmittedHeader header = emitted_header(program, options);
  write_file(path, std::string_view(header.text));
  return header;
}

}  // namespace octet::inline OCTET_ABI
