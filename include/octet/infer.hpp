// What a program needs that loads and runs a model: no training, no streams, no exceptions needed.
#pragma once

#include "octet/program/file.hpp"
#include "octet/program/program.hpp"
