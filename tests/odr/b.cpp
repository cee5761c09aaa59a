// SPDX-License-Identifier: Apache-2.0
#include <openquant/openquant.hpp>

float sample_of_b() { return openquant::random::normal(1, 2); }
