// What may follow an option. Each check is a sentence with what was expected and what came, which
// CLI11 puts behind the option's name.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace fer {

/// A whole number from `low` to `high`.
CLI::Validator whole(std::uint64_t low, std::uint64_t high);

/// A number from `low` to `high`.
CLI::Validator number(double low, double high);

/// A number above `low`, and at most `high`.
CLI::Validator number_above(double low, double high);

/// One of these words; `kind` stands before their list.
CLI::Validator one_of(std::vector<std::string> words, const std::string& kind = {});

/// Anything but an empty path; `wanted` says what it should lead to.
CLI::Validator path_to(std::string wanted);

/// `; did you mean "train"?` if one of the words begins with what was typed, or is a few letters
/// away from it; else nothing.
std::string suggestion(const std::string& typed, const std::vector<std::string>& words);

/// What CLI11 has to say of a command line, in a sentence of ours.
std::string sentence_of(const CLI::ParseError& error);

}  // namespace fer
