// The sentence of an error.
#pragma once

#include <string>

#include "octet/core/error.hpp"

/// The sentence that `action` fails with; empty if it does not fail.
std::string message_of(auto&& action) {
  try {
    action();
  } catch (const octet::Error& error) {
    return error.what();
  }
  return "";
}
