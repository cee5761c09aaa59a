// SPDX-License-Identifier: Apache-2.0
// A function or variable that a header defines without `inline` would be defined twice here.
#include <openquant/openquant.hpp>

float sample_of_b();

int main() { return openquant::random::normal(1, 2) == sample_of_b() ? 0 : 1; }
