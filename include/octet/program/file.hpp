// A program as a .safetensors file: the weights as tensors, the operations as JSON in the metadata.
// The functions are templates only so that they are compiled where they are used.
#pragma once

#include <concepts>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/safetensors.hpp"
#include "octet/program/description_json.hpp"
#include "octet/program/program.hpp"

namespace octet::inline OCTET_ABI {

/// The metadata key of the description.
inline constexpr std::string_view program_key = "octet.program";

/// The types of numbers that a program's tensors have in a file.
inline constexpr std::string_view program_dtypes[] = {"F32", "F16", "I8", "I32"};

/// The program as a file that is ready to be written. Fails if the program dropped its weights.
template <std::same_as<Program> AnyProgram>
SafetensorsWriter program_file(const AnyProgram& program, const Metadata& metadata = {}) {
  if (!program.has_weights())
    fail(
        "program: cannot be saved, because its weights were dropped when it was loaded; see "
        "KeepWeights::yes");
  ProgramDescription description = program.description();
  std::map<std::string, int> taken;
  for (ProgramTensor& tensor : description.tensors) {
    const std::string wanted = tensor.name;
    for (int number = 2; !taken.emplace(tensor.name, 0).second; ++number)
      tensor.name = text_of(wanted, '_', number);
  }
  SafetensorsWriter file;
  for (const auto& [key, text] : metadata)
    if (key != checksum_key) file.set_metadata(key, text);
  file.set_metadata(program_key, to_json(description).text());
  for (const ProgramTensor& tensor : description.tensors)
    file.add(tensor.name, program_dtypes[static_cast<std::size_t>(tensor.type)], tensor.shape,
             tensor.bytes.data());
  return file;
}

/// Writes a program; the old file stays until the new one is complete.
template <std::same_as<Program> AnyProgram>
void save_program(const AnyProgram& program, const std::string& path,
                  const Metadata& metadata = {}) {
  program_file(program, metadata).write(path);
}

/// A program, and what was saved with it.
struct LoadedProgram {
  Program program;
  Metadata metadata;
};

/// What a file says of its program, whose tensors it hands over. Fails, naming the file, unless
/// that is whole and makes sense.
template <std::same_as<Safetensors> File>
ProgramDescription read_description(File& file) {
  const auto found = file.metadata().find(program_key);
  if (found == file.metadata().end())
    fail(file.source(), ": expected a compiled or quantized program, got a file without one");
  const Json json = Json::parse(found->second, file.source() + ": " + std::string(program_key));
  const auto names = reading(file.source(), [&] {
    std::vector<std::string> all;
    for (const Json& name : json["tensors"].as_array()) all.push_back(name.as_string());
    return all;
  });
  const std::vector<SafetensorsEntry>& entries = file.entries();
  if (names.size() != entries.size())
    fail(file.source(), ": expected as many tensors as the program names, ", names.size(), ", got ",
         entries.size());
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < entries.size(); ++i) by_name.emplace(entries[i].name, i);
  std::vector<bool> taken(entries.size());
  std::vector<ProgramTensor> tensors;
  for (const std::string& name : names) {
    const auto place = by_name.find(name);
    if (place == by_name.end()) fail(file.source(), ": expected a tensor \"", name, "\", got none");
    const SafetensorsEntry* const entry = &entries[place->second];
    std::size_t type = 0;
    while (type < 4 && program_dtypes[type] != entry->dtype) ++type;
    if (type == 4)
      fail(file.source(), ": tensor \"", entry->name, "\": expected F32, F16, I8 or I32, got ",
           entry->dtype);
    if (taken[place->second]) fail(file.source(), ": tensor \"", entry->name, "\" is named twice");
    taken[place->second] = true;
    tensors.push_back(
        {entry->name, entry->shape, static_cast<ElementType>(type), file.take(*entry)});
  }
  return reading(file.source(), [&] { return DescriptionReader::read(json, std::move(tensors)); });
}

/// As ProgramOptions, but for a program that only runs: it keeps no copy of its weights unless it
/// is told to.
struct LoadOptions {
  Isa isa = active_isa();
  KeepWeights keep_weights = KeepWeights::no;
};

/// Packs the program of a file for this processor. Fails, naming the file, unless it holds a
/// program that is whole and makes sense.
template <std::same_as<Safetensors> File>
LoadedProgram load_program(File file, LoadOptions options = {}) {
  ProgramDescription description = read_description(file);
  return {reading(file.source(),
                  [&] {
                    return Program(std::move(description), {options.isa, options.keep_weights});
                  }),
          file.metadata_besides(program_key)};
}
template <std::convertible_to<std::string> Path>
LoadedProgram load_program(const Path& path, LoadOptions options = {}) {
  return load_program(Safetensors::read(path, ChecksumRule::required), options);
}

}  // namespace octet::inline OCTET_ABI
